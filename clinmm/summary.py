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
