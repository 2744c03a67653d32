"""The best that any model could do: posterior of each finding from the latent evidence.

For a case with age a, image evidence x, note facts f and measured values v, and Y running over
the 16 combinations of the four findings y,

    P(Y | evidence)  ~  P(Y | a) * prod_k N(x_k; mu_k y_k, 1)
                        * prod_j P(f_j | Y) * prod_l N(z_l; m_l(Y), s_l)

with the factors of the inputs that are not given left out, summed over Y with y_k = 1 and
normalised. P(Y | a) is the product of `latents.prevalence`; without the record the age is not
known and P(Y | a) is averaged over the ages of the cohort. With the record but without the note,
that BNP was or was not measured counts too (it is ordered more often in dyspnoea).

It is an upper bound on what a model can reach: a model sees the drawing of x, not x, and words
for f. That an input is absent is not used (site and age say a little about it), nor is what the
patient's other cases show. Planted markers and planted statements are no evidence here; a planted
faint group is: mu is then that of the case's group.
"""

from collections.abc import Collection, Sequence
from itertools import combinations

import numpy as np

from clinmm.cohort.phantom import facts, lesions, records
from clinmm.cohort.phantom.findings import COMBINATIONS, FINDINGS
from clinmm.cohort.phantom.latents import INPUTS, Case, prevalence


def log_prior(ages: np.ndarray) -> np.ndarray:
    """log P(Y | age): (n,) years -> (n, 16)."""
    p = prevalence(ages)[:, None, :]  # (n, 1, 4)
    return np.asarray(np.log(np.where(COMBINATIONS == 1, p, 1.0 - p)).sum(axis=2))


def posterior(cases: Sequence[Case], given: Sequence[Collection[str]]) -> np.ndarray:
    """P(finding = 1 | the evidence of the given inputs): (n_cases, 4).

    given: for each case the inputs whose evidence is known.
    """
    known_age = log_prior(np.array([case.age for case in cases]))
    unknown_age = np.log(np.exp(known_age).mean(axis=0))
    p_dyspnoea = facts.p_affirmed("dyspnoea")
    log_joint = np.empty((len(cases), len(COMBINATIONS)))
    for i, (case, inputs) in enumerate(zip(cases, given, strict=True)):
        total = known_age[i] if "record" in inputs else unknown_age
        if "image" in inputs:
            total = total + lesions.log_likelihood(case.image_evidence, case.separation)
        if "note" in inputs:
            total = total + facts.log_likelihood(case.facts)
        if "record" in inputs:
            total = total + records.log_likelihood(case.record, case.measured)
            if "note" not in inputs:
                total = total + records.log_likelihood_of_ordering(case.measured, p_dyspnoea)
        log_joint[i] = total
    joint = np.exp(log_joint - log_joint.max(axis=1, keepdims=True))
    return np.asarray((joint @ COMBINATIONS) / joint.sum(axis=1, keepdims=True))


def auroc(y_true: np.ndarray, score: np.ndarray) -> float | None:
    """Chance that a positive scores above a negative, ties count half; None without both.

    >>> auroc(np.array([0, 0, 1]), np.array([0.1, 0.4, 0.4]))
    0.75
    """
    positive, negative = score[y_true == 1], np.sort(score[y_true == 0])
    if not len(positive) or not len(negative):
        return None
    below = np.searchsorted(negative, positive, side="left")
    upto = np.searchsorted(negative, positive, side="right")
    return float((below + upto).sum() / (2.0 * len(positive) * len(negative)))


def as_present(cases: Sequence[Case]) -> list[Collection[str]]:
    """The inputs that each case really has."""
    return [[name for name in INPUTS if case.present[name]] for case in cases]


def oracle_table(cases: Sequence[Case]) -> dict[str, dict[str, float | None]]:
    """AUROC of the posterior per set of inputs: name of the set -> finding or "macro" -> AUROC.

    The seven sets are evaluated on all cases, absent inputs included, because the evidence exists
    whether or not the file does; `as_present` gives each case the inputs that it really has.
    """
    given: dict[str, list[Collection[str]]] = {
        "+".join(chosen): [chosen] * len(cases)
        for size in range(1, len(INPUTS) + 1)
        for chosen in combinations(INPUTS, size)
    }
    given["as_present"] = as_present(cases)
    return {name: _row(cases, posterior(cases, inputs)) for name, inputs in given.items()}


def oracle_by_sex(cases: Sequence[Case]) -> dict[str, dict[str, dict[str, float | None]]]:
    """`oracle_table` within each sex: what a fair model would still have to accept as a gap."""
    return {
        sex: oracle_table([case for case in cases if case.sex == sex])
        for sex in sorted({case.sex for case in cases})
    }


def _row(cases: Sequence[Case], p: np.ndarray) -> dict[str, float | None]:
    labels = np.array([case.labels for case in cases])
    row = {f: auroc(labels[:, k], p[:, k]) for k, f in enumerate(FINDINGS)}
    known = [value for value in row.values() if value is not None]
    row["macro"] = float(np.mean(known)) if known else None
    return {name: None if value is None else round(value, 4) for name, value in row.items()}
