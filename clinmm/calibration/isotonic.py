"""Isotonic regression: any map that never ranks a higher score lower."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from clinmm.calibration.inputs import Kind, Labels, checked, checked_logits
from clinmm.calibration.logistic import smoothed
from clinmm.calibration.logits import Array

KIND: Kind = "binary"
MIN_PATIENTS_PER_CLASS = 50
"""It has as many steps as the data ask for; with fewer patients a step is a handful of cases."""
COMPLEXITY = 6


@dataclass(frozen=True, eq=False)
class Calibrator:
    """Straight lines between the knots of an isotonic fit; level beyond the outer ones.

    Cases may become tied, never reversed; tied cases stay tied. Fitted to Platt's smoothed
    targets, which is the fit to 0 and 1 moved into [1 / (n0 + 2), (n1 + 1) / (n1 + 2)]: a step of
    events only does not claim a probability of 1.

    score, probability: (k,) the knots, scores in logits and rising.

    Reference:
        Zadrozny, Elkan. KDD 2002.
    """

    score: Array
    probability: Array
    name = "isotonic"

    @classmethod
    def fit(
        cls,
        logits: Array,
        target: Array,
        patient_ids: Labels | None = None,
        cells: Labels | None = None,
    ) -> "Calibrator":
        """Least squares among maps that do not fall (pool adjacent violators).

        Args:
            logits: (n,) log odds.
            target: (n,) in {0, 1}.
            patient_ids: (n,); this calibrator weighs cases and does not use them.
            cells: not used.

        Raises:
            InputError: as `inputs.checked`.
        """
        from sklearn.isotonic import IsotonicRegression

        z, y = checked(KIND, logits, target, patient_ids)
        fitted = IsotonicRegression().fit(z, smoothed(y))
        return cls(fitted.X_thresholds_, fitted.y_thresholds_)

    def apply(self, logits: Array, cells: Labels | None = None) -> Array:
        """(n,) probabilities of (n,) logits."""
        return np.interp(checked_logits(KIND, logits), self.score, self.probability)

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "score": self.score.tolist(),
            "probability": self.probability.tolist(),
        }

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> "Calibrator":
        return cls(np.array(content["score"], float), np.array(content["probability"], float))
