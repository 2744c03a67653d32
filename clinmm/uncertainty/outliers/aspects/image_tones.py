"""Shares of dark and bright unlike those of training: inverted, blank, over- or underexposed."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clinmm.uncertainty.outliers.gaussian import Gaussian, fit_gaussian
from clinmm.uncertainty.outliers.readings import PictureNumbers

KIND, UNIT = "image", 0.1


def learn(readings: Sequence[PictureNumbers], patients: Any, spec: Any) -> dict[str, Any]:
    return fit_gaussian(_matrix(readings)).as_facts()


def score(facts: dict[str, Any], readings: Sequence[PictureNumbers]) -> NDArray[np.float64]:
    return Gaussian.from_facts(facts).distance(_matrix(readings))


def reason(facts: dict[str, Any], reading: PictureNumbers) -> str:
    return "its greys are distributed unlike those of training (blank, inverted, exposed otherwise)"


def _matrix(readings: Sequence[PictureNumbers]) -> NDArray[np.float64]:
    return np.array([one.tones for one in readings])
