"""What each input adds to what a case is told: Shapley values on the calibrated scale.

The answer to every subset of the case's inputs is calibrated as that of a case that has no others,
so the values add up to the calibrated probability with all inputs less that with none. On the logit
they are those of `clinmm.explain.methods.input_shapley`.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from clinmm.explain.joint import Joint
from clinmm.explain.methods.input_shapley import MOST_INPUTS, shapley_values, subsets_of


def answers_to_subsets(joints: Sequence[Joint]) -> tuple[NDArray[np.float64], list[str]]:
    """(places, 2^M, K) logits, and the names of the inputs of each subset; no subset where the case
    has no input, or more than MOST_INPUTS."""
    joint = joints[0]
    if not 0 < len(joint.names) <= MOST_INPUTS:
        return np.zeros((len(joints), 0, len(joint.models[0].start))), []
    asked = subsets_of(joint)
    logits = [one.answers_with({}, asked).numpy().astype(np.float64) for one in joints]
    order = joint.models[0].names
    patterns = [
        "+".join(sorted(name for name, there in zip(order, row, strict=True) if there)) or "none"
        for row in asked.tolist()
    ]
    return np.stack(logits), patterns


def input_values(worth: NDArray[np.float64]) -> NDArray[np.float64]:
    """(2^M, K) worth of each subset -> (M, K) what each input adds."""
    return np.stack([shapley_values(of_class) for of_class in worth.T], axis=1)
