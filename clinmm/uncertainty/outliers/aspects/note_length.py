"""A note without words, or much shorter or longer than those of training."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clinmm.uncertainty.outliers.readings import NoteNumbers

KIND, UNIT = "note", 0.2


def learn(readings: Sequence[NoteNumbers], patients: Any, spec: Any) -> dict[str, Any]:
    return {"log_words": float(np.median(np.log1p([one.n_words for one in readings])))}


def score(facts: dict[str, Any], readings: Sequence[NoteNumbers]) -> NDArray[np.float64]:
    away = np.abs(np.log1p([one.n_words for one in readings]) - facts["log_words"])
    return np.asarray(away, dtype=np.float64)


def reason(facts: dict[str, Any], reading: NoteNumbers) -> str:
    usual = np.expm1(facts["log_words"])
    return f"the note has {reading.n_words} words; training notes usually have {usual:.0f}"
