"""Predictions of invented patients with groups, as tables."""

from collections.abc import Sequence

import numpy as np
import pandas as pd


def rows_of(
    target: Sequence[float],
    probability: Sequence[float],
    patient: Sequence[int],
    *,
    class_name: str = "ill",
    repeat: int = 0,
    fold: Sequence[int] | int = 0,
) -> pd.DataFrame:
    """Test rows of one arm and class, one for each case."""
    n = len(target)
    return pd.DataFrame(
        {
            "arm": "fused",
            "repeat": repeat,
            "fold": fold,
            "case_id": [f"c{i:04d}" for i in range(n)],
            "patient_id": [f"p{i:04d}" for i in patient],
            "split": "test",
            "class_name": class_name,
            "target": np.asarray(target, dtype=float),
            "probability_raw": np.asarray(probability, dtype=float),
            "probability": np.asarray(probability, dtype=float),
            "prediction_set": None,
            "deferred": None,
            "pattern": "any",
        }
    )


def groups_of(values: Sequence[str | None], name: str = "sex") -> pd.DataFrame:
    """The groups of cases c0000, c0001, ..."""
    index = pd.Index([f"c{i:04d}" for i in range(len(values))], name="case_id")
    return pd.DataFrame({name: list(values)}, index=index)


def thresholds_at(rows: pd.DataFrame, threshold: float = 0.5) -> pd.DataFrame:
    """The same threshold for every fold and class."""
    keys = rows[["arm", "repeat", "fold", "class_name"]].drop_duplicates(ignore_index=True)
    return keys.assign(operating_point="half", threshold=threshold)


def invented(
    n_patients: int = 160,
    *,
    cases: int = 1,
    classes: Sequence[str] = ("ill",),
    folds: int = 1,
    repeats: int = 1,
    worse: float = 0.0,
    decimals: int = 2,
    seed: int = 0,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Predictions and groups F, M and not recorded; scores of F are noisier by `worse`.

    Probabilities are rounded, so that some are tied. One patient in ten has one case elsewhere.
    """
    rng = np.random.default_rng(seed)
    patient = np.repeat(np.arange(n_patients), cases)
    n = patient.size
    sex = rng.choice(["F", "M", None], n_patients, p=[0.4, 0.45, 0.15])[patient]
    if cases > 1:
        sex[:: 10 * cases] = "M"
    parts = []
    for class_name in classes:
        y = (rng.normal(size=n_patients)[patient] + rng.normal(size=n) > 0.3).astype(float)
        for repeat in range(repeats):
            fold = rng.permutation(n_patients)[patient] % folds
            noise = rng.normal(size=n) * np.where(sex == "F", 1 + worse, 1.0)
            p = 1 / (1 + np.exp(-(2 * y - 1 + noise)))
            part = rows_of(
                y, np.round(p, decimals), patient, class_name=class_name, repeat=repeat, fold=fold
            )
            parts.append(part)
    return pd.concat(parts, ignore_index=True), groups_of(sex)
