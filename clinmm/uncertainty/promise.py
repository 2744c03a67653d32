"""The limit that keeps a promise to patients, and how far coverage may stray from it.

Cases of one patient resemble each other, so they are not exchangeable with another patient's; the
patients are. What is promised is about one random case of a new patient. The usual way to keep it
is to draw one case of each calibration patient and take a quantile of their scores; drawn again and
again, the empirical distributions average to one in which every patient weighs 1 and shares it
among her cases. Its quantile, with one more patient whose score is infinite, keeps the promise for
any number of patients and wastes no case (hierarchical conformal prediction).

Every promise is of this form: with L_k(limit) the expected share of a random case's true labels
that lie beyond the limit, for patient k of n, the limit is the smallest with

    (L_1 + ... + L_n + 1) / (n + 1) <= 1 - coverage

With one true label a case that is hierarchical conformal prediction, with several it is conformal
risk control of the false negative rate.

Reference:
    Dunn, Wasserman, Ramdas. J Am Stat Assoc 118:2491 (2022): repeated subsampling.
    Lee, Barber, Willett. Distribution-free inference with hierarchical data. arXiv:2306.06342.
    Angelopoulos, Bates, Fisch, Lei, Schuster. Conformal risk control. ICLR 2024, theorem 1.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

ROUNDING = 1e-9
"""1 - .9 is a little less than .1: sums within this of a bound meet it."""


@dataclass(frozen=True)
class Promise:
    """What a cell's calibration patients allow.

    limit: score up to which a class belongs to the set; NaN with too few patients.
    low, high: 95 % range, over calibration samples of this size, of the coverage delivered.
    reason: why there is no promise; None where there is one.
    """

    limit: float
    n_patients: int
    low: float
    high: float
    reason: str | None


def patients_needed(coverage: float) -> int:
    """Fewest patients with which a coverage can be promised: with fewer every class would have to
    be in every set.

    >>> patients_needed(0.9)
    9
    """
    return int(np.ceil(1 / (1 - coverage) - ROUNDING)) - 1


def promise(
    score: NDArray[np.float64],
    true: NDArray[np.bool_],
    patients: NDArray[np.object_],
    coverage: float,
) -> Promise:
    """The limit for a cell.

    Args:
        score: (n, C) of each case and class.
        true: (n, C) the true labels that belong to the cell; cases without any do not.
        patients: (n,) whose case it is.
        coverage: promised to a random case of a new patient who has one in the cell.

    >>> one_each = np.arange(9).astype(object)
    >>> promise(np.arange(9.0)[:, None], np.ones((9, 1), dtype=bool), one_each, 0.9).limit
    8.0
    """
    case, label = np.nonzero(true)
    within, number = np.unique(patients[case].astype(str), return_inverse=True)
    n = within.size
    if n < (needed := patients_needed(coverage)):
        nothing = float("nan")
        return Promise(nothing, n, nothing, nothing, f"{n} patients, needs {needed}")
    first = np.unique(case, return_index=True)[1]
    n_cases = np.bincount(number[first], minlength=n)
    weight = 1 / (n_cases[number] * true.sum(axis=1)[case])
    low, high = spread(n, coverage)
    return Promise(limit(score[case, label], weight, n, coverage), n, low, high, None)


def limit(
    scores: NDArray[np.float64], weights: NDArray[np.float64], n_patients: int, coverage: float
) -> float:
    """The smallest score beyond which at most (1 - coverage)(n + 1) - 1 patients' weight lies.

    Args:
        scores: (m,) of true labels.
        weights: (m,) which sum up to 1 for each patient.
        n_patients: n, at least `patients_needed`.
        coverage: in (0, 1).
    """
    order = np.argsort(scores, kind="stable")
    beyond = np.append(np.cumsum(weights[order][::-1])[::-1][1:], 0.0)
    allowed = (1 - coverage) * (n_patients + 1) - 1
    return float(scores[order][np.argmax(beyond <= allowed + ROUNDING)])


def spread(n_patients: int, coverage: float) -> tuple[float, float]:
    """95 % range of the coverage that a limit from n patients delivers, over samples of n patients.

    It is that of one case a patient, Beta(n + 1 - l, l) with l = floor((1 - coverage)(n + 1)).
    Several cases a patient say more about the scores, so the range is then rather too wide.

    Reference:
        Vovk. Conditional validity of inductive conformal predictors. ACML 2012, proposition 2a.

    >>> [round(end, 3) for end in spread(99, 0.9)]
    [0.834, 0.95]
    """
    from scipy.stats import beta

    outside = int((1 - coverage) * (n_patients + 1) + ROUNDING)
    low, high = beta.ppf([0.025, 0.975], n_patients + 1 - outside, outside)
    return float(low), float(high)
