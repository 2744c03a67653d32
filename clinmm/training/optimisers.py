"""AdamW and its learning rate: schedules, slower steps for bodies that came with weights, and
bodies that are held still until the rest has settled."""

import math
from typing import Any

import torch
from torch import nn

from clinmm.config import Optimiser

WARM_UP, START_DIVISOR = 0.3, 25.0
"""Shape of the cycle, as in torch's OneCycleLR."""

SHORT_WARM_UP = 0.1
"""Share of the budget in which warm_up_cosine rises."""


def learning_rate(optimiser: Optimiser, done: float) -> float:
    """The rate after a share `done` of the budget, 0 to 1.

    one_cycle: from lr / 25 up to lr in the first 30 %, then down to 0, both along a cosine.
    warm_up_cosine: from 0 up to lr along a line in the first 10 %, then down to 0 along a cosine.

    Reference:
        Smith & Topin. Super-convergence. SPIE 11006 (2019).
        Loshchilov & Hutter. SGDR. ICLR 2017 (cosine); Goyal et al. arXiv:1706.02677 (warm-up).

    >>> [learning_rate(Optimiser(lr=1, schedule="warm_up_cosine"), d) for d in (0, 0.05, 0.1, 1)]
    [0.0, 0.5, 1.0, 0.0]
    """
    if optimiser.schedule == "constant":
        return optimiser.lr
    if optimiser.schedule == "warm_up_cosine":
        rise, low = SHORT_WARM_UP, min(1.0, done / SHORT_WARM_UP)
    else:
        rise = WARM_UP
        part = (1 - math.cos(math.pi * min(1.0, done / WARM_UP))) / 2
        low = (1 + (START_DIVISOR - 1) * part) / START_DIVISOR
    if done < rise:
        return optimiser.lr * low
    return optimiser.lr * (1 + math.cos(math.pi * (done - rise) / (1 - rise))) / 2


def bodies_of(model: Any) -> list[nn.Module]:
    """The trainable parts of the encoders that came with weights."""
    bodies = (getattr(model.encoder(name), "pretrained", None) for name in model.names)
    return [body for body in bodies if body is not None]


def adamw(model: Any, settings: Optimiser, *, by_input: bool) -> torch.optim.AdamW:
    """AdamW over everything that trains, in groups that step at rates of their own.

    Each group holds `share` of the learning rate, and `input`, the name of the input whose encoder
    it is (with by_input; else None). What the link learns, the cuts between ordered classes, does
    not decay: they say how frequent the classes are.
    """
    came_with_weights = {id(p) for body in bodies_of(model) for p in body.parameters()}
    encoder_of = {id(p): name for name in model.names for p in model.encoder(name).parameters()}
    of_link = {id(p) for p in model.link.parameters()}
    groups: dict[tuple[float, str | None, Any], list[nn.Parameter]] = {}
    for parameter in model.parameters():
        if parameter.requires_grad:
            share = settings.pretrained_lr if id(parameter) in came_with_weights else 1.0
            owner = encoder_of.get(id(parameter)) if by_input else None
            decay = 0.0 if id(parameter) in of_link else settings.weight_decay
            groups.setdefault((share, owner, decay), []).append(parameter)
    return torch.optim.AdamW(
        [
            {"params": parameters, "share": share, "input": owner, "weight_decay": decay}
            for (share, owner, decay), parameters in groups.items()
        ],
        lr=settings.lr,
        fused=True,  # one pass over the weights, on CPU as well
    )


def set_rate(optimiser: Any, rate: float, step: dict[str, float] | None = None) -> None:
    """The learning rate of the next step; `step` slows the encoders of single inputs."""
    for group in optimiser.param_groups:
        slowed = step.get(group["input"], 1.0) if step and group["input"] else 1.0
        group["lr"] = rate * group["share"] * slowed


class Held:
    """Bodies that came with weights, held still for the first `epochs` epochs.

    Their batch statistics and dropout rest as well. What an encoder froze itself stays frozen.
    """

    def __init__(self, model: Any, epochs: int) -> None:
        self.bodies = bodies_of(model) if epochs else []
        self.epochs = epochs if self.bodies else 0
        self.trainable = [p for body in self.bodies for p in body.parameters() if p.requires_grad]

    def before(self, epoch: int) -> None:
        """To call before epoch `epoch`, from 1, when the model is in training mode."""
        for parameter in self.trainable:
            parameter.requires_grad_(epoch > self.epochs)
        if epoch <= self.epochs:
            for body in self.bodies:
                body.eval()

    def let_go(self) -> None:
        for parameter in self.trainable:
            parameter.requires_grad_(True)
