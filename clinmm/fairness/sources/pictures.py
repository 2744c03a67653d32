"""Simple measures of how well a picture was taken, from its display copy."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Picture = NDArray[np.float64]


def sharpness(grey: Picture) -> float:
    """Variance of the Laplacian: low where edges are blurred.

    Reference:
        Pech-Pacheco et al. ICPR (2000).
    """
    centre = grey[1:-1, 1:-1]
    around = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:]
    return float((around - 4 * centre).var())


def noise(grey: Picture) -> float:
    """Standard deviation of noise, in grey values.

    Reference:
        Immerkaer. Comput Vis Image Underst 64:300 (1996).
    """
    rows = grey[:-2] - 2 * grey[1:-1] + grey[2:]
    left = rows[:, :-2] - 2 * rows[:, 1:-1] + rows[:, 2:]
    return float(np.sqrt(np.pi / 2) * np.abs(left).mean() / 6)


def brightness(grey: Picture) -> float:
    """Mean grey as displayed: exposure and window together."""
    return float(grey.mean())


def contrast(grey: Picture) -> float:
    """Standard deviation of greys."""
    return float(grey.std())


MEASURES: dict[str, Callable[[Picture], float]] = {
    f.__name__: f for f in (sharpness, noise, brightness, contrast)
}
SMALLEST = 3
"""Pixels a side that the measures need."""


def measured(files: Sequence[Path | None]) -> pd.DataFrame:
    """A row for each file, a float column for each of MEASURES; NaN where there is no picture.

    Greys are in [0, 1]; colours are averaged. A volume's copy, which holds its slices side by side,
    is read as one picture.
    """
    from PIL import Image

    rows = []
    for file in files:
        grey = np.empty((0, 0))
        if file is not None and file.is_file():
            with Image.open(file) as image:
                grey = np.asarray(image.convert("L"), dtype=np.float64) / 255
        usable = min(grey.shape) >= SMALLEST
        rows.append({n: f(grey) if usable else np.nan for n, f in MEASURES.items()})
    return pd.DataFrame(rows, columns=list(MEASURES), dtype=np.float64)
