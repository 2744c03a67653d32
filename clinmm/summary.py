"""A run in a few plain lines, for the command line and the top of the report."""

import pandas as pd

from clinmm.runs import Run

HEADLINE = ("auroc", "auprc", "brier", "log_loss", "ece")
OF_VALUES = ("mae", "rmse", "r2", "concordance")
"""The same of a continuous target."""


def headline(metrics: pd.DataFrame) -> pd.DataFrame:
    """Pooled test numbers with intervals, one row per arm and class, as text.

    metrics: as in schema.METRICS.
    """
    wanted = OF_VALUES if (metrics["metric"] == OF_VALUES[0]).any() else HEADLINE
    rows = metrics[
        (metrics["split"] == "test")
        & (metrics["group_by"] == "all")
        & (metrics["pattern"] == "any")
        & (metrics["probability"] == "calibrated")
        & (metrics["repeat"] == "all")
        & (metrics["fold"] == "all")
        & metrics["metric"].isin(wanted)
    ].copy()
    rows["text"] = [
        f"{value:.3f} ({low:.3f} to {high:.3f})" if status == "ok" else status
        for value, low, high, status in zip(
            rows["value"], rows["low"], rows["high"], rows["status"], strict=True
        )
    ]
    sizes = rows[rows["metric"] == wanted[0]].set_index(["arm", "class_name"])[
        ["n_cases", "n_patients", "n_positive"]
    ]
    wide = rows.pivot(index=["arm", "class_name"], columns="metric", values="text")
    wide = wide[[name for name in wanted if name in wide.columns]]
    return sizes.join(wide).reset_index()


def fusion_verdict(run: Run) -> str:
    """Was fusion worth it? As *evaluate* said it."""
    if said := run.facts.get("worth_it"):
        return str(said["sentence"])
    if len(run.facts.get("inputs") or {}) < 2:
        return "There is one input, so there is no fusion to judge."
    if run.facts.get("rival", "not chosen yet"):
        return f"Not judged yet. Make it with: clinmm evaluate {run.folder.name}"
    return "No other arm was trained, so there is no fusion to judge."


def explained(run: Run) -> str | None:
    """How much of the explanations passed their audit, and what withheld the others most often;
    None where none was made, or not since what it stands on was done again."""
    if not (run.finished("explain") and run.has("explanation_audit")):
        return None
    table = run.read("explanation_audit")
    of_all = table[table["group_by"] == "all"]
    overall = of_all[of_all["test"] == "overall"]
    if not len(overall):
        return "Explanations were not audited, so none is drawn."
    passed = overall["verdict"] == "pass"
    said = f"{passed.sum()} of {len(overall)} explanations (method, input, class) passed the audit"
    if passed.all():
        return f"{said}."
    if passed.any():
        kept = overall[passed].groupby("method", sort=False).size()
        said += f" ({', '.join(f'{name} {n}' for name, n in kept.items())})"
    failed = of_all[(of_all["needed"] == "yes") & of_all["verdict"].isin(("fail", "weak"))]
    if not len(failed):
        return f"{said}; the others were not measured enough."
    test = failed["test"].value_counts(sort=True).index[0]
    return f"{said}; the others are withheld, most often for {str(test).replace('_', ' ')}."
