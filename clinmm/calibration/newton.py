"""Newton's method for the small convex problems of the calibrators."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from clinmm.calibration.logits import Array

MAX_STEPS = 100
CLOSE_ENOUGH = 1e-12
"""Newton stops when the next step would lower the objective by less, in nats."""
SHORTEST = 1e-10
"""Of a step, as a share of Newton's own."""


@dataclass(frozen=True, eq=False)
class Solution:
    """coefficients (k,) with the least objective; objective there; hessian (k, k) there."""

    coefficients: Array
    objective: float
    hessian: Array


def minimise(
    objective: Callable[[Array], float],
    derivatives: Callable[[Array], tuple[Array, Array]],
    start: Array,
) -> Solution:
    """The minimum of a strictly convex function; a step that overshoots is halved.

    Args:
        objective: (k,) -> value.
        derivatives: (k,) -> slope (k,) and hessian (k, k), which must be invertible.
        start: (k,).
    """
    found, value = start.astype(np.float64), objective(start)
    for _ in range(MAX_STEPS):
        slope, hessian = derivatives(found)
        step = np.linalg.solve(hessian, slope)
        if slope @ step < 2 * CLOSE_ENOUGH:
            break
        size = 1.0
        while (lower := objective(found - size * step)) > value and size > SHORTEST:
            size /= 2
        if lower >= value:
            break
        found, value = found - size * step, lower
    return Solution(found, value, hessian)
