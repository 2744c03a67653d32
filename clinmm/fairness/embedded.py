"""What the stored models of a study make of its cases, fold by fold.

Models of two folds have spaces of their own, so nothing is compared across folds.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from clinmm.arms import FUSED
from clinmm.cases import Batch
from clinmm.folds import Fold, Preparer, folds_of
from clinmm.model import MultimodalClassifier
from clinmm.predict import by_length
from clinmm.progress import Tell, silent
from clinmm.stored_models import load_models
from clinmm.study import Study

Vectors = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class FoldEmbeddings:
    """What the first fused model of a fold makes of every case of the cohort, in its order.

    of: `fused` -> (N, D) everything that the fusion reads: the vectors of all inputs side by side,
        zero where the case lacks one, and 1 or 0 for whether it has it; NaN where it has none. Of
        several inputs, each input -> (N, d) what is known of it on its own, NaN where absent; of a
        frozen network that is what the network says.
    """

    fold: Fold
    of: dict[str, Vectors]


def first_folds(study: Study) -> list[Fold]:
    """The folds of repeat 0; the one split, where there are no folds."""
    splits = study.run.read("splits")
    case_ids = study.cohort.table["case_id"].tolist()
    return list(folds_of(splits[splits["repeat"] == 0], case_ids))


def fold_embeddings(
    study: Study, preparer: Preparer, tell: Tell = silent
) -> Iterator[FoldEmbeddings]:
    """Every fold of repeat 0. preparer: of the study's cohort and encoders."""
    run, folds = study.run, first_folds(study)
    for done, fold in enumerate(folds):
        tell("embeddings", done, len(folds))
        place = run.folder / run.model_folder(FUSED, fold.repeat, fold.fold)
        description, models = load_models(place)
        yield FoldEmbeddings(fold, embeddings(models[0], preparer.batch(description.facts)))
    tell("embeddings", len(folds), len(folds))


def embeddings(model: MultimodalClassifier, batch: Batch) -> dict[str, Vectors]:
    """As `FoldEmbeddings.of`, of the cases of a batch whose inputs are the model's."""
    pieces = by_length(model, batch)
    back = np.argsort(np.concatenate(pieces))
    said = [model.embeddings(batch.take(rows).to(model.start.device)) for rows in pieces]
    present = batch.present.cpu().numpy()

    def whole(which: int, name: str) -> Vectors:
        vectors: Vectors = torch.cat([one[which][name] for one in said]).double().cpu().numpy()
        return vectors[back]

    seen = [
        np.where(present[:, i : i + 1], whole(1, name), 0.0) for i, name in enumerate(model.names)
    ]
    several = len(model.names) > 1
    fused = np.hstack([*seen, present.astype(np.float64)]) if several else seen[0]
    some = np.asarray(present.any(axis=1, keepdims=True))
    out = {FUSED: np.where(some, fused, np.nan)}
    if several:
        for i, name in enumerate(model.names):
            out[name] = np.where(present[:, i : i + 1], whole(0, name), np.nan)
    return out
