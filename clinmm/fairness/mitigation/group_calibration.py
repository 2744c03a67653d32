"""A calibrator for each group, held towards the one of all patients together."""

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from clinmm.calibration import hierarchical
from clinmm.calibration.logits import Array, from_probabilities
from clinmm.fairness.mitigation.parts.finished import Finished

MEANING = (
    "Finished probabilities are recalibrated in each group, and the less the fewer patients the "
    "group has."
)
IN_TRAINING = False
USES_GROUP = True


class Config(BaseModel, frozen=True, extra="forbid"):
    """Nothing to set: how far groups may lie apart is learned from the patients."""


class Mitigation:
    """Log odds = intercept + slope * log odds as they came, with a pair of its own in each group.

    A group's pair is the pair of all patients plus a deviation with a normal prior about 0, whose
    spread is chosen by empirical Bayes (`calibration/hierarchical.py`): a group of a few patients
    gets the pooled calibrator, one of many its own, and where groups do not differ nobody gets one
    of his own. Patients whose group is not recorded get the pooled calibrator. A class that fewer
    than 20 patients have, or lack, keeps its probabilities.

    The ranking of cases stays within a group and may change between groups.

    Reference:
        Gelman, Hill. Data Analysis Using Regression and Multilevel/Hierarchical Models (2007),
        chapters 12 and 14.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        self.of_class: list[hierarchical.Calibrator | None] = []
        self.exclusive = False

    def fit(self, cases: Finished, task: str) -> "Mitigation":
        """Fits each class against the rest.

        Args:
            task: binary, multiclass or multilabel. The probabilities of exclusive classes are
                scaled to the sum 1.
        """
        self.exclusive = task == "multiclass"
        self.of_class = [_fitted(cases, k) for k in range(cases.probability.shape[1])]
        return self

    def probability(self, probability: Array, groups: NDArray[np.int64]) -> Array:
        """(n, K) recalibrated probabilities of (n, K) probabilities."""
        out = probability.copy()
        for k, calibrator in enumerate(self.of_class):
            if calibrator is not None:
                logits = from_probabilities(probability[:, k])
                out[:, k] = calibrator.apply(logits, _cells(groups))
        if self.exclusive:
            out /= out.sum(axis=1, keepdims=True)
        return out


def _fitted(cases: Finished, k: int) -> hierarchical.Calibrator | None:
    """The calibrators of class k; None with too few patients."""
    rows = cases.known[:, k] & (cases.groups >= 0)
    y, owner = cases.target[rows, k], cases.patients[rows].astype(str)
    fewest = min(np.unique(owner[y == outcome]).size for outcome in (0, 1))
    if fewest < hierarchical.MIN_PATIENTS_PER_CLASS:
        return None
    logits = from_probabilities(cases.probability[rows, k])
    return hierarchical.Calibrator.fit(logits, y, owner.astype(object), _cells(cases.groups[rows]))


def _cells(groups: NDArray[np.int64]) -> NDArray[np.object_]:
    return np.array([str(group) for group in groups], dtype=object)
