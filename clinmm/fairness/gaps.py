"""Each group against everybody else, and against the group served best.

The complement of a group is everybody else of whom the attribute is recorded; the two are
compared by patient. Declared family `gaps`, one for each arm: the primary metrics, those of calls
at the first operating point, of the only class or of the mean over the classes, every group; Holm
over all of them. With two groups the two tests are one test seen from either side and count once.
Every other difference, each single class of several among them, is exploratory.

The best group was chosen by looking, so that what is said of it is description: a difference and a
ratio, neither p nor verdict.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from clinmm.comparisons import Difference, difference, verdict
from clinmm.errors import InputError
from clinmm.evaluation.rows import Found, Key, Row, comparison_row, metric_rows, wanted_of
from clinmm.fairness.distinct import holm_distinct
from clinmm.fairness.over_classes import Pair, judged, means
from clinmm.fairness.ratio import ratio
from clinmm.fairness.underdiagnosis import RATE_OF
from clinmm.intervals import Estimate, Sample, macro, module_of
from clinmm.intervals.standing import Counted
from clinmm.samples import CALL, RAW
from clinmm.subgroups import ALL, Subset, is_recorded

FAMILY = "gaps"
COMPLEMENT, BEST = "complement", "best_group"
PRIMARY = ("auroc", "fnr")
COMPARED = (
    *("auroc", "fnr", "fpr", "selection_rate", "ppv", "npv"),
    *("calibration_intercept", "ece"),
)
"""Metrics compared between groups: what criteria of fairness ask for. Predictive values and the
selection rate move with prevalence, which is told before them."""


@dataclass(frozen=True, eq=False)
class Side:
    """A group of one class (or `macro`) and everybody else.

    inside: what is told of the group. outside: what it is compared with, of what is compared.
    both: the same from either side. judged: the group's own part of the comparison where that is
        not `inside`: of `macro`, the mean over the classes that can be judged.
    """

    subset: Subset
    inside: Found
    outside: Found
    both: frozenset[bytes]
    judged: Found = field(default_factory=dict)

    def pair(self, key: Key) -> Pair:
        """What is compared: the group, and everybody else."""
        return self.judged.get(key, self.inside[key]), self.outside[key]


@dataclass(frozen=True, eq=False)
class Test:
    """A row of a declared family. about: the same for both sides of a mirrored test."""

    row: Row
    of: Difference
    about: tuple[object, ...]


def compared_keys(primary: Sequence[str], points: Sequence[str]) -> tuple[list[Key], set[str]]:
    """What is compared, calls at the first operating point; and the primary metrics.

    Raises:
        InputError: a primary metric that is none, or has no better side.
    """
    of_rates = {new: old for old, new in RATE_OF.items()}
    problems = []
    for name in primary:
        module = module_of(of_rates.get(name, name))
        if module.NEEDS not in ("ranking", "probability", "decision"):
            problems.append(f"audit.primary: '{name}' is not a metric of one class's predictions.")
        elif module.HIGHER_IS_BETTER is None:
            problems.append(
                f"audit.primary: '{name}' has no better side, so that a gap in it is told and not "
                "judged. Take another, such as auroc, fnr, fpr or ppv."
            )
    if problems:
        raise InputError(problems)
    names = dict.fromkeys((*COMPARED, *(name for name in primary if name not in of_rates)))
    keys = [key for key in wanted_of(list(names), points[:1]) if key[1] != RAW]
    return keys, set(primary)


def against_complement(
    arm: str, class_name: str, side: Side, keys: Iterable[Key], primary: set[str]
) -> tuple[list[Row], list[Test]]:
    """Rows of schema.COMPARISONS of one group, and those of them that are declared.

    Args:
        primary: metrics that are declared in this class.
    """
    rows, tests = [], []
    for key in keys:
        inside, outside = side.pair(key)
        # n_patients is that of the group, not of the larger side
        of = replace(difference(inside, outside), n_patients=inside.n_patients)
        row = _row(arm, COMPLEMENT, class_name, side.subset, of, inside, outside)
        rows.append(row)
        if row["metric"] in primary:
            row["family"] = FAMILY
            tests.append(Test(row, of, (side.subset.group_by, key, class_name, side.both)))
    return rows, tests


def against_best(
    arm: str, class_name: str, sides: Sequence[Side], keys: Iterable[Key]
) -> list[Row]:
    """Rows of schema.COMPARISONS of each group of one attribute against the one served best."""
    rows = []
    for key in keys:
        higher_is_better = module_of(key[0]).HIGHER_IS_BETTER
        shown = [s for s in sides if s.inside[key].status == "ok" and is_recorded(s.subset.group)]
        if higher_is_better is None or len(shown) < 2:
            continue
        sign = 1 if higher_is_better else -1
        best = max(shown, key=lambda s: sign * s.inside[key].value)
        for side in shown:
            if side is best:
                continue
            one, other = side.inside[key], best.inside[key]
            of = replace(difference(one, other), n_patients=one.n_patients)
            row = _row(arm, BEST, class_name, side.subset, of, one, other)
            rows.append(row | {"p": np.nan, "detectable": np.nan})
    return rows


def largest_gaps(
    arm: str, class_name: str, sides: Sequence[Side], sample: Sample, points: Sequence[str]
) -> list[Row]:
    """Largest minus smallest rate among the groups of one attribute that are not suppressed:
    metrics `fpr_gap`, `fnr_gap`. It grows with the number of groups and with their noise, even
    where nothing differs: a description, not evidence. The larger of the two is the equalised-odds
    difference.

    Reference:
        Hardt, Price, Srebro. NeurIPS 2016; Fairlearn's MetricFrame.difference.
    """
    rows: list[Row] = []
    for point in points:
        keys = [("fpr", CALL + point), ("fnr", CALL + point)]
        shown = [
            side
            for side in sides
            if all(key in side.inside and side.inside[key].status == "ok" for key in keys)
        ]
        if len(shown) < 2:
            continue
        keep = np.any([side.subset.keep for side in shown], axis=0)
        counted = Counted(sample.take(keep))
        whole = replace(shown[0].subset, group=ALL, keep=keep, rest=~keep)
        for key in keys:
            values = [side.inside[key].value for side in shown]
            gap = Estimate(
                key[0],
                max(values) - min(values),
                counted.n_cases,
                counted.n_patients,
                counted.n_positive,
            )
            (row,) = metric_rows(arm, class_name, whole, {key: gap})
            rows.append(row | {"metric": f"{key[0]}_gap", "flag": None})
    return rows


def named(rows: list[Row]) -> list[Row]:
    """Rows of class `all` with the error rates under the names they have there."""
    for row in rows:
        if row["class_name"] == ALL:
            row["metric"] = RATE_OF.get(row["metric"], row["metric"])
    return rows


def macro_sides(by_class: Sequence[Sequence[Side]], names: Sequence[str]) -> list[Side]:
    """The mean over classes of each group of one attribute that every class has. What is told of a
    group needs every class; what is compared is of those that can be judged on both sides."""
    by_place = [{s.subset.group: s for s in sides} for sides in by_class]
    found = []
    for group, first in by_place[0].items():
        if not all(group in sides for sides in by_place):
            continue
        parts = dict(zip(names, (sides[group] for sides in by_place), strict=True))
        own: Found = {}
        outside: Found = {}
        every: Found = {}  # of what is compared, where every class can be judged
        for key in first.outside:
            pairs = [part.pair(key) for part in parts.values()]
            own[key], outside[key] = means(pairs)
            if len(judged(pairs)) == len(pairs):
                every[key] = own[key]
        inside = {
            key: every.get(key) or macro({name: part.inside[key] for name, part in parts.items()})
            for key in first.inside
            if all(key in part.inside for part in parts.values())
        }
        found.append(Side(first.subset, inside, outside, first.both, own))
    return found


def judge(tests: Sequence[Test]) -> None:
    """Holm over distinct tests, in place; both sides of a mirrored one get the same."""
    adjusted = holm_distinct([(test.about, test.of.p) for test in tests])
    for test, p_holm in zip(tests, adjusted, strict=True):
        test.row["p_holm"] = p_holm
        test.row["verdict"] = verdict(test.of, p_holm)


def _row(
    arm: str,
    rival: str,
    class_name: str,
    subset: Subset,
    of: Difference,
    one: Estimate,
    other: Estimate,
) -> Row:
    times = ratio(one, other, of)
    (row,) = named([comparison_row(arm, rival, class_name, subset, of, None)])
    return row | {"ratio": times.value, "ratio_low": times.low, "ratio_high": times.high}
