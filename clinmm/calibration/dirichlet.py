"""Dirichlet calibration: what the model says of one class may correct another."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from clinmm.calibration import softmax_map
from clinmm.calibration.inputs import Kind, Labels, checked, checked_logits
from clinmm.calibration.logits import Array

KIND: Kind = "multiclass"
MIN_PATIENTS_PER_CLASS = 50
"""Of the rarest class: C numbers and a bias are fitted for it."""
COMPLEXITY = 4


@dataclass(frozen=True, eq=False)
class Calibrator:
    """Softmax of linear @ log p + bias. With two classes this is beta calibration.

    Off-diagonal and intercept regularisation (ODIR) as a Gaussian prior: what other classes add is
    held towards 0 more tightly than the rest (softmax_map). Kull et al. choose the strength by
    cross-validation; a stated prior needs no third division of few patients.

    linear: (C, C), row i for class i. bias: (C,).

    Reference:
        Kull, Perello Nieto, Kängsepp, Silva Filho, Song, Flach. NeurIPS 2019, section 3.
    """

    linear: Array
    bias: Array
    name = "dirichlet"

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
        every = np.ones((z.shape[1], z.shape[1]), dtype=bool)
        return cls(*softmax_map.fit(z, y, every))

    def apply(self, logits: Array, cells: Labels | None = None) -> Array:
        """(n, C) probabilities of (n, C) logits."""
        z = checked_logits(KIND, logits, n_classes=self.bias.size)
        return softmax_map.apply(z, self.linear, self.bias)

    def to_json(self) -> dict[str, Any]:
        return {"name": self.name, "linear": self.linear.tolist(), "bias": self.bias.tolist()}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> "Calibrator":
        return cls(np.array(content["linear"], float), np.array(content["bias"], float))
