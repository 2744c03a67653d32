"""From evidence to the logits of a target: how what the inputs say becomes an answer.

Evidence adds up over the inputs; a link turns the sum into logits. Its `width` is how many numbers
of evidence an input gives.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional


class ClassLink(nn.Module):
    """A logit for each class: where training starts, plus the evidence.

    start: (K,) log-odds of the training cases (log shares of exclusive classes).
    """

    start: Tensor
    shift: Tensor

    def __init__(self, start: list[float]) -> None:
        super().__init__()
        self.register_buffer("start", torch.tensor(start, dtype=torch.float32))
        self.register_buffer("shift", torch.zeros(len(start)))
        self.width = len(start)

    def forward(self, evidence: Tensor, some: Tensor) -> Tensor:
        """evidence: (B, K); some: (B, 1) bool, whether the case has any input. Returns (B, K)."""
        return self.start + self.shift * some + evidence


class CumulativeLink(nn.Module):
    """Ordered classes: one score, cut at rising points.

        P(class <= k) = sigmoid(cut_k - score)

    Answers in log probabilities, whose softmax is the probability of each class; so everything
    that reads logits of exclusive classes reads these.

    start: (K,) log shares of the training cases, lowest class first.

    Reference:
        McCullagh. Regression models for ordinal data. J R Stat Soc B 42:109 (1980).
    """

    start: Tensor
    shift: Tensor
    width = 1

    def __init__(self, start: list[float]) -> None:
        super().__init__()
        logs = torch.tensor(start, dtype=torch.float32)
        self.register_buffer("start", logs)
        self.register_buffer("shift", torch.zeros(len(start)))
        cuts = torch.logit(torch.softmax(logs, 0).cumsum(0)[:-1].clamp(1e-4, 1 - 1e-4))
        self.lowest = nn.Parameter(cuts[:1].clone())
        # softplus of these are the distances between the cuts, so that cuts always rise
        self.gaps = nn.Parameter(torch.log(torch.expm1(cuts.diff().clamp_min(1e-3))))

    @torch.no_grad()
    def take_over(self, alone: Sequence["CumulativeLink"]) -> None:
        """The mean of the cuts of models on each input alone: their evidence is on that scale."""
        self.lowest.copy_(torch.stack([link.lowest for link in alone]).mean(0))
        self.gaps.copy_(torch.stack([link.gaps for link in alone]).mean(0))

    def forward(self, evidence: Tensor, some: Tensor) -> Tensor:
        """evidence: (B, 1), the score; some: (B, 1) bool. Returns (B, K) log probabilities."""
        cuts = torch.cat([self.lowest, self.lowest + functional.softplus(self.gaps).cumsum(0)])
        below = cuts - evidence  # (B, K - 1)
        first, last = functional.logsigmoid(below[:, :1]), functional.logsigmoid(-below[:, -1:])
        # log(sigmoid(b) - sigmoid(a)) = log sigmoid(b) + log sigmoid(-a) + log(1 - exp(a - b))
        low, high = below[:, :-1], below[:, 1:]
        apart = torch.log(-torch.expm1((low - high).clamp_max(-1e-6)))
        between = functional.logsigmoid(high) + functional.logsigmoid(-low) + apart
        return torch.cat([first, between, last], dim=1) + self.shift * some


class ValueLink(nn.Module):
    """A continuous target: the mean of the training cases plus the evidence, in their deviations.

    start: [mean, standard deviation] of the training cases, in the target's unit.
    """

    start: Tensor
    deviation: Tensor
    shift: Tensor
    width = 1

    def __init__(self, start: list[float]) -> None:
        super().__init__()
        self.register_buffer("start", torch.tensor(start[:1], dtype=torch.float32))
        self.register_buffer("deviation", torch.tensor(start[1:], dtype=torch.float32))
        self.register_buffer("shift", torch.zeros(1))

    def forward(self, evidence: Tensor, some: Tensor) -> Tensor:
        """evidence: (B, 1); some: (B, 1) bool. Returns (B, 1) in the target's unit."""
        return self.start + self.shift * some + self.deviation * evidence


Link = ClassLink | CumulativeLink | ValueLink


def make_link(task: str, start: list[float], *, ordered: bool = False) -> Link:
    """The link of a target.

    Args:
        task: binary, multilabel, multiclass or continuous.
        start: as from `losses.start_of_training`.
        ordered: of a multiclass task, whether its classes are listed from lowest to highest.
    """
    if task == "continuous":
        return ValueLink(start)
    return CumulativeLink(start) if ordered else ClassLink(start)
