"""Lays pictures over one another: scale and shift along each axis, many pairs at once."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Overlay = NDArray[np.float64]
"""(P, 4): scale and shift along the rows, scale and shift along the columns. On axes that run
from -1 to 1 over each picture, the point y of the first lies at scale * y + shift of the second."""

LEAST_OVERLAP = 0.5
"""Share of the first picture that must lie on the second."""


def overlay_of_cuts(cuts: NDArray[np.float64]) -> Overlay:
    """Where a picture lies on another of which it is the middle part.

    Args:
        cuts: (P, 4) shares cut off at the top, bottom, left and right.

    >>> overlay_of_cuts(np.array([[0.0, 0.0, 0.1, 0.1]])).round(6).tolist()
    [[1.0, 0.0, 0.8, 0.0]]
    """
    before, after = cuts[:, [0, 2]], cuts[:, [1, 3]]
    return np.stack([1 - before - after, before - after], axis=2).reshape(-1, 4)


def align(first: Array, second: Array, overlay: Overlay, steps: int) -> Overlay:
    """The overlay that makes the second picture most like the first, near the one given.

    Gauss-Newton steps on the squared difference, damped, over the pixels that overlap.

    Args:
        first, second: (P, S, S), evened.
        overlay: (P, 4) where to begin.
        steps: how many.

    Reference:
        Lucas, Kanade. IJCAI 1981.
    """
    overlay = overlay.copy()
    side = first.shape[1]
    line = np.stack([_axis(side), np.ones(side, dtype=np.float32)])  # what scale and shift move
    lines = (line[:, None] * line).reshape(4, side).T
    for _ in range(steps):
        laid, on_rows, on_columns = lay(second, overlay)
        per_pixel = (side / 4 / overlay[:, [0, 2]]).astype(np.float32)
        by_row, by_column = np.zeros_like(laid), np.zeros_like(laid)
        by_row[:, 1:-1] = laid[:, 2:] - laid[:, :-2]
        by_column[:, :, 1:-1] = laid[:, :, 2:] - laid[:, :, :-2]
        by_row *= (per_pixel[:, :1] * on_rows)[:, :, None] * on_columns[:, None, :]
        by_column *= on_rows[:, :, None] * (per_pixel[:, 1:] * on_columns)[:, None, :]
        missing = first - laid
        normal = np.empty((len(first), 4, 4))
        normal[:, :2, :2] = _by_row(by_row, by_row, lines).reshape(-1, 2, 2)
        normal[:, 2:, 2:] = _by_column(by_column, by_column, lines).reshape(-1, 2, 2)
        normal[:, :2, 2:] = line @ (by_row * by_column) @ line.T
        normal[:, 2:, :2] = normal[:, :2, 2:].transpose(0, 2, 1)
        wanted = np.concatenate(
            [_by_row(by_row, missing, line.T), _by_column(by_column, missing, line.T)], axis=1
        )
        trace = np.trace(normal, axis1=1, axis2=2)[:, None, None]
        step = np.linalg.solve(normal + (0.001 * trace + 1e-6) * np.eye(4), wanted[..., None])
        overlay += np.clip(step[..., 0], -0.1, 0.1)
        overlay[:, [0, 2]] = np.clip(overlay[:, [0, 2]], 0.6, 1.6)
        overlay[:, [1, 3]] = np.clip(overlay[:, [1, 3]], -0.5, 0.5)
    return overlay


def _by_row(one: Array, other: Array, weights: Array) -> Array:
    """(P, k) the product of two (P, S, S), summed with the (S, k) weights of the rows."""
    summed: Array = np.einsum("pij,pij->pi", one, other) @ weights
    return summed


def _by_column(one: Array, other: Array, weights: Array) -> Array:
    summed: Array = np.einsum("pij,pij->pj", one, other) @ weights
    return summed


def lay(pictures: Array, overlay: Overlay) -> tuple[Array, Array, Array]:
    """(P, S, S) the pictures seen through the overlay; and 1 for the (P, S) rows and the (P, S)
    columns that lie on them, else 0.

    Bilinear interpolation, one axis after the other.
    """
    side = pictures.shape[1]
    rows, on_rows = _interpolation(overlay[:, :2], side)
    columns, on_columns = _interpolation(overlay[:, 2:], side)
    laid: Array = np.matmul(np.matmul(rows, pictures), columns.transpose(0, 2, 1))
    return laid, on_rows, on_columns


def _interpolation(scale_shift: Overlay, side: int) -> tuple[Array, Array]:
    """(P, side, side) weights of each pixel of an axis for each place, and which places are on."""
    place = scale_shift[:, :1] * _axis(side) + scale_shift[:, 1:]
    pixel = ((place + 1) * (side / 2) - 0.5).astype(np.float32)
    apart = np.abs(np.clip(pixel, 0, side - 1)[..., None] - np.arange(side, dtype=np.float32))
    weights: Array = np.maximum(1 - apart, 0).astype(np.float32, copy=False)
    return weights, ((pixel >= -0.5) & (pixel <= side - 0.5)).astype(np.float32)


def _axis(side: int) -> Array:
    return ((np.arange(side) + 0.5) * 2 / side - 1).astype(np.float32)


def likeness(first: Array, second: Array, overlay: Overlay) -> NDArray[np.float64]:
    """(P,) correlation of the pixels that overlap; 0 where less than LEAST_OVERLAP does."""
    laid, on_rows, on_columns = lay(second, overlay)
    inside = on_rows[:, :, None] * on_columns[:, None, :]
    n = np.maximum(inside.sum(axis=(1, 2)), 1)
    a, b = (_centred(picture, inside, n) for picture in (first, laid))
    product, square_a, square_b = (
        np.einsum("pij,pij->p", x, y).astype(np.float64) for x, y in ((a, b), (a, a), (b, b))
    )
    alike = product / np.maximum(np.sqrt(square_a * square_b), 1e-9)
    return np.where(n >= LEAST_OVERLAP * laid[0].size, alike, 0.0)


def _centred(pictures: Array, inside: Array, n: Array) -> Array:
    """The pixels inside less their mean; 0 outside."""
    mean = np.einsum("pij,pij->p", pictures, inside) / n
    centred: Array = (pictures - mean[:, None, None]) * inside
    return centred
