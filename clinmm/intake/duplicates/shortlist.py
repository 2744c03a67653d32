"""Which pictures might be copies of one another: every pair compared, coarsely."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Scalar = TypeVar("Scalar", bound=np.generic)

GRID = 12
"""A picture is described by GRID x GRID cells."""

NEIGHBOURS = 10
"""Candidates kept per picture."""

LEAST_ALIKE = 0.6
"""Correlation of two descriptions below which a pair is no candidate."""

SIDE_CUTS = (0.02, 0.08)
"""A picture is also described with each of its borders cut by one of these shares, so that a cut
of 0 to .1 on any border is met within .03."""

BLOCK = 2048
"""Pictures compared at a time: bounds the memory."""


@dataclass(frozen=True)
class View:
    """A part of a picture, turned: what another picture may be a copy of.

    turns: quarter turns. mirrored: left and right exchanged after the turns.
    top, bottom, left, right: shares of the sides cut off after that.
    """

    turns: int = 0
    mirrored: bool = False
    top: float = 0.0
    bottom: float = 0.0
    left: float = 0.0
    right: float = 0.0


VIEWS = (
    View(),
    *(View(top=t, bottom=b, left=le, right=r) for t, b, le, r in product(SIDE_CUTS, repeat=4)),
    *(
        View(turns, mirrored)
        for mirrored in (False, True)
        for turns in range(4)
        if turns or mirrored
    ),
)
"""What is looked for: the whole picture, 16 cuts, and the 7 ways to turn or mirror it."""


@dataclass(frozen=True, eq=False)
class Candidates:
    """Pairs that might be copies: `first` looks like view `view` of `second`.

    first, second, view: (P,) rows of the thumbnails, and numbers of VIEWS.
    """

    first: NDArray[np.int_]
    second: NDArray[np.int_]
    view: NDArray[np.int_]


def evened(pictures: NDArray[np.uint8], blur: float) -> Array:
    """(n, S, S) -> the same, each pixel in units of the contrast around it.

    blur: standard deviation of what counts as around, as a share of the side.

    Greys become ranks, so that any change of brightness, contrast or gamma drops out; then the
    local mean is taken away and the rest divided by the local standard deviation.
    """
    from scipy.ndimage import gaussian_filter1d

    side = pictures.shape[1]
    around = gaussian_filter1d(np.eye(side, dtype=np.float32), side * blur, axis=0)
    result = np.empty(pictures.shape, dtype=np.float32)
    for start in range(0, len(pictures), BLOCK):
        ranks = _ranks(pictures[start : start + BLOCK])
        ranks -= around @ ranks @ around.T
        deviation = np.sqrt(around @ ranks**2 @ around.T)
        result[start : start + BLOCK] = ranks / (deviation + np.float32(0.02))
    return result


def _ranks(pictures: NDArray[np.uint8]) -> Array:
    """Each grey as the share of the picture's pixels that are darker."""
    ranks = np.empty(pictures.shape, dtype=np.float32)
    for row, picture in enumerate(pictures):
        counts = np.bincount(picture.ravel(), minlength=256)
        ranks[row] = ((np.cumsum(counts) - counts / 2) / picture.size).astype(np.float32)[picture]
    return ranks


def shortlist(
    evened_thumbnails: Array,
    group: NDArray[np.int_],
    counted: NDArray[np.bool_],
    tell: Callable[[int, int], None] | None = None,
) -> Candidates:
    """For each picture those of other groups that have a view most like it; all pairs compared.

    Args:
        evened_thumbnails: (n, S, S).
        group: (n,) pictures of one group, a patient's, are no candidates.
        counted: (n,) pictures that are compared; not blank ones.
        tell: told how far it is.

    Time grows with the square of n, memory with n.
    """
    used = np.flatnonzero(counted)
    evened_thumbnails, group = evened_thumbnails[used], group[used]
    views = [_described(evened_thumbnails, view) for view in VIEWS]
    found = []
    for start in range(0, len(group), BLOCK):
        if tell:
            tell(start, len(group))
        rows = np.arange(start, min(start + BLOCK, len(group)))
        found.append(_most_alike(views, rows, group))
    first, second, alike = (np.concatenate(parts) for parts in zip(*found, strict=True))
    pair = np.minimum(first, second) * len(group) + np.maximum(first, second)
    likest_first = np.lexsort((-alike, pair))
    _, once = np.unique(pair[likest_first], return_index=True)
    chosen = likest_first[once]
    first, second = first[chosen], second[chosen]
    return Candidates(used[first], used[second], _view(views, first, second))


def _most_alike(
    views: list[Array], rows: NDArray[np.int_], group: NDArray[np.int_]
) -> tuple[NDArray[np.int_], NDArray[np.int_], Array]:
    """Row, other and correlation of the NEIGHBOURS best others of each row."""
    n_kept = min(NEIGHBOURS, len(group))
    kept = np.full((len(rows), n_kept), -1, dtype=np.float32)
    other = np.zeros((len(rows), n_kept), dtype=np.int_)
    for start in range(0, len(group), BLOCK):
        columns = np.arange(start, min(start + BLOCK, len(group)))
        alike = views[0][rows] @ views[0][columns].T
        for described in views[1:]:
            np.maximum(alike, views[0][rows] @ described[columns].T, out=alike)
        alike[group[rows][:, None] == group[columns]] = -1
        both = np.concatenate([kept, alike], axis=1)
        best = np.argpartition(-both, n_kept - 1, axis=1)[:, :n_kept]
        kept = np.take_along_axis(both, best, axis=1)
        here = np.broadcast_to(columns, alike.shape)
        other = np.take_along_axis(np.concatenate([other, here], axis=1), best, axis=1)
    at, place = np.nonzero(kept >= LEAST_ALIKE)
    return rows[at], other[at, place], kept[at, place]


def _view(
    views: list[Array], first: NDArray[np.int_], second: NDArray[np.int_]
) -> NDArray[np.int_]:
    """(P,) the view of the second picture that the first looks like most."""
    alike = [np.einsum("pk,pk->p", views[0][first], described[second]) for described in views]
    likest: NDArray[np.int_] = np.argmax(alike, axis=0)
    return likest


def _described(pictures: Array, view: View) -> Array:
    """(n, GRID * GRID) of length 1: the means of the cells of a view."""
    side = pictures.shape[1]
    rows, columns = _cells(view.top, view.bottom, side), _cells(view.left, view.right, side)
    cells = rows @ turned(pictures, view) @ columns.T
    flat = cells.reshape(len(pictures), -1)
    length = np.linalg.norm(flat, axis=1, keepdims=True)
    unit: Array = (flat / np.maximum(length, 1e-6)).astype(np.float32)
    return unit


def turned(pictures: NDArray[Scalar], view: View) -> NDArray[Scalar]:
    """(..., S, S) turned and mirrored as the view says; nothing is cut off."""
    result = np.rot90(pictures, view.turns, axes=(-2, -1))
    return result[..., ::-1] if view.mirrored else result


def _cells(before: float, after: float, side: int) -> Array:
    """(GRID, side) weights that average the pixels of each cell between the two cuts."""
    edges = np.linspace(before * side, (1 - after) * side, GRID + 1)
    pixel = np.arange(side)
    overlap = np.minimum(edges[1:, None], pixel + 1) - np.maximum(edges[:-1, None], pixel)
    overlap = np.maximum(overlap, 0)
    weights: Array = (overlap / overlap.sum(axis=1, keepdims=True)).astype(np.float32)
    return weights
