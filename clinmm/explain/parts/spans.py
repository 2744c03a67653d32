"""Scores of stretches of a text, summed over other stretches of it."""

import numpy as np
from numpy.typing import NDArray

from clinmm.encoders.interface import Located


def sums_over(spans: NDArray[np.integer], located: Located) -> NDArray[np.float64]:
    """(n,) what the scored spans add to each of `spans`.

    A scored span counts to those that it overlaps, shared by the letters in each; one that overlaps
    none, such as a full stop, counts to none.

    Args:
        spans: (n, 2) start and end in characters, in order and apart.
        located: `start`, `end`, `score` of a note, in the same characters.

    >>> words = {"start": np.array([0, 4]), "end": np.array([3, 9]), "score": np.array([1.0, 2.0])}
    >>> sums_over(np.array([[0, 5], [6, 9]]), words).tolist()
    [1.5, 1.5]
    """
    if not len(spans):
        return np.zeros(0)
    start, end = (located[key].astype(np.int64) for key in ("start", "end"))
    # As `spans` lie apart, a scored one reaches from the first that it overlaps to the last.
    first = np.searchsorted(spans[:, 1], start, side="right")
    behind = np.searchsorted(spans[:, 0], end, side="left")
    n_parts = np.maximum(behind - first, 0)
    scored = np.repeat(np.arange(len(start)), n_parts)
    part = first[scored] + np.arange(len(scored)) - np.repeat(n_parts.cumsum() - n_parts, n_parts)
    letters = np.minimum(end[scored], spans[part, 1]) - np.maximum(start[scored], spans[part, 0])
    whole = np.bincount(scored, letters, len(start))
    score = located["score"].astype(np.float64)[scored] * letters / whole[scored]
    return np.bincount(part, score, len(spans)).astype(np.float64)
