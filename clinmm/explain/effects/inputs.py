"""How much of the answers each input makes: exact Shapley shares over the subsets of inputs.

Reference:
    Shapley. A value for n-person games (1953). Absent inputs are absent, as the model answers for
    cases that lack them; see `clinmm.explain.methods.input_shapley`.
"""

import numpy as np
import torch
from numpy.typing import NDArray

from clinmm.explain.effects.changes import FoldCases
from clinmm.explain.methods.input_shapley import MOST_INPUTS, shapley_values


def input_values(fold: FoldCases) -> NDArray[np.float64] | None:
    """(n, K, M) Shapley values of the logits, 0 where the case lacks the input; None where there
    are too many inputs for all subsets."""
    n, m = fold.encoded.present.shape
    if m > MOST_INPUTS:
        return None
    cases = np.arange(n)
    subsets = (torch.arange(2**m)[:, None] >> torch.arange(m) & 1).bool()
    worth = np.stack([fold.encoded.answers(cases, one.expand(n, m)) for one in subsets])
    # An absent input never changes the worth of a subset, so its value comes out as 0.
    weights = np.stack([shapley_values(one) for one in np.eye(2**m)], axis=1)  # (M, 2^M)
    values: NDArray[np.float64] = np.einsum("ms,snk->nkm", weights, worth)
    return values


def shares(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, K, M) |value| over the sum over inputs; 0 where nothing moved the logit.

    >>> shares(np.array([[[3.0, -1.0]]])).tolist()
    [[[0.75, 0.25]]]
    """
    sizes = np.abs(values)
    total = sizes.sum(-1, keepdims=True)
    share: NDArray[np.float64] = np.divide(sizes, total, out=np.zeros_like(sizes), where=total > 0)
    return share
