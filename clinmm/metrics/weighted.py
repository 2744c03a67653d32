"""Sums under many case weightings at once: what metrics and curves are made of."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def ratio(numerator: Array, denominator: Array, weights: Array) -> Array:
    """Weighted sum of numerator over weighted sum of denominator, per weighting.

    Args:
        numerator, denominator: (n,) summands per case.
        weights: (n, R) case weights.

    Returns:
        (R,); NaN where the denominator is 0.
    """
    return over(total(numerator, weights), total(denominator, weights))


def total(values: Array, weights: Array) -> Array:
    """(R,) weighted sums of values (n,).

    By einsum, which stays on one thread: the same bits each time, and no threads that wait for
    each other over many small products.
    """
    sums: Array = np.einsum("i,ij->j", values, weights)
    return sums


def total_by_bin(values: Array, bin_of: NDArray[np.int64], n_bins: int, weights: Array) -> Array:
    """(n_bins, R) weighted sums of values (n,) in each bin."""
    sums = np.zeros((n_bins, weights.shape[1]))
    for b in range(n_bins):
        inside = np.flatnonzero(bin_of == b)
        sums[b] = total(values[inside], weights[inside])
    return sums


def over(top: Array, bottom: Array) -> Array:
    """top / bottom, NaN where bottom is 0."""
    quotient: Array = np.divide(top, bottom, out=np.full(np.shape(top), np.nan), where=bottom > 0)
    return quotient


def mean_influence(values: Array) -> tuple[float, Array]:
    """Mean of values (n,) and its derivative with respect to the weight of each case (n,)."""
    mean = float(values.mean())
    return mean, (values - mean) / values.size


def ratio_influence(numerator: Array, denominator: Array) -> tuple[float, Array]:
    """Sum of numerator over sum of denominator, each (n,), and its derivative with respect to the
    weight of each case (n,); NaN where the denominator is 0."""
    bottom = float(denominator.sum())
    if bottom == 0:
        return float("nan"), np.full(numerator.size, np.nan)
    value = float(numerator.sum()) / bottom
    return value, (numerator - value * denominator) / bottom


def in_levels(y_true: Array, y_prob: Array) -> tuple[NDArray[np.int64], Array, Array]:
    """Cases grouped by equal score, highest first: what ranking metrics are made of.

    Cases that come in the order of their scores already are sorted in one pass.

    Returns:
        level (n,) of each case in its own place, and (m,) positives and (m,) negatives of each of
        the m levels.
    """
    order = np.argsort(-y_prob, kind="stable")
    score = y_prob[order]
    in_order = np.zeros(score.size, dtype=np.int64)
    np.cumsum(score[1:] != score[:-1], out=in_order[1:])
    level = np.empty_like(in_order)
    level[order] = in_order
    total_of = np.bincount(level).astype(np.float64)
    positive = np.bincount(level, weights=y_true).astype(np.float64)
    return level, positive, total_of - positive


def counts_above(y_true: Array, y_prob: Array, weights: Array) -> tuple[Array, Array]:
    """Weighted true and false positives when everything at or above a score is called.

    Cases with equal scores are called together, so the result does not depend on their order.

    Args:
        y_true, y_prob: (n,).
        weights: (n, R).

    Returns:
        Two (m, R) arrays over the m distinct scores, highest first; the last row holds the
        weights of all positives and of all negatives.
    """
    order = np.argsort(-y_prob, kind="stable")
    score = y_prob[order]
    ends = np.flatnonzero(np.append(np.diff(score) != 0, True))
    sorted_weights = weights[order]
    called = np.cumsum(sorted_weights, axis=0)
    positive = np.cumsum(sorted_weights * y_true[order][:, None], axis=0)
    if ends.size < score.size:
        called, positive = called[ends], positive[ends]
    return positive, called - positive
