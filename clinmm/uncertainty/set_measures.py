"""What the prediction sets deliver on test cases: coverage, size, and whether the promise was met.

The promise is about a random case of each patient, so here every patient weighs the same, shared
among her cases, unlike in other metrics, where every case does.

set_coverage   exclusive classes: share of the sets that hold the truth
set_recall     multilabel: share of a case's true labels that its set holds, over cases with one
set_size       classes in the set
set_empty      share of empty sets
set_certain    share of sets of one class; not for multilabel, where one label says nothing certain
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clinmm import schema
from clinmm.errors import InputError
from clinmm.intervals import MIN_PATIENTS, MIN_PATIENTS_PER_CLASS
from clinmm.intervals.limits import limits
from clinmm.subgroups import ALL, ANY, Subset, of_cases
from clinmm.uncertainty.set_cases import CLASS, PATTERN, side_by_side
from clinmm.uncertainty.sets import FOLD, OK

BELOW = "below the promise"
BELOW_FOR_ALL = "below the promise made for all"
"""Flags: the interval of the coverage lies below the promise that was made for this cell, or for
all cases where the cell has none of its own."""

_COVERAGE = {
    "binary": "set_coverage",
    "multiclass": "set_coverage",
    "multilabel": "set_recall",
}
_PLACE = {"split": "test", "repeat": ALL, "fold": ALL, "probability": "calibrated"}

Truth = NDArray[np.bool_]
Row = dict[str, Any]


@dataclass(frozen=True, eq=False)
class _Scored:
    """The n cases of one arm, over all repeats and folds. true, inside: (n, C).

    positive: (n,), of a binary task the cases that have it, else those with a known true class.
    """

    ids: NDArray[np.object_]
    patients: NDArray[np.object_]
    patterns: NDArray[np.object_]
    classes: list[str]
    true: Truth
    inside: Truth
    positive: Truth


def measure(
    predictions: pd.DataFrame,
    rules: pd.DataFrame,
    *,
    kind: str,
    groups: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Coverage and size of the sets of every arm: over all, by class and pattern, or by group.

    Args:
        predictions: test rows of schema.PREDICTIONS with `prediction_set`.
        rules: schema.PREDICTION_SETS that the sets were made with.
        kind: binary, multiclass or multilabel.
        groups: as from `subgroups.grouping`: rows by group, in place of all others.

    Returns:
        Rows of schema.METRICS, repeats and folds pooled. class_name is that of a binary task, else
        `all`; by class, group_by is `class` and group the class (of a binary task also `not NAME`).
        n_positive: of a binary task the cases that have it, else those with a known true class.
        Where an arm has no sets, one row `withheld` with the reason; none by group.

    Raises:
        InputError: as `set_cases.side_by_side`; a set with an unknown class.
    """
    coverage = _COVERAGE[kind]
    rows: list[Row] = []
    for arm, part in predictions.groupby("arm", sort=True):
        of_arm = rules[rules["arm"] == arm]
        name = str(part["class_name"].iloc[0]) if kind == "binary" else ALL
        fixed = {"arm": arm, "class_name": name}
        with_sets = part[part["prediction_set"].notna()]
        if with_sets.empty:
            rows += [] if groups is not None else [fixed | _withheld(coverage, of_arm)]
            continue
        scored = _scored(with_sets, kind)
        promised = of_arm["coverage"].max()
        for subset, values in _all_values(scored, kind, groups):
            for metric, value in values.items():
                row = _row(metric, value, scored, subset)
                if metric == coverage and row["high"] < promised:
                    row["flag"] = BELOW if _has_promise(of_arm, subset) else BELOW_FOR_ALL
                rows.append(fixed | row)
    return schema.METRICS.fill(pd.DataFrame(rows, columns=schema.METRICS.names))


def _scored(rows: pd.DataFrame, kind: str) -> _Scored:
    parts, sets = [], []
    for _, part in rows.groupby(FOLD, sort=True):
        cases = side_by_side(part, kind)
        first = np.unique(cases.row_case, return_index=True)[1]
        parts.append(cases)
        sets.append(part["prediction_set"].to_numpy(dtype=object)[first])
    classes = parts[0].classes
    named = {str(c) for of_fold in sets for one in of_fold for c in one}
    if unknown := sorted(named - set(classes)):
        raise InputError(f"prediction_set names {unknown}; the classes are {classes}.")
    true = np.concatenate([cases.true for cases in parts])
    return _Scored(
        np.concatenate([cases.ids for cases in parts]),
        np.concatenate([cases.patients for cases in parts]),
        np.concatenate([cases.patterns for cases in parts]),
        classes,
        true,
        np.array([[c in one for c in classes] for of_fold in sets for one in of_fold], dtype=bool),
        np.asarray(true[:, 0] if kind == "binary" else true.any(axis=1)),
    )


def _all_values(
    scored: _Scored, kind: str, groups: pd.DataFrame | None
) -> Iterator[tuple[Subset, dict[str, NDArray[np.float64]]]]:
    """Each subset with its metrics: (n,) values per case, NaN where a case does not count."""
    true, inside = scored.true, scored.inside
    n_true, size = true.sum(axis=1), inside.sum(axis=1).astype(np.float64)
    share = (true & inside).sum(axis=1) / np.where(n_true > 0, n_true, np.nan)
    values = {_COVERAGE[kind]: share, "set_size": size, "set_empty": size == 0}
    if kind != "multilabel":
        values["set_certain"] = size == 1
    for subset in of_cases(scored.ids, scored.patterns, groups):
        yield subset, {name: np.where(subset.keep, v, np.nan) for name, v in values.items()}
    if groups is not None:
        return
    for c, name in enumerate(scored.classes):
        keep = true[:, c]
        subset = Subset(CLASS, name, ANY, keep, ~keep)
        if kind == "multilabel":  # of this label alone
            yield subset, {"set_recall": np.where(keep, inside[:, c], np.nan)}
        else:
            yield subset, {m: np.where(keep, v, np.nan) for m, v in values.items()}


def _row(metric: str, values: NDArray[np.float64], scored: _Scored, subset: Subset) -> Row:
    counts = ~np.isnan(values)
    owners = scored.patients[counts].astype(str)
    patients, number = np.unique(owners, return_inverse=True)
    n = patients.size
    status, reason = "ok", None
    if np.unique(scored.patients.astype(str)).size < MIN_PATIENTS:
        status, reason = "suppressed", f"fewer than {MIN_PATIENTS} patients"
    needed = MIN_PATIENTS_PER_CLASS if subset.group_by == CLASS else MIN_PATIENTS
    if n < needed:
        status, reason = "suppressed", f"{n} patients, needs {needed}"
    value, low, high, method = float("nan"), float("nan"), float("nan"), "none"
    if status == "ok":
        mean = np.bincount(number, weights=values[counts]) / np.bincount(number)
        value = float(mean.mean())
        scale = "identity" if metric == "set_size" else "logit"
        variance = float(mean.var(ddof=1)) / n
        low, high, method = limits(scale, value, variance, n - 1, share=scale == "logit")
    return {
        **_PLACE,
        "metric": metric,
        "group_by": subset.group_by,
        "group": subset.group,
        "pattern": subset.pattern,
        "value": value,
        "low": low,
        "high": high,
        "n_cases": len(set(scored.ids[counts])),
        "n_patients": n,
        "n_positive": len(set(scored.ids[counts & scored.positive])),
        "interval": method,
        "status": status,
        "reason": reason,
    }


def _withheld(metric: str, rules: pd.DataFrame) -> Row:
    """The row of an arm that has no sets; its reason is that of the rule for all cases."""
    of_all = rules.loc[rules["by"] == ALL, "reason"].dropna()
    return {
        **_PLACE,
        "metric": metric,
        "group_by": ALL,
        "group": ALL,
        "pattern": ANY,
        "value": float("nan"),
        "n_cases": 0,
        "n_patients": 0,
        "n_positive": 0,
        "interval": "none",
        "status": "withheld",
        "reason": "no promise" + (f": {of_all.iloc[0]}" if len(of_all) else ""),
    }


def _has_promise(rules: pd.DataFrame, subset: Subset) -> bool:
    """Whether the subset is a cell with a promise in every repeat and fold of the arm."""
    by, cell = subset.group_by, subset.group
    if subset.pattern != ANY:
        by, cell = PATTERN, subset.pattern
    of_cell = rules[(rules["by"] == by) & (rules["cell"] == cell)]
    n_folds = len(rules[FOLD].drop_duplicates())
    return int((of_cell["status"] == OK).sum()) == n_folds
