"""Means over readers, and their differences, that hold for other readers and other patients.

Estimates differ from reader to reader because readers differ, and they move together with the
patients that were drawn for all readers. The mean squares of the estimates show the first, their
covariances (from a jackknife of patients) the second.

Reference:
    Obuchowski, Rockette. Commun Stat Simul Comput 24:285 (1995); degrees of freedom: Hillis. Stat
    Med 26:596 (2007); a mean of one test, and tests read by different readers: Hillis. Stat Med
    33:330 (2014).
"""

import math
from typing import NamedTuple

import numpy as np

from clinmm.errors import InputError
from clinmm.metrics.weighted import Array


class OverReaders(NamedTuple):
    """A mean or difference over readers. df: Hillis' degrees of freedom, infinite where readers add
    nothing to the variance."""

    value: float
    variance: float
    df: float


def mean(values: Array, covariance: Array) -> OverReaders:
    """Mean over readers; its variance is not less than that for these readers alone.

    Args:
        values: (r,) estimate of each reader, two or more.
        covariance: (r, r) of the estimates, by patients.

    Raises:
        InputError: fewer than two readers, or shapes that do not fit.
    """
    _refuse(covariance, values)
    r = values.size
    shared = max(_off_diagonal(covariance), 0.0)  # Cov2
    readers = float(values.var(ddof=1)) / r
    these = float(np.trace(covariance)) / r**2 + (r - 1) / r * shared
    value = float(values.mean())
    if readers == 0 or readers + shared <= these:
        return OverReaders(value, max(these, shared), math.inf)
    df = (readers + shared) ** 2 / (readers**2 / (r - 1))
    return OverReaders(value, readers + shared, df)


def difference(first: Array, second: Array, covariance: Array) -> OverReaders:
    """Mean of first less second, both of the same readers in the same order.

    Args:
        first, second: (r,) estimates of each reader, two readers or more.
        covariance: (2 r, 2 r) of first and second, by patients.

    Raises:
        InputError: fewer than two readers, or shapes that do not fit.
    """
    if first.size != second.size:
        raise InputError(
            f"a paired difference needs the same readers, got {first.size} and {second.size}."
        )
    _refuse(covariance, first, second)
    r = first.size
    within = covariance[:r, :r] + covariance[r:, r:]
    return mean(first - second, within - covariance[:r, r:] - covariance[r:, :r])


def unpaired_difference(first: Array, second: Array, covariance: Array) -> OverReaders:
    """Mean of first less mean of second, of different readers.

    Args:
        first: (a,) estimates of one set of readers, two or more.
        second: (b,) of another.
        covariance: (a + b, a + b) of first and second, by patients.

    Raises:
        InputError: fewer than two readers in a set, or shapes that do not fit.
    """
    _refuse(covariance, first, second)
    a, b = first.size, second.size
    one = mean(first, covariance[:a, :a])
    other = mean(second, covariance[a:, a:])
    together = one.variance + other.variance - 2 * float(covariance[:a, a:].mean())
    readers = float(first.var(ddof=1)) / a, float(second.var(ddof=1)) / b
    bottom = readers[0] ** 2 / (a - 1) + readers[1] ** 2 / (b - 1)
    variance = max(together, sum(readers))
    df = variance**2 / bottom if bottom > 0 else math.inf
    return OverReaders(one.value - other.value, variance, df)


def _off_diagonal(block: Array) -> float:
    """Mean covariance of two different readers."""
    r = block.shape[0]
    return float((block.sum() - np.trace(block)) / (r * (r - 1)))


def _refuse(covariance: Array, *values: Array) -> None:
    n = sum(one.size for one in values)
    if min(one.size for one in values) < 2:
        raise InputError("a mean over readers that holds for others needs at least two readers.")
    if covariance.shape != (n, n):
        raise InputError(f"covariance needs shape ({n}, {n}), got {covariance.shape}.")
