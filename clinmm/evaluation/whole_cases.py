"""Numbers of all classes together: the micro mean, and metrics of exclusive classes."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from clinmm.evaluation.rows import Row, metric_rows, wanted_of
from clinmm.intervals import Draws, Estimate, Sample, estimate, macro, module_of
from clinmm.metrics.classes import called_class
from clinmm.samples import CALIBRATED, CALL, Samples
from clinmm.subgroups import everyone

MICRO = "micro"
ALL_CLASSES = "all"
FOR_AN_ORDER = ("quadratic_kappa", "mean_absolute_error")
"""Metrics that mean nothing unless the classes have an order."""
BALANCED = "balanced_multiclass_accuracy"
"""Estimated as the mean of the classes' sensitivities, so that the rules for those hold: each needs
its patients, and one of exactly 0 or 1 is not certain."""


def micro_rows(samples: Samples, names: Sequence[str]) -> Iterator[Row]:
    """Every metric over all (case, class) pairs at once; nothing where there is one class.

    n_positive counts distinct cases with any class. A frequent class weighs more than a rare one:
    the macro mean is beside it.
    """
    for arm in samples.arms:
        parts = [scored.sample for (of, _), scored in samples.parts.items() if of == arm]
        if len(parts) < 2:
            continue
        pairs = _joined(parts)
        found = estimate(pairs, wanted_of(names, samples.points), samples.draws)
        yield from metric_rows(arm, MICRO, everyone(pairs.y_true.size), found)


def of_exclusive_classes(
    samples: Samples, names: Sequence[str], ordered: Sequence[str] | None
) -> Iterator[Row]:
    """Accuracy, plain and balanced, and where the classes have an order the distance between called
    and true class.

    Args:
        samples: exclusive classes, so every class has the same cases.
        names: metrics asked for; those with NEEDS "classes" are given here.
        ordered: the classes from lowest to highest; None where they have no order.
    """
    asked = [name for name in names if module_of(name).NEEDS == "classes"]
    if not ordered:
        asked = [name for name in asked if name not in FOR_AN_ORDER]
    wanted = [(name, CALIBRATED) for name in asked if name != BALANCED]
    for arm in samples.arms:
        parts = {name: scored.sample for (of, name), scored in samples.parts.items() if of == arm}
        classes = list(ordered or sorted(parts))
        columns = [parts[name] for name in classes]
        first = columns[0]
        sample = replace(
            first,
            y_true=np.stack([c.y_true for c in columns], axis=1).argmax(axis=1).astype(np.float64),
            columns={CALIBRATED: np.stack([c.columns[CALIBRATED] for c in columns], axis=1)},
        )
        found = estimate(sample, wanted, samples.draws)
        if BALANCED in asked:
            found[BALANCED, CALIBRATED] = _balanced(sample, classes, samples.draws)
        for row in metric_rows(arm, ALL_CLASSES, everyone(first.y_true.size), found):
            yield {**row, "n_positive": row["n_cases"]}


def _balanced(sample: Sample, classes: Sequence[str], draws: Draws) -> Estimate:
    """sample: y_true holds class numbers, its column the (n, C) probabilities."""
    called, key = called_class(sample.columns[CALIBRATED]), ("sensitivity", CALL)
    each = {}
    for number, name in enumerate(classes):
        own = {CALL: np.asarray(called == number, dtype=np.float64)}
        of_class = np.asarray(sample.y_true == number, dtype=np.float64)
        each[name] = estimate(replace(sample, y_true=of_class, columns=own), [key], draws)[key]
    return replace(macro(each), metric=BALANCED)


def _joined(parts: list[Sample]) -> Sample:
    """All (case, class) pairs as one sample, in order of (repeat, fold)."""
    repeat, fold = (np.concatenate([getattr(p, k) for p in parts]) for k in ("repeat", "fold"))
    order = np.lexsort((fold, repeat))
    names = set.intersection(*(set(part.columns) for part in parts))
    return Sample(
        np.concatenate([part.y_true for part in parts])[order],
        {name: np.concatenate([p.columns[name] for p in parts])[order] for name in sorted(names)},
        np.concatenate([part.patient for part in parts])[order],
        np.concatenate([part.case for part in parts])[order],
        repeat[order],
        fold[order],
    )
