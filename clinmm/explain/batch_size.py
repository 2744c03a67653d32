"""How many points of a path go through the networks in one pass: the fastest, in bounded memory.

A pass costs something whatever it holds, so few points are slow; but what a pass keeps for its way
back soon outgrows the processor's cache, and then the memory that the allocator keeps at hand, so
many points are slow again. On the networks of this project (see benchmarks/joint_attribution.py)
the fastest number is about the one that just fills the cache, and FEWEST where so many do
not fit into it: within 7 % of the best that a search by time finds.

The number follows from bytes, which are the same in every run, and not from a clock: passes of
another size round differently, and the same seed has to give the same tables.
"""

from typing import Any

import torch
from torch import Tensor, nn

from clinmm.explain.joint import Joint, Target

CACHE = 32 * 2**20
"""Bytes that a pass may keep and still be fast: the last cache of a usual processor."""
MEMORY = 512 * 2**20
"""Bytes that a pass may keep at all, unless a single point needs more."""
FEWEST, MOST = 8, 64

_kept: dict[Any, int] = {}
"""Shape of networks and case -> bytes that one point keeps."""


def points_at_once(joint: Joint) -> int:
    """A power of two, between 1 and MOST."""
    each = max(1, bytes_of_a_point(joint))
    wanted = min(max(CACHE // each, FEWEST), MEMORY // each, MOST)
    return 1 << (max(1, wanted).bit_length() - 1)


def bytes_of_a_point(joint: Joint) -> int:
    """What one forward pass of the case keeps for its way back, without the weights."""
    key = _shape_of(joint)
    if key not in _kept:
        _kept[key] = _measured(joint)
    return _kept[key]


def _measured(joint: Joint) -> int:
    weights = {
        tensor.untyped_storage().data_ptr()
        for network in networks_of(joint)
        for tensor in (*network.parameters(), *network.buffers())
    }
    sizes: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            sizes[storage.data_ptr()] = storage.nbytes()
        return tensor

    points = [value.detach().clone().requires_grad_() for value in joint.values]
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        joint.function(Target(0))(*points)
    return sum(sizes.values())


def networks_of(joint: Joint) -> list[nn.Module]:
    """The models, and the pretrained networks that the process shares between them."""
    encoders = [joint.encoder(name) for name in joint.names]
    shared = [
        encoder.shared_network() for encoder in encoders if hasattr(encoder, "shared_network")
    ]
    return [*joint.models, *(network for network in shared if network is not None)]


def _shape_of(joint: Joint) -> tuple[Any, ...]:
    """What decides how much a point keeps."""
    networks = tuple(
        (name, tuple(parameter.shape))
        for model in joint.models
        for name, parameter in model.named_parameters()
    )
    return networks, tuple(joint.names), tuple(value.shape for value in joint.values)
