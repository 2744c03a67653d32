"""Platt scaling: a slope and an intercept on the log odds."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from clinmm.calibration.inputs import Kind, Labels, checked, checked_logits
from clinmm.calibration.logistic import smoothed, solve
from clinmm.calibration.logits import Array, to_probabilities
from clinmm.calibration.temperature import HIGHEST, LOWEST

KIND: Kind = "binary"
MIN_PATIENTS_PER_CLASS = 20
"""The design's: with fewer, two numbers cannot be told from the noise."""
COMPLEXITY = 2
FLATTEST, STEEPEST = 1 / HIGHEST, 1 / LOWEST
"""Bounds of the slope, those of the temperature: above 0, so the ranking of cases stays."""
NOMINAL = 1e-8
"""Precision of a prior that only decides where the data say nothing (equal logits)."""


@dataclass(frozen=True)
class Calibrator:
    """Log odds = intercept + slope * logit. The ranking of cases stays as it is.

    Where temperature scaling turns about one half, this turns about any risk: it can make a
    rare risk more cautious without raising it on average.

    Reference:
        Platt. Advances in Large Margin Classifiers (1999).
    """

    intercept: float
    slope: float
    name = "platt"

    @classmethod
    def fit(
        cls,
        logits: Array,
        target: Array,
        patient_ids: Labels | None = None,
        cells: Labels | None = None,
    ) -> "Calibrator":
        """Least log loss against Platt's smoothed targets.

        Args:
            logits: (n,) log odds.
            target: (n,) in {0, 1}.
            patient_ids: (n,); this calibrator weighs cases and does not use them.
            cells: not used.

        Raises:
            InputError: as `inputs.checked`.
        """
        z, y = checked(KIND, logits, target, patient_ids)
        return cls(*line(z, smoothed(y)))

    def apply(self, logits: Array, cells: Labels | None = None) -> Array:
        """(n,) probabilities of (n,) logits."""
        return to_probabilities(self.intercept + self.slope * checked_logits(KIND, logits))

    def to_json(self) -> dict[str, Any]:
        return {"name": self.name, "intercept": self.intercept, "slope": self.slope}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> "Calibrator":
        return cls(float(content["intercept"]), float(content["slope"]))


def line(logits: Array, target: Array) -> tuple[float, float]:
    """(intercept, slope) with the least log loss, the slope within its bounds.

    A slope outside goes to the nearer bound, where the intercept is fitted anew: the loss is
    convex, so nothing inside is better.
    """
    columns = np.column_stack([np.ones_like(logits), logits])
    free = solve(columns, target, centre=np.array([0.0, 1.0]), precision=np.full(2, NOMINAL))
    intercept, slope = free.coefficients
    if not FLATTEST <= slope <= STEEPEST:
        slope = np.clip(slope, FLATTEST, STEEPEST)
        held = solve(
            columns[:, :1],
            target,
            centre=np.zeros(1),
            precision=np.full(1, NOMINAL),
            offset=slope * logits,
        )
        intercept = held.coefficients[0]
    return float(intercept), float(slope)
