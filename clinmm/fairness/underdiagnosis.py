"""Ill and told that there is nothing, healthy and told that there is something.

underdiagnosis   share of the cases with a finding that are called without any
overdiagnosis    share of the cases without any finding that are called with one

A case has a finding where its class `No Finding` (or `normal`, `healthy`) says so; without such a
class, where any of its classes is positive, and it is called with one where any class is called.
Exclusive classes need the class: one of several diagnoses is no more of a finding than another.

Reference:
    Seyyed-Kalantari et al. Nat Med 27:2176 (2021).
"""

from dataclasses import replace
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from clinmm.intervals import Sample
from clinmm.samples import CALL, Samples, Scored

UNDER, OVER = "underdiagnosis", "overdiagnosis"
RATE_OF = {"fnr": UNDER, "fpr": OVER}
"""Error rate of `any_finding` -> what it is called."""
NO_FINDING = ("no finding", "no findings", "normal", "healthy")


def any_finding(samples: Samples, arm: str, kind: str) -> Scored | None:
    """An arm's cases by whether they have a finding, and whether they are called with one.

    Args:
        kind: binary, multiclass or multilabel.

    Returns:
        y_true is 1 where there is a finding, the columns are the calls, NaN where one of them could
        not be made. Of several classes, the cases of which every class is known. None where nothing
        says who has no finding, or nothing is called.
    """
    parts = {name: scored for (of, name), scored in samples.parts.items() if of == arm}
    if not samples.points:
        return None
    for name, scored in parts.items():
        if name.replace("_", " ").lower() in NO_FINDING:
            return _scored(scored, 1 - scored.sample.y_true, [scored.sample], flip=True)
    if kind == "multiclass":
        return None
    places = [_place(scored.sample) for scored in parts.values()]
    known = reduce(lambda a, b: np.intersect1d(a, b, assume_unique=True), places)
    taken = [
        _take(scored, np.isin(place, known))
        for scored, place in zip(parts.values(), places, strict=True)
    ]
    if not known.size:
        return None
    each = [one.sample for one in taken]
    return _scored(taken[0], np.max([s.y_true for s in each], axis=0), each, flip=False)


def _scored(of: Scored, y_true: NDArray[np.float64], each: list[Sample], *, flip: bool) -> Scored:
    """flip: the class says that there is no finding."""
    calls = [name for name in of.sample.columns if name.startswith(CALL)]
    columns = {name: np.max([s.columns[name] for s in each], axis=0) for name in calls}
    if flip:
        columns = {name: 1 - call for name, call in columns.items()}
    return replace(of, sample=replace(of.sample, y_true=y_true, columns=columns))


def _place(sample: Sample) -> NDArray[np.int64]:
    """(n,) a number of each repeat, fold and case."""
    return np.asarray((sample.repeat << 52) + (sample.fold << 40) + sample.case)


def _take(scored: Scored, keep: NDArray[np.bool_]) -> Scored:
    return Scored(scored.sample.take(keep), scored.case_ids[keep], scored.patterns[keep])
