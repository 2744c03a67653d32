"""Models and prepared cases -> logits -> rows of the predictions table."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from clinmm.cases import Batch
from clinmm.cohort.cohort import Cohort
from clinmm.folds import LEFT_OUT, Fold, Index
from clinmm.model import AT_ONCE, MultimodalClassifier

TOGETHER = "all"
"""The name of all inputs' embeddings side by side."""

Embeddings = dict[str, NDArray[np.float64]]
"""Input name, or TOGETHER -> (N, d); NaN where the case lacks the input."""


def by_length(model: MultimodalClassifier, batch: Batch) -> list[Index]:
    """Positions of the cases in pieces of at most AT_ONCE, the longest first, where an encoder says
    how long its inputs are: cases of one length are read together, and none is filled up far."""
    total = np.zeros(len(batch), dtype=int)
    for name in model.names:
        if lengths := getattr(model.encoder(name), "lengths", None):
            total += lengths(batch.inputs[name]).cpu().numpy()
    order = np.argsort(-total, kind="stable")
    return [order[first : first + AT_ONCE] for first in range(0, len(order), AT_ONCE)]


@torch.no_grad()
def logits_of(model: MultimodalClassifier, batch: Batch) -> NDArray[np.float64]:
    """(B, K) logits of one model, in evaluation mode."""
    model.eval()
    device = model.start.device
    logits = np.empty((len(batch), len(model.start)))
    for rows in by_length(model, batch):
        piece = batch.take(rows).to(device)
        logits[rows] = model(piece.inputs, piece.present).fused.double().cpu().numpy()
    return logits


def embeddings_of(model: MultimodalClassifier, batch: Batch) -> Embeddings:
    """What the model's encoders make of each input; TOGETHER for cases of several inputs."""
    device = model.start.device
    rows = by_length(model, batch)
    pieces = [model.embeddings(batch.take(some).to(device)) for some in rows]
    back = np.argsort(np.concatenate(rows))
    present = batch.present.cpu().numpy()

    def joined(which: int, i: int, name: str) -> NDArray[np.float64]:
        whole = torch.cat([piece[which][name] for piece in pieces]).double().cpu().numpy()
        return np.where(present[:, i : i + 1], whole[back], np.nan)

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

    models: as many for each part that the fold stops on, those of a part together.

    A case on which some of the models stopped gets the mean of those alone, whose training never
    saw the case; every other case gets the mean over all. Rows of cases that trained every model
    mean nothing; `prediction_rows` leaves them out.
    """
    each = np.stack([logits_of(model, batch) for model in models])
    of_member = each.reshape(max(fold.n_members, 1), -1, *each.shape[1:]).mean(1)
    together: NDArray[np.float64] = of_member.mean(0)
    for member in range(fold.n_members):
        stopped_on = fold.member == member
        together[stopped_on] = of_member[member, stopped_on]
    return together


def answers(logits: NDArray[np.float64], task: str) -> dict[str, NDArray[np.float64]]:
    """Columns of the predictions table, each (N, K): probabilities, or values of a continuous
    target. What calibrate fills is still the raw one."""
    if task == "continuous":
        unknown = np.full(logits.shape, np.nan)
        return {
            **{"probability_raw": unknown, "probability": unknown},
            **{"value_raw": logits, "value": logits},
            **{"value_low": unknown, "value_high": unknown},
        }
    probability = probabilities(logits, task)
    return {"probability_raw": probability, "probability": probability}


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
    did not train every model of the fold. `probability` (`value`) is still the raw one; calibrate
    fills it.
    """
    have = {name: cohort.present(name) for name in sorted(inputs)}
    pattern = np.array(
        ["+".join(n for n, h in have.items() if h[i]) or "none" for i in range(cohort.n_cases)]
    )
    wanted = (fold.split != LEFT_OUT) & ((fold.split != "train") | (fold.member >= 0))
    if len(inputs) < len(cohort.spec.inputs):
        wanted &= pattern != "none"
    rows = np.flatnonzero(wanted)
    targets, said = cohort.targets(), answers(logits, cohort.task)
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
                    **{name: column[rows, k] for name, column in said.items()},
                    "pattern": pattern[rows],
                }
            )
            for k, name in enumerate(cohort.class_names)
        ],
        ignore_index=True,
    )
