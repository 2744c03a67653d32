"""ROC, precision-recall, reliability and decision curves as points to draw.

With folds, ROC and precision-recall are averaged vertically within a repeat, over folds with the
pooling weights of their areas (pairs; positives), then over repeats: the area under the drawn curve
is the AUROC (the average precision) of the metrics table, up to the grid. Scores of different
models are never ranked together. Reliability and decision curves pool the calibrated probabilities
of all folds and repeats.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from clinmm.intervals import LEVEL, MIN_PATIENTS, Draws, Sample, estimate, module_of, rate_interval
from clinmm.intervals.limits import t_quantile
from clinmm.intervals.standing import MIN_PATIENTS_PER_CLASS, n_distinct
from clinmm.metrics.ece_debiased import equal_mass_bins
from clinmm.metrics.weighted import Array

GRID = np.linspace(0.0, 1.0, 101)
N_DRAWS = 200
"""Draws for the bands of ROC and precision-recall curves."""
N_STEPS = 1000
"""Steps of a ROC or precision-recall curve. More distinct scores are put into so many bins, half of
them with equally many positives each, half with equally many negatives: exact enough to draw."""
N_BINS = 10
THRESHOLDS = np.arange(1, 100) / 100
"""Threshold probabilities of a decision curve."""

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

    low, high: `rate_interval`, clustered by patient. There are fewer bins where ten would leave a
    bin with fewer than 10 patients, and none below 10 patients. n_cases: distinct cases of the bin.
    """
    y, p = sample.y_true, sample.columns[column]
    if n_distinct(sample.patient) < MIN_PATIENTS:
        return []
    for k in range(n_bins, 0, -1):
        bin_of = equal_mass_bins(p, k)
        order = np.argsort(bin_of, kind="stable")
        members = np.split(order, np.flatnonzero(np.diff(bin_of[order])) + 1)
        if min(n_distinct(sample.patient[m]) for m in members) >= MIN_PATIENTS:
            break
    points = []
    for m in members:
        rate = rate_interval(y[m], sample.patient[m])
        points.append(
            {
                "x": float(p[m].mean()),
                "y": rate.value,
                "low": rate.low,
                "high": rate.high,
                "n_cases": float(n_distinct(sample.case[m])),
            }
        )
    return points


def decision(sample: Sample, column: str) -> Points:
    """Net benefit (y) of calling at or above a threshold probability (x), in true positives a case.

    A false positive counts x / (1 - x) of a true positive: whoever acts at x holds it to be worth
    that. Calling nobody has the net benefit 0. Drawn up to the highest threshold at which 5
    patients are called; no points below 10 patients, or 5 with and 5 without the outcome.

    low, high: the net benefit is a mean over cases, so its interval is Student's t of the sums of
    each patient, with the patients of the rarer outcome less one as degrees of freedom.

    Reference:
        Vickers, Elkin. Med Decis Making 26:565 (2006).
    """
    return _net_benefit(sample, column, sample.columns[column])


def decision_treat_all(sample: Sample, column: str) -> Points:
    """As `decision`, if everybody were called, at the same threshold probabilities."""
    return _net_benefit(sample, column, np.ones(sample.y_true.size))


def _net_benefit(sample: Sample, column: str, called_up_to: Array) -> Points:
    """called_up_to: (n,) the highest threshold at which each case is called."""
    y, n = sample.y_true, sample.y_true.size
    n_patients = n_distinct(sample.patient)
    rarer = min(n_distinct(sample.patient[y == outcome]) for outcome in (0, 1))
    if n_patients < MIN_PATIENTS or rarer < MIN_PATIENTS_PER_CLASS:
        return []
    highest = np.zeros(int(sample.patient.max()) + 1)  # probability of each patient
    np.maximum.at(highest, sample.patient, sample.columns[column])
    grid = THRESHOLDS[np.sort(highest)[-MIN_PATIENTS_PER_CLASS] >= THRESHOLDS]
    t = t_quantile(rarer - 1)
    points = []
    for threshold in grid:
        called = called_up_to >= threshold
        value = np.where(y == 1, 1.0, -threshold / (1 - threshold)) * called
        mean = float(value.mean())
        sums = np.bincount(sample.patient, weights=value - mean)
        error = np.sqrt(float(sums @ sums) * n_patients / (n_patients - 1)) / n
        points.append(
            {
                "x": float(threshold),
                "y": mean,
                "low": float(mean - t * error),
                "high": float(mean + t * error),
                "n_cases": float(n_distinct(sample.case[called])),
            }
        )
    return points


def _averaged(sample: Sample, column: str, draws: Draws, metric: str, height: _Height) -> Points:
    """Curve heights on GRID, pooled as the metric is, for the sample and N_DRAWS draws."""
    if estimate(sample, [(metric, column)], draws.first(0))[metric, column].status != "ok":
        return []
    weigh = module_of(metric).pooling_weight
    counts = draws.first(N_DRAWS).counts.astype(np.float32)
    repeats = np.unique(sample.repeat)
    total = np.zeros((GRID.size, counts.shape[1]))
    for repeat in repeats:
        top = np.zeros_like(total)
        mass = np.zeros(counts.shape[1])
        for fold in sample.blocks(by_fold=True):
            if sample.repeat[fold.start] != repeat:
                continue
            tp, fp = _counts_above(
                sample.y_true[fold], sample.columns[column][fold], sample.patient[fold], counts
            )
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


def _counts_above(
    y: Array, p: Array, patient: NDArray[np.int64], counts: NDArray[np.float32]
) -> tuple[Array, Array]:
    """Two (steps, draws): true and false positives when everything above a step is called.

    counts: (patients, draws), how often each was drawn.
    """
    from scipy.sparse import csr_matrix

    score = -p  # highest first
    ends = np.unique(score)
    if ends.size > N_STEPS:
        sides = [np.sort(score[y == outcome]) for outcome in (0, 1) if (y == outcome).any()]
        ends = np.unique(
            [s[np.linspace(0, s.size - 1, N_STEPS // 2).astype(np.int64)] for s in sides]
        )
    step = np.searchsorted(ends, score)
    above = []
    for side in (y == 1, y == 0):
        cells = (step[side], patient[side])
        shape = (ends.size, counts.shape[0])
        cases = csr_matrix((np.ones(cells[0].size, dtype=np.float32), cells), shape=shape)
        above.append(np.cumsum(cases @ counts, axis=0, dtype=np.float64))
    return above[0], above[1]


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
