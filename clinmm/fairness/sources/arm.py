"""Which input carries a gap: the gap of each single input's model beside the fused one's."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from clinmm.arms import FUSED, is_single
from clinmm.comparisons import Difference, difference
from clinmm.evaluation.rows import MACRO, Key, wanted_of
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
from clinmm.fairness.told import member
from clinmm.fairness.underdiagnosis import RATE_OF
from clinmm.intervals import Estimate, Influence, estimate, macro
from clinmm.intervals.influence import together
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
        primary: metrics, of the only class or of the mean over the classes; under- and
            overdiagnosis, which are of no class, are left out.
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
    whole = _gaps(samples, arm, groups, wanted)
    rows = [
        _gap_row(arm, arm, place, class_name, key, found, None)
        for (place, class_name), by_metric in whole.items()
        for key, found in by_metric.items()
    ]
    for single in singles:
        own = _gaps(samples, single, groups, wanted)
        fused = _gaps(samples, arm, groups, wanted, like=single)
        for (place, class_name), found in own.items():
            for key, (of, gap) in found.items():
                beside = fused[place, class_name][key]
                rows.append(_gap_row(arm, single, place, class_name, key, (of, gap), beside[0]))
                more = difference(beside[1], gap)
                rows.append(_difference_row(arm, single, place, class_name, key, (more, gap)))
    return rows


Gaps = dict[tuple[Place, str], dict[Key, tuple[Difference, Estimate]]]
"""Each gap as a difference, and as an estimate that can be compared with another gap."""


def _gaps(
    samples: Samples, arm: str, groups: pd.DataFrame, wanted: Sequence[Key], like: str | None = None
) -> Gaps:
    """(group, the judged class) -> metric -> its gap, as a difference and as an estimate.

    like: only on the cases of that arm.
    """
    sides: dict[Place, dict[str, list[dict[Key, Estimate]]]] = {}
    for class_name in samples.classes:
        scored = samples.parts[arm, class_name]
        shared = (
            np.ones(scored.case_ids.size, dtype=bool)
            if like is None
            else np.isin(scored.case_ids, samples.parts[like, class_name].case_ids)
        )
        for subset in by_group(groups, scored.case_ids):
            each = [
                estimate(scored.sample.take(side & shared), wanted, samples.draws)
                for side in (subset.keep, subset.rest)
            ]
            sides.setdefault(_place(subset), {})[class_name] = each
    found: Gaps = {}
    for place, by_class in sides.items():
        if len(by_class) < len(samples.classes):
            continue
        judged = samples.classes[0] if len(samples.classes) == 1 else MACRO
        found[place, judged] = {}
        for key in wanted:
            inside, outside = (
                each[0] if len(each) == 1 else macro(dict(zip(by_class, each, strict=True)))
                for each in ([by_class[name][i][key] for name in by_class] for i in (0, 1))
            )
            found[place, judged][key] = difference(inside, outside), _as_estimate(inside, outside)
    return found


def _place(subset: Subset) -> Place:
    return subset.group_by, subset.group


def _as_estimate(inside: Estimate, outside: Estimate) -> Estimate:
    """The gap as an estimate of its own, so that two gaps can be compared by patient."""
    gap = replace(
        inside, value=inside.value - outside.value, influence=None, replicates=None, per_repeat={}
    )
    if inside.influence is not None and outside.influence is not None:
        patients, (mine, theirs) = together([inside.influence, outside.influence])
        df = min(inside.influence.df, outside.influence.df)
        unseen = inside.influence.unseen + outside.influence.unseen
        return replace(gap, influence=Influence(patients, mine - theirs, df, unseen))
    if inside.replicates is not None and outside.replicates is not None:
        return replace(gap, replicates=inside.replicates - outside.replicates)
    return gap


def _gap_row(
    arm: str,
    of: str,
    place: Place,
    class_name: str,
    key: Key,
    found: tuple[Difference, Estimate],
    fused: Difference | None,
) -> Row:
    gap = found[0]
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
    found: tuple[Difference, Estimate],
) -> Row:
    more = found[0]
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
    found: tuple[Difference, Estimate],
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
        + (", mean over the classes" if class_name == MACRO else "")
    )
