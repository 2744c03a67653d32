"""The fused arm's answers for test cases after one input was dropped or swapped."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import torch
from numpy.typing import ArrayLike, NDArray

from clinmm import schema
from clinmm.arms import FUSED
from clinmm.cases import Batch
from clinmm.cohort.cohort import Cohort
from clinmm.folds import Fold, Index
from clinmm.model import MultimodalClassifier
from clinmm.predict import logits_of, probabilities

DROPPED, SWAPPED = "dropped", "swapped"


def robustness_rows(
    cohort: Cohort,
    models: Sequence[MultimodalClassifier],
    batch: Batch,
    fold: Fold,
    seed: int,
) -> pd.DataFrame:
    """Rows of schema.ROBUSTNESS for one fold: two passes an input over the test cases that have it.

    Args:
        models: the fold's models of the fused arm.
        batch: every case of the cohort, with the inputs of the models.
        seed: of the swaps, which differ from fold to fold.

    Returns:
        A row for each test case, input that it has, change and class. No row of `swapped` where one
        patient has more than half of the cases with the input: no swap could give every case the
        value of another patient. No row for a continuous target, which is not ranked.
    """
    if cohort.task == "continuous":
        return schema.ROBUSTNESS.empty()
    test = np.flatnonzero(fold.split == "test")
    cases = cohort.table["case_id"].to_numpy()
    patients = cohort.table["patient_id"].to_numpy()
    tables = [schema.ROBUSTNESS.empty()]
    for i, name in enumerate(batch.inputs):
        have = test[batch.present[:, i].numpy()[test]]
        generator = np.random.default_rng([seed, fold.repeat, fold.fold, i])
        own = batch.take(have)
        for change, asked in (
            (DROPPED, without(own, name)),
            (SWAPPED, swapped(own, name, partners(patients[have], generator))),
        ):
            if asked is None or not len(have):
                continue
            logits = np.mean([logits_of(model, asked) for model in models], axis=0)
            probability = probabilities(logits, cohort.task)
            tables += [
                pd.DataFrame(
                    {
                        "arm": FUSED,
                        "repeat": fold.repeat,
                        "fold": fold.fold,
                        "case_id": cases[have],
                        "patient_id": patients[have],
                        "class_name": class_name,
                        "input": name,
                        "change": change,
                        "probability_raw": probability[:, k],
                    }
                )
                for k, class_name in enumerate(cohort.class_names)
            ]
    return schema.ROBUSTNESS.fill(pd.concat(tables, ignore_index=True))


def without(batch: Batch, name: str) -> Batch:
    """The same cases without the input."""
    present = batch.present.clone()
    present[:, list(batch.inputs).index(name)] = False
    return replace(batch, present=present)


def swapped(batch: Batch, name: str, from_case: Index | None) -> Batch | None:
    """The same cases, each with the input of case `from_case`; None where there is none."""
    if from_case is None:
        return None
    index = torch.as_tensor(from_case)
    others = {key: tensor[index] for key, tensor in batch.inputs[name].items()}
    return replace(batch, inputs={**batch.inputs, name: others})


def partners(patients: ArrayLike, generator: np.random.Generator) -> Index | None:
    """A permutation of n cases that gives every case one of another patient.

    Cases stand in a row by patient, patients and the cases of each in random order, and everybody
    is given the case as far down the row as the patient with the most cases has cases.

    Args:
        patients: (n,) who each case belongs to.

    Returns:
        (n,) position of each case's partner; None where one patient has more than half of them.

    >>> partners(["a", "b"], np.random.default_rng(0)).tolist()
    [1, 0]
    >>> partners(["a", "a", "b"], np.random.default_rng(0)) is None
    True
    """
    _, owner, counts = np.unique(
        np.asarray(patients, dtype=str), return_inverse=True, return_counts=True
    )
    n = owner.size
    if n == 0 or 2 * counts.max() > n:
        return None
    place = generator.permutation(counts.size)
    row: NDArray[np.int_] = np.lexsort((generator.random(n), place[owner]))
    partner = np.empty(n, dtype=np.int64)
    partner[row] = np.roll(row, -int(counts.max()))
    return partner
