"""A model while the encoder of one input loses its weights, layer by layer from the head down.

Source: Adebayo et al., Sanity checks for saliency maps, NeurIPS 2018 (cascading randomisation).
"""

import copy
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from clinmm.encoders.interface import Attributable
from clinmm.model import MultimodalClassifier

LAST = ("project", "pool", "out")
"""What encoders call the layers behind their body."""
BODY_STAGES = 3
"""Stages in which the body loses its weights, at most."""
ALONG = (0.25, 0.5, 0.75, 1.0)
"""How far from the reference to the case the points lie that batch norms are settled on."""


def cascade(
    models: Sequence[MultimodalClassifier],
    name: str,
    seed: int,
    case: Attributable | None = None,
) -> Iterator[list[MultimodalClassifier]]:
    """Copies of the models after each stage; the models themselves stay as they are.

    First the head on the input and what stands behind the encoder's body lose their weights, then
    the body in at most BODY_STAGES, the layer that was made last first; after the last stage none
    of the input's weights is left. What belongs to no single input, the fusion, stays. An encoder
    with a network that the process shares gets a copy of it as its `stand_in`, one for all models.

    The same copies are given at each stage: what is asked of them has to be asked before the next.

    Args:
        name: of the input.
        case: the input of the case that is explained. Batch norms that lost their weights take
            their statistics from it, or the random network would say the same of every picture;
            without it they have those of an untrained network, 0 and 1.
    """
    models = _copies(models, name)
    encoders = [model.encoder(name) for model in models]
    if (shared := getattr(encoders[0], "shared_network", lambda: None)()) is not None:
        stand_in = copy.deepcopy(shared)
        for encoder in encoders:
            encoder.stand_in = stand_in
    gone: list[nn.Module] = []
    for number, stage in enumerate(zip(*(_stages(model, name) for model in models), strict=True)):
        layers = [layer for own in stage for layer in own if layer not in gone]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed + number)
            for layer in dict.fromkeys(layers):
                draw(layer)
        gone += layers
        if case is not None:
            for encoder in encoders:
                _settle(encoder, gone, case)
        yield models


def _copies(models: Sequence[MultimodalClassifier], name: str) -> list[MultimodalClassifier]:
    """Copies that share with the models what is not drawn anew: all that is about other inputs or
    about none, and what the encoder holds besides its layers, such as its facts."""
    kept: list[Any] = []
    for model in models:
        mine = (model.encoder(name), model.heads[f"input_{name}"])
        kept += [
            part
            for parts in (model.encoders, model.heads)
            for part in parts.values()
            if part not in mine
        ]
        kept += [model.fusion, model.absent, model.link]
        kept += [value for key, value in vars(mine[0]).items() if not key.startswith("_")]
    return copy.deepcopy(list(models), {id(part): part for part in kept})


def draw(layer: nn.Module) -> None:
    """Gives the layer's own parameters new values: as it does when it is made, or, where it does
    not say how, normal ones with the mean and deviation of the old."""
    if callable(reset := getattr(layer, "reset_parameters", None)):
        reset()
        return
    with torch.no_grad():
        for parameter in layer.parameters(recurse=False):
            mean, deviation = parameter.mean(), parameter.std(unbiased=False)
            parameter.copy_(mean + deviation * torch.randn_like(parameter))


def _stages(model: MultimodalClassifier, name: str) -> list[list[nn.Module]]:
    """The layers with parameters of their own that say something of the input, stage by stage."""
    encoder = model.encoder(name)
    first = [model.heads[f"input_{name}"]]
    body: list[nn.Module] = []
    for path, layer in encoder.named_modules():
        if any(True for _ in layer.parameters(recurse=False)):
            (first if path.split(".")[0] in LAST else body).append(layer)
    stages = np.array_split(np.arange(len(body))[::-1], min(BODY_STAGES, len(body)) or 1)
    return [first, *([body[i] for i in stage] for stage in stages if len(stage))]


@torch.no_grad()
def _settle(encoder: nn.Module, layers: list[nn.Module], case: Attributable) -> None:
    """The batch norms among the layers take the statistics of the case, in the order in which it
    goes through them."""
    own = set(encoder.modules())
    norms = [layer for layer in layers if isinstance(layer, _BatchNorm) and layer in own]
    if not norms:
        return
    reference = case.reference.mean(0, keepdim=True)
    points = torch.cat([reference + share * (case.values - reference) for share in ALONG])
    hooks = [norm.register_forward_pre_hook(_take_statistics) for norm in norms]
    try:
        encoder.eval()(**encoder.trunk(points, case.fixed))  # type: ignore[operator]
    finally:
        for hook in hooks:
            hook.remove()


def _take_statistics(norm: nn.Module, given: tuple[Tensor, ...]) -> None:
    assert isinstance(norm, _BatchNorm)
    if norm.running_mean is not None and norm.running_var is not None:
        values = given[0].transpose(0, 1).flatten(1)
        norm.running_mean.copy_(values.mean(1))
        norm.running_var.copy_(values.var(1, unbiased=False))
