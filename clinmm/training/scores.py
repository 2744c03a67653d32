"""How a model does on `validate`: the loss it is stopped by, and how well it ranks."""

from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from clinmm.cases import Batch
from clinmm.losses import NOTHING, Criterion
from clinmm.metrics.auroc import auroc
from clinmm.model import AT_ONCE
from clinmm.training.mitigated import PlainTraining


class Scores(NamedTuple):
    """loss; auroc: macro over the classes that have both outcomes, else NaN; spearman: of a
    continuous target, else NaN."""

    loss: float
    auroc: float
    spearman: float


@torch.no_grad()
def scores(
    model: Any,
    validate: Batch,
    criterion: Criterion,
    fabric: Any,
    changes: PlainTraining,
) -> tuple[Scores, list[Scores]]:
    """(of the answer, of the head on each input alone over the cases that have it).

    changes: of a mitigation, which judges by what it trains for.
    """
    model.eval()
    answers, alone, vectors = [], [], []
    for rows in torch.split(torch.arange(len(validate), device=validate.present.device), AT_ONCE):
        piece = validate.take(rows)
        with fabric.autocast():
            encoded = model.encode(piece.inputs, piece.present)
            vectors.append(encoded.vectors)
            answers.append(model.answer(encoded, piece.present).float())
            if len(model.names) > 1:
                alone.append(model.answers_alone(encoded).float())
    weight = criterion.weight(validate.target, validate.known) * changes.judging_weights()
    labels = criterion.labels(validate.target)

    def score(logits: Tensor, has: Tensor | None) -> Scores:
        counts = weight if has is None else weight * has[:, None]
        known = validate.known if has is None else validate.known & has[:, None]
        loss = (criterion.each(logits, labels) * counts).sum() / counts.sum().clamp_min(NOTHING)
        if not loss.isfinite():  # training is about to be stopped for it
            return Scores(float(loss), float("nan"), float("nan"))
        return Scores(float(loss), *_ranking(logits, validate.target, known, criterion.task))

    each = torch.cat(alone).unbind(1) if alone else ()
    logits = torch.cat(answers)
    fused = score(logits, None)
    return (
        fused._replace(loss=fused.loss + changes.judging_loss(logits, vectors)),
        [score(one, validate.present[:, i]) for i, one in enumerate(each)],
    )


def _ranking(logits: Tensor, target: Tensor, known: Tensor, task: str) -> tuple[float, float]:
    """(macro AUROC, Spearman's correlation), NaN where it means nothing."""
    says = logits.double()
    if task != "continuous":
        says = torch.softmax(says, 1) if task == "multiclass" else torch.sigmoid(says)
    said, truth, there = (t.cpu().numpy() for t in (says, target, known))
    if task == "continuous":
        return float("nan"), _spearman(said[there], truth[there])
    found = []
    for k in range(truth.shape[1]):
        cases = there[:, k] & (truth[:, k] != 0.5)  # a soft label of one half is neither
        y = truth[cases, k] > 0.5
        if y.any() and not y.all():
            found.append(auroc(y.astype(float), said[cases, k]))
    return float(np.mean(found)) if found else float("nan"), float("nan")


def _spearman(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    from scipy.stats import rankdata

    ranks = [rankdata(values) for values in (one, other)]
    if len(one) < 2 or any(np.ptp(r) == 0 for r in ranks):
        return float("nan")
    return float(np.corrcoef(*ranks)[0, 1])
