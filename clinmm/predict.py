"""Models and prepared cases -> logits -> rows of the predictions table."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from clinmm.cases import Batch
from clinmm.cohort.cohort import Cohort
from clinmm.folds import LEFT_OUT, Fold
from clinmm.model import MultimodalClassifier

AT_ONCE = 256

TOGETHER = "all"
"""The name of all inputs' embeddings side by side."""

Embeddings = dict[str, NDArray[np.float64]]
"""Input name, or TOGETHER -> (N, d); NaN where the case lacks the input."""


@torch.no_grad()
def logits_of(model: MultimodalClassifier, batch: Batch) -> NDArray[np.float64]:
    """(B, K) logits of one model, in evaluation mode."""
    model.eval()
    device = model.start.device
    pieces = []
    for first in range(0, len(batch), AT_ONCE):
        piece = batch.take(np.arange(first, min(first + AT_ONCE, len(batch)))).to(device)
        pieces.append(model(piece.inputs, piece.present).fused.double().cpu().numpy())
    return np.concatenate(pieces)


def embeddings_of(model: MultimodalClassifier, batch: Batch) -> Embeddings:
    """What the model's encoders make of each input; TOGETHER for cases of several inputs."""
    device = model.start.device
    pieces = []
    for first in range(0, len(batch), AT_ONCE):
        piece = batch.take(np.arange(first, min(first + AT_ONCE, len(batch)))).to(device)
        pieces.append(model.embeddings(piece))
    present = batch.present.cpu().numpy()

    def joined(which: int, i: int, name: str) -> NDArray[np.float64]:
        whole = torch.cat([piece[which][name] for piece in pieces]).double().cpu().numpy()
        return np.where(present[:, i : i + 1], whole, np.nan)

    out = {name: joined(0, i, name) for i, name in enumerate(model.names)}
    if len(model.names) > 1:
        together = np.hstack([joined(1, i, name) for i, name in enumerate(model.names)])
        together[present.sum(1) < 2] = np.nan
        out[TOGETHER] = together
    return out


def fold_logits(
    models: Sequence[MultimodalClassifier], batch: Batch, fold: Fold
) -> NDArray[np.float64]:
    """(N, K) logits of a fold's models for every case of the cohort.

    A case on which one of the models stopped gets that model's logit, whose training never saw
    the case; every other case gets the mean over the models. Rows of cases that trained every
    model mean nothing; `prediction_rows` leaves them out.
    """
    each = np.stack([logits_of(model, batch) for model in models])
    together: NDArray[np.float64] = each.mean(0)
    for member in range(len(models)):
        stopped_on = fold.member == member
        together[stopped_on] = each[member, stopped_on]
    return together


def probabilities(logits: NDArray[np.float64], task: str) -> NDArray[np.float64]:
    """(N, K): softmax over the classes of a multiclass task, else a sigmoid each."""
    tensor = torch.from_numpy(logits)
    out = torch.softmax(tensor, 1) if task == "multiclass" else torch.sigmoid(tensor)
    result: NDArray[np.float64] = out.numpy()
    return result


def prediction_rows(
    cohort: Cohort, arm: str, inputs: Sequence[str], fold: Fold, logits: NDArray[np.float64]
) -> pd.DataFrame:
    """Rows of the predictions table for one arm and fold, one per case and class.

    A case is in it if it has one of the arm's inputs (the fused arm answers for all cases) and
    did not train every model of the fold. `probability` is still the raw one; calibrate fills it.
    """
    have = {name: cohort.present(name) for name in sorted(inputs)}
    pattern = np.array(
        ["+".join(n for n, h in have.items() if h[i]) or "none" for i in range(cohort.n_cases)]
    )
    wanted = (fold.split != LEFT_OUT) & ((fold.split != "train") | (fold.member >= 0))
    if len(inputs) < len(cohort.spec.inputs):
        wanted &= pattern != "none"
    rows = np.flatnonzero(wanted)
    probability = probabilities(logits, cohort.task)
    targets = cohort.targets()
    return pd.concat(
        [
            pd.DataFrame(
                {
                    "arm": arm,
                    "repeat": fold.repeat,
                    "fold": fold.fold,
                    "case_id": cohort.table["case_id"].to_numpy()[rows],
                    "patient_id": cohort.table["patient_id"].to_numpy()[rows],
                    "split": fold.split[rows],
                    "class_name": name,
                    "target": targets[rows, k],
                    "probability_raw": probability[rows, k],
                    "probability": probability[rows, k],
                    "pattern": pattern[rows],
                }
            )
            for k, name in enumerate(cohort.class_names)
        ],
        ignore_index=True,
    )
