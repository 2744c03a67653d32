"""Cases that an embedding puts side by side, described by the columns that set them apart."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from clinmm.fairness.slices.conditions import EMBEDDING_CLUSTER, MIN_CASES, Condition, Mask

N_CLUSTERS = 8
CASES_PER_CLUSTER = 25
N_DIMENSIONS = 16
MAX_CASES = 5000
MIN_APART = 0.2
"""Difference of shares, within and without, from which a condition describes a cluster."""


def of_embeddings(
    embeddings: pd.DataFrame, columns: Sequence[Condition], learn: Mask, seed: int
) -> list[Condition]:
    """One condition for each cluster, by k-means on the leading principal components.

    Clusters are learned without labels, from the cases that propose (5,000 at most).

    Args:
        embeddings: (N, d) in one space that all cases share: of one model, never of the models of
            several folds. NaN where a case has none.
        columns: conditions to describe a cluster by, such as `view is AP`.
        learn: (N,) the cases that propose.
        seed: of k-means.
    """
    from sklearn.cluster import KMeans
    from sklearn.decomposition import PCA
    from sklearn.preprocessing import StandardScaler

    values = embeddings.to_numpy(dtype=np.float64)
    known = ~np.isnan(values).any(axis=1)
    rows = np.flatnonzero(known & learn)
    if rows.size > MAX_CASES:
        rows = np.sort(np.random.default_rng(seed).choice(rows, MAX_CASES, replace=False))
    n_clusters = min(N_CLUSTERS, rows.size // CASES_PER_CLUSTER)
    if n_clusters < 2:
        return []
    scaler = StandardScaler().fit(values[rows])
    n_dimensions = min(N_DIMENSIONS, values.shape[1])
    turned = PCA(n_dimensions, svd_solver="full").fit(scaler.transform(values[rows]))
    points = turned.transform(scaler.transform(values[known]))
    kmeans = KMeans(n_clusters, n_init=4, random_state=seed)
    kmeans.fit(points[np.isin(np.flatnonzero(known), rows)])
    cluster = np.full(len(values), -1)
    cluster[known] = kmeans.predict(points)
    found = []
    for number in range(n_clusters):
        keep = cluster == number
        if keep[learn].sum() >= MIN_CASES:
            words = f"embedding cluster {number + 1}: {_described(keep, known, columns, learn)}"
            found.append(Condition(EMBEDDING_CLUSTER, "embedding cluster", words, keep, known))
    return found


def _described(keep: Mask, known: Mask, columns: Sequence[Condition], learn: Mask) -> str:
    """The two conditions, of different columns, whose shares within and without differ most."""
    inside, outside = keep & learn, known & ~keep & learn
    shares = [(one.keep[inside].mean(), one.keep[outside].mean(), one) for one in columns]
    shares.sort(key=lambda at: at[1] - at[0])
    told: dict[str, str] = {}
    for within, without, one in shares:
        if within - without < MIN_APART or len(told) == 2:
            break
        told.setdefault(one.about, f"{one.words} in {within:.0%} (others {without:.0%})")
    return "; ".join(told.values()) or "no column sets it apart"
