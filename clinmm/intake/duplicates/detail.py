"""Whether two pictures agree in their details once they lie over one another."""

import warnings

import numpy as np
from numpy.typing import NDArray

from clinmm.intake.duplicates.align import Array, Overlay, align, lay

BLOCKS = 8
"""Details are compared in BLOCKS x BLOCKS parts: a burned-in mark spoils few of them."""


def detail_likeness(first: Array, second: Array, overlay: Overlay) -> NDArray[np.float64]:
    """(P,) median over the blocks of the correlation of their fine structure; -1 to 1.

    Two films of different chests have ribs and heart in like places, so they correlate as a
    whole; the fine structure of a copy alone goes with that of the original.

    Args:
        first, second: (P, S, S), evened with FINE_BLUR.
        overlay: (P, 4) how they lie, about.
    """
    overlay = align(first, second, overlay, 2)
    laid, on_rows, on_columns = lay(second, overlay)
    weight = _blocks(on_rows[:, :, None] * on_columns[:, None, :])
    n = weight.sum(axis=2, keepdims=True)
    centred = []
    for pictures in (first, laid):
        parts = _blocks(pictures) * weight
        centred.append((parts - parts.sum(axis=2, keepdims=True) / np.maximum(n, 1)) * weight)
    x, y = centred
    norm = np.sqrt((x**2).sum(axis=2) * (y**2).sum(axis=2)) + 1e-6
    alike = np.where(n[..., 0] >= weight.shape[2] / 2, (x * y).sum(axis=2) / norm, np.nan)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a pair that does not overlap
        median: NDArray[np.float64] = np.nan_to_num(np.nanmedian(alike, axis=1)).astype(np.float64)
    return median


def _blocks(pictures: Array) -> Array:
    """(P, BLOCKS * BLOCKS, pixels of a block)."""
    n, side = len(pictures), pictures.shape[1] // BLOCKS
    parts = pictures.reshape(n, BLOCKS, side, BLOCKS, side).transpose(0, 1, 3, 2, 4)
    return np.ascontiguousarray(parts).reshape(n, BLOCKS * BLOCKS, side * side)
