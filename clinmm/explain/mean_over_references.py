"""Attributions against each reference of a case, and their mean."""

from collections.abc import Callable

import torch
from torch import Tensor

from clinmm.explain.explanation import Found
from clinmm.explain.joint import Joint

Against = Callable[[tuple[Tensor, ...]], tuple[Tensor, ...]]
"""(1, ...) per input, one reference -> attributions of the same shapes."""


def mean_over_references(joint: Joint, against: Against) -> Found:
    """The inputs of a reference stay together: a picture of one training case is not set beside
    the record of another. So the sums add up to the mean change over the references."""
    n_references = len(joint.references[0])
    totals = [torch.zeros_like(value) for value in joint.values]
    for row in range(n_references):
        parts = against(tuple(reference[row : row + 1] for reference in joint.references))
        totals = [
            total + part.detach() / n_references for total, part in zip(totals, parts, strict=True)
        ]
    return joint.found(dict(zip(joint.names, totals, strict=True)))
