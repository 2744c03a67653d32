"""Independent cases: how many make a 95 % interval as narrow as wanted, how many these are worth.

The formulas of Riley, Debray, Collins, Archer, Ensor, van Smeden, Snell. Minimum sample size for
external validation of a clinical prediction model with a binary outcome. Stat Med 40:4230 (2021).
Each assumes that the risks mean what they say.
"""

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from clinmm.calibration.logits import Array, to_probabilities

WIDTH, AUROC_WIDTH = 0.2, 0.1
"""Widths of 95 % intervals that the paper aims for."""
Z = 1.96


def cases_for_observed_expected(prevalence: float, width: float = WIDTH) -> float:
    """Independent cases for an interval of observed : expected of this width, around 1.

    The interval is symmetric on the log scale, so width = exp(z se) - exp(-z se).

    Reference:
        Riley et al. Stat Med 40:4230 (2021), section 3.1.

    >>> round(cases_for_observed_expected(0.018, width=1.0))
    905
    """
    se = math.asinh(width / 2) / Z
    return (1 - prevalence) / (prevalence * se**2)


def cases_for_slope(logits: Array, width: float = WIDTH) -> float:
    """Independent cases for an interval of the calibration slope of this width, if slope and
    intercept are 1 and 0.

    Args:
        logits: (n,) the distribution of the log odds in the place of use.
        width: of the interval.

    Returns:
        Infinite where the logits are all the same.

    Reference:
        Riley et al. Stat Med 40:4230 (2021), section 3.2: Fisher's information of one case.
    """
    risk = to_probabilities(logits)
    variance = risk * (1 - risk)
    # about the weighted mean: the determinant without cancellation
    centred = logits - np.average(logits, weights=variance)
    information = float(np.mean(variance * centred**2))
    se = width / (2 * Z)
    return 1 / (information * se**2) if information > 1e-12 else math.inf


def cases_for_auroc(auroc: float, prevalence: float, width: float = AUROC_WIDTH) -> float:
    """Independent cases for an interval of the AUROC of this width.

    Reference:
        Riley et al. Stat Med 40:4230 (2021), section 3.3, with the variance of Newcombe. Stat Med
        25:559 (2006), method 4; here solved for n.

    >>> [math.ceil(cases_for_auroc(c, p)) for c, p in ((0.7, 0.1), (0.8, 0.5), (0.8, 0.018))]
    [1154, 302, 4252]
    """
    spread = auroc * (1 - auroc)
    slope = (1 - auroc) / (2 - auroc) + auroc / (1 + auroc)
    # n^2 p (1 - p) se^2 = spread (1 + (n / 2 - 1) slope)
    a = prevalence * (1 - prevalence) * (width / (2 * Z)) ** 2
    b = spread * slope / 2
    c = spread * (1 - slope)
    return (b + math.sqrt(b**2 + 4 * a * c)) / (2 * a)


def cases_for_net_benefit(
    sensitivity: float,
    specificity: float,
    prevalence: float,
    threshold: float,
    width: float = WIDTH,
) -> float:
    """Independent cases for an interval of this width of the net benefit over the prevalence (1 is
    perfect).

    Reference:
        Riley et al. Stat Med 40:4230 (2021), section 3.4.

    >>> round(cases_for_net_benefit(0.6, 0.88, 0.72, 0.8))
    545
    """
    odds = (1 - prevalence) / prevalence * threshold / (1 - threshold)
    variance = (
        sensitivity * (1 - sensitivity) / prevalence
        + odds**2 * specificity * (1 - specificity) / (1 - prevalence)
        + odds**2 * (1 - specificity) ** 2 / (prevalence * (1 - prevalence))
    )
    return variance / (width / (2 * Z)) ** 2


def effective_cases(observed_minus_expected: Array, patients: Sequence[str]) -> float:
    """How many independent cases these are worth: at most one for each patient.

    Cases over the design effect, which is the variance of observed minus expected with each
    patient's cases summed, over the same with every case on its own. Where a few patients have most
    of the cases this is less than the number of patients. It is never taken as more: what further
    cases of one patient add cannot be measured well in a small sample.

    Args:
        observed_minus_expected: (n,) outcome minus risk.
        patients: (n,).

    >>> effective_cases(np.array([.5, .5, -.5, -.5]), ["a", "a", "b", "b"])
    2.0
    """
    residual = observed_minus_expected
    owner, ids = pd.factorize(np.asarray(patients, dtype=object))
    alone = float((residual**2).sum())
    together = float((np.bincount(owner, weights=residual) ** 2).sum())
    by_design = round(residual.size * alone / together, 6) if together > 0 else math.inf
    return min(float(ids.size), by_design)
