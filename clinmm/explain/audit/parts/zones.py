"""Where in an image no anatomy lies, or nothing that should decide: zones for shortcuts.

Zones are found in what the model sees, pixel by pixel.
"""

import numpy as np
from numpy.typing import NDArray

from clinmm.intake.leaks.marks import STANDS_OUT

Mask = NDArray[np.bool_]

DARK = 0.1
"""Grey, as a share of the brightest, below which what touches the edge is outside the body."""
BORDER = 0.05
"""Width of the border, as a share of the side."""
CORNER = 1 / 6
"""Side of a corner, as a share of the image's: letters lie there, lungs and their angles do not."""
SMALL = 7 / 64
"""Side of the square that a mark cannot fill, as a share of the image's (see `leaks/marks.py`)."""

CORNERS = {
    "upper_left": (0, 0),
    "upper_right": (0, 1),
    "lower_left": (1, 0),
    "lower_right": (1, 1),
}
"""As the image is shown: the upper left of a radiograph is the patient's right shoulder."""
ZONES = {
    "outside_body": "outside the body",
    "border": "on the outer 5 % of the image",
    "marks": "on small bright marks near the edge, such as letters",
    **{name: f"in the {name.replace('_', ' ')} corner of the image" for name in CORNERS},
}
"""Name -> where it is, in words."""


def zones_of(pixels: NDArray[np.float32]) -> dict[str, Mask]:
    """Zone -> the image's pixels that lie in it: none where the image lacks it.

    Args:
        pixels: (H, W) or (D, H, W) in [0, 1]. In a volume corners are those of its axial slices,
            and no marks are looked for.
    """
    zones = {"outside_body": _outside_body(pixels), "border": _border(pixels.shape)}
    if pixels.ndim == 2:
        zones["marks"] = _marks(pixels)
    for name, corner in CORNERS.items():
        zones[name] = _corner(pixels.shape, corner)
    return zones


def _outside_body(pixels: NDArray[np.float32]) -> Mask:
    """What is dark and connected with the edge; dark lungs inside the body are not."""
    from scipy.ndimage import label, uniform_filter

    smooth = uniform_filter(pixels, 3)
    numbers, _ = label(smooth < DARK * np.percentile(smooth, 99))
    at_edge = numbers[_edge(pixels.shape)]
    return np.isin(numbers, np.unique(at_edge[at_edge > 0]))


def _edge(shape: tuple[int, ...]) -> Mask:
    """The outermost pixels of each slice."""
    edge = np.zeros(shape, dtype=bool)
    edge[..., [0, -1], :] = edge[..., :, [0, -1]] = True
    return edge


def _border(shape: tuple[int, ...]) -> Mask:
    border = np.ones(shape, dtype=bool)
    tall, wide = (max(1, round(BORDER * n)) for n in shape[-2:])
    border[..., tall:-tall, wide:-wide] = False
    return border


def _corner(shape: tuple[int, ...], corner: tuple[int, int]) -> Mask:
    """corner: 0 for the first rows (columns), 1 for the last."""
    zone = np.zeros(shape, dtype=bool)
    rows, columns = (
        slice(round((1 - CORNER) * n), None) if last else slice(round(CORNER * n))
        for n, last in zip(shape[-2:], corner, strict=True)
    )
    zone[..., rows, columns] = True
    return zone


def _marks(pixels: NDArray[np.float32]) -> Mask:
    """Small things in the outer eighth that stand out as the check of burned-in marks asks."""
    from scipy.ndimage import binary_dilation, white_tophat

    tall, wide = (max(3, round(SMALL * n)) for n in pixels.shape)
    hat = white_tophat(pixels, size=(tall, wide)) > STANDS_OUT
    rows, columns = (max(1, n // 8) for n in pixels.shape)
    hat[rows:-rows, columns:-columns] = False
    grown: Mask = binary_dilation(hat, np.ones((3, 3)))
    return grown
