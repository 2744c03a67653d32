"""The running mean of a model's weights, which is steadier than the weights themselves."""

import copy
from typing import Any

import torch
from torch import Tensor


class RunningMean:
    """An exponential moving average of everything that training moves.

        mean <- decay mean + (1 - decay) weights,  decay = min(asked, (1 + t) / (10 + t))

    after step t = 0, 1, ...: the mean starts quickly, so that it is not still the starting values
    at the end of a short training. Batch statistics are averaged too.

    Reference:
        Polyak & Juditsky. SIAM J Control Optim 30:838 (1992). Tarvainen & Valpola, NeurIPS 2017.
        The rising decay is that of TensorFlow's ExponentialMovingAverage(num_updates).
    """

    def __init__(self, model: Any, decay: float) -> None:
        self.decay, self.steps = decay, 0
        self.model = copy.deepcopy(model)
        self._mean, self._live = _moving(self.model), _moving(model)

    @torch.no_grad()
    def update(self) -> None:
        """To call after a step."""
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        torch._foreach_lerp_(self._mean, self._live, 1 - decay)
        self.steps += 1


def _moving(model: Any) -> list[Tensor]:
    buffers = [b for b in model.buffers() if b.is_floating_point()]
    return [p.data for p in model.parameters() if p.requires_grad] + buffers
