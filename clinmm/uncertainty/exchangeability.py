"""Are new patients like those that the promise was made on? A conformal test by patient.

One random case stands for each patient. New patients come in a random order, and each is ranked
among the calibration patients and the new ones before: if all are exchangeable, these p-values are
independent and uniform whatever the scores are. A bettor who starts with 1 bets against that; his
wealth is a martingale, which reaches 20 with a probability of at most 1 in 20 (Ville). The bets are
an even mixture of Beta densities: more high or more low scores than in calibration (a shift) earn
money, and so do more extreme or more middling ones.

Which case stands for whom, and the order, are drawn again and again; twice the median of p-values
is a p-value however they depend on each other (Rüger). So the evidence is half the median of the
largest wealths, and 1 / evidence is an upper bound of p.

MAPIE's OnlineMartingaleTest takes rows and an estimator, bets already on the calibration rows, and
its jumper cannot see a change of spread; the p-values are the same, as the tests show.

Reference:
    Vovk. Testing randomness online. Stat Sci 36:595 (2021).
    Fedorova, Gammerman, Nouretdinov, Vovk. Plug-in martingales for testing exchangeability on-line.
    ICML 2012.
    Rüger. Metrika 25:171 (1978): the median of p-values.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from clinmm import schema
from clinmm.errors import InputError
from clinmm.uncertainty.set_cases import side_by_side
from clinmm.uncertainty.set_scores import METHODS

Array = NDArray[np.float64]

ENOUGH = 20.0
"""Evidence at which the test fails: p at most .05. Exchangeability is the null hypothesis, so a
stricter bound would show more sets where they do not hold."""
REPEATS = 51
MOST = 1000
"""New patients presented in one repeat, drawn at random: more would tell little more."""
BETA = (0.6, 1.0, 1.6)
"""Both parameters of the Beta densities bet with."""
INFORMATION = 10.0
"""A shift of d standard deviations between n and m patients is found in about 80 % of normal
samples where d * d / (1 / n + 1 / m) is twice this (simulated: 75 to 95 %, 30 to 300 patients)."""


@dataclass(frozen=True)
class Result:
    """verdict: fails, holds (nothing found, though a shift of one standard deviation would have
    been) or cannot_tell. evidence: p is at most 1 / evidence."""

    evidence: float
    p: float
    n_calibration: int
    n_new: int
    verdict: str
    reason: str


def martingale_test(
    calibration_scores: ArrayLike,
    calibration_patients: ArrayLike,
    new_scores: ArrayLike,
    new_patients: ArrayLike,
    *,
    seed: int,
    times: ArrayLike | None = None,
) -> Result:
    """Tests whether the patients of two samples are exchangeable.

    Args:
        calibration_scores: (n,) any number for each case, higher or lower means nothing in itself.
        calibration_patients: (n,) whose case it is.
        new_scores: (m,) computed in the same way by the same model.
        new_patients: (m,).
        seed: of the cases, the order and the ranks of ties.
        times: (m,) sortable; new patients then come in this order, which shows a change on the way
            sooner. None: in a random order.

    Raises:
        InputError: lengths differ, a score is NaN, no patient, or patients in both samples.

    >>> old, new = np.arange(60.0), np.arange(60.0) + 40
    >>> martingale_test(old, np.arange(60), new, np.arange(60, 120), seed=0).verdict
    'fails'
    """
    old_score, old = _checked(calibration_scores, calibration_patients, "calibration")
    new_score, new = _checked(new_scores, new_patients, "new")
    if n_both := np.intersect1d(old, new).size:
        raise InputError(f"{n_both} patients are in both samples; leave them out of one.")
    when = None if times is None else np.unique(np.asarray(times), return_inverse=True)[1]
    if when is not None and when.shape != new_score.shape:
        raise InputError(f"times: {when.size} for {new_score.size} new scores.")
    rng = np.random.default_rng(seed)
    largest = np.empty(REPEATS)
    for r in range(REPEATS):
        cases = rng.permutation(_one_case_each(new, rng))[:MOST]
        if when is not None:
            cases = cases[np.argsort(when[cases], kind="stable")]
        known = old_score[_one_case_each(old, rng)]
        largest[r] = wealth(p_values(known, new_score[cases], rng)).max()
    n_old, n_new = np.unique(old).size, np.unique(new).size
    return _judged(float(np.median(largest) / 2), n_old, n_new)


def p_values(known: Array, new: Array, rng: np.random.Generator) -> Array:
    """(m,) smoothed conformal p-values: the share of the scores up to now that are higher.

    Args:
        known: (n,) scores, one a patient.
        new: (m,) scores, in order; each becomes known after its turn.
        rng: breaks ties.
    """
    known = np.sort(known)
    earlier = np.tri(new.size, k=-1, dtype=bool)
    below = np.searchsorted(known, new, "right")
    tied = below - np.searchsorted(known, new, "left")
    higher = known.size - below + ((new > new[:, None]) & earlier).sum(axis=1)
    tied = tied + ((new == new[:, None]) & earlier).sum(axis=1)
    p: Array = (higher + rng.random(new.size) * (tied + 1)) / (known.size + np.arange(new.size) + 1)
    return p


def wealth(p: Array) -> Array:
    """(m,) wealth after each p-value of an even mixture of bettors on Beta densities."""
    from scipy.stats import beta

    # a p-value of exactly 0 would earn without bounds
    p = np.clip(p, 1e-12, 1 - 1e-12)
    log = np.stack([np.cumsum(beta.logpdf(p, a, b)) for a in BETA for b in BETA])
    mixed: Array = np.exp(np.logaddexp.reduce(log, axis=0)) / len(log)
    return mixed


def detectable_shift(n_calibration: int, n_new: int) -> float:
    """Shift of the scores, in standard deviations, that the test finds in about 80 %."""
    new = min(n_new, MOST)
    return float(np.sqrt(2 * INFORMATION * (1 / n_calibration + 1 / new)))


def table(
    calibration: pd.DataFrame, new: pd.DataFrame, *, kind: str, method: str, seed: int
) -> pd.DataFrame:
    """Rows of schema.EXCHANGEABILITY: for each arm `inputs`, and `labels` where targets are known.

    inputs: the highest probability of a case (binary: the probability) of both samples.
    labels: the conformity score of the true class (multilabel: mean over the true labels), of the
        cases whose target is known.

    Both samples must be predicted in the same way: a mean of several models is less extreme than
    one model, and the test would find that. A case that has several repeats or folds is scored by
    its mean probability.

    Args:
        calibration: columns arm, repeat, fold, case_id, patient_id, class_name, target,
            probability, pattern; the cases that the rules were fitted on.
        new: the same columns; targets may be empty.
        kind: binary, multiclass or multilabel.
        method: of the sets, see `sets.method_for`.
        seed: as in `martingale_test`.
    """
    rows = []
    arms = sorted(set(calibration["arm"]) & set(new["arm"]))
    for arm in arms:
        old_cases, new_cases = (
            _scores(t[t["arm"] == arm], kind, method) for t in (calibration, new)
        )
        for name in ("labels", "inputs"):
            a, b = (cases[["patient", name]].dropna() for cases in (old_cases, new_cases))
            if a.empty or b.empty:
                continue
            found = martingale_test(a[name], a["patient"], b[name], b["patient"], seed=seed)
            rows.append({"arm": arm, "test": name, **vars(found)})
    return schema.EXCHANGEABILITY.fill(pd.DataFrame(rows, columns=schema.EXCHANGEABILITY.names))


def _scores(rows: pd.DataFrame, kind: str, method: str) -> pd.DataFrame:
    """patient, labels, inputs of each case of one arm; labels NaN where no target is known."""
    same = ["case_id", "patient_id", "class_name"]
    mean = rows.groupby(same, sort=True, as_index=False)[["probability", "target"]].mean()
    cases = side_by_side(mean.assign(pattern="any"), kind)
    score = METHODS[method].score(cases.probability)
    n_true = cases.true.sum(axis=1)
    labels = np.where(cases.true, score, 0.0).sum(axis=1) / np.where(n_true > 0, n_true, np.nan)
    probability = cases.probability[:, :1] if kind == "binary" else cases.probability
    inputs = probability.max(axis=1)
    return pd.DataFrame({"patient": cases.patients, "labels": labels, "inputs": inputs})


def _judged(evidence: float, n_calibration: int, n_new: int) -> Result:
    shift = detectable_shift(n_calibration, n_new)
    if evidence >= ENOUGH:
        verdict, reason = "fails", "the new patients' scores are not like those in calibration"
    elif shift > 1:
        verdict = "cannot_tell"
        reason = "too few patients: a shift of one standard deviation might not be found"
    else:
        verdict = "holds"
        reason = f"nothing found; a shift of {shift:.2f} standard deviations would be in about 80 %"
    p = min(1.0, 1 / evidence)
    return Result(evidence, p, n_calibration, n_new, verdict, reason)


def _checked(
    scores: ArrayLike, patients: ArrayLike, name: str
) -> tuple[Array, NDArray[np.object_]]:
    score = np.asarray(scores, dtype=np.float64)
    patient = np.asarray(patients).astype(str)
    problems = []
    if score.ndim != 1 or score.shape != patient.shape:
        problems.append(f"{name}: {score.shape} scores for {patient.shape} patients, needs (n,).")
    if score.size == 0:
        problems.append(f"{name}: no case.")
    if n_nan := int(np.isnan(score).sum()):
        problems.append(f"{name}: {n_nan} of {score.size} scores are NaN; leave these cases out.")
    if problems:
        raise InputError(problems)
    return score, patient


def _one_case_each(patients: NDArray[np.object_], rng: np.random.Generator) -> NDArray[np.int64]:
    """Number of a random case of each patient."""
    shuffled = rng.permutation(patients.size)
    return shuffled[np.unique(patients[shuffled], return_index=True)[1]]
