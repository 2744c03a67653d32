"""What a kept deferral rule does on test cases: risk, workload and misses, over all or by group.

deferral_share                       share of the cases handed back
retained_risk, risk_without_deferral share of wrong calls among the kept, and among all
handed_back_per_1000                 cases handed back for each 1,000 patients who come
misses_per_1000                      cases kept that have the class and are not called, likewise
misses_per_1000_without_deferral     the same if nothing were handed back

What is counted per 1,000 patients is the mean over patients of all their cases. For exclusive
classes every wrong call is a miss: of the true class.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clinmm import schema
from clinmm.comparisons import ALPHA, holm
from clinmm.intervals import (
    MIN_PATIENTS,
    MIN_PATIENTS_PER_CLASS,
    Interval,
    mean_interval,
    rate_interval,
)
from clinmm.intervals.standing import n_distinct
from clinmm.subgroups import ALL, ANY, Subset, of_cases
from clinmm.uncertainty.deferral import YES, handed_back
from clinmm.uncertainty.deferral_cases import HIGHEST, judged
from clinmm.uncertainty.retained_risk import Change, change

FAMILY = "deferral"
RIVAL = "no_deferral"
RETAINED = "retained_risk"
PER = 1000

_NUMBERS = ["patient", "case", "repeat", "target", "wrong", "missed", "handed_back"]
"""Columns that are counted, ids being numbers."""

Row = dict[str, Any]


def measure(
    predictions: pd.DataFrame,
    rules: pd.DataFrame,
    thresholds: pd.DataFrame,
    *,
    groups: pd.DataFrame | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Metrics and comparisons of deferral on test cases, repeats and folds pooled.

    Folds whose rule is off hand nothing back and count as they are. Where every rule of an arm and
    class is off there is one row, `withheld`, with the reason of the first.

    Args:
        predictions: test rows of schema.PREDICTIONS; unknown targets are left out.
        rules: schema.DEFERRAL. thresholds: schema.THRESHOLDS.
        groups: as from `subgroups.grouping`: rows by group, in place of those of everybody and by
            pattern, and nothing is withheld.

    Returns:
        Rows of schema.METRICS, and of schema.COMPARISONS: retained risk against `no_deferral`.
        Over all cases it is the declared family `deferral` of the arm, Holm over its classes; by
        group and pattern it is exploratory.
    """
    metrics: list[Row] = []
    compared: list[Row] = []
    if len(rules):
        point = str(rules["operating_point"].iloc[0])
        cases = judged(predictions, thresholds, point)
        cases = cases[cases["wrong"].notna()]
        cases = cases.assign(
            handed_back=handed_back(cases, rules),
            patient=pd.factorize(cases["patient_id"], sort=True)[0],
            case=pd.factorize(cases["case_id"])[0],
        )
        kept_rules = rules[rules["kept"] == YES]
        is_kept = set(zip(kept_rules["arm"], kept_rules["class_name"], strict=True))
        for arm, of_arm in cases.groupby("arm", sort=True):
            family: list[Row] = []
            for name, part in of_arm.groupby("class_name", sort=True):
                fixed = {"arm": arm, "class_name": name}
                if (arm, name) not in is_kept:
                    if groups is None:
                        off = rules[(rules["arm"] == arm) & (rules["class_name"] == name)]
                        reason = f"off: {off['reason'].iloc[0]}"
                        metrics.append(fixed | _withheld(reason, point))
                    continue
                for subset in subsets_of(part, groups):
                    rows, comparison = _measured(part, subset, point)
                    metrics += [fixed | row for row in rows]
                    compared.append(fixed | comparison)
                    if subset.keep.all() and (subset.group_by, subset.pattern) == (ALL, ANY):
                        family.append(compared[-1])
            _judge(family)
    return (
        schema.METRICS.fill(pd.DataFrame(metrics, columns=schema.METRICS.names)),
        schema.COMPARISONS.fill(pd.DataFrame(compared, columns=schema.COMPARISONS.names)),
    )


def subsets_of(part: pd.DataFrame, groups: pd.DataFrame | None) -> Iterator[Subset]:
    """Everybody and each pattern, or each group, of the judged cases of one arm and class."""
    ids, patterns = (part[name].to_numpy(dtype=object) for name in ("case_id", "pattern"))
    return of_cases(ids, patterns, groups)


def _measured(part: pd.DataFrame, subset: Subset, point: str) -> tuple[list[Row], Row]:
    """Metric rows and the comparison of a subset of one arm's and class's judged cases."""
    cases = part.loc[subset.keep, _NUMBERS]
    patient = cases["patient"].to_numpy()
    wrong, missed = (cases[name].to_numpy(dtype=np.float64) for name in ("wrong", "missed"))
    back = cases["handed_back"].to_numpy(dtype=bool)
    kept, everybody = ~back, np.ones(back.size, dtype=bool)
    shares = {
        "deferral_share": (back.astype(np.float64), everybody),
        RETAINED: (wrong, kept),
        "risk_without_deferral": (wrong, everybody),
    }
    counts = {
        "handed_back_per_1000": back.astype(np.float64),
        "misses_per_1000": missed * kept,
        "misses_per_1000_without_deferral": missed,
    }
    place = {"group_by": subset.group_by, "group": subset.group, "pattern": subset.pattern}
    rows = []
    for metric, (hits, among) in shares.items():
        found = _too_few(patient[among]) or rate_interval(hits[among], patient[among])
        rows.append(_row(metric, found, cases[among], point) | place)
    visits = _visits(patient, cases["repeat"].to_numpy(dtype=np.int64))
    there = np.flatnonzero(visits)
    for metric, values in counts.items():
        of_patient = (np.bincount(patient, weights=PER * values) / np.maximum(visits, 1))[there]
        found = _too_few(patient) or mean_interval(of_patient, there)
        rows.append(_row(metric, found, cases, point) | place)
    of = change(wrong, kept, patient, min_wrong=MIN_PATIENTS_PER_CLASS)
    return rows, _comparison(of) | place


def _too_few(patient: NDArray[np.int64]) -> str | None:
    """Why a number is suppressed; None where it is not."""
    n = n_distinct(patient)
    return f"{n} patients, needs {MIN_PATIENTS}" if n < MIN_PATIENTS else None


def _visits(patient: NDArray[np.int64], repeat: NDArray[np.int64]) -> NDArray[np.int64]:
    """In how many repeats each patient is, by his number; 0 for numbers of nobody."""
    each = [
        np.bincount(patient[repeat == r], minlength=patient.max() + 1) for r in np.unique(repeat)
    ]
    return np.asarray(np.count_nonzero(each, axis=0), dtype=np.int64)


def _row(metric: str, found: Interval | str, cases: pd.DataFrame, point: str) -> Row:
    """found: why there is no interval, where there is none."""
    row = {
        "split": "test",
        "repeat": ALL,
        "fold": ALL,
        "metric": metric,
        "probability": "calibrated",
        "operating_point": None if point == HIGHEST else point,
        "value": np.nan,
        "n_cases": n_distinct(cases["case"].to_numpy()),
        "n_patients": n_distinct(cases["patient"].to_numpy()),
        "n_positive": n_distinct(cases["case"].to_numpy()[cases["target"].to_numpy() == 1]),
        "interval": "none",
    }
    if isinstance(found, str):
        return row | {"status": "suppressed", "reason": found}
    low = max(0.0, found.low)  # nothing here can be negative
    limits = {"value": found.value, "low": low, "high": found.high, "interval": found.method}
    return row | limits | {"status": "ok"}


def _withheld(reason: str, point: str) -> Row:
    nobody = pd.DataFrame(columns=_NUMBERS, dtype=np.int64)
    row = _row(RETAINED, reason, nobody, point)
    return row | {"status": "withheld", "group_by": ALL, "group": ALL, "pattern": ANY}


def _comparison(of: Change) -> Row:
    return {
        "rival": RIVAL,
        "metric": RETAINED,
        "difference": of.difference,
        "low": of.low,
        "high": of.high,
        "p": of.p,
        "n_patients": of.n_patients,
        "verdict": "exploratory",
        "detectable": of.detectable,
    }


def _judge(family: list[Row]) -> None:
    """Fills family, p_holm and verdict of the rows over all cases of one arm, in place."""
    for row, p_holm in zip(family, holm([row["p"] for row in family]), strict=True):
        shown = p_holm < ALPHA and not row["low"] <= 0 <= row["high"]
        verdict = "cannot_tell" if np.isnan(p_holm) else "not_shown"
        if shown:
            verdict = "better" if row["difference"] < 0 else "worse"
        row.update(family=FAMILY, p_holm=float(p_holm), verdict=verdict)
