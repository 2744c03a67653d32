"""How well a class is told within each site, and on sites that were not learned from."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from clinmm.intake.leaks.told import NOT_TOLD, Real, Told, auroc_of, cross_validated

LEAST_PATIENTS = 10
LEAST_PER_CLASS = 5


def large_sites(y: Real, patients: NDArray[Any], site: NDArray[Any]) -> list[str]:
    """Sites with at least 10 patients, 5 of each class; "" (not recorded) is none."""
    return [
        name
        for name in sorted(set(site.tolist()) - {""})
        if len(set(patients[site == name])) >= LEAST_PATIENTS
        and all(
            len(set(patients[(site == name) & (y == value)])) >= LEAST_PER_CLASS for value in (0, 1)
        )
    ]


def within_sites(features: Real, y: Real, patients: NDArray[Any], site: NDArray[Any]) -> Told:
    """Cross-validated by patient inside each large site; cases of one site and fold compared."""
    scores, rows, blocks = [], [], []
    for number, name in enumerate(large_sites(y, patients, site)):
        at = np.flatnonzero(site == name)
        score, fold = cross_validated(features[at], y[at], patients[at], strength=0.1)
        scores.append(score)
        rows.append(at)
        blocks.append(fold + 100 * number)
    return _pooled(scores, rows, blocks, y, patients)


def across_sites(features: Real, y: Real, patients: NDArray[Any], site: NDArray[Any]) -> Told:
    """Each large site by a regression on the other sites; cases of one site compared. Patients of
    the site are not learned from, wherever else they came."""
    from sklearn.linear_model import LogisticRegression

    scores, rows, blocks = [], [], []
    for number, name in enumerate(large_sites(y, patients, site)):
        at = np.flatnonzero(site == name)
        others = np.flatnonzero((site != name) & ~np.isin(patients, patients[at]))
        if len(np.unique(y[others])) < 2:
            continue
        model = LogisticRegression(C=0.1, solver="liblinear", max_iter=200)
        model.fit(features[others], y[others])
        scores.append(model.predict_proba(features[at])[:, 1])
        rows.append(at)
        blocks.append(np.full(len(at), number))
    return _pooled(scores, rows, blocks, y, patients)


def _pooled(
    scores: list[Real],
    rows: list[NDArray[np.int_]],
    blocks: list[NDArray[np.int_]],
    y: Real,
    patients: NDArray[Any],
) -> Told:
    if not scores:
        return NOT_TOLD
    at = np.concatenate(rows)
    return auroc_of(np.concatenate(scores), y[at], patients[at], np.concatenate(blocks))
