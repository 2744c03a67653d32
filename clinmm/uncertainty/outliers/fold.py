"""Both detectors of one fold: fitted beside its fused models, and used on other cases."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clinmm.cases import Batch
from clinmm.cohort.cohort import Cohort
from clinmm.folds import LEFT_OUT, Fold
from clinmm.model import MultimodalClassifier
from clinmm.uncertainty.outliers.conformal import Reference, Scores, p_values, p_values_within
from clinmm.uncertainty.outliers.embedding import EmbeddingDetector, fit_embeddings, reason_of
from clinmm.uncertainty.outliers.inputs import InputDetector, fit_inputs
from clinmm.uncertainty.outliers.readings import Readings
from clinmm.uncertainty.outliers.rows import rows_of


@dataclass(frozen=True, eq=False)
class FoldDetectors:
    embedding: EmbeddingDetector
    inputs: dict[str, InputDetector]


def fit_fold(
    cohort: Cohort,
    readings: Readings,
    models: Sequence[MultimodalClassifier],
    batch: Batch,
    fold: Fold,
    seed: int,
) -> tuple[FoldDetectors, pd.DataFrame]:
    """The detectors of a fold, and the table's rows of its test and reference cases.

    The embedding detector's reference are cases that not every model trained on, the input
    detectors' all that are not test.

    Args:
        readings: of every case.
        models: of the fused arm.
        batch: every case, the fused arm's inputs.
        seed: of the study.
    """
    patients = cohort.table["patient_id"].to_numpy(dtype=object)
    held_out = (fold.split != LEFT_OUT) & ((fold.split != "train") | (fold.member >= 0))
    test = fold.split == "test"
    embedding, distances = fit_embeddings(models, batch, fold, held_out & ~test, patients)
    tables = []
    for name, score in sorted(distances.items()):
        reference, within = embedding.references[name], held_out & ~test & ~np.isnan(score)
        p = np.full(cohort.n_cases, np.nan)
        p[test] = p_values(score[test], reference)
        p[within] = p_values_within(score[within], patients[within])
        tables.append(_embedding_rows(cohort, fold, name, score, p, reference))
    inputs = {}
    rows, tested = fold.not_test, np.flatnonzero(test)
    for name, each in readings.items():
        spec = cohort.spec.inputs[name]
        inputs[name], *known = fit_inputs(
            spec.kind, [each[i] for i in rows], patients[rows], spec, seed
        )
        new = inputs[name].judge([each[i] for i in tested])
        judged = [
            _placed(cohort.n_cases, rows, k, tested, n) for k, n in zip(known, new, strict=True)
        ]
        tables.append(_input_rows(cohort, fold, name, inputs[name], each, *judged))
    return FoldDetectors(embedding, inputs), pd.concat(tables, ignore_index=True)


def judge_new(
    detectors: FoldDetectors,
    cohort: Cohort,
    readings: Readings,
    models: Sequence[MultimodalClassifier],
    batch: Batch,
    fold: Fold,
) -> pd.DataFrame:
    """The table's rows of new cases by one fold's stored detectors."""
    tables = []
    for name, score in sorted(detectors.embedding.distances(models, batch).items()):
        reference = detectors.embedding.references[name]
        p = p_values(score, reference)
        tables.append(_embedding_rows(cohort, fold, name, score, p, reference))
    for name, detector in detectors.inputs.items():
        judged = detector.judge(readings[name])
        tables.append(_input_rows(cohort, fold, name, detector, readings[name], *judged))
    return pd.concat(tables, ignore_index=True)


def _placed(
    n: int, rows: NDArray[np.int_], known: NDArray[Any], others: NDArray[np.int_], new: NDArray[Any]
) -> NDArray[Any]:
    """(n,) known at rows, new at others, nothing (None or NaN) elsewhere."""
    whole = np.full(n, None if known.dtype == object else np.nan, dtype=known.dtype)
    whole[rows], whole[others] = known, new
    return whole


def _embedding_rows(
    cohort: Cohort, fold: Fold, name: str, score: Scores, p: Scores, reference: Reference
) -> pd.DataFrame:
    return rows_of(
        cohort,
        fold,
        "embedding",
        name,
        score,
        p,
        reference,
        lambda row: reason_of(name, float(score[row]), reference),
    )


def _input_rows(
    cohort: Cohort,
    fold: Fold,
    name: str,
    detector: InputDetector,
    readings: Sequence[Any],
    score: Scores,
    p: Scores,
    oddest: NDArray[np.object_],
) -> pd.DataFrame:
    return rows_of(
        cohort,
        fold,
        "inputs",
        name,
        score,
        p,
        detector.reference,
        lambda row: detector.reason(str(oddest[row]), readings[row]),
    )
