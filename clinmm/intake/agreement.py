"""Whether several readers say the same of a case, beyond what chance would give."""

import numpy as np
from numpy.typing import NDArray

from clinmm.intervals.draws import Draws

Readings = NDArray[np.float64]


def alpha(
    readings: Readings, patients: NDArray[np.object_], *, n_bootstrap: int = 500, seed: int = 0
) -> tuple[float, float, float]:
    """Krippendorff's alpha with its 95 % interval, by a bootstrap over patients.

    1 - seen / expected squared distance between two readings, of one case and of any two. Of
    classes as one-hot vectors that is alpha for nominal data, of numbers that for interval data.
    Readers may be missing; cases with one reading say nothing.

    Args:
        readings: (R, N, D) what R readers said of N cases, NaN where a reader said nothing.
        patients: (N,) whose case it is.

    Returns:
        1 is perfect, 0 is chance; NaN where no case has two readings, or all readings are equal.

    Reference:
        Krippendorff. Content Analysis (2004), chapter 11.

    >>> two = np.array([[[1.0], [2], [3], [3]], [[1.0], [2], [3], [5]]])
    >>> round(alpha(two, np.array(list("abcd"), dtype=object))[0], 3)  # 1 - 1 / 3.43
    0.708
    """
    said: NDArray[np.bool_] = np.asarray(~np.isnan(readings).any(axis=2))
    twice = said.sum(axis=0) >= 2
    if not twice.any():
        return float("nan"), float("nan"), float("nan")
    n = said[:, twice].sum(axis=0).astype(np.float64)
    known = np.where(said[:, twice, None], readings[:, twice], 0.0)
    total, squares = known.sum(axis=0), (known**2).sum(axis=(0, 2))
    within = (n * squares - (total**2).sum(axis=1)) / (n - 1)
    draws = Draws.make(patients[twice].tolist(), n_bootstrap, seed)
    weights = draws.counts[draws.index(patients[twice].tolist())].astype(np.float64)
    count = n @ weights
    seen = within @ weights / count
    sums = total.T @ weights
    expected = (count * (squares @ weights) - (sums**2).sum(axis=0)) / (count * (count - 1))
    found = np.full(count.size, np.nan)
    np.divide(seen, expected, out=found, where=expected > 0)
    found = 1 - found
    if np.isnan(found[0]):
        return float("nan"), float("nan"), float("nan")
    low, high = np.nanquantile(found[1:], [0.025, 0.975])
    return float(found[0]), float(low), float(high)
