"""A picture opened again: its pixels' digest, or a small grey square."""

import hashlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from clinmm.readers import read_image
from clinmm.readers.pixels import Picture
from clinmm.readers.resize import resize


def grey_square(path: Path, dimensions: int, side: int) -> NDArray[np.uint8]:
    """(side, side) uint8: the picture, or the middle of the volume, stretched to a square."""
    grey = resize(_opened(path, dimensions), side, 1)[0]
    square: NDArray[np.uint8] = np.round(grey * 255).astype(np.uint8)
    return square


def pixel_digest(path: Path, dimensions: int) -> str:
    """SHA-256 of what is shown, whatever file it comes from: size and pixels of the picture or of
    the whole volume; grey stored as colour counts as grey."""
    if dimensions == 3:
        from clinmm.readers import read_volume

        shown = read_volume(path).voxels
    else:
        shown = read_image(path).pixels
        if shown.shape[0] == 3 and np.array_equal(shown[0], shown[1]):
            shown = shown[:1] if np.array_equal(shown[0], shown[2]) else shown
    whole = hashlib.sha256(repr(shown.shape).encode())
    whole.update(np.ascontiguousarray(shown).tobytes())
    return whole.hexdigest()


def _opened(path: Path, dimensions: int) -> Picture:
    if dimensions == 3:
        from clinmm.readers import read_volume
        from clinmm.readers.volume import middle_picture

        return middle_picture(read_volume(path))
    return read_image(path)
