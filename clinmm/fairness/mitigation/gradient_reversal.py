"""Trains the encoders against an adversary that tries to read the group from what they say."""

import math
from typing import Any

import torch
from pydantic import BaseModel, Field, PositiveInt
from torch import Tensor, nn
from torch.nn import functional

from clinmm.cases import Batch
from clinmm.losses import Criterion
from clinmm.training.mitigated import NOT_RECORDED, Groups, PlainTraining, Said, Training

MEANING = (
    "The encoders are trained to say nothing from which a second model could tell the patient's "
    "group."
)
IN_TRAINING = True
USES_GROUP = False

STEEPNESS = 10.0
"""gamma of the paper: how soon the strength reaches its full value."""


class Config(BaseModel, frozen=True, extra="forbid"):
    """strength: of the reversed gradient, once it has grown to its full size.
    hidden: width of the adversary.
    share: the adversary's learning rate, in learning rates of the model; it has to be ahead.
    given_outcome: the adversary is told the outcome, so that the encoders may go on saying what
        they say of the group through the illness alone, where its prevalence differs.
    """

    strength: float = Field(default=1.0, gt=0)
    hidden: PositiveInt = 32
    share: float = Field(default=5.0, gt=0)
    given_outcome: bool = True


class Mitigation(PlainTraining):
    """The adversary, a perceptron with one hidden layer, reads the vectors of all inputs side by
    side (zero where absent) and says the group, each group weighing the same. It steps down its
    cross-entropy; the encoders get this gradient times -lambda,

        lambda = strength (2 / (1 + exp(-10 p)) - 1),  p the share of the budget spent.

    Cases of no group have no part in it. An encoder whose vector holds nothing that trains, such
    as frozen features without a projection, cannot forget anything. The adversary is not stored.
    The loss by which the best epoch is kept has in it what the adversary reads on `validate`: by
    the plain loss that would be an early epoch, before anything is forgotten.

    Reference:
        Ganin et al. Domain-adversarial training of neural networks. JMLR 17:59 (2016).
        The outcome shown to it: Zhang, Lemoine, Mitchell. Mitigating unwanted biases with
        adversarial learning. AIES 2018, section 3 (equality of odds).
    """

    def __init__(self, config: Config, training: Training, groups: Groups) -> None:
        super().__init__(training)
        self.config, self.groups = config, groups
        model, criterion = training.model, training.criterion
        self.shown, self.shown_of_validate = (
            _outcome(batch, criterion)[:, : None if config.given_outcome else 0]
            for batch in (training.train, training.validate)
        )
        width = sum(int(model.encoder(name).out_dim) for name in model.names)
        self.adversary = nn.Sequential(
            nn.Linear(width + self.shown.shape[1], config.hidden),
            nn.ReLU(),
            nn.Linear(config.hidden, groups.n),
        ).to(self.shown.device)
        n = torch.bincount(groups.train[groups.train >= 0], minlength=groups.n)
        self.weight = n.sum() / (groups.n * n.clamp_min(1).to(torch.float32))

    def extra_loss(self, said: Said) -> Tensor:
        group = self.groups.train[said.rows]
        strength = self.config.strength * (2 / (1 + math.exp(-STEEPNESS * said.done)) - 1)
        vectors = torch.cat([vector.float() for vector in said.encoded.vectors], 1)
        seen = torch.cat([reverse_gradient(vectors, strength), self.shown[said.rows]], 1)
        return self._reading(seen, group).mean()

    def judging_loss(self, answer: Tensor, vectors: list[list[Tensor]]) -> float:
        """Strength times what the adversary reads, in nats: its cross-entropy below chance."""
        group = self.groups.validate
        recorded = group[group >= 0]
        if not len(recorded):
            return 0.0
        said = torch.cat([torch.cat([z.float() for z in piece], 1) for piece in vectors])
        reading = self._reading(torch.cat([said, self.shown_of_validate], 1), group).sum()
        reading = reading / self.weight[recorded].sum()
        return self.config.strength * max(0.0, math.log(self.groups.n) - float(reading))

    def _reading(self, seen: Tensor, group: Tensor) -> Tensor:
        """(B,) cross-entropy of the group read from what is seen, 0 for cases of no group."""
        return functional.cross_entropy(
            self.adversary(seen), group, self.weight, ignore_index=NOT_RECORDED, reduction="none"
        )

    def trained_along(self) -> list[dict[str, Any]]:
        parameters = list(self.adversary.parameters())
        return [{"params": parameters, "share": self.config.share, "weight_decay": 0.0}]

    def state(self) -> dict[str, Tensor]:
        return self.adversary.state_dict()

    def restore(self, state: dict[str, Tensor]) -> None:
        self.adversary.load_state_dict(state)


def _outcome(batch: Batch, criterion: Criterion) -> Tensor:
    """(N, 2 K) targets, values in deviations from their mean, and which of them are known."""
    target = batch.target
    if criterion.task == "continuous":
        target = (target - criterion.start) / criterion.deviation
    return torch.cat([target * batch.known, batch.known], 1)


def reverse_gradient(value: Tensor, strength: float) -> Tensor:
    """The value as it is; the gradient that comes back is multiplied by -strength.

    >>> z = torch.ones(2, requires_grad=True)
    >>> reverse_gradient(z, 0.5).sum().backward()
    >>> z.grad
    tensor([-0.5000, -0.5000])
    """
    # value + s (value' - value) with the gradient of -s value; the two values cancel exactly
    return value.detach() - strength * (value - value.detach())
