"""How well a regularised logistic regression reads an attribute from vectors."""

import numpy as np
from numpy.typing import NDArray

from clinmm.intervals import MIN_PATIENTS_PER_CLASS

Vectors = NDArray[np.float64]
Index = NDArray[np.int_]


def probe_scores(
    vectors: Vectors, belongs: NDArray[np.bool_], learn: Index, ask: Index
) -> NDArray[np.float64] | None:
    """Probability of belonging to a group, of cases that the probe has not seen.

    The vectors are standardised by the cases learned from. The penalty is the normal prior under
    which the logit of a typical case has a standard deviation of 1, however many dimensions there
    are, so nothing has to be tuned.

    Args:
        vectors: (N, d), not NaN in the rows used.
        belongs: (N,) bool.
        learn, ask: positions of cases.

    Returns:
        (len(ask),); None where either side has fewer than 5 cases to learn from.

    Reference:
        Alain, Bengio. ICLR workshop (2017): linear probes. Glocker et al. EBioMedicine 89:104467
        (2023): what the network of a radiograph encodes of its patient.
    """
    from sklearn.linear_model import LogisticRegression

    y = belongs[learn]
    if min(y.sum(), (~y).sum()) < MIN_PATIENTS_PER_CLASS:
        return None
    mean, spread = vectors[learn].mean(axis=0), vectors[learn].std(axis=0)
    varies = spread > 1e-9 * (1 + np.abs(mean))
    if not varies.any():
        return np.full(ask.size, y.mean())
    x = (vectors[:, varies] - mean[varies]) / spread[varies]
    model = LogisticRegression(C=1 / x.shape[1], max_iter=1000).fit(x[learn], y)
    scores: NDArray[np.float64] = model.predict_proba(x[ask])[:, 1]
    return scores
