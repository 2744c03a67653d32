"""Invented predictions tables."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

Maker = Callable[..., pd.DataFrame]


def make_predictions(
    *,
    n_cases: int = 300,
    classes: tuple[str, ...] = ("died",),
    arms: tuple[str, ...] = ("fused", "image", "note"),
    skill: tuple[float, ...] = (1.8, 1.2, 0.6),
    repeats: int = 1,
    folds: int = 1,
    seed: int = 0,
    boldness: float = 1.0,
    patterns: tuple[str, ...] = ("image+note", "image"),
    per_patient: int = 2,
) -> pd.DataFrame:
    """Cases of about `per_patient` a patient; with folds, test rows plus cross-fitted train rows.

    skill: distance of the logits of the two outcomes, for each arm. boldness: logits are
    multiplied by it, so 1 is about calibrated and 3 is over-confident.
    """
    rng = np.random.default_rng(seed)
    patient = np.arange(n_cases) // per_patient
    frames = []
    case_ids = [f"c{i:05d}" for i in range(n_cases)]
    patient_ids = [f"p{i:05d}" for i in patient]
    pattern = rng.choice(patterns, n_cases)
    target = {name: (rng.random(n_cases) < 0.35).astype(float) for name in classes}
    for repeat in range(repeats):
        fold_of = rng.permutation(patient.max() + 1)[patient] % max(folds, 2)
        for fold in range(folds):
            split = np.where(fold_of == fold, "test", "train" if folds > 1 else "calibrate")
            for arm, gap in zip(arms, skill, strict=True):
                for name in classes:
                    z = gap * (target[name] - 0.5) * 2 / 2 + rng.normal(size=n_cases)
                    logit = boldness * (gap * z - 0.6)
                    frames.append(
                        pd.DataFrame(
                            {
                                "arm": arm,
                                "repeat": repeat,
                                "fold": fold,
                                "case_id": case_ids,
                                "patient_id": patient_ids,
                                "split": split,
                                "class_name": name,
                                "target": target[name],
                                "probability_raw": 1 / (1 + np.exp(-logit)),
                                "pattern": pattern,
                            }
                        )
                    )
    table = pd.concat(frames, ignore_index=True)
    return table.assign(probability=table["probability_raw"], prediction_set=None, deferred=None)


@pytest.fixture
def predictions_table() -> Maker:
    return make_predictions
