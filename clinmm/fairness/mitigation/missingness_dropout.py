"""Hides inputs in training so that every group lacks each of them equally often."""

import torch
from pydantic import BaseModel, Field, PositiveInt
from torch import Tensor

from clinmm.training.hidden import hidden_at_random
from clinmm.training.mitigated import Groups, PlainTraining, Training

MEANING = (
    "Inputs that one group lacks more often are hidden from the other groups in training, so that "
    "the model learns to answer without them from everybody."
)
IN_TRAINING = True
USES_GROUP = False


class Config(BaseModel, frozen=True, extra="forbid"):
    """at_most: the largest chance with which an input is hidden, so that one that a group never
        has is not lost for all.
    least_cases: training cases that a group needs for the others to be drawn to it.
    """

    at_most: float = Field(default=0.5, gt=0, lt=1)
    least_cases: PositiveInt = 20


class Mitigation(PlainTraining):
    """In each step an input is hidden from a case that has it with chance 1 - r / r_g, where r_g is
    the share of its group's training cases that have the input and r that of the group that
    lacks it most. All groups then lack the input equally often, input by input.

    Comes after `train.input_dropout` and, as there, never takes the last input that a case has;
    with groups that have single inputs it falls short by that. Cases of no group are left as they
    are. Models on a single input are trained as ever. An input that is missing in all groups alike
    is not touched.

    Reference:
        The gap that unequal missingness makes, and that it is no matter of imputation alone:
        Jeong, Wang, Calmon. Fairness without imputation. AAAI 2022; Zhang & Long. Assessing
        fairness in the presence of missing data. NeurIPS 2021. Hiding inputs in training: Neverova
        et al. ModDrop. TPAMI 38:1692 (2016).
    """

    def __init__(self, config: Config, training: Training, groups: Groups) -> None:
        super().__init__(training)
        present = training.train.present
        numbers = torch.arange(groups.n, device=present.device)
        member = (groups.train[:, None] == numbers).float()  # (N, G)
        n = member.sum(0)
        rate = member.T @ present.float() / n.clamp_min(1)[:, None]  # (G, M)
        example = (n >= config.least_cases)[:, None]
        lowest = torch.where(example, rate, 1.0).amin(0)
        chance = (1 - lowest / rate.clamp_min(1 / len(present))).clamp(0, config.at_most)
        none = torch.zeros_like(chance[:1])
        self.chance = torch.cat([chance, none])[groups.train]  # (N, M); group -1 is the last row

    def left(self, rows: Tensor, present: Tensor) -> Tensor:
        return hidden_at_random(present, self.chance[rows])
