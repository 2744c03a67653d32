"""What a person outlined in an image, in the parts in which an explanation is read."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from clinmm.cohort.cohort import Cohort


def masks_of_case(cohort: Cohort, case_id: str, class_name: str) -> Mapping[str, NDArray[np.bool_]]:
    """Input -> the class's mask over the whole image; nothing where it is empty or not there.

    Raises:
        InputError: a file of masks cannot be read.
    """
    masks = {
        name: cohort.mask(name, case_id, class_name) for name in cohort.spec.input_names("image")
    }
    return {name: mask for name, mask in masks.items() if mask is not None and mask.any()}


def covered(mask: NDArray[np.bool_], grid: tuple[int, ...]) -> NDArray[np.float64]:
    """(n,) share of each part of the grid that the mask covers.

    Encoders stretch the whole picture or volume to their size (`read_square`, `cube`), so a part
    of the grid is the same share of the whole in the mask, whatever its size: a pixel on the border
    of two parts belongs to both by its area in each.

    >>> covered(np.array([[True, False, False], [False, False, False]]), (1, 2)).tolist()
    [0.3333333333333333, 0.0]
    """
    shares = mask.astype(np.float64)
    for axis, n in enumerate(grid):
        shares = np.moveaxis(
            np.tensordot(_overlap(mask.shape[axis], n), shares, axes=(1, axis)), 0, axis
        )
    return shares.ravel()


def _overlap(n_pixels: int, n_parts: int) -> NDArray[np.float64]:
    """(n_parts, n_pixels) how much of each part every pixel makes up; rows sum to 1."""
    edges = np.arange(n_pixels + 1) / n_pixels
    start = np.arange(n_parts)[:, None] / n_parts
    end = start + 1 / n_parts
    inside = np.minimum(edges[1:], end) - np.maximum(edges[:-1], start)
    share: NDArray[np.float64] = np.clip(inside, 0, None) * n_parts
    return share
