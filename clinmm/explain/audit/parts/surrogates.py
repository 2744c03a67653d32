"""Random attributions that are as smooth as a method's and hold the same values.

What they lack is any knowledge of the model, so a method has to beat them: a smooth blob, or a map
with few large values, gains nothing by being one.
"""

import numpy as np
from numpy.typing import NDArray

from clinmm.explain.parts import Parts

Scores = NDArray[np.float64]
ROUNDS = 20
"""Turns between the right spectrum and the right values; few parts settle within ten."""


def surrogate(scores: Scores, parts: Parts, rng: np.random.Generator) -> Scores:
    """(n,) a random attribution of the same parts, with the values of `scores` in another order.

    Maps and volumes keep their power spectrum, notes and signals the order of their scores but for
    the place where it starts and the direction; columns, which have no neighbours, are permuted.
    """
    if not parts.smooth:
        return rng.permutation(scores)
    if len(parts.grid) == 1:
        return _turned(scores, rng)
    return _of_same_spectrum(scores.reshape(parts.grid), rng).ravel()


def _turned(scores: Scores, rng: np.random.Generator) -> Scores:
    """Rolled round by at least one place, backwards half of the time."""
    rolled = np.roll(scores, rng.integers(1, max(2, len(scores))))
    return rolled[::-1] if rng.random() < 0.5 else rolled


def _of_same_spectrum(scores: Scores, rng: np.random.Generator) -> Scores:
    """The same values, and as nearly as they allow the same power spectrum with random phases.

    Reference:
        Theiler et al. Testing for nonlinearity in time series: the method of surrogate data.
        Physica D 58:77 (1992), section 2.4.
        Schreiber, Schmitz. Improved surrogate data for nonlinearity tests. PRL 77:635 (1996).
    """
    shape, axes = scores.shape, tuple(range(scores.ndim))
    size, values = np.abs(np.fft.rfftn(scores)), np.sort(scores, axis=None)
    made = rng.permutation(values)
    for _ in range(ROUNDS):
        waves = np.fft.rfftn(made.reshape(shape))
        phases = waves / np.maximum(np.abs(waves), 1e-300)
        smooth = np.fft.irfftn(size * phases, s=shape, axes=axes)
        made[np.argsort(smooth, axis=None, kind="stable")] = values
    return made.reshape(shape)
