"""Image files -> one pixel tensor; attributions of pixels -> a map. Shared by image encoders."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from clinmm.encoders.interface import Located, Progress
from clinmm.readers import read_image
from clinmm.readers.resize import resize


def pixels_of(
    paths: Sequence[Path | None], size: int, channels: int, progress: Progress | None = None
) -> Tensor:
    """(N, channels, size, size) float32 in [0, 1]; an absent image is zero.

    Raises:
        InputError: a file cannot be read.
    """
    pixels = torch.zeros(len(paths), channels, size, size)
    for row, path in enumerate(paths):
        if path is not None:
            pixels[row] = torch.from_numpy(resize(read_image(path), size, channels))
        if progress:
            progress(row + 1, len(paths))
    return pixels


def as_map(attributions: NDArray[np.float32]) -> Located:
    """(C, H, W) attributions -> `map` (H, W) float16, summed over the channels."""
    return {"map": attributions.sum(0).astype(np.float16)}
