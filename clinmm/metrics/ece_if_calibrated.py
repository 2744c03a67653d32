"""What chance alone would show as expected calibration error if every probability were right."""

import numpy as np
from numpy.typing import ArrayLike

from clinmm.metrics.ece_debiased import equal_mass_bins, noise_of_gaps
from clinmm.metrics.inputs import checked
from clinmm.metrics.parts import Parts, bin_gaps
from clinmm.metrics.weighted import Array

NEEDS = "probability"
CONDITIONS_ON: tuple[str, ...] = ()
HIGHER_IS_BETTER = None
SCALE = "logit"


def ece_if_calibrated(y_true: ArrayLike, y_prob: ArrayLike, *, n_bins: int = 10) -> float:
    """Mean of the uncorrected ECE, ten bins of equal mass, over outcomes drawn as stated.

    An observed ECE of this size is no evidence of miscalibration. The interval beside it is the
    range in which 95 % of such observed values would lie, with cases of a patient as alike as they
    are seen to be.

    Args:
        y_true: (n,) outcomes in {0, 1}; checked, and without influence on the value.
        y_prob: (n,) probabilities in [0, 1].
        n_bins: number of bins; equal probabilities stay together.

    Returns:
        Gap in probability units, in the normal approximation; 0 where every probability is 0 or 1.

    Raises:
        InputError: NaN, values outside [0, 1] or {0, 1}, lengths that differ.

    Reference:
        Broecker, Smith. Weather Forecast 22:651 (2007): consistency resampling.

    >>> round(ece_if_calibrated([0, 1] * 50, [.5] * 100), 4)  # sqrt(2 / pi) x .5 / sqrt(100)
    0.0399
    """
    _, p = checked(y_true, y_prob)
    return _expected(p, n_bins)


def _expected(y_prob: Array, n_bins: int) -> float:
    noise = noise_of_gaps(y_prob, equal_mass_bins(y_prob, n_bins), n_bins)
    return float(np.sqrt(2 / np.pi) * noise.sum())


def parts(y_true: Array, y_prob: Array) -> Parts:
    """Gaps of 0 with the noise of the observed ones; where no noise is drawn, the mean over it."""
    gaps, influence = bin_gaps(y_true - y_prob, equal_mass_bins(y_prob, 10), 10)
    expected = _expected(y_prob, 10)

    def of(drawn: Array) -> Array:
        lengths = np.abs(drawn).sum(axis=0)
        return np.where(lengths > 0, lengths, expected)

    return Parts(np.zeros_like(gaps), influence, of)
