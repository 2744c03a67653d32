"""How much wrong is left among the cases that are kept, when the least certain are handed back.

Coverage is the share of cases kept, risk the share of wrong calls among them. Cases are ordered by
confidence within one model only (one repeat and fold); its most certain share is kept, and models
are pooled.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clinmm.calibration.logits import from_probabilities
from clinmm.intervals import LEVEL, MIN_PATIENTS, MIN_PATIENTS_PER_CLASS, rate_interval
from clinmm.intervals.standing import n_distinct

Array = NDArray[np.float64]
Whole = NDArray[np.int64]

COVERAGES = np.linspace(0.05, 1.0, 39)
"""Where the curve is measured: every 2.5 % from 5 % to all."""


def confidence_of_call(probability: Array, threshold: Array | float) -> Array:
    """How far a call is from being the other one: |logit probability - logit threshold|.

    Args:
        probability: (n,) calibrated.
        threshold: (n,) or one; NaN gives NaN.

    >>> confidence_of_call(np.array([.5, .2, .8]), .5).round(2).tolist()
    [0.0, 1.39, 1.39]
    """
    limit = from_probabilities(np.broadcast_to(threshold, probability.shape))
    distance: Array = np.abs(from_probabilities(probability) - limit)
    return distance


def coverage_of(confidence: Array, repeat: Whole, fold: Whole) -> Array:
    """(n,) share of the cases of the same model that are at least as confident as each case.

    Keeping the cases whose number is at most c keeps at most the share c of every model's cases;
    cases of equal confidence stay together.

    >>> coverage_of(np.array([3., 1., 1., 2.]), np.zeros(4, int), np.zeros(4, int)).tolist()
    [0.25, 1.0, 1.0, 0.5]
    """
    order = np.lexsort((-confidence, fold, repeat))
    new_model = _differs(repeat[order]) | _differs(fold[order])
    first_of_model = np.flatnonzero(new_model)
    size = np.diff(np.append(first_of_model, confidence.size))
    position = np.arange(1, confidence.size + 1) - np.repeat(first_of_model, size)
    # a case's number is the position of the last of those tied with it
    new_value = np.flatnonzero(new_model | _differs(confidence[order]))
    tied = np.diff(np.append(new_value, confidence.size))
    share = np.empty(confidence.size)
    share[order] = np.repeat(position[new_value + tied - 1], tied) / np.repeat(size, size)
    return share


def risk_coverage(
    wrong: Array,
    confidence: Array,
    patient: Whole,
    repeat: Whole,
    fold: Whole,
    keep: NDArray[np.bool_] | None = None,
) -> list[dict[str, float]]:
    """The risk-coverage curve as points to draw.

    Every point is a rule that could be used: x is the share of cases that it keeps, y the share of
    wrong calls among these with its interval clustered by patient, at the limit as it stands.

    Args:
        wrong: (n,) 1 where the call is wrong, else 0.
        confidence: (n,) any scale, higher is more certain.
        patient: (n,) number of the patient. repeat, fold: (n,) which model's.
        keep: (n,) the cases of a class, group or pattern to look at. The limit, and so x, is that
            of everybody: what one rule for all does to this group. None: everybody.

    Returns:
        Points x, y, low, high, n_cases (kept, of those looked at), by increasing x; none where
        fewer than 10 patients are kept.

    Reference:
        Geifman, El-Yaniv. Selective classification for deep neural networks. NeurIPS 2017.
    """
    covered = coverage_of(confidence, repeat, fold)
    looked_at = np.ones(wrong.size, dtype=bool) if keep is None else keep
    points: dict[float, dict[str, float]] = {}
    for coverage in COVERAGES:
        kept_of_all = covered <= coverage + 1e-12
        kept = kept_of_all & looked_at
        if n_distinct(patient[kept]) < MIN_PATIENTS:
            continue
        risk = rate_interval(wrong[kept], patient[kept])
        points[float(kept_of_all.mean())] = {
            "x": float(kept_of_all.mean()),
            "y": risk.value,
            "low": risk.low,
            "high": risk.high,
            "n_cases": float(kept.sum()),
        }
    return list(points.values())


@dataclass(frozen=True)
class Area:
    """An area with its 95 % interval; NaN limits where it is 0, or `lacking` says of what there is
    too little."""

    value: float
    low: float
    high: float
    n_patients: int
    lacking: str | None


def aurc(
    wrong: Array, confidence: Array, patient: Whole, repeat: Whole, fold: Whole
) -> tuple[Area, Area]:
    """Area under the risk-coverage curve, and its excess over the best possible order.

    The area is the mean of the risk among the k most confident cases over k = 1 ... n, for cases of
    equal confidence the mean over their orders. The best possible order hands back every wrong call
    before the first right one. Models are pooled by their number of cases. For a group, pass its
    cases: they are then ordered among themselves.

    The interval is by influence function summed per patient, symmetric on the log scale, with
    Student's t. A case counts with its own risk and as part of the coverage of the less certain.

    Args:
        wrong, confidence, patient, repeat, fold: (n,), as for `risk_coverage`.

    Returns:
        AURC and excess AURC. No limits with fewer than 10 patients, or 5 with a wrong call.

    Reference:
        Geifman, Uziel, El-Yaniv. Bias-reduced uncertainty estimation for deep neural classifiers.
        ICLR 2019 (AURC, E-AURC).

    >>> wrong, confidence = np.array([0., 1., 0., 0.]), np.array([9., 8., 7., 6.])
    >>> one_model = np.zeros(4, dtype=int)
    >>> area, excess = aurc(wrong, confidence, np.arange(4), one_model, one_model)
    >>> round(area.value, 4), round(excess.value, 4)  # (1/2 + 1/3 + 1/4) / 4, less 1/4 / 4
    (0.2708, 0.2083)
    """
    n = wrong.size
    areas, influence = np.empty((2, n)), np.empty((2, n))  # of this order, of the best possible
    order = np.lexsort((fold, repeat))
    edges = np.flatnonzero(_differs(repeat[order]) | _differs(fold[order]))
    for rows in np.split(order, edges[1:]):
        both = _area(wrong[rows], confidence[rows]), _best(wrong[rows])
        for i, (area, moved) in enumerate(both):
            areas[i, rows] = area
            influence[i, rows] = moved * rows.size / n
    value = areas.mean(axis=1)
    influence += (areas - value[:, None]) / n  # more cases of a model: it weighs more
    return (
        _interval(float(value[0]), influence[0], wrong, patient),
        _interval(float(value[0] - value[1]), influence[0] - influence[1], wrong, patient),
    )


def _area(wrong: Array, confidence: Array) -> tuple[float, Array]:
    """The area of one model's cases, and its (n,) derivative with respect to each case's weight.

    The risk among the first k is a sum over cases, so the area is the mean of wrong times the sum
    of 1/k over the k at which the case is kept.
    """
    n = wrong.size
    order = np.argsort(-confidence, kind="stable")
    w = wrong[order]
    first = np.flatnonzero(_differs(confidence[order]))
    tied = np.diff(np.append(first, n))
    kept_in = np.cumsum((1 / np.arange(1, n + 1))[::-1])[::-1]  # H(n) - H(k - 1)
    kept_in = np.repeat(np.add.reduceat(kept_in, first) / tied, tied)
    last = np.repeat(first + tied, tied)  # cases at least as confident
    less_certain = np.cumsum((w / last)[::-1])[::-1]
    less_certain = np.repeat(less_certain[first], tied)  # ties move each other
    area = float(np.mean(w * kept_in))
    influence = np.empty(n)
    influence[order] = (w * kept_in - area - (less_certain - w.mean())) / n
    return area, influence


def _best(wrong: Array) -> tuple[float, Array]:
    """As `_area`, for the order in which every right call comes before every wrong one."""
    n = wrong.size
    k = np.arange(1, n + 1)
    area = float(np.mean(np.maximum(k - (n - wrong.sum()), 0) / k))
    rate = float(wrong.mean())
    slope = -np.log(max(1 - rate, 0.5 / n))  # of rate + (1 - rate) log(1 - rate)
    influence: Array = slope * (wrong - rate) / n
    return area, influence


def _interval(value: float, influence: Array, wrong: Array, patient: Whole) -> Area:
    from scipy.stats import t

    patients, owner = np.unique(patient, return_inverse=True)
    n_wrong = n_distinct(patient[wrong == 1])
    lacking = None
    if patients.size < MIN_PATIENTS:
        lacking = f"{patients.size} patients, needs {MIN_PATIENTS}"
    elif n_wrong < MIN_PATIENTS_PER_CLASS:
        lacking = f"{n_wrong} patients with a wrong call, needs {MIN_PATIENTS_PER_CLASS}"
    if lacking or value <= 1e-12:  # 0 but for rounding
        return Area(value, float("nan"), float("nan"), int(patients.size), lacking)
    moved = np.bincount(owner, weights=influence)
    error = float(np.sqrt(np.sum(moved**2) * patients.size / (patients.size - 1)))
    factor = float(np.exp(min(t.ppf((1 + LEVEL) / 2, n_wrong - 1) * error / value, 700.0)))
    return Area(value, value / factor, value * factor, int(patients.size), None)


def _differs(sorted_values: NDArray[np.generic]) -> NDArray[np.bool_]:
    """(n,) true where a value is not that of the one before; true for the first."""
    return np.append(True, sorted_values[1:] != sorted_values[:-1])
