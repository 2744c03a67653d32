"""Signal files -> one array; attributions of samples -> pieces of time. For signal encoders."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clinmm.encoders.interface import Located, Progress
from clinmm.readers import cache
from clinmm.readers.signal import (
    SIGNAL_VERSION,
    SignalFile,
    find,
    on_grid,
    read_signal,
    signal_sha256,
)

PIECES = 200
"""Attributions are kept for so many pieces of time, at most."""

Samples = NDArray[np.float32]


def shape_facts(spec: Any) -> dict[str, Any]:
    """What of the cohort file's entry says what samples models see."""
    return {
        "rate": float(spec.rate),
        "channels": int(spec.channels),
        "seconds": float(spec.seconds),
    }


def samples_of(file: SignalFile, facts: dict[str, Any]) -> Samples:
    """(C, T) of one file as the facts say, NaN where nothing was measured.

    Raises:
        InputError: the file cannot be read.
    """
    signal = read_signal(file.path, file.clock)
    rate, channels, seconds = facts["rate"], facts["channels"], facts["seconds"]
    return on_grid(signal, rate, channels, seconds, file.file_rate, str(file.path))


def all_files(
    files: Sequence[SignalFile | None],
    shape: tuple[int, ...],
    settings: str,
    make: Callable[[SignalFile], Samples],
    progress: Progress | None = None,
) -> Samples:
    """(N, *shape) of what make(file) gives, kept on disk by the bytes of every file; an absent
    signal is NaN.

    settings: names everything else that the result depends on.
    """
    every = cache.zeros((len(files), *shape))
    n_made = 0
    for row, file in enumerate(files):
        found = None if file is None else find(file.path)
        if file is None:
            every[row] = np.nan
        elif found is None:
            make(file)  # raises: the file is missing
        else:
            whole = f"signal {SIGNAL_VERSION} {signal_sha256(found)} {file[1:]} {settings}"
            every[row], made = cache.pixels(found, shape, whole, _from_path(file, make))
            n_made += made
        if progress:
            progress(row + 1, len(files))
    if n_made:
        cache.trim()
    return every


def _from_path(
    file: SignalFile, make: Callable[[SignalFile], Samples]
) -> Callable[[Path], Samples]:
    return lambda path: make(file._replace(path=path))


def level_and_spread(every: Samples, axis: int) -> tuple[list[float], list[float]]:
    """Mean and standard deviation along `axis` of each case's array, over all cases, of what was
    measured; 0 and 1 where nothing was. Case by case, so that memory does not grow with them."""
    if not len(every):
        nothing = np.zeros(np.delete(every.shape[1:], axis))
        return nothing.tolist(), (nothing + 1).tolist()
    known = [np.isfinite(case) for case in every]
    n = np.maximum(sum(here.sum(axis) for here in known), 1)

    def mean_of(change: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> Any:
        cases = zip(every, known, strict=True)
        return sum(np.where(here, change(case), 0).sum(axis) for case, here in cases) / n

    mean = mean_of(lambda case: case.astype(np.float64))
    centre = np.expand_dims(mean, axis)
    deviation = np.sqrt(mean_of(lambda case: np.square(case - centre)))
    return mean.tolist(), np.where(deviation < 1e-9, 1.0, deviation).tolist()


def in_pieces(attributions: Samples, seconds: float) -> Located:
    """(C, T) attributions over so many seconds -> `channel`, `start` and `end` in seconds, and
    `score` in logits of each piece of time of each channel."""
    channels, n = attributions.shape
    edges = np.unique(np.round(np.linspace(0, n, min(PIECES, n) + 1)).astype(int))
    score = np.add.reduceat(attributions.astype(np.float64), edges[:-1], axis=1)
    at = (edges * (seconds / n)).astype(np.float32)
    return {
        "channel": np.repeat(np.arange(channels, dtype=np.int32), len(edges) - 1),
        "start": np.tile(at[:-1], channels),
        "end": np.tile(at[1:], channels),
        "score": score.ravel().astype(np.float32),
    }
