"""Distance of each probability from the smooth calibration curve, and summaries of it."""

from collections.abc import Callable

import numpy as np

from clinmm.errors import InputError
from clinmm.metrics.calibration_curve import fit_curve
from clinmm.metrics.inputs import require
from clinmm.metrics.logistic import expit
from clinmm.metrics.parts import Parts
from clinmm.metrics.weighted import Array

Summary = Callable[[Array], Array]
"""(m, R) distances -> (R,)."""

N_POINTS = 200
"""Probabilities, at even ranks, that stand for all cases where coefficients are drawn."""


def summarised(metric: str, summary: Summary, y_true: Array, y_prob: Array) -> float:
    """A summary over the cases of |probability - curve|; inputs as `inputs.checked` gives them.

    Raises:
        InputError: one class only, or classes that do not overlap, where no curve is finite.
    """
    require(y_true.sum(), "positive", metric)
    require((1 - y_true).sum(), "negative", metric)
    curve = fit_curve(y_true, y_prob)
    if curve is None:
        raise InputError(
            f"{metric} is undefined: the probabilities separate the classes without overlap, so "
            "that no calibration curve is finite. It needs more cases."
        )
    return float(summary(np.abs(y_prob - curve.at(y_prob))[:, None])[0])


def summary_parts(summary: Summary, y_true: Array, y_prob: Array) -> Parts:
    """The coefficients of the curve, and the summary as a function of them.

    The cases' probabilities are taken as they are: beside the curve their sampling adds little.
    """
    curve = fit_curve(y_true, y_prob)
    if curve is None:
        nothing = np.full((y_true.size, 1), np.nan)
        return Parts(np.array([np.nan]), nothing, lambda drawn: np.full(drawn.shape[1], np.nan))
    ranks = (np.arange(N_POINTS) + 0.5) * y_prob.size / N_POINTS
    points = np.sort(y_prob)[ranks.astype(np.int64)]
    design = curve.design(points)

    def on_points(drawn: Array) -> Array:
        return summary(np.abs(points[:, None] - expit(design @ drawn)))

    here = curve.fit.coefficients
    exact = summary(np.abs(y_prob - curve.at(y_prob))[:, None])
    shift = exact - on_points(here[:, None])  # what standing for all cases costs, taken out
    return Parts(here, curve.fit.influence, lambda drawn: np.maximum(on_points(drawn) + shift, 0.0))
