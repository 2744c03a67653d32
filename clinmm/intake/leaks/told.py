"""How well a label can be told from a few columns: cross-validated AUROC, clustered by patient."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Real = NDArray[np.float64]

FOLDS = 5


class Told(NamedTuple):
    """AUROC with its 95 % interval, NaN where too few patients stand behind it.

    p: two-sided, of an AUROC of .5.
    """

    value: float
    low: float
    high: float
    p: float
    n_cases: int
    n_patients: int

    @property
    def known(self) -> bool:
        return bool(np.isfinite(self.low))

    def __str__(self) -> str:
        return f"{self.value:.2f} ({self.low:.2f} to {self.high:.2f})"


NAN = float("nan")
NOT_TOLD = Told(NAN, NAN, NAN, NAN, 0, 0)


def patient_folds(y: Real, patients: NDArray[Any], seed: int = 0, n: int = FOLDS) -> NDArray[Any]:
    """(n_cases,) fold of each case: patients dealt out in turn, those with the class first."""
    owners, row = np.unique(patients.astype(str), return_inverse=True)
    positive = np.bincount(row, weights=y, minlength=len(owners)) > 0
    shuffled = np.random.default_rng(seed).permutation(len(owners))
    order = shuffled[np.argsort(~positive[shuffled], kind="stable")]
    fold = np.empty(len(owners), dtype=int)
    fold[order] = np.arange(len(owners)) % n
    return fold[row]


def cross_validated(
    features: Any, y: Real, patients: NDArray[Any], strength: float = 1.0
) -> tuple[Real, NDArray[np.int_]]:
    """Logistic regression on four fifths of the patients, scores of the last fifth.

    Args:
        features: (n, k) numbers, dense or sparse, on scales of about 1.
        y: (n,) 0 or 1, both of them there.
        patients: (n,) ids.
        strength: C of the regression.

    Returns:
        (n,) probabilities and (n,) folds; a fold whose training has one class only scores .5.
    """
    from sklearn.linear_model import LogisticRegression

    fold = patient_folds(y, patients)
    score = np.full(len(y), 0.5)
    for k in range(FOLDS):
        test = fold == k
        if not test.any() or len(np.unique(y[~test])) < 2:
            continue
        model = LogisticRegression(C=strength, solver="liblinear", max_iter=200)
        score[test] = model.fit(features[~test], y[~test]).predict_proba(features[test])[:, 1]
    return score, fold


def auroc_of(
    score: Real, y: Real, patients: NDArray[Any], fold: NDArray[np.int_] | None = None
) -> Told:
    """AUROC of scores, compared within folds only.

    Args:
        score, y, patients: (n,) of each case. fold: (n,); one fold if left out.
    """
    from scipy.stats import t as student

    from clinmm.intervals import Draws, Sample, estimate

    if len(y) == 0:
        return NOT_TOLD
    fold = np.zeros(len(y), dtype=int) if fold is None else fold
    order = np.argsort(fold, kind="stable")
    ids = patients.astype(str)[order].tolist()
    draws = Draws.make(ids, 0, 0)
    n = np.arange(len(y))
    sample = Sample(
        y[order], {"score": score[order]}, draws.index(ids), n, np.zeros_like(n), fold[order]
    )
    one = estimate(sample, [("auroc", "score")], draws)["auroc", "score"]
    if one.status != "ok":
        return NOT_TOLD._replace(n_cases=one.n_cases, n_patients=one.n_patients)
    low, high = one.interval()
    df = max(one.n_patients - 1, 1)
    p = 1.0 if one.se == 0 else float(2 * student.sf(abs(one.value - 0.5) / one.se, df))
    if one.value == 1.0:
        p = 0.0
    return Told(one.value, low, high, p, one.n_cases, one.n_patients)


def told_by(features: Any, y: Real, patients: NDArray[Any], strength: float = 1.0) -> Told:
    """Cross-validated AUROC of the columns together.

    >>> y = np.tile([0.0, 1.0], 30); who = np.arange(60)
    >>> told_by(y[:, None], y, who).value
    1.0
    """
    if len(np.unique(y)) < 2:
        return NOT_TOLD
    score, fold = cross_validated(features, y, patients, strength)
    return auroc_of(score, y, patients, fold)


def told_on_others(
    features: Any,
    y: Real,
    patients: NDArray[Any],
    learns: NDArray[np.bool_],
    test: NDArray[np.bool_],
    strength: float = 1.0,
) -> Told:
    """AUROC on the test cases of a regression on those that it learns from.

    learns, test: (n,); a case may be neither, such as another one of a test patient.
    """
    from sklearn.linear_model import LogisticRegression

    if len(np.unique(y[learns])) < 2 or len(np.unique(y[test])) < 2:
        return NOT_TOLD
    model = LogisticRegression(C=strength, solver="liblinear", max_iter=200)
    model.fit(features[learns], y[learns])
    score = model.predict_proba(features[test])[:, 1]
    return auroc_of(score, y[test], patients[test])


def holm(p: Real) -> Real:
    """Holm's adjusted p values; NaN stays NaN and is not counted.

    >>> holm(np.array([0.01, 0.04, float("nan")])).round(3).tolist()
    [0.02, 0.04, nan]
    """
    adjusted = np.full(len(p), np.nan)
    tried = np.flatnonzero(~np.isnan(p))
    order = tried[np.argsort(p[tried], kind="stable")]
    steps = p[order] * np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return adjusted
