"""Deals patients out to parts so that every part has its share of every label.

Iterative stratification, by patient: Sechidis, Tsoumakas, Vlahavas. ECML PKDD 2011.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from clinmm.cohort.cohort import Cohort


def deal(
    counts: NDArray[np.float64], shares: Sequence[float], rng: np.random.Generator
) -> NDArray[np.int_]:
    """(P,) the part of each patient, 0 to len(shares) - 1.

    The rarest label first. Its patients fill a whole number of places in each part: the share of
    them that the part still lacks, what is left over going to the largest remainders. Patients
    with most cases choose first, and take the part that lacks most cases per open place. With one
    label per patient every part is within one patient of its share of each label.

    Args:
        counts: (P, K) cases of each patient with each label; every patient has at least one.
        shares: of the patients, one per part; they sum to 1.
        rng: decides ties.
    """
    has = counts > 0
    share = np.asarray(shares, dtype=np.float64)
    lacks = np.outer(share, has.sum(axis=0))  # patients with each label, (parts, K)
    lacks_cases = np.outer(share, counts.sum(axis=0))
    lacks_any = share * len(counts)
    part = np.full(len(counts), -1)
    shuffled = rng.permutation(len(counts))
    while (part < 0).any():
        left = has[part < 0].sum(axis=0)
        label = int(np.argmin(np.where(left > 0, left, np.inf)))
        waiting = shuffled[(part[shuffled] < 0) & has[shuffled, label]]
        places = _places(lacks[:, label], share, len(waiting), lacks_any, rng)
        for patient in waiting[np.argsort(-counts[waiting, label], kind="stable")]:
            per_place = np.where(places > 0, lacks_cases[:, label] / np.maximum(places, 1), -np.inf)
            ties = (rng.permutation(len(share)), -places, -per_place.round(9))
            chosen = int(np.lexsort(ties)[0])
            part[patient] = chosen
            places[chosen] -= 1
            lacks[chosen] -= has[patient]
            lacks_cases[chosen] -= counts[patient]
            lacks_any[chosen] -= 1
    return part


def _places(
    lacks: NDArray[np.float64],
    share: NDArray[np.float64],
    n: int,
    lacks_any: NDArray[np.float64],
    rng: np.random.Generator,
) -> NDArray[np.int_]:
    """(parts,) whole places that sum to n, in proportion to what each part lacks."""
    wanted = np.maximum(lacks, 0)
    wanted = wanted if wanted.sum() > 1e-9 else share
    exact = (wanted / wanted.sum() * n).round(9)
    places: NDArray[np.int_] = np.floor(exact).astype(np.int_)
    ties = (rng.permutation(len(share)), -lacks_any.round(9), -(exact - places).round(9))
    places[np.lexsort(ties)[: n - places.sum()]] += 1
    return places


def label_counts(
    cohort: Cohort, unit: NDArray[np.object_] | None = None
) -> tuple[list[str], NDArray[np.float64]]:
    """Units in order of appearance, and (P, K + 1) cases of each with each class; of a continuous
    target, with a value in each fifth of the cases.

    The last column counts the cases of units without any class, so that they are dealt too.

    unit: (n_cases,) what is dealt as one; by default the patient.
    """
    whose = cohort.table["patient_id"] if unit is None else unit
    names = list(dict.fromkeys(whose))
    row = {name: i for i, name in enumerate(names)}
    at = np.array([row[name] for name in whose])
    classes = fifths(cohort.targets()) if cohort.task == "continuous" else cohort.targets()
    counts = np.zeros((len(names), classes.shape[1] + 1))
    np.add.at(counts[:, :-1], at, np.nan_to_num(classes))
    none = counts.sum(axis=1) == 0
    counts[none, -1] = np.bincount(at, minlength=len(names))[none]
    return names, counts


def fifths(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N, at most 5) of 0 and 1: which fifth of the known values each lies in; 0 where not known.
    Equal values lie together, so there are fewer where many are equal.

    values: (N, 1), NaN where not known.

    >>> fifths(np.array([[0.0], [0], [0], [7], [9], [np.nan]])).sum(axis=0).tolist()
    [3.0, 1.0, 1.0]
    """
    known = values[~np.isnan(values)]
    edges = np.unique(np.quantile(known, [0.2, 0.4, 0.6, 0.8])) if known.size else np.array([])
    place = np.searchsorted(edges, values[:, 0], side="left")
    placed = np.asarray((place[:, None] == np.arange(edges.size + 1)) & ~np.isnan(values))
    of_fifth: NDArray[np.float64] = placed[:, placed.any(axis=0)].astype(np.float64)
    return of_fifth
