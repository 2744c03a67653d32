"""Metrics that are crooked functions of a few means: the means are drawn, not the patients."""

from types import ModuleType
from typing import Any

import numpy as np

from clinmm.intervals.draws import Draws
from clinmm.intervals.sample import Sample
from clinmm.intervals.standing import n_distinct
from clinmm.metrics.weighted import Array


def replicates(
    module: ModuleType, sample: Sample, column: str, draws: Draws, given: dict[str, Any]
) -> Array:
    """(repeats, 1 + n_bootstrap) of the metric; column 0 is the sample as it is."""
    rows = []
    for block in sample.blocks(by_fold=False):
        parts = module.parts(sample.y_true[block], sample.columns[column][block], **given)
        patient = sample.patient[block]
        n = n_distinct(patient)
        errors = draws.noise(patient, parts.influence) * np.sqrt(n / max(n - 1, 1))
        means = parts.values[:, None]
        rows.append(parts.of(np.hstack([means, means + errors])))
    return np.stack(rows)
