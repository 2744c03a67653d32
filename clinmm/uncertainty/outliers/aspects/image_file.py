"""A DICOM modality that training hardly had: a CT slice among radiographs."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clinmm.uncertainty.outliers.rarity import learn_rarity, rarity
from clinmm.uncertainty.outliers.readings import PictureNumbers

KIND, UNIT = "image", 0.5


def learn(readings: Sequence[PictureNumbers], patients: Any, spec: Any) -> dict[str, Any]:
    return learn_rarity(one.kind for one in readings)


def score(facts: dict[str, Any], readings: Sequence[PictureNumbers]) -> NDArray[np.float64]:
    return np.array([rarity(facts, one.kind) for one in readings])


def reason(facts: dict[str, Any], reading: PictureNumbers) -> str:
    has = facts["counts"].get(reading.kind, 0)
    return f"{has} of {facts['n']} training files are of its modality"
