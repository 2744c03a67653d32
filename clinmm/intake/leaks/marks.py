"""Borders and burned-in marks of a thumbnail.

A mark such as a side letter is small, much brighter than what surrounds it, and lies where there is
no anatomy to be judged: in the outer ring of an 8 x 8 grid.
"""

import numpy as np
from numpy.typing import NDArray

Thumbnail = NDArray[np.uint8]

BLACK = 10
"""Grey up to which a pixel of 0 to 255 counts as black."""
EDGE_NAMES = ("top", "bottom", "left", "right")
GRID = 8
SMALL = 7
"""Side, in pixels of a thumbnail of 64, of the square that a mark cannot fill."""

STANDS_OUT = 0.22
"""From here on a small thing is a mark. Texture that reaches the border (lesions of skin, ribs)
stays below in 98 of 100 pictures, burned-in letters are above."""

RING = [
    (r, c) for r in range(GRID) for c in range(GRID) if r in (0, GRID - 1) or c in (0, GRID - 1)
]
"""(row, column) of the outer cells of the grid."""


def borders(thumbnail: Thumbnail) -> NDArray[np.float64]:
    """(4,) share of the height or width that is black all along, from top, bottom, left, right."""
    lines = [
        (thumbnail > BLACK).mean(axis=1) > 0.02,  # rows that hold something
        (thumbnail > BLACK).mean(axis=0) > 0.02,
    ]
    shares = []
    for filled in lines:
        inside = np.flatnonzero(filled)
        n = len(filled)
        shares += [inside[0] / n, (n - 1 - inside[-1]) / n] if inside.size else [1.0, 1.0]
    return np.array(shares)


def marks(thumbnails: NDArray[np.uint8]) -> NDArray[np.float64]:
    """How much the brightest small thing of each outer cell stands out, 0 to 1.

    The white top-hat: the picture less its opening by a square that no mark fills.

    Args:
        thumbnails: (n, side, side).

    Returns:
        (n, 28), in the order of RING.

    Reference:
        Serra. Image Analysis and Mathematical Morphology (1982), chapter 12.
    """
    from scipy.ndimage import white_tophat

    n, side, _ = thumbnails.shape
    size = max(3, round(SMALL * side / 64))
    hats = white_tophat(thumbnails.astype(np.float32) / 255, size=(1, size, size))
    cell = side // GRID
    cells = (
        hats[:, : cell * GRID, : cell * GRID].reshape(n, GRID, cell, GRID, cell).max(axis=(2, 4))
    )
    return np.stack([cells[:, r, c] for r, c in RING], axis=1).astype(np.float64)


def place(cell: int) -> str:
    """Where a cell of the ring is, in words.

    >>> place(0), place(7)
    ('upper left', 'upper right')
    """
    row, column = RING[cell]
    upright = "upper" if row < GRID // 3 else "lower" if row >= GRID - GRID // 3 else "middle"
    across = "left" if column < GRID // 3 else "right" if column >= GRID - GRID // 3 else "middle"
    return f"{upright} {across}"
