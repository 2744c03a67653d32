"""Negative predictive value where the prevalence is another one."""

import numpy as np
from numpy.typing import ArrayLike

from clinmm.errors import InputError
from clinmm.metrics.confusion import Cells, cells, divided, influence_of
from clinmm.metrics.inputs import checked_decisions, require
from clinmm.metrics.weighted import Array

NEEDS = "prevalence"
CONDITIONS_ON = ("positive", "negative")
HIGHER_IS_BETTER = True
SCALE = "logit"


def npv_at_prevalence(y_true: ArrayLike, y_decision: ArrayLike, *, prevalence: float) -> float:
    """sp (1 - q) / (sp (1 - q) + (1 - se) q).

    By Bayes' rule from the sensitivity se and the specificity sp of these cases and a prevalence q
    of another place. It holds there if se and sp do, which a different mix of severity can upset.

    Args:
        y_true: (n,) outcomes in {0, 1}.
        y_decision: (n,) calls in {0, 1}: 1 where the probability reaches the threshold.
        prevalence: q, between 0 and 1.

    Returns:
        Between 0 and 1; 1 - q is chance.

    Raises:
        InputError: NaN, values other than 0 and 1, lengths that differ, no positive, no negative
            or no uncalled case, a prevalence that is not between 0 and 1.

    Reference:
        Altman, Bland. BMJ 309:102 (1994).

    >>> y_true, y_decision = [1, 1, 0, 0, 0, 0], [1, 0, 1, 0, 0, 0]
    >>> round(npv_at_prevalence(y_true, y_decision, prevalence=.1), 4)  # .675 / (.675 + .05)
    0.931
    """
    if not 0 < prevalence < 1:
        raise InputError(f"prevalence must lie between 0 and 1, got {prevalence:g}.")
    y, d = checked_decisions(y_true, y_decision)
    require(y.sum(), "positive", "npv_at_prevalence")
    require((1 - y).sum(), "negative", "npv_at_prevalence")
    require((1 - d).sum(), "uncalled", "npv_at_prevalence")
    return float(replicates(y, d, np.ones((y.size, 1)), prevalence=prevalence)[0])


def of_cells(table: Cells, prevalence: float) -> Array:
    """(R,) the metric of 2x2 tables."""
    tp, fp, fn, tn = table
    missed = prevalence * divided(fn, tp + fn)
    cleared = (1 - prevalence) * divided(tn, fp + tn)
    return divided(cleared, cleared + missed)


def influence(y_true: Array, y_decision: Array, *, prevalence: float) -> tuple[float, Array]:
    """The value and its (n,) derivatives with respect to the case weights."""
    return influence_of(lambda table: of_cells(table, prevalence), y_true, y_decision)


def replicates(y_true: Array, y_decision: Array, weights: Array, *, prevalence: float) -> Array:
    """The metric under each column of weights (n, R); NaN where it is undefined."""
    return of_cells(cells(y_true, y_decision, weights), prevalence)
