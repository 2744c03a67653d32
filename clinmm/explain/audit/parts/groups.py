"""Whether explanations are worse for some: the audit's readings by sensitive group."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clinmm.arms import FUSED
from clinmm.comparisons import holm
from clinmm.explain.audit.parts.rules import Rule
from clinmm.explain.audit.parts.wording import short
from clinmm.intervals import MIN_PATIENTS, mean_interval
from clinmm.intervals.limits import t_quantile
from clinmm.metrics.weighted import Array
from clinmm.subgroups import ALL, by_group

Row = dict[str, Any]


def group_rows(
    readings: pd.DataFrame, groups: pd.DataFrame, rules: Mapping[str, Rule]
) -> list[Row]:
    """Rows of schema.EXPLANATION_AUDIT by group, pooled over the classes: the mean of every test
    that has a rule, with its interval and no verdict.

    `reason` says by how much a group differs from everybody else of whom the attribute is recorded,
    where the interval of the difference excludes 0, and whether that outlasts Holm's correction
    over all groups, tests, methods and inputs.

    Args:
        readings: schema.EXPLANATION_READINGS of the sample.
        groups: index case_id, one text column per sensitive attribute.
    """
    rows: list[Row] = []
    p_values: list[float] = []
    ruled = readings[readings["test"].isin(list(rules))]
    for key, of_test in ruled.groupby(["method", "input", "test"], sort=False):
        rule = rules[str(key[2])]
        for row, p in _of_test(of_test, groups, rule):
            rows.append({**dict(zip(("method", "input", "test"), key, strict=True)), **row})
            p_values.append(p)
    n_compared = int(np.isfinite(p_values).sum())
    for row, adjusted in zip(rows, holm(p_values), strict=True):
        if row["reason"]:
            lasts = "and that outlasts" if adjusted < 0.05 else "which does not outlast"
            row["reason"] += f", {lasts} a correction for {n_compared} comparisons"
    return [{"arm": FUSED, "class_name": ALL, **row} for row in rows]


def _of_test(
    readings: pd.DataFrame, groups: pd.DataFrame, rule: Rule
) -> Iterator[tuple[Row, float]]:
    """Per group, its row and the p of its difference to the others."""
    values = readings["value"].to_numpy(dtype=np.float64)
    patients = readings["patient_id"].to_numpy(dtype=object)
    for subset in by_group(groups, readings["case_id"].to_numpy(dtype=object)):
        mean = mean_interval(values[subset.keep], patients[subset.keep])
        few = mean.n_patients < MIN_PATIENTS
        row: Row = {
            "group_by": subset.group_by,
            "group": subset.group,
            "value": mean.value,
            "low": float("nan") if few else mean.low,
            "high": float("nan") if few else mean.high,
            "n_cases": mean.n_cases,
            "n_patients": mean.n_patients,
            "bound": rule.bound,
            "needed": "yes" if rule.needed else "no",
            "reason": None,
        }
        both = [len(set(patients[side])) >= MIN_PATIENTS for side in (subset.keep, subset.rest)]
        p = float("nan")
        if all(both):
            gap, low, high, p = difference(values, patients, subset.keep, subset.rest)
            if low > 0 or high < 0:
                worse = (gap < 0) == (rule.above is not None)
                row["reason"] = (
                    f"{'worse' if worse else 'better'} than in everybody else: {short(gap)} "
                    f"({short(low)} to {short(high)})"
                )
        yield row, p


def difference(
    values: Array, patients: NDArray[np.object_], inside: NDArray[np.bool_], rest: NDArray[np.bool_]
) -> tuple[float, float, float, float]:
    """Mean of the cases inside less that of the rest: (difference, low, high, p), by the influence
    of each patient, Student's t with the patients of the smaller side less one.

    >>> x = np.array([1.0, 2.0, 3.0, 5.0, 6.0, 7.0])
    >>> side = np.array([False] * 3 + [True] * 3)
    >>> [round(v, 2) for v in difference(x, np.arange(6), side, ~side)]
    [4.0, 0.49, 7.51, 0.04]
    """
    from scipy import stats

    _, number = np.unique(patients.astype(str), return_inverse=True)
    n = [len(np.unique(number[side])) for side in (inside, rest)]
    influence = np.zeros(values.size)
    for side, k, sign in ((inside, n[0], 1.0), (rest, n[1], -1.0)):
        centred = values[side] - values[side].mean()
        influence[side] = sign * centred / side.sum() * math.sqrt(k / (k - 1))
    sums = np.bincount(number, weights=influence)
    se = math.sqrt(float(sums @ sums))
    gap, df = float(values[inside].mean() - values[rest].mean()), min(n) - 1
    half = t_quantile(df) * se
    p = float(2 * stats.t.sf(abs(gap) / se, df)) if se else float(gap == 0)
    return gap, gap - half, gap + half, p
