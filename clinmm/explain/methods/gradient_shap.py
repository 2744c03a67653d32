"""Gradient SHAP over all inputs together: gradients at random points between reference and case.

The mean over the points estimates what integrated gradients compute by quadrature, so that its
sums approach the change in logit as the points become many. With several references each has its
share of the points.

Source: Lundberg, Lee, A unified approach to interpreting model predictions, NeurIPS 2017; computed
by Captum, without noise on the case.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from captum.attr import GradientShap
from torch import Tensor

from clinmm.explain.batch_size import points_at_once
from clinmm.explain.explanation import Found
from clinmm.explain.joint import Joint, Target
from clinmm.explain.mean_over_references import mean_over_references

READS = ("image", "note", "record", "signal")
ADDS_UP = True
DRAWS_POINTS = True
IN_LOGITS = True
USES_REFERENCE = READS
MEANING = (
    "Parts of the change in logit between the reference and this case, estimated at random points; "
    "they nearly add up to it."
)

FEWEST_POINTS = 8
"""Against each reference, however many there are."""


def attribute(joint: Joint, target: Target, steps: int, seed: int = 0) -> Found:
    """steps: random points against all references together."""
    method = GradientShap(joint.function(target))
    n_points = max(FEWEST_POINTS, steps // len(joint.references[0]))
    at_once = points_at_once(joint)

    def against(reference: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        totals = tuple(torch.zeros_like(value) for value in joint.values)
        for first in range(0, n_points, at_once):
            n = min(at_once, n_points - first)
            parts = method.attribute(joint.values, baselines=reference, n_samples=n)
            totals = tuple(
                total + part.detach() * (n / n_points)
                for total, part in zip(totals, parts, strict=True)
            )
        return totals

    with _seeded(seed):
        return mean_over_references(joint, against)


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Captum draws from the process's generators: they get the seed, and their state back."""
    state = np.random.get_state()
    with torch.random.fork_rng(devices=[]):
        np.random.seed(seed % 2**32)
        torch.manual_seed(seed)
        try:
            yield
        finally:
            np.random.set_state(state)
