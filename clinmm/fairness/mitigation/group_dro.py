"""Trains for the group that is worst at the time: distributionally robust optimisation."""

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, Field
from torch import Tensor

from clinmm.losses import NOTHING
from clinmm.training.cells import cells, equal_groups, equal_prevalence
from clinmm.training.dealing import deal, quotas
from clinmm.training.mitigated import Groups, PlainTraining, Training

MEANING = (
    "Training follows the group with the largest loss: its weight grows for as long as it is "
    "served worst."
)
IN_TRAINING = True
USES_GROUP = False


class Config(BaseModel, frozen=True, extra="forbid"):
    """step: how fast the weights of groups follow their losses (the paper's eta; its 0.01 is for
    some thousand steps, which small cohorts do not have).
    adjustment: C in the C / sqrt(n) that is added to the loss of a group of n cases, because a
        small group's loss says less of new cases.
    at_most: how many times an epoch may show the same case, and the largest weight of one.
    """

    step: float = Field(default=0.1, gt=0)
    adjustment: float = Field(default=0.0, ge=0)
    at_most: float = Field(default=10.0, ge=1)


class Mitigation(PlainTraining):
    """Minimises sum_g q_g loss_g, q_g <- q_g exp(step (loss_g + C / sqrt(n_g))) in every batch, the
    q_g adding up to 1.

    Groups are dealt equally often, as in the paper's algorithm, and a group that a batch lacks
    counts there with the mean loss of the others. Within groups the cases are weighed so that each
    outcome is as frequent in every group as in all (`equal_prevalence`): which group weighs more
    then moves no prevalence. Cases of no group have weight 1.

    `validate` is weighed so that each group counts the same within each outcome: the loss of the
    worst group of a small part is too noisy to stop by.

    Reference:
        Sagawa, Koh, Hashimoto, Liang. Distributionally robust neural networks for group shifts.
        ICLR 2020, algorithm 1 and section 3.3 (adjustment). There a group is an attribute with a
        label; here the attribute alone.
    """

    def __init__(self, config: Config, training: Training, groups: Groups) -> None:
        super().__init__(training)
        self.step, self.groups, self.n_groups = config.step, groups.train, groups.n
        train, task = training.train, training.criterion.task
        here = cells(train, groups.train, groups.n, task)
        there = cells(training.validate, groups.validate, groups.n, task)
        self.weights = equal_prevalence(here, config.at_most)
        self.judging = equal_groups(there, config.at_most)
        n = here.group.sum(0)
        self.adjustment = config.adjustment / n.clamp_min(1).sqrt()
        self.log_q = torch.zeros_like(n) - float(np.log(groups.n))
        _, codes = np.unique(groups.train.cpu().numpy(), return_inverse=True)
        self.cell = codes - int(bool((groups.train < 0).any()))
        self.quota = quotas(np.bincount(self.cell[self.cell >= 0]), config.at_most)

    def case_weights(self) -> Tensor:
        return self.weights

    def judging_weights(self) -> Tensor:
        return self.judging

    def order(self, rng: np.random.Generator) -> NDArray[np.int_]:
        return deal(self.cell, self.quota, rng)

    def reweighted(self, rows: Tensor, weight: Tensor, losses: Tensor) -> Tensor:
        of_group = (
            self.groups[rows][None] == torch.arange(self.n_groups, device=rows.device)[:, None]
        )
        of_group = of_group.to(weight.dtype)  # (G, B)
        whole = of_group @ weight.sum(1)
        seen = whole > NOTHING
        loss = of_group @ (weight * losses).sum(1) / whole.clamp_min(NOTHING)
        mean = (loss * seen).sum() / seen.sum().clamp_min(1)
        grown = self.log_q + self.step * (torch.where(seen, loss, mean) + self.adjustment)
        self.log_q = torch.log_softmax(grown, 0)
        share = self.log_q.exp() * seen
        factor = share / share.sum().clamp_min(NOTHING) * whole.sum() / whole.clamp_min(NOTHING)
        of_case = factor @ of_group + (1 - of_group.sum(0))
        return weight * of_case[:, None]

    def state(self) -> dict[str, Tensor]:
        return {"log_q": self.log_q}

    def restore(self, state: dict[str, Tensor]) -> None:
        self.log_q = state["log_q"].to(self.log_q.device)
