"""The curves of every arm and class; reliability also by pattern of inputs present."""

from collections.abc import Iterator

from clinmm import curves
from clinmm.evaluation.rows import Row, curve_rows
from clinmm.samples import CALIBRATED, RAW, Samples
from clinmm.subgroups import by_pattern, everyone


def drawn(samples: Samples) -> Iterator[Row]:
    """Rows of schema.CURVES: roc, precision_recall, reliability (calibrated and raw), decision."""
    for (arm, class_name), scored in samples.parts.items():
        sample, whole = scored.sample, everyone(scored.case_ids.size)
        for kind, points in (
            ("roc", curves.roc(sample, CALIBRATED, samples.draws)),
            ("precision_recall", curves.precision_recall(sample, CALIBRATED, samples.draws)),
            ("reliability", curves.reliability(sample, CALIBRATED)),
            ("reliability_raw", curves.reliability(sample, RAW)),
            ("decision", curves.decision(sample, CALIBRATED)),
            ("decision_treat_all", curves.decision_treat_all(sample, CALIBRATED)),
        ):
            yield from curve_rows(kind, arm, class_name, whole, points)
        for subset in by_pattern(scored.patterns):
            points = curves.reliability(sample.take(subset.keep), CALIBRATED)
            yield from curve_rows("reliability", arm, class_name, subset, points)
