"""How much of its attention a transformer pays to each of its tokens, through all its layers."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor


def rolled_out(layers: Sequence[Tensor]) -> Tensor:
    """(B, T, T) how much of each token at the input reaches each at the output; rows sum to 1.

    Heads are averaged, each layer's residual path counts as attention to the token itself, and the
    layers are multiplied.

    Args:
        layers: (B, heads, T, T) attention of each layer, from the first to the last.

    Source: Abnar, Zuidema. Quantifying attention flow in transformers. ACL 2020, section 3.
    """
    reached = torch.eye(layers[0].shape[-1], device=layers[0].device).expand_as(layers[0][:, 0])
    for layer in layers:
        mean = layer.mean(1)
        reached = (mean + torch.eye(mean.shape[-1], device=mean.device)) / 2 @ reached
    return reached


@contextmanager
def told(network: Any) -> Iterator[None]:
    """A transformers network that gives its attention while this is open: the fast ways of
    computing it do not keep it."""
    before = network.config._attn_implementation
    network.set_attn_implementation("eager")
    try:
        yield
    finally:
        network.set_attn_implementation(before)


def over_pixels(patches: Tensor, values: Tensor) -> Tensor:
    """(1, T) shares of square patches in reading order -> of the shape of values (1, C, ...),
    each spread evenly over its pixels and all channels; they sum to 1.

    T is a square number for pictures, a cube for volumes.
    """
    shape = values.shape[2:]
    side = round(patches.shape[1] ** (1 / len(shape)))
    grid = patches.reshape(1, 1, *[side] * len(shape))
    spread = torch.nn.functional.interpolate(grid, shape, mode="nearest").expand_as(values)
    return spread / spread.sum()
