"""Do the scores of parts say what the logit loses when several parts are taken away together?

Source: Yeh, Hsieh, Suggala, Inouye, Ravikumar, On the (in)fidelity and sensitivity of explanations,
NeurIPS 2019, with the removal of rectangles; computed by Captum, which scales the scores to the
best fit first.
"""

import numpy as np
import torch
from captum.metrics import infidelity
from numpy.typing import NDArray
from torch import Tensor

from clinmm.explain.audit.parts.look import JOINT, Look, Reading
from clinmm.explain.audit.parts.removal import N_RANDOM, logits_without
from clinmm.explain.audit.parts.surrogates import surrogate
from clinmm.explain.parts import Parts

TESTS = {
    "infidelity": "Patches, phrases and columns are taken away at random: how far is the loss of "
    "the logit from the sum of their scores, as a ratio to the same of "
    f"{N_RANDOM} random attributions? Below 1 is better than random, 0 is exact.",
}
SAMPLES = 48
KEY = 103


def measure(look: Look) -> list[Reading]:
    """Over the parts of all inputs that the method explains together.

    Nothing where nothing that is taken away moves the logit: then no scores can be unfaithful.
    """
    if not look.parts:
        return []
    rng, names = look.rng(KEY), list(look.parts)
    random = [
        [surrogate(look.scores[name], look.parts[name], rng) for name in names]
        for _ in range(N_RANDOM)
    ]
    own = [look.scores[name] for name in names]
    attributions = torch.from_numpy(np.stack([np.concatenate(one) for one in (own, *random)]))
    taken = torch.from_numpy(taken_away(list(look.parts.values()), SAMPLES, rng)).double()

    def logit(there: Tensor) -> Tensor:
        """(rows, n) 1 for the parts that are there; each different row is asked once."""
        rows, which = np.unique(there.numpy(), axis=0, return_inverse=True)
        return torch.from_numpy(logits_without(look, names, rows < 0.5)[which.ravel()])

    def take(there: Tensor) -> tuple[Tensor, Tensor]:
        """The same parts from every attribution."""
        same = taken.repeat(len(there) // SAMPLES, 1)
        return same, there - same

    missed = infidelity(
        logit,
        take,
        torch.ones_like(attributions),
        attributions,
        n_perturb_samples=SAMPLES,
        normalize=True,
    )
    by_chance = float(missed[1:].mean())
    return [Reading(JOINT, "infidelity", float(missed[0]) / by_chance)] if by_chance > 0 else []


def taken_away(parts: list[Parts], n: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    """(n, parts of all side by side): of about half of the inputs something, a box of patches, a
    run of words or any columns."""
    touched = rng.random((n, len(parts))) < 0.5
    touched[~touched.any(1)] = True
    each = [_some(one, n, rng) & touched[:, [i]] for i, one in enumerate(parts)]
    return np.concatenate(each, axis=1)


def _some(parts: Parts, n: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    """(n, parts) bool."""
    if not parts.smooth:
        return rng.random((n, parts.n)) < 0.5
    box = np.ones((n, 1), bool)
    for length in parts.grid:
        start, end = np.sort(rng.random((n, 2)) * length, axis=1).T[..., None]
        place = np.arange(length)
        inside = (place >= np.floor(start)) & (place < np.ceil(end))
        box = (box[:, :, None] & inside[:, None]).reshape(n, -1)
    return box
