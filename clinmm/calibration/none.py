"""No calibration: the model's own probabilities."""

from collections.abc import Sequence
from typing import Any

from clinmm.calibration.logits import Array, to_probabilities

MIN_PATIENTS_PER_CLASS = 0


class Calibrator:
    """Leaves logits as they are."""

    name = "none"

    @classmethod
    def fit(
        cls, logits: Array, target: Array, patient_ids: Sequence[str] | None = None
    ) -> "Calibrator":
        """Nothing to fit."""
        return cls()

    def apply(self, logits: Array) -> Array:
        """Probabilities of (n,) or (n, C) logits."""
        return to_probabilities(logits)

    def to_json(self) -> dict[str, Any]:
        return {"name": self.name}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> "Calibrator":
        return cls()
