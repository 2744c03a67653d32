"""The headline arm against every other arm, and against itself uncalibrated.

Declared families, in which Holm's adjustment is made and a verdict is given:
    fusion       the headline arm against its rival, the best of all other arms on other patients,
                 AUROC of the macro mean (of the one class, if there is one)
    calibration  calibrated against uncalibrated log loss of the headline arm, every class
Every other comparison is exploratory and gets no verdict.
"""

from collections.abc import Iterator, Mapping

import numpy as np

from clinmm.comparisons import Difference, difference
from clinmm.evaluation.paired import paired
from clinmm.evaluation.rows import MACRO, Found, Row, comparison_row, judge
from clinmm.intervals import Sample, macro
from clinmm.rivals import headline_arm
from clinmm.samples import CALIBRATED, RAW, Samples
from clinmm.subgroups import everyone

MIN_PATIENTS_FOR_CALIBRATORS = 50
"""Patients of each class below which no difference between calibrations is claimed."""

COMPARED = ("auroc", "auprc", "brier", "log_loss")

Pooled = dict[tuple[str, str], Found]
"""(arm, class name) -> its estimates over all cases."""


def comparisons(
    samples: Samples, pooled: Pooled, rival: str | None, margins: Mapping[str, float]
) -> Iterator[Row]:
    """Rows of schema.COMPARISONS.

    Args:
        samples: every arm and class of the test part.
        pooled: their estimates over all cases.
        rival: the best of the other arms, chosen on other patients; None: no declared rival.
        margins: metric -> how much worse is still as good.
    """
    arm = headline_arm(samples.arms)
    for other in samples.arms:
        if other != arm:
            yield from _against(samples, pooled, arm, other, other == rival, margins)
    yield from _against_uncalibrated(samples, pooled, arm)


def _against(
    samples: Samples,
    pooled: Pooled,
    arm: str,
    rival: str,
    declared: bool,
    margins: Mapping[str, float],
) -> Iterator[Row]:
    """The headline arm against another arm, on the cases that both have."""
    classes = [name for name in samples.classes if (rival, name) in samples.parts]
    there = next(iter(pooled.values()))
    keys = [(metric, CALIBRATED) for metric in COMPARED if (metric, CALIBRATED) in there]
    both: dict[str, tuple[Found, Found]] = {}
    for name in classes:
        mine, theirs = samples.parts[arm, name].sample, samples.parts[rival, name].sample
        found = pooled[arm, name], pooled[rival, name]
        both[name] = paired(mine, theirs, found, keys, samples.draws)
    if len(classes) > 1:
        means = [{k: macro({n: both[n][i][k] for n in classes}) for k in keys} for i in (0, 1)]
        both[MACRO] = means[0], means[1]
    primary = MACRO if MACRO in both else (classes[0] if classes else None)
    for name, (first, second) in both.items():
        for key in keys:
            of = difference(first[key], second[key])
            in_family = declared and name == primary and key[0] == "auroc"
            family = "fusion" if in_family else None
            margin = margins.get(key[0])
            row = comparison_row(arm, rival, name, everyone(0), of, family, margin=margin)
            if in_family:
                judge([row], [of], [True])
            yield row


def _against_uncalibrated(samples: Samples, pooled: Pooled, arm: str) -> list[Row]:
    """Calibrated against raw probabilities of one arm; nothing where they are the same."""
    parts = {name: scored.sample for (of, name), scored in samples.parts.items() if of == arm}
    if all(np.array_equal(s.columns[RAW], s.columns[CALIBRATED]) for s in parts.values()):
        return []
    rows: list[Row] = []
    family: list[tuple[Row, Difference, bool]] = []
    for name, sample in parts.items():
        for metric in ("log_loss", "brier", "ece"):
            found = pooled[arm, name]
            if (metric, RAW) not in found:
                continue
            of = difference(found[metric, CALIBRATED], found[metric, RAW])
            declared = metric == "log_loss"
            row = comparison_row(
                arm, "uncalibrated", name, everyone(0), of, "calibration" if declared else None
            )
            rows.append(row)
            if declared:
                family.append((row, of, _enough_for_calibrators(sample)))
    if family:
        judge([f[0] for f in family], [f[1] for f in family], [f[2] for f in family])
    return rows


def _enough_for_calibrators(sample: Sample) -> bool:
    each = [np.unique(sample.patient[sample.y_true == c]).size for c in (0, 1)]
    return min(each) >= MIN_PATIENTS_FOR_CALIBRATORS
