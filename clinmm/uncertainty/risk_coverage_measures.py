"""Risk-coverage curves and areas of every arm and class: over all and by pattern, or by group.

They say whether confidence ranks wrong calls, and what any share handed back would leave; whether a
rule is on does not matter to them.
"""

from typing import Any

import numpy as np
import pandas as pd

from clinmm import schema
from clinmm.intervals.standing import n_distinct
from clinmm.subgroups import ALL
from clinmm.uncertainty.deferral_cases import HIGHEST, judged
from clinmm.uncertainty.deferral_measures import subsets_of
from clinmm.uncertainty.risk_coverage import Area, aurc, risk_coverage

KIND = "risk_coverage"


def measure(
    predictions: pd.DataFrame,
    thresholds: pd.DataFrame,
    *,
    exclusive: bool = False,
    groups: pd.DataFrame | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Metrics `aurc` and `aurc_excess` (over the best possible order), and curves.

    Args:
        predictions: test rows of schema.PREDICTIONS; unknown targets are left out.
        thresholds: schema.THRESHOLDS; calls at its first operating point are judged.
        exclusive: the classes are exclusive: one curve, class_name `all`.
        groups: as from `subgroups.grouping`: rows by group, in place of those of everybody and by
            pattern.

    Returns:
        Rows of schema.METRICS and of schema.CURVES. The curve of a group is taken at the limits of
        everybody, so that x is one rule for all; its area is of its own cases in their own order.
        Nothing for classes without a threshold.
    """
    metrics: list[dict[str, Any]] = []
    curves: list[dict[str, Any]] = []
    if exclusive or len(thresholds):
        point = HIGHEST if exclusive else str(thresholds["operating_point"].iloc[0])
        cases = judged(predictions, thresholds, point)
        cases = cases[cases["wrong"].notna()]
        for (arm, name), part in cases.groupby(["arm", "class_name"], sort=True):
            wrong = part["wrong"].to_numpy(dtype=np.float64)
            confidence = part["confidence"].to_numpy(dtype=np.float64)
            patient = pd.factorize(part["patient_id"], sort=True)[0].astype(np.int64)
            repeat, fold = (part[name].to_numpy(dtype=np.int64) for name in ("repeat", "fold"))
            case = pd.factorize(part["case_id"])[0]
            has_class = part["target"].to_numpy(dtype=np.float64) == 1
            for subset in subsets_of(part, groups):
                keep = subset.keep
                place = {
                    "arm": arm,
                    "class_name": name,
                    "group_by": subset.group_by,
                    "group": subset.group,
                    "pattern": subset.pattern,
                }
                drawn = risk_coverage(wrong, confidence, patient, repeat, fold, keep)
                curves += [{"kind": KIND} | place | spot for spot in drawn]
                counted = {
                    "n_cases": n_distinct(case[keep]),
                    "n_positive": n_distinct(case[keep & has_class]),
                    "operating_point": None if exclusive else point,
                }
                areas = aurc(wrong[keep], confidence[keep], patient[keep], repeat[keep], fold[keep])
                for metric, area in zip(("aurc", "aurc_excess"), areas, strict=True):
                    metrics.append(_row(metric, area) | place | counted)
    return (
        schema.METRICS.fill(pd.DataFrame(metrics, columns=schema.METRICS.names)),
        schema.CURVES.fill(pd.DataFrame(curves, columns=schema.CURVES.names)),
    )


def _row(metric: str, area: Area) -> dict[str, Any]:
    return {
        "split": "test",
        "repeat": ALL,
        "fold": ALL,
        "metric": metric,
        "probability": "calibrated",
        "value": np.nan if area.lacking else area.value,
        "low": area.low,
        "high": area.high,
        "n_patients": area.n_patients,
        "interval": "none" if np.isnan(area.low) else "t of the logarithm",
        "status": "suppressed" if area.lacking else "ok",
        "reason": area.lacking,
    }
