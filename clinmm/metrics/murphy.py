"""Murphy's bins of equal mass: what the parts of the Brier score are made of."""

import numpy as np
from numpy.typing import NDArray

from clinmm.metrics.ece_debiased import equal_mass_bins
from clinmm.metrics.parts import Parts
from clinmm.metrics.weighted import Array, over, total_by_bin

N_BINS = 10


def filled_bins(y_prob: Array, n_bins: int = N_BINS) -> NDArray[np.int64]:
    """(n,) bin of each case, from 0 and without gaps; equal probabilities share a bin."""
    return np.unique(equal_mass_bins(y_prob, n_bins), return_inverse=True)[1].astype(np.int64)


def weighted_bins(values: Array, bin_of: NDArray[np.int64], weights: Array) -> tuple[Array, Array]:
    """Share of the weight and mean of values (n,) in each bin, each (k, R); an empty bin has 0."""
    k = int(bin_of.max()) + 1
    mass = total_by_bin(np.ones_like(values), bin_of, k, weights)
    means = np.nan_to_num(over(total_by_bin(values, bin_of, k, weights), mass))
    return over(mass, np.broadcast_to(mass.sum(axis=0), mass.shape)), means


def mean_square(values: Array, bin_of: NDArray[np.int64], *, about_mean: bool) -> Parts:
    """The mean over cases of the square of their bin's mean of values (n,), taken apart.

    The means of the bins are the parts; the shares of the bins are taken as they are, which equal
    mass makes them.

    Args:
        about_mean: square the distance from the mean over everything and not from 0.
    """
    n_in = np.bincount(bin_of).astype(np.float64)
    means = np.bincount(bin_of, weights=values) / n_in
    share = n_in / values.size
    influence = np.zeros((values.size, means.size))
    influence[np.arange(values.size), bin_of] = (values - means[bin_of]) / n_in[bin_of]

    def of(drawn: Array) -> Array:
        centre = share @ drawn if about_mean else np.zeros(drawn.shape[1])
        return np.asarray(share @ (drawn - centre) ** 2)

    return Parts(means, influence, of)
