"""Temperature scaling: one number that makes all probabilities bolder or more cautious."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from clinmm.calibration.inputs import Kind, Labels, checked, checked_logits
from clinmm.calibration.logits import Array, log_losses, to_probabilities
from clinmm.errors import InputError

KIND: Kind = "both"
MIN_PATIENTS_PER_CLASS = 5
COMPLEXITY = 1
LOWEST, HIGHEST = 0.05, 20.0
"""Bounds of the temperature: without them, perfectly separated cases would drive it to 0."""


@dataclass(frozen=True)
class Calibrator:
    """Divides logits by a temperature. The ranking of cases stays as it is.

    It turns about a probability of one half: a temperature above 1 raises every risk below one
    half, so rare risks come out too high on average. `platt` has the intercept that mends this.

    temperature: above 1 moves probabilities towards one half, below 1 away from it.

    Reference:
        Guo, Pleiss, Sun, Weinberger. ICML 2017.
    """

    temperature: float
    name = "temperature"

    def __post_init__(self) -> None:
        if not 0 < self.temperature < np.inf:
            raise InputError(f"a temperature must be above 0 and finite, got {self.temperature}.")

    @classmethod
    def fit(
        cls,
        logits: Array,
        target: Array,
        patient_ids: Labels | None = None,
        cells: Labels | None = None,
    ) -> "Calibrator":
        """The temperature with the least log loss on the given cases.

        Args:
            logits: (n,) log odds with target in {0, 1}, or (n, C) with target the class number.
            target: (n,).
            patient_ids: (n,); this calibrator weighs cases and does not use them.
            cells: not used.

        Raises:
            InputError: as `inputs.checked`.
        """
        from scipy.optimize import minimize_scalar

        z, y = checked(KIND, logits, target, patient_ids)
        # the loss is convex in 1/T, so it has one valley in log T
        found = minimize_scalar(
            lambda log_t: log_losses(z / np.exp(log_t), y).mean(),
            bounds=(np.log(LOWEST), np.log(HIGHEST)),
            method="bounded",
            options={"xatol": 1e-6},
        )
        return cls(float(np.exp(found.x)))

    def apply(self, logits: Array, cells: Labels | None = None) -> Array:
        """Probabilities of (n,) or (n, C) logits."""
        return to_probabilities(checked_logits(KIND, logits) / self.temperature)

    def to_json(self) -> dict[str, Any]:
        return {"name": self.name, "temperature": self.temperature}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> "Calibrator":
        return cls(float(content["temperature"]))
