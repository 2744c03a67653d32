"""Where a person sees a class in an image: masks, which no model ever reads."""

import zipfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from clinmm.errors import InputError


def read_mask(path: Path, class_name: str, dimensions: int) -> NDArray[np.bool_] | None:
    """The class's mask from an .npz file; None where the file has none of that name.

    Args:
        dimensions: 2 or 3, axes that the mask must have.

    Raises:
        InputError: the file cannot be read, or holds something else than true and false (or 0 and
            1) on a grid of so many axes.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            if class_name not in archive.files:
                return None
            values = archive[class_name]
    except (OSError, ValueError, EOFError, AttributeError, zipfile.BadZipFile) as error:
        raise InputError(
            f"{path} is no archive of masks that can be read ({type(error).__name__}). Write it "
            "with numpy.savez_compressed, one array for each class name."
        ) from None
    if values.ndim != dimensions or not values.size or not np.isin(values, (0, 1)).all():
        raise InputError(
            f"{path}: the mask of '{class_name}' has shape {values.shape} and type {values.dtype}; "
            f"wanted {dimensions} axes of true and false over the whole image."
        )
    mask: NDArray[np.bool_] = values.astype(bool)
    return mask
