"""The answers of a study's stored models to test cases with some of their inputs hidden."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clinmm.arms import FUSED
from clinmm.folds import Fold, Preparer
from clinmm.predict import probabilities
from clinmm.stored_models import load_models
from clinmm.study import Study

Masks = NDArray[np.bool_]
Asker = Callable[[Masks], NDArray[np.float64]]
"""(A, n, M), which inputs of n test cases are seen in each of A askings -> (A, n, K) probabilities,
uncalibrated; an input that the case lacks is never seen."""


@dataclass(frozen=True, eq=False)
class HeldOut:
    """n test cases of repeat 0, fold by fold. rows: (n,) positions in the cohort. fold: (n,).
    present: (n, M) bool, in the order of inputs."""

    rows: NDArray[np.int_]
    fold: NDArray[np.int_]
    inputs: list[str]
    present: Masks
    ask: Asker


def hidden_inputs(study: Study, preparer: Preparer, folds: list[Fold]) -> HeldOut:
    """The test cases of these folds, to be asked by their own models of the fused arm.

    Every input is encoded once, and each set of inputs is answered once for a case, however often
    it is asked.
    """
    tested = [np.flatnonzero(fold.split == "test") for fold in folds]
    ends = np.cumsum([0, *map(len, tested)])

    def ask(seen: Masks) -> NDArray[np.float64]:
        pieces = [
            _answers(study, preparer, fold, at, seen[:, first:last])
            for fold, at, first, last in zip(folds, tested, ends[:-1], ends[1:], strict=True)
        ]
        return np.concatenate(pieces, axis=1)

    rows = np.concatenate(tested)
    numbers = np.repeat([fold.fold for fold in folds], [len(at) for at in tested])
    return HeldOut(rows, numbers, list(preparer.components), preparer.present[rows], ask)


def _answers(
    study: Study, preparer: Preparer, fold: Fold, at: NDArray[np.int_], seen: Masks
) -> NDArray[np.float64]:
    """(A, n, K) for the cases at these positions; seen: (A, n, M)."""
    import torch

    from clinmm.explain.effects.encoded import EncodedCases

    place = study.run.folder / study.run.model_folder(FUSED, fold.repeat, fold.fold)
    description, models = load_models(place)
    encoded = EncodedCases(models, preparer.batch(description.facts).take(at))
    case = np.broadcast_to(np.arange(at.size), seen.shape[:2])
    asked = np.concatenate([case[..., None], seen], axis=2).reshape(-1, 1 + seen.shape[2])
    once, back = np.unique(asked, axis=0, return_inverse=True)
    logits = encoded.answers(once[:, 0], torch.from_numpy(once[:, 1:].astype(bool)))
    found = probabilities(logits, study.cohort.task)
    return found[back.ravel()].reshape(*seen.shape[:2], -1)
