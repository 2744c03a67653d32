"""The logit while parts are taken away, or kept alone, in the order of an attribution."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from clinmm.explain.audit.parts.look import Look
from clinmm.explain.audit.parts.surrogates import Scores, surrogate
from clinmm.explain.parts import answers_without

N_RANDOM = 5
"""Random attributions that a method is set against."""


class Gain(NamedTuple):
    """How much better than a random attribution, in logits: above 0 the order knows something.

    removed: without the parts that speak most for the target, how much further the logit falls.
    kept: with them alone, how much higher it stays.
    """

    removed: float
    kept: float


def gain_over_random(
    look: Look, names: Sequence[str], shares: Sequence[float], rng: np.random.Generator
) -> Gain:
    """Gain of the method's order, the mean over the shares.

    Args:
        names: inputs whose parts are ranked together; the rest of the case stays as it is.
        shares: of the parts, how many are taken away or kept; at least one part, never all.

    An attribution that is the same everywhere has no order, and gains 0.
    """
    scores = {name: look.scores[name] for name in names}
    if not any(np.ptp(values) for values in scores.values()):
        return Gain(0.0, 0.0)
    random = [
        {name: surrogate(values, look.parts[name], rng) for name, values in scores.items()}
        for _ in range(N_RANDOM)
    ]
    first = np.stack([_first(one, shares, rng) for one in (scores, *random)])
    logit = logits_without(look, names, np.concatenate([first, ~first], axis=1))
    removed, kept = np.split(logit, 2, axis=1)
    below, above = -removed.mean(1), kept.mean(1)
    return Gain(float(below[0] - below[1:].mean()), float(above[0] - above[1:].mean()))


def logits_without(
    look: Look, names: Sequence[str], removed: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """(..., parts of all the inputs side by side), what is taken away -> (...) target's logit."""
    ends = np.cumsum([look.parts[name].n for name in names])[:-1]
    rows = removed.reshape(-1, removed.shape[-1])
    taken = dict(zip(names, np.split(rows, ends, axis=1), strict=True))
    logit = look.target.of(answers_without(look.joint, look.parts, taken))
    return logit.numpy().astype(np.float64).reshape(removed.shape[:-1])


def _first(
    scores: dict[str, Scores], shares: Sequence[float], rng: np.random.Generator
) -> NDArray[np.bool_]:
    """(counts, n) the parts that speak most for the target; among equals chance decides."""
    pooled = np.concatenate(list(scores.values()))
    n = len(pooled)
    counts = np.unique(np.clip(np.round(np.multiply(shares, n)), 1, n - 1))
    place = np.empty(n)
    place[np.lexsort((rng.random(n), -pooled))] = np.arange(n)
    return place < counts[:, None]
