"""No calibration: the model's own probabilities."""

from typing import Any

from clinmm.calibration.inputs import Kind, Labels, checked_logits
from clinmm.calibration.logits import Array, to_probabilities

KIND: Kind = "both"
MIN_PATIENTS_PER_CLASS = 0
COMPLEXITY = 0


class Calibrator:
    """Leaves logits as they are."""

    name = "none"

    @classmethod
    def fit(
        cls,
        logits: Array,
        target: Array,
        patient_ids: Labels | None = None,
        cells: Labels | None = None,
    ) -> "Calibrator":
        """Nothing to fit."""
        return cls()

    def apply(self, logits: Array, cells: Labels | None = None) -> Array:
        """Probabilities of (n,) or (n, C) logits."""
        return to_probabilities(checked_logits(KIND, logits))

    def to_json(self) -> dict[str, Any]:
        return {"name": self.name}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> "Calibrator":
        return cls()
