"""A coloured picture among grey ones, or the reverse."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clinmm.uncertainty.outliers.readings import PictureNumbers

KIND, UNIT = "image", 0.02


def learn(readings: Sequence[PictureNumbers], patients: Any, spec: Any) -> dict[str, Any]:
    return {"colour": float(np.median([one.colour for one in readings]))}


def score(facts: dict[str, Any], readings: Sequence[PictureNumbers]) -> NDArray[np.float64]:
    away = np.abs(np.array([one.colour for one in readings]) - facts["colour"])
    return np.asarray(away, dtype=np.float64)


def reason(facts: dict[str, Any], reading: PictureNumbers) -> str:
    return f"it is {'more' if reading.colour > facts['colour'] else 'less'} coloured than training"
