"""A map of a volume, slice by slice."""

import numpy as np
from numpy.typing import NDArray


def slice_profile(attributions: NDArray[np.floating]) -> tuple[NDArray[np.float64], ...]:
    """(D, H, W) attributions -> (signed (D,), size (D,)): what each slice adds to the logit, and
    how much moves in it whatever the sign.

    >>> signed, size = slice_profile(np.array([[[1.0, -3.0]], [[0.5, 0.5]]]))
    >>> signed.tolist(), size.tolist()
    ([-2.0, 1.0], [4.0, 1.0])
    """
    whole = attributions.astype(np.float64).reshape(len(attributions), -1)
    return whole.sum(1), np.abs(whole).sum(1)
