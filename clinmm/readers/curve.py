"""The curve of a signal to draw: at most `POINTS` moments a channel, none of its peaks lost."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clinmm.errors import InputError
from clinmm.readers.signal import on_grid, read_signal

POINTS = 2000


@dataclass(frozen=True, eq=False)
class Curve:
    """seconds: (P,). values: (C, P) in the file's unit, NaN in gaps. length_s: of the whole."""

    seconds: NDArray[np.float32]
    values: NDArray[np.float32]
    length_s: float


def save(path: Path, source: Any, out: Path) -> None:
    """Writes the curve of a signal as models see it: its rate, cut and gaps.

    source: the cohort file's entry.

    Raises:
        InputError: the file cannot be read.
    """
    signal = read_signal(path, source.clock)
    samples = on_grid(
        signal, source.rate, source.channels, source.seconds, source.file_rate, str(path)
    )
    curve = thinned(samples, source.rate)
    with out.open("wb") as file:
        np.savez_compressed(
            file, seconds=curve.seconds, values=curve.values, length_s=curve.length_s
        )


def load(file: Path) -> Curve:
    """Raises InputError if the file is no curve."""
    try:
        with np.load(file, allow_pickle=False) as stored:
            return Curve(stored["seconds"], stored["values"], float(stored["length_s"]))
    except (OSError, KeyError, ValueError) as error:
        raise InputError(f"{file.name} is no curve ({type(error).__name__}).") from None


def thinned(samples: NDArray[np.float32], rate: float) -> Curve:
    """Of each stretch of time the lowest and the highest sample, where there are too many to draw.

    samples: (C, T) at `rate`, NaN in gaps.
    """
    channels, n = samples.shape
    if n <= POINTS:
        return Curve((np.arange(n) / rate).astype(np.float32), samples, n / rate)
    edges = np.round(np.linspace(0, n, POINTS // 2 + 1)).astype(int)
    low = np.fmin.reduceat(samples, edges[:-1], axis=1)
    high = np.fmax.reduceat(samples, edges[:-1], axis=1)
    values = np.stack([low, high], axis=2).reshape(channels, -1)
    at = np.stack([edges[:-1], (edges[:-1] + edges[1:]) / 2], axis=1).ravel()
    return Curve((at / rate).astype(np.float32), values, n / rate)
