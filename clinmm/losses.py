"""What training minimises, for every kind of target: unknown targets are masked, soft ones taken as
shares, and both outcomes of a class may weigh the same."""

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from clinmm.config import Loss, TrainConfig
from clinmm.errors import InputError
from clinmm.links import CumulativeLink

CROSS_ENTROPY = Loss()
NOTHING = 1e-12
"""Least total weight, so that the loss of nothing known is 0."""
LEAST = 1e-6
"""Probabilities raised to a power keep this far from 0 and 1, where slopes are infinite."""


def start_of_training(target: NDArray[np.float64], task: str) -> list[float]:
    """Per class, the log-odds (multiclass: log share) among training cases, half a case added to
    each outcome so that no class starts at infinity. Of a continuous target, its mean and standard
    deviation.

    target: (N, K) of 0 to 1 (continuous: values), NaN for not recorded.
    """
    if task == "continuous":
        # of values that are all alike, the rounding of the mean would be a deviation
        several = np.nanmax(target) > np.nanmin(target)
        return [float(np.nanmean(target)), float(np.nanstd(target)) if several else 1.0]
    positive = np.nansum(target, axis=0) + 0.5
    known = (~np.isnan(target)).sum(axis=0) + 1.0
    if task == "multiclass":
        return [math.log(p / positive.sum()) for p in positive]
    return [math.log(p / (n - p)) for p, n in zip(positive, known, strict=True)]


def check_loss(loss: Loss, task: str, *, ordered: bool = False) -> None:
    """Raises InputError where the loss means nothing for the target."""
    problems = []
    target = "ordered classes" if ordered else f"a {task} target"
    likelihood_alone = ordered or task == "continuous"
    if loss.name != "cross_entropy" and (
        likelihood_alone or (loss.name == "asymmetric" and task == "multiclass")
    ):
        others = "" if likelihood_alone else " or focal"
        problems.append(f"train.loss: {loss.name} is not for {target}. Use cross_entropy{others}.")
    if loss.label_smoothing and task == "continuous":
        problems.append("train.loss: label_smoothing is not for a continuous target. Leave it out.")
    if problems:
        raise InputError(problems)


@dataclass(frozen=True, eq=False)
class Criterion:
    """The loss of one target: mean over cases and classes of weight times the loss of each.

    Balanced, both outcomes of a class (or every class) weigh the same: a label is reweighted by how
    rare its outcomes are, and the loss is that of a model of balanced data, whose logits are these
    less `start`; so the logits themselves stay those of the prevalence seen (Elkan, IJCAI 2001).

    Args:
        task: binary, multilabel, multiclass or continuous.
        start: (K,) as `MultimodalClassifier.start`: logits of the prevalence of the training cases.
        balanced: no part in ordered classes and values.
        ordered: the logits are log probabilities of classes with an order.
        deviation: unit of the squared error of a continuous target.

    Raises:
        InputError: the loss means nothing for the target.

    Reference:
        focal: Lin et al. Focal loss for dense object detection. ICCV 2017, eq. 4.
        asymmetric: Ridnik et al. Asymmetric loss for multi-label classification. ICCV 2021, eq. 7,
        with no focusing of the positives.
        label smoothing: Szegedy et al. CVPR 2016, section 7.
    """

    task: str
    start: Tensor
    loss: Loss = CROSS_ENTROPY
    balanced: bool = True
    ordered: bool = False
    deviation: Tensor | float = 1.0

    def __post_init__(self) -> None:
        check_loss(self.loss, self.task, ordered=self.ordered)
        if self.ordered or self.task == "continuous":
            object.__setattr__(self, "balanced", False)

    @classmethod
    def of(cls, model: Any, config: TrainConfig) -> "Criterion":
        """What training a MultimodalClassifier minimises."""
        return cls(
            model.task,
            model.start,
            config.loss,
            config.class_weights == "balanced",
            isinstance(model.link, CumulativeLink),
            getattr(model.link, "deviation", 1.0),
        )

    def unsmoothed(self) -> "Criterion":
        """The same with labels as they are, for `validate`."""
        return replace(self, loss=self.loss.model_copy(update={"label_smoothing": 0.0}))

    def _rarity(self) -> tuple[Tensor, Tensor | None]:
        """(K,) weight of the class, and of its absence where classes do not exclude each other."""
        if self.task == "multiclass":
            return torch.exp(-self.start) / len(self.start), None
        share = torch.sigmoid(self.start)
        return 0.5 / share, 0.5 / (1 - share)

    def weight(self, target: Tensor, known: Tensor) -> Tensor:
        """(N, K), or (N, 1) of exclusive classes: what each target counts, 0 where unknown."""
        exclusive = self.task == "multiclass"
        counts = known.any(1, keepdim=True) if exclusive else known
        if not self.balanced:
            return counts.to(target.dtype)
        rare, absent = self._rarity()
        if absent is None:
            return (target * rare).sum(1, keepdim=True) * counts
        return (target * rare + (1 - target) * absent) * counts

    def labels(self, target: Tensor) -> Tensor:
        """(N, K) what the answer is compared with: the target, reweighted and smoothed."""
        if self.task == "continuous":
            return target
        if self.balanced:
            rare, absent = self._rarity()
            shares = target * rare
            other = 0.0 if absent is None else (1 - target) * absent
            whole = shares.sum(1, keepdim=True) if absent is None else shares + other
            target = shares / whole.clamp_min(NOTHING)
        spread = self.loss.label_smoothing
        outcomes = target.shape[1] if self.task == "multiclass" else 2
        return target * (1 - spread) + spread / outcomes if spread else target

    def each(self, logits: Tensor, labels: Tensor) -> Tensor:
        """(..., K) logits and labels -> the losses, (..., K), or (..., 1) of exclusive classes."""
        logits = logits.float() if logits.dtype in (torch.bfloat16, torch.float16) else logits
        if self.task == "continuous":
            return ((logits - labels) / self.deviation).square()
        shown = logits - self.start if self.balanced else logits
        if self.task == "multiclass":
            log_p = functional.log_softmax(shown, -1)
            if self.loss.name == "focal":
                log_p = (1 - log_p.exp()).clamp_min(LEAST) ** self.loss.gamma * log_p
            return -(labels * log_p).sum(-1, keepdim=True)
        if self.loss.name == "cross_entropy":
            return functional.binary_cross_entropy_with_logits(
                shown, labels.expand_as(shown), reduction="none"
            )
        positive, negative = functional.logsigmoid(shown), functional.logsigmoid(-shown)
        if self.loss.name == "focal":
            positive, negative = (
                torch.exp(self.loss.gamma * negative) * positive,
                torch.exp(self.loss.gamma * positive) * negative,
            )
        else:
            p = (torch.sigmoid(shown) - self.loss.margin).clamp(LEAST, 1 - LEAST)
            negative = p**self.loss.gamma_negative * torch.log1p(-p)
        return -(labels * positive + (1 - labels) * negative)

    def __call__(self, logits: Tensor, target: Tensor, known: Tensor) -> Tensor:
        """Weighted mean over the known targets of B cases; 0 where nothing is known.

        logits: (B, K). target: (B, K) of 0 to 1, of a multiclass row summing to 1 (continuous:
        values). known: (B, K) bool.
        """
        weight = self.weight(target, known)
        each = self.each(logits, self.labels(target))
        return (each * weight).sum() / weight.sum().clamp_min(NOTHING)

    def apart(self, answer: Tensor, teacher: Tensor) -> Tensor:
        """(B, 1) how far the answers are from the teacher's: the Kullback-Leibler divergence in
        nats, summed over classes that do not exclude each other; of values, the squared difference
        in deviations. No gradient reaches the teacher."""
        teacher = teacher.detach()
        if self.task == "continuous":
            return ((answer - teacher) / self.deviation).square()
        if self.task == "multiclass":
            log_q, log_p = functional.log_softmax(answer, -1), functional.log_softmax(teacher, -1)
            return (log_p.exp() * (log_p - log_q)).sum(-1, keepdim=True)
        p = torch.sigmoid(teacher)
        per_class = p * (functional.logsigmoid(teacher) - functional.logsigmoid(answer)) + (
            1 - p
        ) * (functional.logsigmoid(-teacher) - functional.logsigmoid(-answer))
        return per_class.sum(-1, keepdim=True)


def masked_loss(
    logits: Tensor,
    target: Tensor,
    known: Tensor,
    log_odds: Tensor,
    *,
    task: str,
    balanced: bool,
    loss: Loss = CROSS_ENTROPY,
) -> Tensor:
    """`Criterion` for one call: a scalar, in nats for cross-entropy.

    >>> answer, truth = torch.zeros(2, 1), torch.tensor([[1.0], [0.0]])
    >>> known = torch.ones(2, 1, dtype=torch.bool)
    >>> loss = masked_loss(answer, truth, known, torch.zeros(1), task="binary", balanced=False)
    >>> round(float(loss), 4)
    0.6931
    """
    return Criterion(task, log_odds, loss, balanced)(logits, target, known)
