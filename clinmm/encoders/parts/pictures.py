"""Image files -> one tensor; attributions of pixels -> a map. Shared by image encoders."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from clinmm.encoders.interface import Located, Progress
from clinmm.readers import cache, read_volume
from clinmm.readers.resize import read_square
from clinmm.readers.volume import cube

Window = tuple[float, float]


def pixels_of(
    paths: Sequence[Path | None],
    size: int,
    channels: int,
    progress: Progress | None = None,
    keep: bool = True,
) -> Tensor:
    """(N, channels, size, size) float32 in [0, 1]; an absent image is zero.

    keep: on disk, so that the same file is not decoded again (see `clinmm.readers.cache`).

    Raises:
        InputError: a file cannot be read.
    """

    def make(path: Path) -> NDArray[np.float32]:
        return read_square(path, size, channels)

    shape = (channels, size, size)
    return _all(paths, shape, f"picture {channels} {size} stretch", make, progress, keep)


def voxels_of(
    paths: Sequence[Path | None],
    size: int,
    window: Window | None = None,
    progress: Progress | None = None,
) -> Tensor:
    """(N, 1, size, size, size) float32 in [0, 1]; an absent volume is zero.

    window: see `clinmm.readers.volume.windowed`.

    Raises:
        InputError: a volume cannot be read.
    """

    def make(path: Path) -> NDArray[np.float32]:
        return cube(read_volume(path), size, window)

    return _all(paths, (1, size, size, size), f"cube {size} {window}", make, progress, True)


def _all(
    paths: Sequence[Path | None],
    shape: tuple[int, ...],
    settings: str,
    make: Callable[[Path], NDArray[np.float32]],
    progress: Progress | None,
    keep: bool,
) -> Tensor:
    every = cache.zeros((len(paths), *shape))
    n_made = 0
    for row, path in enumerate(paths):
        if path is not None and keep:
            every[row], made = cache.pixels(path, shape, settings, make)
            n_made += made
        elif path is not None:
            every[row] = make(path)
        if progress:
            progress(row + 1, len(paths))
    if n_made:
        cache.trim()
    return torch.from_numpy(every)


def as_map(attributions: NDArray[np.float32]) -> Located:
    """(C, ...) attributions -> `map` (H, W) or (D, H, W) float16, summed over the channels."""
    return {"map": attributions.sum(0).astype(np.float16)}
