"""Any calibrator by its name: fitted, cross-fitted, read back."""

from functools import cache
from types import ModuleType
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from clinmm import registry
from clinmm.calibration.inputs import Labels
from clinmm.calibration.logits import Array


class FittedCalibrator(Protocol):
    """What every calibrator can do once it is fitted."""

    @property
    def name(self) -> str: ...

    def apply(self, logits: Array, cells: Labels | None = None) -> Array: ...

    def to_json(self) -> dict[str, Any]: ...


@cache
def module_of(name: str) -> ModuleType:
    """The calibrator's file. Raises InputError when there is none of that name."""
    return registry.load("calibrators", name)


def fit(
    name: str,
    logits: Array,
    target: Array,
    patient_ids: NDArray[np.object_],
    cells: NDArray[np.object_] | None = None,
) -> FittedCalibrator:
    """The calibrator of that name, fitted. Shapes as `calibration`; raises InputError."""
    calibrator: FittedCalibrator = module_of(name).Calibrator.fit(
        logits, target, patient_ids, cells
    )
    return calibrator


def cross_fit(
    name: str,
    logits: Array,
    target: Array,
    patient_ids: NDArray[np.object_],
    part_of: NDArray[np.int64],
    cells: NDArray[np.object_] | None = None,
) -> Array:
    """Calibrated probabilities of each case by calibrators that never saw its patient.

    Args:
        name: which calibrator.
        logits: (n,) or (n, C).
        target: (n,); cases with NaN, not known, are calibrated and not fitted on.
        patient_ids: (n,).
        part_of: (n,) part of each case, as `parts.parts` gives it.
        cells: (n,) or None.

    Returns:
        The shape of logits.
    """

    def of(rows: NDArray[np.bool_]) -> NDArray[np.object_] | None:
        return None if cells is None else cells[rows]

    out = np.empty_like(logits)
    for part in np.unique(part_of):
        scored = part_of == part
        seen = ~scored & ~np.isnan(target)
        calibrator = fit(name, logits[seen], target[seen], patient_ids[seen], of(seen))
        out[scored] = calibrator.apply(logits[scored], of(scored))
    return out


def from_json(content: dict[str, Any]) -> FittedCalibrator:
    """A stored calibrator. Raises InputError when its name is not known."""
    calibrator: FittedCalibrator = module_of(content["name"]).Calibrator.from_json(content)
    return calibrator
