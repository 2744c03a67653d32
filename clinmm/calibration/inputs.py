"""What a calibrator accepts, and how it refuses the rest."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clinmm.calibration.logits import Array
from clinmm.errors import InputError

Labels = Sequence[str] | NDArray[np.object_]
"""(n,) a patient or a cell for each case."""
Kind = Literal["binary", "multiclass", "both"]
_SHAPES = {
    "binary": "(n,) log odds",
    "multiclass": "(n, C) logits of two or more exclusive classes",
    "both": "(n,) log odds or (n, C) logits",
}


def checked(
    kind: Kind,
    logits: ArrayLike,
    target: ArrayLike,
    patient_ids: Labels | None = None,
    cells: Labels | None = None,
) -> tuple[Array, Array]:
    """Logits and targets that a calibrator of this kind can be fitted on.

    Raises:
        InputError: wrong shape or length, NaN or infinite logits, targets that are not 0 or 1 (or
            the number of a class), one class only. Names every problem.
    """
    z, y = np.asarray(logits, dtype=np.float64), np.asarray(target, dtype=np.float64)
    problems = _problems(kind, z, cells)
    if y.shape != z.shape[:1]:
        problems.append(f"target has shape {y.shape}, wanted one number for each of {len(z)} cases")
    else:
        n_classes = z.shape[1] if z.ndim == 2 else 2
        wrong = ~np.isin(y, np.arange(n_classes))
        if wrong.any():
            problems.append(
                f"target must be {'0 or 1' if z.ndim == 1 else f'a class 0 to {n_classes - 1}'}; "
                f"{wrong.sum()} of {y.size} are not. Leave out cases that are not known."
            )
        elif np.unique(y).size < 2:
            problems.append("target holds one class only: nothing to calibrate against")
    if patient_ids is not None and len(patient_ids) != len(z):
        problems.append(f"{len(patient_ids)} patient ids for {len(z)} cases")
    if problems:
        raise InputError(problems)
    return z, y


def checked_logits(
    kind: Kind, logits: ArrayLike, n_classes: int = 0, cells: Labels | None = None
) -> Array:
    """Logits that a fitted calibrator can be applied to.

    Args:
        kind: what the calibrator is for.
        logits: (n,) or (n, C).
        n_classes: how many it was fitted on; 0 where that does not matter.
        cells: (n,) or None.

    Raises:
        InputError: wrong shape or length, NaN or infinite logits. Names every problem.
    """
    z = np.asarray(logits, dtype=np.float64)
    problems = _problems(kind, z, cells)
    if n_classes and z.ndim == 2 and z.shape[1] != n_classes:
        problems.append(f"logits of {z.shape[1]} classes, fitted on {n_classes}")
    if problems:
        raise InputError(problems)
    return z


def _problems(kind: Kind, z: Array, cells: Labels | None) -> list[str]:
    fits = {"binary": z.ndim == 1, "multiclass": z.ndim == 2, "both": z.ndim in (1, 2)}[kind]
    if not fits or (z.ndim == 2 and z.shape[1] < 2):
        return [f"logits have shape {z.shape}, wanted {_SHAPES[kind]}"]
    problems = []
    if n_wrong := int((~np.isfinite(z)).sum()):
        problems.append(
            f"logits must be finite; {n_wrong} of {z.size} are not. Probabilities of 0 or 1? "
            "logits.from_probabilities keeps them inside."
        )
    if cells is not None and len(cells) != len(z):
        problems.append(f"{len(cells)} cells for {len(z)} cases")
    return problems
