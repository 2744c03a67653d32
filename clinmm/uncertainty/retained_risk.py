"""What handing cases back does to the share of wrong calls: the paired difference, and a target."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clinmm.comparisons import ALPHA, Z_POWER, holm
from clinmm.intervals import MIN_PATIENTS, MIN_PATIENTS_PER_CLASS
from clinmm.intervals.limits import normal_quantile, t_quantile

Array = NDArray[np.float64]
Whole = NDArray[np.int64]
Truth = NDArray[np.bool_]

SHARES = np.arange(19) / 20
"""Shares to hand back that are tried for a risk target: 0, 5, ... 90 %."""


@dataclass(frozen=True)
class Change:
    """Retained risk minus risk without deferral, on the same cases.

    difference and what follows is NaN where `lacking` says what there is too little of.
    """

    share: float
    risk: float
    retained: float
    difference: float
    low: float
    high: float
    p: float
    se: float
    n_patients: int
    lacking: str | None

    @property
    def detectable(self) -> float:
        """The smallest true difference that 80 % of such samples would show at two-sided 5 %."""
        return (normal_quantile() + Z_POWER) * self.se


def change(wrong: Array, kept: Truth, patient: Whole, *, min_wrong: int) -> Change:
    """What deferral does to the share of wrong calls.

    The retained risk is a ratio over the kept cases. The influence of a case on the difference is
    kept (wrong - retained) / n_kept - (wrong - risk) / n; summed per patient it gives the variance.
    Student's t, with the patients who have a wrong call less one as degrees of freedom: they carry
    the difference. The limit that decides what is kept is taken as it is.

    Args:
        wrong: (n,) 1 where the call is wrong, else 0.
        kept: (n,) true where the case is not handed back.
        patient: (n,) whose case it is.
        min_wrong: patients with a wrong call that are needed.

    Returns:
        The change; `lacking` where there are fewer than 10 patients with a kept case, than 5 with
        one handed back, or than min_wrong with a wrong call.

    >>> wrong, kept = np.array([1, 0, 0, 0.] * 30), np.array([False, True, True, True] * 30)
    >>> found = change(wrong, kept, np.arange(120), min_wrong=10)
    >>> found.risk, found.retained, round(found.high, 3)
    (0.25, 0.0, -0.169)
    """
    from scipy.special import stdtr

    n_kept = int(kept.sum())
    risk = float(wrong.mean()) if wrong.size else float("nan")
    retained = float(wrong[kept].mean()) if n_kept else float("nan")
    share = 1 - n_kept / wrong.size if wrong.size else float("nan")
    patients, owner = np.unique(patient, return_inverse=True)
    n_wrong = int(np.unique(owner[wrong == 1]).size)
    needs = (
        (n_wrong, min_wrong, "with a wrong call"),
        (int(np.unique(owner[kept]).size), MIN_PATIENTS, "with a kept case"),
        (int(np.unique(owner[~kept]).size), MIN_PATIENTS_PER_CLASS, "with a case to hand back"),
    )
    for n, needed, what in needs:
        if n < needed:
            nan = float("nan")
            lacking = f"{n} patients {what}, needs {needed}"
            return Change(share, risk, retained, nan, nan, nan, nan, nan, patients.size, lacking)
    influence = kept * (wrong - retained) / n_kept - (wrong - risk) / wrong.size
    sums = np.bincount(owner, weights=influence)
    se = math.sqrt(float(sums @ sums) * patients.size / (patients.size - 1))
    difference = retained - risk
    half = t_quantile(n_wrong - 1) * se
    p = 2 * float(stdtr(n_wrong - 1, -abs(difference) / se)) if se > 0 else float(difference == 0)
    return Change(
        share,
        risk,
        retained,
        difference,
        difference - half,
        difference + half,
        p,
        se,
        int(patients.size),
        None,
    )


def limit_of(confidence: Array, share: float) -> float:
    """The highest limit with at most this share of the cases below it; cases at it are kept.

    >>> limit_of(np.array([.1, .2, .3, .4]), share=.5)
    0.3
    """
    return float(np.sort(confidence)[int(share * confidence.size + 1e-9)])


def smallest_share(wrong: Array, confidence: Array, patient: Whole, target: float) -> float | None:
    """The smallest share to hand back that is shown to leave a risk below the target.

    Each share of SHARES is tested against "the retained risk is at least the target", and Holm's
    adjustment over all of them bounds the chance of any false one at 5 %. With one case a patient
    the test is the exact binomial one; with several, the same with the number of independent cases
    that would have the variance seen (patients, where no kept call is wrong).

    Args:
        wrong, confidence, patient: (n,) of one model's cases.
        target: share of wrong calls among the kept that is wanted, at most.

    Returns:
        A share, 0 where nothing need be handed back; None where no share is shown to do.

    Reference:
        Angelopoulos, Bates, Candes, Jordan, Lei. Learn then test. Ann Appl Stat 19:1641 (2025).
        Korn, Graubard. Survey Methodology 24:193 (1998), for the effective number.
    """
    p_values = []
    for share in SHARES:
        kept = confidence >= limit_of(confidence, share)
        p_values.append(_p_at_least(wrong[kept], patient[kept], target))
    shown = SHARES[holm(p_values) < ALPHA]
    return float(shown[0]) if shown.size else None


def _p_at_least(wrong: Array, patient: Whole, target: float) -> float:
    """P of so few wrong calls if their rate were the target: one-sided, clustered by patient."""
    from scipy.special import betainc

    _, owner = np.unique(patient, return_inverse=True)
    rate = float(wrong.mean())
    n = float(owner.max()) + 1
    if 0 < rate < 1:
        sums = np.bincount(owner, weights=wrong - rate)
        n = min(rate * (1 - rate) * wrong.size**2 / float(sums @ sums), float(wrong.size))
    elif rate == 1:
        return 1.0
    return 1 - float(betainc(rate * n + 1, n - rate * n, target))
