"""Whether image quality carries a gap: the gap among pictures of like quality, beside the gap.

The cases are cut into thirds of a measure of quality. The gap is taken in each third and averaged
with the group's own share of cases in it, so that everybody else counts as if their pictures were
as good or poor as those of the group. What goes away of the gap is what quality carries, or what
goes with it: an illness that changes pictures changes their sharpness too.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clinmm.arms import FUSED
from clinmm.comparisons import Difference, difference
from clinmm.evaluation.rows import MACRO, Key, wanted_of
from clinmm.fairness.over_classes import Pair, judged, means
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
from clinmm.intervals import Draws, Sample, estimate
from clinmm.samples import RAW, Samples, build
from clinmm.subgroups import by_group

SOURCE = "image_quality_fixed"
MEASURES = ("sharpness", "noise", "brightness", "contrast")
PARTS = 3
LEAST = 0.5
"""Share of the group's pictures that must lie in thirds in which both sides can be judged."""


class Fixed(NamedTuple):
    """whole: the gap on the pictures compared. fixed: among pictures of like quality. carried: the
    former less the latter."""

    whole: Difference
    fixed: Difference
    carried: Difference


class OfClass(NamedTuple):
    """The cases of one class. third: (n,) 0 to 2, -1 without a measured picture. inside, outside:
    (n,) the group, and everybody else."""

    sample: Sample
    third: NDArray[np.int64]
    inside: NDArray[np.bool_]
    outside: NDArray[np.bool_]

    def pair(self, key: Key, thirds: Sequence[int], draws: Draws) -> Pair:
        """Both sides in some of the thirds."""
        here = np.isin(self.third, thirds)
        inside, outside = (
            estimate(self.sample.take(side & here), [key], draws)[key]
            for side in (self.inside, self.outside)
        )
        return inside, outside


def measure(
    quality: dict[str, pd.DataFrame],
    differs: Sequence[Row],
    predictions: pd.DataFrame,
    thresholds: pd.DataFrame | None,
    groups: pd.DataFrame,
    *,
    primary: Sequence[str] = ("auroc", "fnr"),
    seed: int,
    arm: str = FUSED,
    n_bootstrap: int = 1000,
) -> list[Row]:
    """Asked of each group and measure of quality in which the group's pictures were found to
    differ: no other can carry its gap.

    Args:
        quality, differs: what `image_quality.measure` is given, and says.
        predictions, thresholds, groups, primary, seed, arm, n_bootstrap: as for `arm.measure`.

    Returns:
        `METRIC_difference`, the gap with quality held fixed, without a verdict; and
        `METRIC_gap_difference`, the gap on the same cases less that one: yes where its interval
        excludes 0 on the side of the gap. cannot_tell where fewer than two thirds, or half of the
        group's pictures, can be judged on both sides.
    """
    asked = [row for row in differs if row["verdict"] == YES and _parts(row["of"])[1] in MEASURES]
    if not asked or arm not in set(predictions["arm"]):
        return []
    samples = build(predictions, thresholds, arms=[arm], n_bootstrap=n_bootstrap, seed=seed)
    of_classes = [name for name in primary if name not in RATE_OF.values()]
    wanted = [key for key in wanted_of(of_classes, samples.points[:1]) if key[1] != RAW]
    rows: list[Row] = []
    for row in asked:
        name, what = _parts(row["of"])
        thirds = _thirds(quality[name][what])
        classes = _classes(samples, arm, groups[[row["group_by"]]], row["group"], thirds)
        for key in wanted:
            rows += _rows(row, key, _fixed(key, classes, samples.draws), samples.classes)
    return rows


def _parts(of: str) -> tuple[str, str]:
    """Image input and measure of a row of `image_quality`."""
    name, _, what = of.partition(": ")
    return name, what


def _thirds(values: pd.Series) -> pd.Series:
    """Index case_id: 0, 1, 2 from low to high, of the cases that have the measure."""
    known = values.dropna()
    cuts = np.quantile(known, np.arange(1, PARTS) / PARTS)
    return pd.Series(np.searchsorted(cuts, known, side="right"), index=known.index)


def _classes(
    samples: Samples, arm: str, groups: pd.DataFrame, group: str, thirds: pd.Series
) -> list[OfClass]:
    """groups: the attribute in one column."""
    found = []
    for class_name in samples.classes:
        scored = samples.parts[arm, class_name]
        third = thirds.reindex(scored.case_ids).fillna(-1).to_numpy(dtype=np.int64)
        inside = outside = np.zeros(third.size, dtype=bool)
        for subset in by_group(groups, scored.case_ids):
            if subset.group == group:
                inside, outside = subset.keep, subset.rest
        found.append(OfClass(scored.sample, third, inside, outside))
    return found


def _fixed(key: Key, classes: list[OfClass], draws: Draws) -> Fixed | None:
    """Over the thirds, and the classes, in which both sides can be judged."""
    each = [[one.pair(key, [i], draws) for one in classes] for i in range(PARTS)]
    used = [i for i in range(PARTS) if judged(each[i])]
    n = np.array([sum((one.third[one.inside] == i).sum() for one in classes) for i in range(PARTS)])
    if len(used) < 2 or n[used].sum() < LEAST * n.sum():
        return None
    together = [one.pair(key, used, draws) for one in classes]
    inside, outside, *in_thirds = means(
        [[*whole, *(side for i in used for side in each[i][k])] for k, whole in enumerate(together)]
    )
    if inside.status != "ok":
        return None
    weights = n[used] / n[used].sum()
    alike = [weighted_sum(in_thirds[side::2], weights) for side in (0, 1)]
    gaps = [weighted_sum(pair, (1, -1)) for pair in ((inside, outside), alike)]
    return Fixed(difference(inside, outside), difference(*alike), difference(*gaps))


def _rows(row: Row, key: Key, found: Fixed | None, classes: Sequence[str]) -> list[Row]:
    """row: of `image_quality`, whose group, input and measure are asked about."""
    name, what = _parts(row["of"])
    kept = ("arm", "group_by", "group", "n_cases", "n_patients")
    about = {column: row[column] for column in kept}
    about["class_name"] = classes[0] if len(classes) == 1 else MACRO
    who, gap = member(row["group_by"], row["group"]), f"{key[0]}_gap_difference"
    if found is None:
        sentence = (
            f"Whether {what} of {name} carries the gap of {who} in {label(key[0])} cannot be told: "
            "too few patients with pictures of like quality."
        )
        return [source_row(SOURCE, row["of"], gap, **about, verdict=CANNOT_TELL, sentence=sentence)]
    whole, fixed, carried = (number(o.difference, o.low, o.high) for o in found)
    verdict = excludes(found.carried.low, found.carried.high)
    if verdict == YES and found.carried.difference * found.whole.difference <= 0:
        verdict = NOT_SHOWN
    alike = f"among pictures of {name} of like {what}"
    return [
        source_row(
            SOURCE,
            row["of"],
            measure_of,
            **about,
            value=of.difference,
            low=of.low,
            high=of.high,
            verdict=judgement,
            sentence=sentence,
        )
        for measure_of, of, judgement, sentence in (
            (
                f"{key[0]}_difference",
                found.fixed,
                None,
                f"{who} minus everybody else is {fixed} in {label(key[0])} {alike}, and {whole} "
                "on the same cases without that.",
            ),
            (
                gap,
                found.carried,
                verdict,
                f"Of the gap of {who} in {label(key[0])}, {carried} goes away {alike}"
                + {
                    YES: ": quality, or what goes with it, carries so much.",
                    NOT_SHOWN: ": it is not shown that quality carries the gap.",
                    CANNOT_TELL: ".",
                }[verdict],
            ),
        )
    ]
