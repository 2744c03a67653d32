"""What explains a class that the model cannot tell is withheld, whatever it looks like.

Withheld is every class whose AUROC interval on test patients does not lie above .5, or of which
there is none; of a continuous target, where the interval of r2 holds 0 or that of concordance .5.
"""

from typing import Any

import pandas as pd

from clinmm.arms import FUSED
from clinmm.explain.audit.parts.wording import mean_in_words, short
from clinmm.subgroups import ALL, ANY

TEST = "auroc_gate"
CHANCE = {"auroc": 0.5, "r2": 0.0, "concordance": 0.5}
"""Metric -> what it is where nothing is told apart."""


def gates_of(metrics: pd.DataFrame, class_names: list[str], *, continuous: bool) -> dict[str, Any]:
    """Class -> the row of its gate, as of `verdicts.verdict_rows`.

    metrics: schema.METRICS.
    """
    asked = ("concordance", "r2") if continuous else ("auroc",)
    pooled = metrics[
        (metrics["arm"] == FUSED)
        & (metrics["split"] == "test")
        & (metrics["repeat"] == ALL)
        & (metrics["fold"] == ALL)
        & (metrics["group_by"] == ALL)
        & (metrics["pattern"] == ANY)
        & metrics["metric"].isin(asked)
    ].sort_values("probability", kind="stable")  # calibrated before raw
    rows = pooled.drop_duplicates(["class_name", "metric"])
    return {
        name: _gate([_of_metric(rows, name, metric) for metric in asked]) for name in class_names
    }


def _of_metric(rows: pd.DataFrame, class_name: str, metric: str) -> dict[str, Any]:
    found = rows[(rows["class_name"] == class_name) & (rows["metric"] == metric)].to_dict("records")
    row = found[0] if found else {"status": "missing", "reason": "not evaluated"}
    nan = float("nan")
    gate: dict[str, Any] = {
        "test": TEST,
        "value": row.get("value", nan),
        "low": row.get("low", nan),
        "high": row.get("high", nan),
        "n_cases": row.get("n_cases", 0),
        "n_patients": row.get("n_patients", 0),
        "bound": CHANCE[metric],
        "needed": "yes",
        "verdict": "pass",
        "reason": None,
    }
    name = {"auroc": "AUROC"}.get(metric, metric)
    if row["status"] != "ok":
        return gate | {"verdict": "fail", "reason": f"{name} is not known: {row['reason']}"}
    if not gate["low"] > CHANCE[metric]:
        why = f"{name} {mean_in_words(gate)} does not lie above {short(CHANCE[metric])}"
        return gate | {"verdict": "fail", "reason": f"{why}: the model cannot tell this class"}
    return gate


def _gate(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The first that fails, else the first."""
    return next((row for row in rows if row["verdict"] == "fail"), rows[0])
