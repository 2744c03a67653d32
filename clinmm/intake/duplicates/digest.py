"""A digest of what a picture shows, whatever file it comes from."""

import hashlib
from pathlib import Path

import numpy as np

from clinmm.readers import read_image


def pixel_digest(path: Path, dimensions: int) -> str:
    """SHA-256 of size and pixels of the picture, or of the whole volume; grey stored as colour
    counts as grey."""
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
