"""Draws the cases of an epoch so that every cell of group and outcome is seen equally often."""

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field
from torch import Tensor

from clinmm.training.cells import cells, equal_groups, undoing
from clinmm.training.dealing import deal, outcomes, quotas
from clinmm.training.mitigated import Groups, PlainTraining, Training

MEANING = (
    "Cases of small groups are shown more often in training, so that the ill and the well of every "
    "group are seen equally often."
)
IN_TRAINING = True
USES_GROUP = False


class Config(BaseModel, frozen=True, extra="forbid"):
    """at_most: how many times an epoch may show the same case."""

    at_most: float = Field(default=10.0, ge=1)


class Mitigation(PlainTraining):
    """Every batch holds as many cases of each cell, the epoch as many cases as it has in plain
    training: cases of rare cells come several times, of common ones some stay out and come in
    another epoch. Cases of no group come once.

    The outcome of a case is its class, of several classes at once whether it has any of them; a
    value has none, so that the cells are the groups. The losses are weighed so that each outcome
    of each class weighs as much as without it.

    `validate` is weighed so that each group counts the same within each outcome.

    Reference:
        Idrissi, Arjovsky, Pezeshki, Lopez-Paz. Simple data balancing achieves competitive
        worst-group-accuracy. CLeaR 2022 (SUBG and RWG; sampling with the budget of the latter).
    """

    def __init__(self, config: Config, training: Training, groups: Groups) -> None:
        super().__init__(training)
        train, task = training.train, training.criterion.task
        self.cell = outcomes(train, groups.train, task)
        self.quota = quotas(np.bincount(self.cell[self.cell >= 0]), config.at_most)
        n = np.bincount(self.cell[self.cell >= 0])
        often = np.where(self.cell >= 0, (self.quota / n)[self.cell], 1.0)
        here = cells(train, groups.train, groups.n, task)
        self.weights = undoing(here, train.target.new_tensor(often))
        there = cells(training.validate, groups.validate, groups.n, task)
        self.judging = equal_groups(there, config.at_most)

    def case_weights(self) -> Tensor:
        return self.weights

    def judging_weights(self) -> Tensor:
        return self.judging

    def order(self, rng: np.random.Generator) -> NDArray[np.int_]:
        return deal(self.cell, self.quota, rng)
