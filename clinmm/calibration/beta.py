"""Beta calibration: the two ends of the scale are stretched apart from each other."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from clinmm.calibration.inputs import Kind, Labels, checked, checked_logits
from clinmm.calibration.logistic import solve
from clinmm.calibration.logits import Array, to_probabilities
from clinmm.calibration.newton import Solution

KIND: Kind = "binary"
MIN_PATIENTS_PER_CLASS = 50
"""a and b differ by what the far ends of the scale show, where only a few of the patients are."""
COMPLEXITY = 3
CENTRE = np.array([1.0, 1.0, 0.0])
PRECISION = np.array([1.0, 1.0, 0.01])
"""Prior of (a, b, c): deviation 1 about no change, 10 for the intercept. Fades as patients come;
keeps the fit finite on separated classes, and b near a where no risk is above one half."""


@dataclass(frozen=True)
class Calibrator:
    """Log odds = a ln p - b ln(1 - p) + c, with a and b at least 0, so no ranking is reversed.

    a = b is Platt scaling; a = b = 1 and c = 0 changes nothing.

    Reference:
        Kull, Silva Filho, Flach. AISTATS 2017, section 4.
    """

    a: float
    b: float
    c: float
    name = "beta"

    @classmethod
    def fit(
        cls,
        logits: Array,
        target: Array,
        patient_ids: Labels | None = None,
        cells: Labels | None = None,
    ) -> "Calibrator":
        """Least log loss with a, b >= 0 and a weak prior about no change.

        Args:
            logits: (n,) log odds.
            target: (n,) in {0, 1}.
            patient_ids: (n,); this calibrator weighs cases and does not use them.
            cells: not used.

        Raises:
            InputError: as `inputs.checked`.
        """
        z, y = checked(KIND, logits, target, patient_ids)
        columns = _columns(z)
        # the loss is convex, so the best feasible face is the constrained optimum; most often
        # it is the first, on which nothing is held at 0
        best: tuple[float, Array] | None = None
        for held in ([], [0], [1], [0, 1]):
            found = _held_at_zero(columns, y, held)
            coefficients = np.zeros(3)
            coefficients[[i for i in range(3) if i not in held]] = found.coefficients
            dropped = float((PRECISION[held] * CENTRE[held] ** 2).sum()) / 2
            if (coefficients[:2] >= 0).all() and (
                best is None or found.objective + dropped < best[0]
            ):
                best = found.objective + dropped, coefficients
                if not held:
                    break
        assert best is not None  # both held at 0 is always feasible
        return cls(*best[1].tolist())

    def apply(self, logits: Array, cells: Labels | None = None) -> Array:
        """(n,) probabilities of (n,) logits."""
        return to_probabilities(_columns(checked_logits(KIND, logits)) @ [self.a, self.b, self.c])

    def to_json(self) -> dict[str, Any]:
        return {"name": self.name, "a": self.a, "b": self.b, "c": self.c}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> "Calibrator":
        return cls(float(content["a"]), float(content["b"]), float(content["c"]))


def _columns(z: Array) -> Array:
    """(n, 3): ln p, -ln(1 - p), 1."""
    return np.column_stack([-np.logaddexp(0.0, -z), np.logaddexp(0.0, z), np.ones_like(z)])


def _held_at_zero(columns: Array, y: Array, held: list[int]) -> Solution:
    free = [i for i in range(3) if i not in held]
    return solve(columns[:, free], y, centre=CENTRE[free], precision=PRECISION[free])
