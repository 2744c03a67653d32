"""A picture much longer, wider, larger or smaller than those of training."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clinmm.uncertainty.outliers.readings import PictureNumbers

KIND, UNIT = "image", 0.1

MARKS = 101
"""The shapes of training are kept as so many quantiles; the nearest one counts."""


def learn(readings: Sequence[PictureNumbers], patients: Any, spec: Any) -> dict[str, Any]:
    ratio, sides = _logs(readings)
    at = np.linspace(0, 1, MARKS)
    return {
        "ratio": np.unique(np.quantile(ratio, at).round(4)).tolist(),
        "side": np.unique(np.quantile(sides, at).round(4)).tolist(),
    }


def score(facts: dict[str, Any], readings: Sequence[PictureNumbers]) -> NDArray[np.float64]:
    """The larger of two distances, in units of the logarithm: ratio of the sides, and size."""
    ratio, side = _logs(readings)
    return np.maximum(_nearest(ratio, facts["ratio"]), _nearest(side, facts["side"]))


def reason(facts: dict[str, Any], reading: PictureNumbers) -> str:
    return (
        f"its shape is unlike that of training pictures: {reading.width_to_height:.2f} times as "
        f"wide as high, {reading.pixels / 1e6:.2g} million pixels"
    )


def _logs(readings: Sequence[PictureNumbers]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Logarithm of width to height, and of the side of a square of as many pixels."""
    return (
        np.log([one.width_to_height for one in readings]),
        0.5 * np.log([one.pixels for one in readings]),
    )


def _nearest(values: NDArray[np.float64], marks: list[float]) -> NDArray[np.float64]:
    nearest: NDArray[np.float64] = np.abs(values[:, None] - np.array(marks)[None, :]).min(1)
    return nearest
