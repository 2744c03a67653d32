"""A metric that is a crooked function of a few sums: what its interval needs to know."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from clinmm.metrics.weighted import Array


class Parts(NamedTuple):
    """A metric taken apart into k means whose sampling error is normal.

    A mean absolute gap over bins has no useful derivative, but the gap of each bin has one. The
    interval draws the k means from their normal distribution, clustered by patient, and puts each
    draw through `of`.

    values: (k,) the means of the sample.
    influence: (n, k) derivative of each mean with respect to the weight of each case, at weight 1.
    of: (k, R) -> (R,): the metric of each column of means; inputs unchecked, NaN if undefined. It
        may hold whatever else it needs of the sample, such as the share of each bin.
    """

    values: Array
    influence: Array
    of: Callable[[Array], Array]


def bin_gaps(gap: Array, bin_of: NDArray[np.int64], n_bins: int) -> tuple[Array, Array]:
    """Sum of gap (n,) in each bin over the number of all cases (k,), and its influence (n, k)."""
    gaps = np.bincount(bin_of, weights=gap, minlength=n_bins) / gap.size
    influence = np.tile(-gaps / gap.size, (gap.size, 1))
    influence[np.arange(gap.size), bin_of] += gap / gap.size
    return gaps, influence
