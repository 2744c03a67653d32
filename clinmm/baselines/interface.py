"""What every baseline offers. `Baseline` files fulfil this protocol; none inherits from another."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
Features = Any
"""(N, F) numpy array or scipy CSR matrix, float64; rows of absent cases are never read."""

Index = NDArray[np.int_]

Answers = Callable[[Features], Values]
"""(n, F) features -> (n, K) evidence, which is added to the log-odds of the training cases (of a
continuous target: to their mean)."""

Path = dict[str, Answers]
"""Setting, such as `C=0.1`, -> the model fitted with it."""


class BaselineLike(Protocol):
    """The protocol of a baseline file's `Baseline`; it is used as it is, never made."""

    kind: ClassVar[str]

    @staticmethod
    def serves(source: Any) -> bool:
        """Whether an input, as in the cohort file, is one for this baseline."""

    @staticmethod
    def features(raw: Sequence[Any], learned: Index, source: Any, given: Any) -> Features:
        """Features of N cases (None = absent) by what the cases `learned` teach without labels.

        source: the cohort file's entry for the input. given: what the study's encoder made ready
        of it, from which the features of a frozen network are taken.
        """

    @staticmethod
    def path(x: Features, target: Values, task: str, balanced: bool) -> Path:
        """A model for each setting.

        x: (n, F) of training cases. target: (n, K), of 0 to 1 or in the unit of a continuous
        target, all known; K is 1 except for a multiclass task. task: binary, multiclass or
        continuous. balanced: give every class the same weight.
        """
