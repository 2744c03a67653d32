"""Vector scaling: each of several exclusive classes gets its own scale and bias."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from clinmm.calibration import softmax_map
from clinmm.calibration.inputs import Kind, Labels, checked, checked_logits
from clinmm.calibration.logits import Array

KIND: Kind = "multiclass"
MIN_PATIENTS_PER_CLASS = 20
"""Of the rarest class, which gets a scale and a bias of its own."""
COMPLEXITY = 2


@dataclass(frozen=True, eq=False)
class Calibrator:
    """Softmax of scale * log p + bias, class by class. Equal scales are temperature scaling.

    scale, bias: (C,). Priors as in softmax_map.

    Reference:
        Guo, Pleiss, Sun, Weinberger. ICML 2017, section 4.2.
    """

    scale: Array
    bias: Array
    name = "vector"

    @classmethod
    def fit(
        cls,
        logits: Array,
        target: Array,
        patient_ids: Labels | None = None,
        cells: Labels | None = None,
    ) -> "Calibrator":
        """Least log loss and prior.

        Args:
            logits: (n, C).
            target: (n,) number of the class.
            patient_ids: (n,); this calibrator weighs cases and does not use them.
            cells: not used.

        Raises:
            InputError: as `inputs.checked`.
        """
        z, y = checked(KIND, logits, target, patient_ids)
        linear, bias = softmax_map.fit(z, y, np.eye(z.shape[1], dtype=bool))
        return cls(np.diag(linear).copy(), bias)

    def apply(self, logits: Array, cells: Labels | None = None) -> Array:
        """(n, C) probabilities of (n, C) logits."""
        z = checked_logits(KIND, logits, n_classes=self.bias.size)
        return softmax_map.apply(z, np.diag(self.scale), self.bias)

    def to_json(self) -> dict[str, Any]:
        return {"name": self.name, "scale": self.scale.tolist(), "bias": self.bias.tolist()}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> "Calibrator":
        return cls(np.array(content["scale"], float), np.array(content["bias"], float))
