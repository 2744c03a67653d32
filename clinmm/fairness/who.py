"""Who is there: the size of each group, how often it has the finding, and which inputs it has.

A gap in prevalence, or in who has an image, is named before any gap in performance: it explains
part of what follows, and no model mends it.

share        cases of the group among all cases of the part
prevalence   cases with the class among those of the group in which it is known
present      cases of the group that have the input
pattern      cases of the group that have exactly these inputs

All but the share are held against everybody else of whom the attribute is recorded, by patient;
Holm over the distinct tests of one measure and part. What everybody has, or nobody, is not tested.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clinmm import schema
from clinmm.comparisons import ALPHA, Difference, difference
from clinmm.errors import InputError
from clinmm.fairness.distinct import holm_distinct
from clinmm.intervals import Draws, Estimate, Sample, estimate
from clinmm.subgroups import Subset, by_group, grouping, intersections

SHARE, PREVALENCE, PRESENT, PATTERN = "share", "prevalence", "present", "pattern"
PARTS = ("cohort", "train", "test")
GAP, NOT_SHOWN, CANNOT_TELL = "gap", "not_shown", "cannot_tell"
_KEY = ("prevalence", "hit")
"""A share of cases, whatever is counted."""

Row = dict[str, object]


@dataclass(frozen=True, eq=False)
class _Measured:
    """hits: (n,) 1, 0, or NaN where not known, of one measure and of what it is about."""

    measure: str
    of: str
    hits: NDArray[np.float64]


def who_is_there(
    cases: pd.DataFrame,
    targets: pd.DataFrame,
    groups: pd.DataFrame,
    parts: Mapping[str, Sequence[str]],
    *,
    inputs: Sequence[str] = (),
    group_by: Sequence[str] | None = None,
    depth: int = 1,
) -> pd.DataFrame:
    """Size, prevalence and inputs of each group, in each part of a study.

    Args:
        cases: case_id, patient_id, and `pattern`: the inputs that the case has, joined by +.
        targets: index case_id, one column per class of 0, 1 and NaN where not known.
        groups: index case_id, one text column per sensitive attribute; empty is `not recorded`.
        parts: cohort, train, test -> the ids of its cases. With folds every case is in all three.
        inputs: names of the inputs; none where it is not known what was there.
        group_by, depth: as for `audit`.

    Returns:
        Rows of schema.GROUPS. n_cases and n_patients are those of the group in which the value is
        known.

    Raises:
        InputError: as `subgroups.grouping`; case ids that occur twice, a part with unknown cases.
    """
    names = [str(column) for column in groups.columns] if group_by is None else list(group_by)
    asked = grouping(groups, intersections(names, depth))
    table = cases.set_index("case_id")
    _refuse(table, parts)
    draws = Draws.make(table["patient_id"].tolist(), 0, 0)
    rows: list[Row] = []
    for part, ids in parts.items():
        index = pd.Index(sorted(set(ids)))
        here = table.loc[index]
        measured = list(_measured(here, targets.reindex(index), inputs))
        rows += _rows_of(part, here, asked, measured, draws)
    return schema.GROUPS.fill(pd.DataFrame(rows, columns=schema.GROUPS.names))


def _refuse(table: pd.DataFrame, parts: Mapping[str, Sequence[str]]) -> None:
    problems = []
    if n := int(table.index.duplicated().sum()):
        problems.append(f"{n} case ids have two rows of cases; give one row per case.")
    for part, ids in parts.items():
        if n := int((~pd.Index(list(ids)).isin(table.index)).sum()):
            problems.append(f"part '{part}' names {n} cases that are not among the cases.")
    if problems:
        raise InputError(problems)


def _measured(
    here: pd.DataFrame, targets: pd.DataFrame, inputs: Sequence[str]
) -> Iterator[_Measured]:
    for name in targets.columns:
        yield _Measured(PREVALENCE, str(name), targets[name].to_numpy(dtype=np.float64))
    if not inputs:
        return
    patterns = here["pattern"].astype(str)
    there = patterns.str.split("+")
    for name in inputs:
        yield _Measured(
            PRESENT, name, there.map(lambda of, name=name: float(name in of)).to_numpy()
        )
    for pattern in sorted(set(patterns)):
        hits = np.asarray(patterns == pattern, dtype=np.float64)
        yield _Measured(PATTERN, pattern, hits)


def _rows_of(
    part: str,
    here: pd.DataFrame,
    asked: pd.DataFrame,
    measured: Sequence[_Measured],
    draws: Draws,
) -> list[Row]:
    """Every group of one part, Holm within each measure."""
    patient = draws.index(here["patient_id"].tolist())
    rows: list[Row] = []
    tests: list[tuple[Row, Difference, tuple[object, ...]]] = []
    for subset in by_group(asked, here.index.to_numpy(dtype=object)):
        everybody = _estimate(subset.keep.astype(np.float64), patient, draws)
        share = _row(part, SHARE, None, subset, everybody)
        n_patients = np.unique(patient[subset.keep]).size
        rows.append(share | {"n_cases": int(subset.keep.sum()), "n_patients": n_patients})
        for one in measured:
            known = ~np.isnan(one.hits)
            keep, rest = subset.keep & known, subset.rest & known
            inside = _estimate(one.hits[keep], patient[keep], draws)
            row = _row(part, one.measure, one.of, subset, inside)
            rows.append(row)
            if np.unique(one.hits[known]).size < 2:
                continue
            of = difference(inside, _estimate(one.hits[rest], patient[rest], draws))
            row |= {
                "difference": of.difference,
                "difference_low": of.low,
                "difference_high": of.high,
                "p": of.p,
                "detectable": of.detectable,
            }
            both = frozenset((keep.tobytes(), rest.tobytes()))
            tests.append((row, of, (one.measure, one.of, subset.group_by, both)))
    for measure in dict.fromkeys(one.measure for one in measured):
        _judge([test for test in tests if test[0]["measure"] == measure])
    return rows


def _judge(tests: Sequence[tuple[Row, Difference, tuple[object, ...]]]) -> None:
    """Holm over distinct tests, in place; both sides of a mirrored one get the same."""
    adjusted = holm_distinct([(about, of.p) for _, of, about in tests])
    for (row, of, _), p_holm in zip(tests, adjusted, strict=True):
        row["p_holm"] = p_holm
        if np.isnan(p_holm):
            row["verdict"] = CANNOT_TELL
        else:
            shown = p_holm < ALPHA and not of.low <= 0 <= of.high
            row["verdict"] = GAP if shown else NOT_SHOWN


def _estimate(hits: NDArray[np.float64], patient: NDArray[np.int64], draws: Draws) -> Estimate:
    """The share of cases with a 1, clustered by patient."""
    zeros = np.zeros(hits.size, dtype=np.int64)
    sample = Sample(hits, {_KEY[1]: hits}, patient, np.arange(hits.size), zeros, zeros)
    return estimate(sample, [_KEY], draws)[_KEY]


def _row(part: str, measure: str, of: str | None, subset: Subset, one: Estimate) -> Row:
    low, high = one.interval()
    return {
        "part": part,
        "measure": measure,
        "of": of,
        "group_by": subset.group_by,
        "group": subset.group,
        "value": one.value,
        "low": low,
        "high": high,
        "n_cases": one.n_cases,
        "n_patients": one.n_patients,
        "status": one.status,
        "reason": one.reason,
    }
