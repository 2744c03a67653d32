"""`fusion: auto`: in each fold, which inputs answer for cases that have one of them.

The others still answer for cases that have none of these. Candidates are all inputs and every set
that was trained as an arm; what ranks best, over everyone, on the cases that the fold's models stop
on, is taken, and of sets that do as well the smaller.

Neither all inputs nor the best single one is given a head start. With 150 or 600 patients and true
AUROCs between .60 and .88, the rule "the highest" lost at most .007 in mean, asking one standard
error in favour of fewer inputs .030, asking it in favour of all .012, and all inputs always .030
(normal scores, 12 situations): a head start is paid wherever it is wrong, while two candidates that
are hard to tell apart cost little whichever is taken.
"""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from clinmm.arms import FUSED
from clinmm.cases import Batch
from clinmm.errors import InputError
from clinmm.folds import Fold
from clinmm.links import ClassLink, CumulativeLink, ValueLink
from clinmm.metrics.auroc import auroc
from clinmm.model import MultimodalClassifier
from clinmm.predict import fold_logits, probabilities

Models = Sequence[MultimodalClassifier]

TIE = 1e-12
"""Scores that differ by less are the same."""


@dataclass(frozen=True)
class FallBack:
    """What a fold answers from. arm: the candidate that was taken, `fused` for all inputs.

    scores: candidate -> macro AUROC of the cases that its models stop on, everyone included (of
    values: the negative mean absolute error); None where no class has both outcomes.
    """

    arm: str
    scores: dict[str, float | None]


def check_falls_back(arms: Mapping[str, Sequence[str]]) -> None:
    """Raises InputError where there is nothing to fall back on: a study of several inputs that
    trains none of them alone."""
    if len(arms) == 1 and len(arms[FUSED]) > 1:
        raise InputError(
            "fusion: auto takes the best of the arms, and train.arms: fused trains one only. "
            "Set train.arms to single or all."
        )


def fall_back(
    fused: Models,
    alone: Mapping[str, Models],
    arms: Mapping[str, Sequence[str]],
    batch: Batch,
    targets: NDArray[np.float64],
    fold: Fold,
) -> tuple[FallBack, Models]:
    """The choice of one fold, and the fused models that act on it.

    Args:
        fused: the fold's models of all inputs.
        alone: input -> its models of each input alone.
        arms: arm -> its inputs, as from `arms_of`.
        batch: every case, with all inputs.
        targets: (N, K), NaN where unknown.
    """
    scores: dict[str, float | None] = {}
    best, acting, highest = FUSED, fused, float("-inf")
    for arm in sorted(arms, key=lambda arm: (len(arms[arm]), arm)):
        models = fused if arm == FUSED else answering_from(fused, arms[arm], alone)
        logits = fold_logits(models, batch, fold)
        score = scores[arm] = ranking(logits, targets, fold.member, fused[0].task)
        if score is not None and score > highest + TIE:
            best, acting, highest = arm, models, score
    return FallBack(best, scores), acting


def answering_from(fused: Models, inputs: Sequence[str], alone: Mapping[str, Models]) -> Models:
    """Copies of the fused models that ask these inputs alone where a case has one of them.

    Of a single input they give the answer of its own arm: that is what was judged, while the fused
    models have gone on training its encoder and head for the sake of all.
    """
    models = []
    for number, model in enumerate(fused):
        changed = copy.deepcopy(model)
        changed.answers_from = [name in inputs for name in changed.names]
        if len(inputs) == 1:
            _answer_as(changed, alone[inputs[0]][number], inputs[0])
        models.append(changed)
    return models


@torch.no_grad()
def _answer_as(model: MultimodalClassifier, own: MultimodalClassifier, name: str) -> None:
    """Makes the model answer from the input alone what `own`, trained on it alone, answers.

    The answer is start + shift + deviation * evidence, whose constants may differ between the two;
    the head takes the difference, so that what the model says of other cases stays. The cuts of
    ordered classes are not of that form and are taken over as they are.
    """
    model.take_over({name: own})
    head, here, there = model.heads[f"input_{name}"], model.link, own.link
    if isinstance(here, CumulativeLink):
        here.load_state_dict({**there.state_dict(), "start": here.start})
        return
    scale = torch.ones(1)
    if isinstance(here, ValueLink) and isinstance(there, ValueLink):
        scale = here.deviation
        head.weight.mul_(there.deviation / scale)  # type: ignore[operator]
        head.bias.mul_(there.deviation / scale)  # type: ignore[operator]
    assert isinstance(here, ClassLink | ValueLink)
    head.bias.add_((there.start + there.shift - here.start - here.shift) / scale)  # type: ignore[operator]


def ranking(
    logits: NDArray[np.float64],
    targets: NDArray[np.float64],
    part: NDArray[np.int_],
    task: str,
) -> float | None:
    """Macro AUROC of the cases of parts 0 and up; the higher the better.

    Only cases of one part are compared with each other, because each was predicted by a model of
    its own; a part weighs as many pairs as it has. Of a continuous target, the negative mean
    absolute error.

    Returns:
        None where no class has both outcomes in any part.

    >>> y, logits = np.array([[0.0], [1], [0], [1]]), np.array([[1.0], [2], [8], [9]])
    >>> ranking(logits, y, np.array([0, 0, 1, 1]), "binary")
    1.0
    """
    rows = part >= 0
    if task == "continuous":
        gap = np.abs(logits[rows] - targets[rows])
        return -float(np.nanmean(gap)) if np.isfinite(gap).any() else None
    risk, classes = probabilities(logits, task), []
    for k in range(targets.shape[1]):
        won = pairs = 0.0
        for one in np.unique(part[rows]):
            here = (part == one) & ~np.isnan(targets[:, k])
            y = targets[here, k]
            if n := float(y.sum() * (1 - y).sum()):
                won, pairs = won + n * auroc(y, risk[here, k]), pairs + n
        if pairs:
            classes.append(won / pairs)
    return float(np.mean(classes)) if classes else None


def in_words(choices: Sequence[FallBack]) -> str:
    """What the folds fell back on, in a sentence.

    >>> in_words([FallBack("note", {}), FallBack("fused", {})])
    'Chosen on validate: all inputs in 1 of 2; note alone, where a case has it, in 1 of 2 folds.'
    """
    arms, said = [choice.arm for choice in choices], []
    for arm in sorted(set(arms), key=lambda arm: (-arms.count(arm), arm)):
        has = "one of them" if "+" in arm else "it"
        names = f"{arm.replace('+', ' and ')} alone, where a case has {has},"
        what = "all inputs" if arm == FUSED else names
        said.append(f"{what} in {arms.count(arm)} of {len(arms)}")
    return f"Chosen on validate: {'; '.join(said)} folds."
