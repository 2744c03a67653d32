"""How far does the explanation move when all values of the case move very little?

Source: Yeh, Hsieh, Suggala, Inouye, Ravikumar, On the (in)fidelity and sensitivity of explanations,
NeurIPS 2019, section 3; computed by Captum.
"""

import numpy as np
import torch
from captum.metrics import sensitivity_max
from torch import Tensor

from clinmm.explain.audit.parts.look import JOINT, Look, Reading
from clinmm.explain.explanation import Explanation

TESTS = {
    "sensitivity": "Every value of the case moves by at most 2 % of its input's range: how far "
    "does the explanation move at most, as a share of its own size? Near 0 it hardly moves.",
}
RADIUS = 0.02
"""Of the range of each input's values."""
SAMPLES = 2
KEY = 104


def measure(look: Look) -> list[Reading]:
    """Over the parts of all inputs that the method explains; over the inputs where it scores them
    whole. What the case does not have, such as a column that was not measured, stays away."""
    rng, joint = look.rng(KEY), look.joint
    rooms = [_room(v, r) for v, r in zip(joint.values, joint.references, strict=True)]

    def moved(inputs: Tensor | tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return tuple(
            value + room * torch.from_numpy(rng.uniform(-1, 1, value.shape)).to(value.dtype)
            for value, room in zip(_as_tuple(inputs), rooms, strict=True)
        )

    def explained(inputs: Tensor | tuple[Tensor, ...]) -> tuple[Tensor]:
        """One row for each row of the inputs; as a tuple, over which Captum goes."""
        given = _as_tuple(inputs)
        rows = [tuple(value[i : i + 1] for value in given) for i in range(len(given[0]))]
        return (torch.stack([of(row) for row in rows]),)

    def of(values: tuple[Tensor, ...]) -> Tensor:
        if all(torch.equal(a, b) for a, b in zip(values, joint.values, strict=True)):
            return _row(look, look.unrefined)
        with torch.enable_grad():
            at = joint.with_values(dict(zip(joint.names, values, strict=True)))
            return _row(look, look.again(at))

    most = sensitivity_max(explained, joint.values, moved, n_perturb_samples=SAMPLES)
    return [Reading(JOINT, "sensitivity", float(most))]


def _room(values: Tensor, references: Tensor) -> Tensor:
    """(1, ...) how far each value may move."""
    there = (values != references).any(0, keepdim=True)
    return RADIUS * (values.max() - values.min()) * there


def _row(look: Look, explanation: Explanation) -> Tensor:
    """The scores of all parts side by side, or the sums over inputs of a method without any."""
    scores = list(look.scores_of(explanation).values())
    row = np.concatenate(scores or [np.array(list(explanation.sums.values()))])
    return torch.from_numpy(row.astype(np.float64))


def _as_tuple(inputs: Tensor | tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """Captum hands a single input over as it is."""
    return (inputs,) if isinstance(inputs, Tensor) else inputs
