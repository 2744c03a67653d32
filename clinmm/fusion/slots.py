"""What a fusion may see of inputs of which any may be absent."""

import torch
from torch import Tensor


def present_only(vectors: list[Tensor], present: Tensor) -> list[Tensor]:
    """M of (B, d_i), zero where the input is absent, whatever stood there; NaN * 0 would be NaN."""
    return [
        torch.where(present[:, i : i + 1], z, torch.zeros_like(z)) for i, z in enumerate(vectors)
    ]


def side_by_side(vectors: list[Tensor], present: Tensor) -> Tensor:
    """(B, sum of d_i + M): the inputs present, then a mark for each."""
    slots = present_only(vectors, present)
    return torch.cat([*slots, present.to(slots[0].dtype)], dim=1)


def softmax_over(logits: Tensor, allowed: Tensor) -> Tensor:
    """Softmax along the last axis over what is allowed; zero elsewhere, and where nothing is.

    >>> softmax_over(torch.zeros(2, 2), torch.tensor([[True, False], [False, False]])).tolist()
    [[1.0, 0.0], [0.0, 0.0]]
    """
    # without anything allowed, minus infinity would make 0 / 0
    lowest = torch.finfo(logits.dtype).min
    return torch.softmax(logits.masked_fill(~allowed, lowest), dim=-1) * allowed
