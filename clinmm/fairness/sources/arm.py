"""Which input carries a gap: the gap of each single input's model beside the fused one's."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from clinmm.arms import FUSED, is_single
from clinmm.comparisons import Difference, difference
from clinmm.evaluation.rows import MACRO, Found, Key, wanted_of
from clinmm.fairness.over_classes import means
from clinmm.fairness.sentences import label
from clinmm.fairness.sources.row import (
    CANNOT_TELL,
    NOT_SHOWN,
    YES,
    Row,
    excludes,
    number,
    source_row,
)
from clinmm.fairness.sources.weighted_sum import weighted_sum
from clinmm.fairness.told import member
from clinmm.fairness.underdiagnosis import RATE_OF
from clinmm.intervals import Estimate, estimate
from clinmm.samples import CALL, RAW, Samples, build
from clinmm.subgroups import Subset, by_group

Place = tuple[str, str]
"""(group_by, group)."""


def measure(
    predictions: pd.DataFrame,
    thresholds: pd.DataFrame | None,
    groups: pd.DataFrame,
    *,
    primary: Sequence[str] = ("auroc", "fnr"),
    seed: int,
    arm: str = FUSED,
    n_bootstrap: int = 1000,
) -> list[Row]:
    """Each group against its complement by the model of each single input, beside the fused model
    on the same cases.

    Args:
        predictions: schema.PREDICTIONS with the arms; calibrated.
        thresholds: schema.THRESHOLDS; decisions are those of the first operating point.
        groups: index case_id, a text column for each attribute.
        primary: metrics, of the only class or of the mean over the classes that can be judged in
            every gap that is compared; under- and overdiagnosis, which are of no class, are left
            out.
        seed, n_bootstrap: patient draws of metrics that need them.
        arm: whose gap is explained.

    Returns:
        For each input, group and metric `METRIC_difference` (the group minus everybody else; yes
        where its interval excludes 0 on the side of the fused model's gap) and
        `METRIC_gap_difference` (the fused model's gap minus that of the input on the cases that
        have it, paired by patient; yes where its interval excludes 0). Of the fused model, on all
        cases, the gap alone, without a verdict: it is what is to be explained. None where no model
        of a single input was trained.
    """
    singles = sorted({str(a) for a in predictions["arm"].unique() if is_single(str(a))})
    if arm not in set(predictions["arm"]) or not singles:
        return []
    samples = build(
        predictions, thresholds, arms=[arm, *singles], n_bootstrap=n_bootstrap, seed=seed
    )
    of_classes = [name for name in primary if name not in RATE_OF.values()]
    wanted = [key for key in wanted_of(of_classes, samples.points[:1]) if key[1] != RAW]
    class_name = samples.classes[0] if len(samples.classes) == 1 else MACRO
    whole = _sides(samples, arm, groups, wanted)
    rows = []
    for place, sides in whole.items():
        for key in wanted:
            (gap,) = _gaps(key, sides)
            rows.append(_gap_row(arm, arm, place, class_name, key, gap, None))
    for single in singles:
        beside = _sides(samples, arm, groups, wanted, like=single)
        for place, own in _sides(samples, single, groups, wanted).items():
            for key in wanted:
                gap, fused, _ = _gaps(key, own, beside[place], whole[place])
                rows.append(_gap_row(arm, single, place, class_name, key, gap, fused.of))
                more = gap._replace(of=difference(fused.sized, gap.sized))
                rows.append(_difference_row(arm, single, place, class_name, key, more))
    return rows


class Gap(NamedTuple):
    """A gap as a difference, and as an estimate that can be compared with another gap."""

    of: Difference
    sized: Estimate


Sides = list[tuple[Found, Found]]
"""Class by class the estimates of a group and of everybody else."""


def _sides(
    samples: Samples, arm: str, groups: pd.DataFrame, wanted: Sequence[Key], like: str | None = None
) -> dict[Place, Sides]:
    """Each group that every class has.

    like: only on the cases of that arm.
    """
    found: dict[Place, Sides] = {}
    for class_name in samples.classes:
        scored = samples.parts[arm, class_name]
        shared = (
            np.ones(scored.case_ids.size, dtype=bool)
            if like is None
            else np.isin(scored.case_ids, samples.parts[like, class_name].case_ids)
        )
        for subset in by_group(groups, scored.case_ids):
            inside, outside = (
                estimate(scored.sample.take(side & shared), wanted, samples.draws)
                for side in (subset.keep, subset.rest)
            )
            found.setdefault(_place(subset), []).append((inside, outside))
    return {place: sides for place, sides in found.items() if len(sides) == len(samples.classes)}


def _gaps(key: Key, *models: Sides) -> list[Gap]:
    """The gap of each of several models, all in the mean over the classes in which all of them can
    be judged: with the fused model on all cases among them, classes of the verdict."""
    by_class = zip(*models, strict=True)
    each = means([[side[key] for pair in of_class for side in pair] for of_class in by_class])
    pairs = zip(each[::2], each[1::2], strict=True)
    return [Gap(difference(*pair), weighted_sum(pair, (1, -1))) for pair in pairs]


def _place(subset: Subset) -> Place:
    return subset.group_by, subset.group


def _gap_row(
    arm: str,
    of: str,
    place: Place,
    class_name: str,
    key: Key,
    found: Gap,
    fused: Difference | None,
) -> Row:
    gap = found.of
    verdict = excludes(gap.low, gap.high)
    if fused is not None and verdict == YES and gap.difference * fused.difference <= 0:
        verdict = NOT_SHOWN
    judged = None if fused is None else verdict
    who, what = member(*place), _metric(key, class_name)
    whose = "the fused model" if of == arm else f"the model of {of} alone"
    if verdict == CANNOT_TELL:
        sentence = f"The gap of {whose} in {what} between {who} and everybody else cannot be told."
    else:
        value = number(gap.difference, gap.low, gap.high)
        sentence = f"Of {whose}, {who} minus everybody else is {value} in {what}"
        sentence += {
            YES: ".",
            NOT_SHOWN: ": no gap on the side of the fused model's is shown."
            if fused is not None
            else ": no gap is shown.",
        }[verdict]
    return _row(arm, of, place, class_name, f"{key[0]}_difference", found, judged, sentence)


def _difference_row(
    arm: str,
    of: str,
    place: Place,
    class_name: str,
    key: Key,
    found: Gap,
) -> Row:
    more = found.of
    verdict = excludes(more.low, more.high)
    what = f"The gap of {member(*place)} in {_metric(key, class_name)}"
    if verdict == CANNOT_TELL:
        sentence = f"{what} cannot be compared between the fused model and {of} alone."
    else:
        value = number(more.difference, more.low, more.high)
        sentence = f"{what} of the fused model minus that of {of} alone, same cases, is {value}" + (
            "." if verdict == YES else ": no difference is shown."
        )
    return _row(arm, of, place, class_name, f"{key[0]}_gap_difference", found, verdict, sentence)


def _row(
    arm: str,
    of: str,
    place: Place,
    class_name: str,
    what: str,
    found: Gap,
    verdict: str | None,
    sentence: str,
) -> Row:
    of_what, sized = found
    return source_row(
        "arm",
        of,
        what,
        arm=arm,
        group_by=place[0],
        group=place[1],
        class_name=class_name,
        value=of_what.difference,
        low=of_what.low,
        high=of_what.high,
        n_cases=sized.n_cases,
        n_patients=sized.n_patients,
        verdict=verdict,
        sentence=sentence,
    )


def _metric(key: Key, class_name: str) -> str:
    metric, column = key
    at = column.removeprefix(CALL).replace("_", " ") if column.startswith(CALL) else ""
    return (
        label(metric)
        + (f" at {at}" if at else "")
        + (", mean over the classes that can be judged" if class_name == MACRO else "")
    )
