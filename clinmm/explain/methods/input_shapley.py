"""Shapley values of whole inputs: what each adds, averaged over all orders in which they may come.

Exact over the 2^M subsets of the M inputs that the case has. An input left out is absent, as the
model answers for cases that lack it, so nothing has to be imputed. What the presence of an input
changes in how the others are weighed counts to it too.

    phi_i = sum over subsets S without i of |S|! (M - |S| - 1)! / M! (v(S + i) - v(S))

Reference:
    Shapley. A value for n-person games. Contributions to the theory of games 2:307 (1953).
    Strumbelj, Kononenko. An efficient explanation of individual classifications using game theory.
    JMLR 11:1 (2010).
"""

from math import factorial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from clinmm.errors import InputError
from clinmm.explain.explanation import Found
from clinmm.explain.joint import Joint, Target

READS = ("image", "note", "record", "signal")
ADDS_UP = True
DRAWS_POINTS = False
IN_LOGITS = True
MEANING = (
    "What each input as a whole adds to the logit, averaged over all orders in which they may "
    "come; they add up to the logit with all inputs less that with none."
)

MOST_INPUTS = 10
"""Above it there are too many subsets: 1024 of ten inputs."""


def attribute(joint: Joint, target: Target, steps: int, seed: int = 0) -> Found:
    """Nothing is located: an input is explained as a whole.

    Raises:
        InputError: more than MOST_INPUTS inputs.
    """
    answers = target.of(joint.answers_with({}, subsets_of(joint)))
    values = shapley_values(answers.numpy().astype(np.float64))
    return Found({}, dict(zip(joint.names, values.tolist(), strict=True)))


def change(joint: Joint, target: Target) -> float:
    """The target's logit with all inputs of the case less that with none: what the values add up
    to."""
    answers = target.of(joint.answers_with({}, subsets_of(joint)))
    return float(answers[-1] - answers[0])


def shapley_values(worth: NDArray[np.float64]) -> NDArray[np.float64]:
    """(M,) exact Shapley values.

    Args:
        worth: (2^M,) of each subset; bit i of its number says whether i is in it.

    Two that are worth something only together share it:

    >>> shapley_values(np.array([0.0, 0.0, 0.0, 1.0])).tolist()
    [0.5, 0.5]
    """
    n = len(worth).bit_length() - 1
    subsets = np.arange(len(worth))
    sizes = np.array([int(s).bit_count() for s in subsets])
    values = np.zeros(n)
    for i in range(n):
        without = subsets[subsets >> i & 1 == 0]
        orders = np.array([factorial(k) * factorial(n - k - 1) for k in range(n)])[sizes[without]]
        values[i] = (orders * (worth[without | 1 << i] - worth[without])).sum() / factorial(n)
    return values


def subsets_of(joint: Joint) -> Tensor:
    """(2^M, inputs of the model) bool, the subsets of the inputs that the case has.

    Raises InputError where it has more than MOST_INPUTS.
    """
    if (n := len(joint.names)) > MOST_INPUTS:
        raise InputError(
            f"input_shapley: the case has {n} inputs, at most {MOST_INPUTS} can be taken away in "
            "all ways. Leave this method out, or take occlusion."
        )
    asked = torch.zeros(2**n, joint.present.shape[1], dtype=torch.bool)
    here = joint.present[0].nonzero()[:, 0]
    asked[:, here] = (torch.arange(2**n)[:, None] >> torch.arange(n) & 1).bool()
    return asked
