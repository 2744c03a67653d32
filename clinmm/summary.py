"""A run in a few plain lines, for the command line and the top of the report."""

import pandas as pd

from clinmm.runs import Run

HEADLINE = ("auroc", "auprc", "brier", "log_loss", "ece")


def headline(metrics: pd.DataFrame) -> pd.DataFrame:
    """Pooled test numbers with intervals, one row per arm and class, as text.

    metrics: as in schema.METRICS.
    """
    rows = metrics[
        (metrics["split"] == "test")
        & (metrics["group_by"] == "all")
        & (metrics["pattern"] == "any")
        & (metrics["probability"] == "calibrated")
        & (metrics["repeat"] == "all")
        & (metrics["fold"] == "all")
        & metrics["metric"].isin(HEADLINE)
    ].copy()
    rows["text"] = [
        f"{value:.3f} ({low:.3f} to {high:.3f})" if status == "ok" else status
        for value, low, high, status in zip(
            rows["value"], rows["low"], rows["high"], rows["status"], strict=True
        )
    ]
    sizes = rows[rows["metric"] == "auroc"].set_index(["arm", "class_name"])[
        ["n_cases", "n_patients", "n_positive"]
    ]
    wide = rows.pivot(index=["arm", "class_name"], columns="metric", values="text")
    wide = wide[[name for name in HEADLINE if name in wide.columns]]
    return sizes.join(wide).reset_index()


def fusion_verdict(run: Run) -> str:
    """Was fusion worth it? One sentence, from the comparison with the best single input."""
    rival = run.facts.get("best_single_arm")
    if not rival:
        return "There is one input, so there is no fusion to judge."
    table = run.read("comparisons")
    rows = table[
        (table["arm"] == "fused")
        & (table["rival"] == rival)
        & (table["metric"] == "auroc")
        & (table["group_by"] == "all")
        & (table["pattern"] == "any")
    ]
    rows = rows[rows["class_name"] == "macro"] if "macro" in set(rows["class_name"]) else rows
    if rows.empty:
        return f"Fused could not be compared with the best single input ({rival})."
    row = rows.iloc[0]
    words = {
        "better": "better than",
        "worse": "worse than",
        "not_shown": "not shown to differ from",
        "cannot_tell": "not comparable (too few patients) with",
        "exploratory": "compared, without a verdict, with",
    }[str(row["verdict"])]
    shown = row["verdict"] != "not_shown" or pd.isna(row.get("detectable"))
    power = "" if shown else f"; these data could have shown {row['detectable']:.3f}"
    return (
        f"Fused is {words} the best single input ({rival}): AUROC difference "
        f"{row['difference']:+.3f} ({row['low']:+.3f} to {row['high']:+.3f}), "
        f"{row['n_patients']} {run.facts.get('unit_name', 'patient')}s{power}."
    )
