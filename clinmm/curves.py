"""ROC, precision-recall and reliability as points to draw.

With folds, ROC and precision-recall are averaged vertically within a repeat, over folds with the
pooling weights of their areas (pairs; positives), then over repeats: the area under the drawn curve
is the AUROC (the average precision) of the metrics table, up to the grid. Scores of different
models are never ranked together. Reliability pools the calibrated probabilities of all folds and
repeats.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from clinmm.intervals import LEVEL, MIN_PATIENTS, Draws, Sample, estimate, module_of
from clinmm.metrics.ece_debiased import equal_mass_bins
from clinmm.metrics.weighted import Array, counts_above

GRID = np.linspace(0.0, 1.0, 101)
N_DRAWS = 200
"""Draws for the bands of curves; estimates use all of them."""
N_BINS = 10
Z2 = 1.959963984540054**2

Points = list[dict[str, float]]
_Height = Callable[[Array, Array], Array]


def roc(sample: Sample, column: str, draws: Draws) -> Points:
    """True positive rate (y) over false positive rate (x), with a pointwise patient-bootstrap band.

    Starts at (0, 0). No points where the AUROC is suppressed.
    """
    points = _averaged(sample, column, draws, "auroc", _true_positive_rate)
    start = {"x": 0.0, "y": 0.0, "low": 0.0, "high": 0.0, "n_cases": float("nan")}
    return [start, *points] if points else []


def precision_recall(sample: Sample, column: str, draws: Draws) -> Points:
    """Precision (y) at each recall (x), with a pointwise patient-bootstrap band."""
    return _averaged(sample, column, draws, "auprc", _precision)


def reliability(sample: Sample, column: str, n_bins: int = N_BINS) -> Points:
    """Observed rate (y) at the mean probability (x) of equal-mass bins.

    low, high: Wilson's 95 % interval with as many trials as the bin has patients. There are fewer
    bins where ten would leave a bin with fewer than 10 patients, and none below 10 patients.
    n_cases: distinct cases of the bin.

    Reference:
        Wilson. J Am Stat Assoc 22:209 (1927).
    """
    y, p = sample.y_true, sample.columns[column]
    if np.unique(sample.patient).size < MIN_PATIENTS:
        return []
    for k in range(n_bins, 0, -1):
        bin_of = equal_mass_bins(p, k)
        members = [np.flatnonzero(bin_of == b) for b in np.unique(bin_of)]
        patients = [np.unique(sample.patient[m]).size for m in members]
        if min(patients) >= MIN_PATIENTS:
            break
    points = []
    for m, n in zip(members, patients, strict=True):
        rate = float(y[m].mean())
        low, high = wilson(rate, n)
        points.append(
            {
                "x": float(p[m].mean()),
                "y": rate,
                "low": low,
                "high": high,
                "n_cases": float(np.unique(sample.case[m]).size),
            }
        )
    return points


def wilson(rate: float, n: int) -> tuple[float, float]:
    """95 % interval of a proportion of n independent trials.

    >>> low, high = wilson(0.0, 10)
    >>> round(low, 3), round(high, 3)
    (0.0, 0.278)
    """
    centre = (rate + Z2 / (2 * n)) / (1 + Z2 / n)
    half = np.sqrt(Z2 * (rate * (1 - rate) / n + Z2 / (4 * n * n))) / (1 + Z2 / n)
    return float(max(0.0, centre - half)), float(min(1.0, centre + half))


def _averaged(sample: Sample, column: str, draws: Draws, metric: str, height: _Height) -> Points:
    """Curve heights on GRID, pooled as the metric is, for the sample and N_DRAWS draws."""
    if estimate(sample, [(metric, column)], _no_draws(draws))[metric, column].status != "ok":
        return []
    weigh = module_of(metric).pooling_weight
    counts = draws.counts[:, : N_DRAWS + 1]
    repeats = np.unique(sample.repeat)
    total = np.zeros((GRID.size, counts.shape[1]))
    for repeat in repeats:
        top = np.zeros_like(total)
        mass = np.zeros(counts.shape[1])
        for fold in sample.blocks(by_fold=True):
            if sample.repeat[fold.start] != repeat:
                continue
            weights = counts[sample.patient[fold]].astype(np.float64)
            tp, fp = counts_above(sample.y_true[fold], sample.columns[column][fold], weights)
            weight = weigh(tp[-1], fp[-1])
            for r in np.flatnonzero(weight > 0):
                top[:, r] += weight[r] * height(tp[:, r], fp[:, r])
            mass += weight
        total += np.divide(top, mass, out=np.full_like(top, np.nan), where=mass > 0)
    heights = total / repeats.size
    low, high = _band(heights)
    return [
        {"x": float(x), "y": float(y), "low": float(a), "high": float(b), "n_cases": float("nan")}
        for x, y, a, b in zip(GRID, heights[:, 0], low, high, strict=True)
    ]


def _true_positive_rate(tp: Array, fp: Array) -> Array:
    # just right of each grid point: at a jump the curve's upper end
    x, y = np.append(0.0, fp / fp[-1]), np.append(0.0, tp / tp[-1])
    heights: Array = np.interp(GRID + 1e-12, x, y)
    return heights


def _precision(tp: Array, fp: Array) -> Array:
    first = np.searchsorted(tp / tp[-1], np.maximum(GRID, 1e-9) - 1e-12, side="left")
    heights: Array = tp[first] / np.maximum(tp[first] + fp[first], 1e-300)
    return heights


def _band(heights: Array) -> tuple[Array, Array]:
    if heights.shape[1] == 1:
        nan = np.full(heights.shape[0], np.nan)
        return nan, nan
    usable: NDArray[np.bool_] = ~np.isnan(heights[0, 1:])
    drawn = heights[:, 1:][:, usable]
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=1)
    return low, high


def _no_draws(draws: Draws) -> Draws:
    return Draws(draws.patients, draws.counts[:, :1])
