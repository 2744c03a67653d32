"""Helped against harmed: an exact test in which all readings of a patient stand or fall together.

Had the model made no difference, the answers of all readers to a patient could be exchanged, alone
for with the model, and every patient's helped less harmed would be as likely to have the other
sign. The test counts in how many of these equally likely choices of signs the sum lies as far from
0 as it does. Nothing is assumed about how readings of one patient depend on each other. It speaks
of other patients read by these readers: readers are not drawn. With one reading per patient it is
the exact test of McNemar.

Reference:
    Signs exchanged: Fisher, The Design of Experiments (1935), section 21; by cluster: Exact-
    permutation based sign tests for clustered binary data. J Agric Biol Environ Stat 21:698 (2016),
    its statistic that weighs patients by their readings.
"""

import numpy as np
from numpy.typing import ArrayLike

from clinmm.errors import InputError
from clinmm.metrics.weighted import Array


def sign_test(net: ArrayLike) -> float:
    """Two-sided p that helped and harmed are equally likely.

    Args:
        net: (n,) whole number for each patient: readings that became right less those that became
            wrong.

    Returns:
        1 where no patient changed either way.

    Raises:
        InputError: a number that is not whole.

    >>> round(sign_test([1, 1, 1, 1, 1, -1, 0, 0]), 5)  # at most 1 of 6 tosses, either side
    0.21875
    >>> round(sign_test([3, 1]), 5)  # sums 4, 2, -2, -4: two of the four lie as far
    0.5
    """
    given = np.asarray(net, dtype=np.float64)
    if not np.array_equal(given, np.round(given)):
        raise InputError("sign_test needs whole numbers of readings per patient.")
    counts = given.astype(np.int64)
    size = np.abs(counts[counts != 0])
    chance = np.ones(1)  # of each sum, from -size.sum() to size.sum() in steps of 2
    for step, times in zip(*np.unique(size, return_counts=True), strict=True):
        chance = np.convolve(chance, _tosses(int(step), int(times)))
    sums = 2 * np.arange(chance.size) - size.sum()
    far = np.abs(sums) >= abs(counts.sum())
    return min(float(chance[far].sum()), 1.0)


def _tosses(step: int, times: int) -> Array:
    """Chance of each sum of `times` signs of `step`, in steps of 2 from -times step."""
    from scipy.stats import binom

    chance = np.zeros(times * step + 1)
    chance[::step] = binom.pmf(np.arange(times + 1), times, 0.5)
    return chance
