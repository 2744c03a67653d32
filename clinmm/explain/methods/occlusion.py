"""Occlusion: what the logit loses when each part of the case is taken away and all else stays.

A patch of a picture gives way to the reference, a sentence is cut out of the note (a word, where
the note is one sentence), a column is not recorded. A patch, block or stretch of time reaches over
two cells of the grid along each axis and moves by one, so that the map is smooth; its loss is
shared evenly among what it covers.

An input's own figure is the loss when all its parts are gone: those of its parts need not add up
to it, since another part may say the same, and their sum would grow with the number of patches.

Reference:
    Zeiler, Fergus. Visualizing and understanding convolutional networks. ECCV 2014, section 4.2.
    Robnik-Sikonja, Kononenko. Explaining classifications for individual instances. IEEE Trans
    Knowl Data Eng 20:589 (2008): columns that are not recorded.
"""

from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from clinmm.explain.explanation import Found
from clinmm.explain.joint import Joint, Target
from clinmm.explain.parts import answers_without, parts_of
from clinmm.explain.parts.grid import GridParts
from clinmm.explain.parts.interface import Parts

READS = ("image", "note", "record", "signal")
ADDS_UP = False
DRAWS_POINTS = False
IN_LOGITS = True
USES_REFERENCE = ("image", "signal")
MEANING = (
    "What the logit loses when a patch, sentence or column is taken away and all else stays, and "
    "of an input, when all of it is; such losses do not add up."
)

A_SIDE = {1: 24, 2: 8, 3: 4}
"""Cells along each axis of a signal, a picture and a volume: one pass of the network for each
window, so fewer than a person could tell apart."""
REACH = 2
"""Cells along each axis that are taken away together."""


def attribute(joint: Joint, target: Target, steps: int, seed: int = 0) -> Found:
    """One pass of the model a part, for all classes together; `steps` and `seed` change nothing."""
    located, sums = {}, {}
    for name in joint.names:
        parts = _parts(joint, name)
        windows = _windows(parts)
        *each, all_of_it = target.of(_lost(joint, name, parts, windows)).tolist()
        located[name] = parts.located(_shared(np.array(each), windows))
        sums[name] = all_of_it
    return Found(located, sums)


_known: WeakKeyDictionary[Joint, dict[str, Tensor]] = WeakKeyDictionary()
"""What cases lose, kept while they are in use: the classes of a case ask for the same."""


def _lost(joint: Joint, name: str, parts: Parts, windows: NDArray[np.bool_]) -> Tensor:
    """(S + 1, K) what the answers lose without each of S windows, and without all parts."""
    known = _known.setdefault(joint, {})
    if name not in known:
        removed = np.concatenate([windows, np.ones((1, parts.n), dtype=bool)])
        left = answers_without(joint, {name: parts}, {name: removed})
        known[name] = joint.answers_with({}) - left
    return known[name]


def _parts(joint: Joint, name: str) -> Parts:
    if joint.kind(name) == "note":
        sentences = parts_of(joint, name, sentences=True)
        if sentences.n > 1:
            return sentences
    elif joint.kind(name) in ("image", "signal"):
        return GridParts(joint, name, A_SIDE)
    return parts_of(joint, name)


def _windows(parts: Parts) -> NDArray[np.bool_]:
    """(S, n) what is taken away together: each part by itself; of a grid every window of REACH
    cells, cut off at the edges, so that each cell lies in the same number of them."""
    if not isinstance(parts, GridParts):
        return np.eye(parts.n, dtype=bool)
    windows = np.ones((1, 1), dtype=bool)
    for length in parts.grid:
        windows = np.kron(windows, _moving(length))
    return windows


def _moving(n: int) -> NDArray[np.bool_]:
    """(n + REACH - 1, n): the windows along one axis."""
    ahead = np.arange(n) - np.arange(n + REACH - 1)[:, None]
    return (ahead <= 0) & (ahead > -REACH)


def _shared(lost: NDArray[np.float64], windows: NDArray[np.bool_]) -> NDArray[np.float64]:
    """(n,) the loss of each window shared evenly among its cells, and a cell's mean over its
    windows; where parts act apart from each other, the sum is that of their own losses."""
    each = windows / windows.sum(1, keepdims=True)
    scores: NDArray[np.float64] = lost @ each / windows.sum(0)
    return scores
