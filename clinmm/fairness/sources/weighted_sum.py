"""A weighted sum of estimates, such as a gap, as an estimate that can be compared with another."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from clinmm.intervals import Estimate, Influence
from clinmm.intervals.influence import together


def weighted_sum(parts: Sequence[Estimate], weights: Sequence[float]) -> Estimate:
    """Paired by patient; without an interval where a part has none. Numbers are of the first part,
    degrees of freedom the fewest of any.

    Args:
        parts: of one metric, made with the same Draws.
        weights: one for each, taken as known.
    """
    value = float(np.dot(weights, [one.value for one in parts]))
    found = replace(parts[0], value=value, influence=None, replicates=None, per_repeat={})
    influences = [one.influence for one in parts if one.influence is not None]
    if len(influences) == len(parts):
        patients, values = together(influences)
        unseen = sum(w**2 * one.unseen for w, one in zip(weights, influences, strict=True))
        df = min(one.df for one in influences)
        moved = np.asarray(weights) @ values
        return replace(found, influence=Influence(patients, moved, df, unseen))
    replicates = [one.replicates for one in parts if one.replicates is not None]
    if len(replicates) == len(parts):
        return replace(found, replicates=np.asarray(weights) @ np.stack(replicates))
    return found
