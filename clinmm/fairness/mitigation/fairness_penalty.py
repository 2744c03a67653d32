"""Adds to the loss how far apart the groups' mean scores are among cases of the same outcome."""

from typing import Literal

import torch
from pydantic import BaseModel, Field
from torch import Tensor

from clinmm.errors import InputError
from clinmm.losses import NOTHING
from clinmm.training.mitigated import Groups, PlainTraining, Said, Training

MEANING = (
    "Training is penalised where the ill of one group are given lower risks than the ill of "
    "another."
)
IN_TRAINING = True
USES_GROUP = False


class Config(BaseModel, frozen=True, extra="forbid"):
    """equal: what is drawn together between groups, the mean score of those who have a class
        (`opportunity`), of those who have it and of those who have not (`odds`), or the mean
        loss (`loss`).
    strength: of the penalty beside the loss.
    """

    equal: Literal["opportunity", "odds", "loss"] = "opportunity"
    strength: float = Field(default=5.0, gt=0)


class Mitigation(PlainTraining):
    """The penalty is strength times the variance between groups of their mean score, in mean over
    classes and outcomes; each group of which a batch has a case counts the same, and one group
    alone gives no penalty.

    The score is the probability that the case would have at equal prevalence of all outcomes, so
    that rare classes have a slope. With two groups the variance is (difference / 2)^2. Batches of
    few cases of a group exaggerate it by the scatter of their means; larger batches do so less.
    The loss by which the best epoch is kept has the penalty of all `validate` in it.

    Raises:
        InputError: scores of a value are asked for; only its loss can be drawn together.

    Reference:
        Bechavod & Ligett. Penalizing unfairness in binary classification. arXiv:1707.00044 (2017):
        the squared difference of mean scores within an outcome. Equal opportunity and
        equalised odds: Hardt, Price, Srebro. NeurIPS 2016. Equal losses: Williamson & Menon.
        Fairness risk measures. ICML 2019.
    """

    def __init__(self, config: Config, training: Training, groups: Groups) -> None:
        super().__init__(training)
        self.config, self.criterion = config, training.criterion
        self.train, self.validate = training.train, training.validate
        if self.criterion.task == "continuous" and config.equal != "loss":
            raise InputError(
                f"mitigation: fairness_penalty with equal: {config.equal} is not for a continuous "
                "target. Use equal: loss."
            )
        numbers = torch.arange(groups.n, device=groups.train.device)
        self.member = (groups.train[:, None] == numbers).float()  # (N, G)
        self.member_of_validate = (groups.validate[:, None] == numbers).float()

    def extra_loss(self, said: Said) -> Tensor:
        rows, train = said.rows, self.train
        cases = self.member[rows], train.target[rows], train.known[rows]
        return self._penalty(said.answer, said.losses, said.weight, *cases)

    def judging_loss(self, answer: Tensor, vectors: list[list[Tensor]]) -> float:
        target, known = self.validate.target, self.validate.known
        losses = self.criterion.each(answer, self.criterion.labels(target))
        weight = self.criterion.weight(target, known)
        member = self.member_of_validate
        return float(self._penalty(answer, losses, weight, member, target, known))

    def _penalty(
        self,
        answer: Tensor,
        losses: Tensor,
        weight: Tensor,
        member: Tensor,
        target: Tensor,
        known: Tensor,
    ) -> Tensor:
        if self.config.equal == "loss":
            return self.config.strength * between_groups(losses, weight, member)
        logits = answer.float() - self.criterion.start
        exclusive = self.criterion.task == "multiclass"
        score = torch.softmax(logits, 1) if exclusive else torch.sigmoid(logits)
        apart = between_groups(score, target * known, member)
        if self.config.equal == "odds":
            apart = (apart + between_groups(score, (1 - target) * known, member)) / 2
        return self.config.strength * apart


def between_groups(value: Tensor, weight: Tensor, member: Tensor) -> Tensor:
    """Variance between groups of the weighted mean of a value, in mean over its columns.

    value, weight: (B, K). member: (B, G), one or no 1 in each row.

    >>> value, weight = torch.tensor([[0.9], [0.7], [0.2]]), torch.ones(3, 1)
    >>> member = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    >>> round(float(between_groups(value, weight, member)), 4)  # ((0.8 - 0.2) / 2)^2
    0.09
    """
    whole = member.T @ weight  # (G, K)
    seen = (whole > NOTHING).to(value.dtype)
    mean = member.T @ (weight * value) / whole.clamp_min(NOTHING)
    n = seen.sum(0).clamp_min(1)
    centre = (mean * seen).sum(0) / n
    return (((mean - centre).square() * seen).sum(0) / n).mean()
