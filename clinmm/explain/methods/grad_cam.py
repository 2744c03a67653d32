"""Grad-CAM: the last maps of an image's network, each weighted by the logit's slope on it.

    weight_k = mean over places of d logit / d map_k
    attribution at a place = sum over k of weight_k map_k

The original keeps positive values only; here the sign stays, so that what speaks against a class
is seen too. Maps are few and coarse: a value is spread over the pixels that it stands for, the sum
kept. Pictures and volumes, through any network that ends in maps.

Source: Selvaraju et al., Grad-CAM, ICCV 2017, without the ReLU of equation 2.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from clinmm.errors import InputError
from clinmm.explain.explanation import Found
from clinmm.explain.joint import Joint, Target

READS = ("image",)
ADDS_UP = False
DRAWS_POINTS = False
IN_LOGITS = False
MEANING = (
    "Where the last maps of the image's network speak for the class, or against it, by the slope "
    "of the logit on each map; coarse, and no parts of a sum."
)


def attribute(joint: Joint, target: Target, steps: int, seed: int = 0) -> Found:
    """One forward and backward pass; `steps` and `seed` change nothing.

    Raises:
        InputError: no image of the case is read by a network that ends in maps.
    """
    calls = _calls(joint)
    if not calls:
        raise InputError(
            "grad_cam: the case has no image that is read by a network with maps. Leave the "
            "method out, or take integrated_gradients or occlusion."
        )
    answer, maps = _answer_and_maps(joint, target, [network for _, network in calls])
    slopes = torch.autograd.grad(answer, maps, allow_unused=True)
    total: dict[str, Tensor] = {}
    for (name, _), map_, slope in zip(calls, maps, slopes, strict=True):
        cam = torch.zeros_like(map_[:, :1]) if slope is None else _weighted(map_, slope)
        fine = _over_pixels(cam.detach(), joint.cases[name].values)
        total[name] = total[name] + fine if name in total else fine
    return joint.found(total)


def _calls(joint: Joint) -> list[tuple[str, nn.Module]]:
    """(image, network) in the order in which the case's answer calls them: first those that all
    models share, which read every image once, then each model's own."""
    encoders = [
        (name, model.encoder(name))
        for model in joint.models
        for name in joint.names
        if joint.kind(name) == "image" and hasattr(model.encoder(name), "map_net")
    ]
    shared = {name: e.map_net for name, e in reversed(encoders) if getattr(e, "held", False)}
    return [
        *((name, shared[name]) for name in joint.names if name in shared),
        *((name, e.map_net) for name, e in encoders if name not in shared),
    ]


def _answer_and_maps(
    joint: Joint, target: Target, networks: list[nn.Module]
) -> tuple[Tensor, list[Tensor]]:
    """The target's logit, and the maps (1, F, ...) of each call of the networks."""
    maps: list[Tensor] = []

    def keep(_: nn.Module, __: object, output: Tensor | tuple[Tensor, ...]) -> None:
        maps.append(output if isinstance(output, Tensor) else output[-1])

    hooks = [network.register_forward_hook(keep) for network in dict.fromkeys(networks)]
    try:
        values = [value.detach().requires_grad_() for value in joint.values]
        return joint.function(target)(*values)[0], maps
    finally:
        for hook in hooks:
            hook.remove()


def _weighted(maps: Tensor, slope: Tensor) -> Tensor:
    """(1, F, ...) -> (1, 1, ...)."""
    weight = slope.mean(tuple(range(2, slope.dim())), keepdim=True)
    return (weight * maps).sum(1, keepdim=True)


def _over_pixels(cam: Tensor, values: Tensor) -> Tensor:
    """(1, 1, ...) -> the shape of values (1, C, ...), interpolated."""
    shape = values.shape[2:]
    fine = functional.interpolate(cam, shape, mode="bilinear" if len(shape) == 2 else "trilinear")
    return (fine * (cam.numel() / values[0].numel())).expand_as(values)
