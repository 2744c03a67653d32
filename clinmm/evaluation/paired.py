"""Estimates of two arms on the cases that both have."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from clinmm.evaluation.rows import Found, Key
from clinmm.intervals import Draws, Sample, estimate


def paired(
    mine: Sample,
    theirs: Sample,
    found: tuple[Found, Found],
    keys: Sequence[Key],
    draws: Draws,
) -> tuple[Found, Found]:
    """Estimates of both samples on their common (repeat, fold, case).

    Args:
        mine, theirs: one class of two arms, made by one `samples.build`.
        found: their estimates on cases of their own; given back where these are the same.
        keys: what to estimate, among those of found.
        draws: of both.
    """
    ids = _ids(mine, theirs)
    if np.array_equal(*ids):
        return found
    first, second = (
        estimate(sample.take(np.isin(own, other)), keys, draws)
        for sample, own, other in ((mine, *ids), (theirs, *ids[::-1]))
    )
    return first, second


def _ids(a: Sample, b: Sample) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """One number for each (repeat, fold, case), the same in both samples."""
    names = ("repeat", "fold", "case")
    rows = np.stack([np.concatenate([getattr(s, name) for s in (a, b)]) for name in names])
    sizes = rows.max(axis=1, initial=0) + 1
    ids = np.ravel_multi_index(tuple(rows), tuple(sizes))
    return ids[: a.case.size], ids[a.case.size :]
