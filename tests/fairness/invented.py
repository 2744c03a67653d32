"""Invented predictions with groups, small enough to be reckoned by hand or by a loop."""

import numpy as np
import pandas as pd


def invent(n_patients=150, classes=("died",), seed=0, per_patient=2, repeat_folds=1):
    """(predictions, groups): two cases a patient; sex and three ages by patient."""
    rng = np.random.default_rng(seed)
    n = n_patients * per_patient
    patient = np.repeat(np.arange(n_patients), per_patient)
    ids = [f"c{i:04d}" for i in range(n)]
    fold = patient % repeat_folds
    rows = []
    for name in classes:
        y = (rng.random(n) < 0.4).astype(float)
        p = 1 / (1 + np.exp(-(2.0 * (y - 0.5) + rng.normal(size=n))))
        rows.append(
            pd.DataFrame(
                {
                    "arm": "fused",
                    "repeat": 0,
                    "fold": fold,
                    "case_id": ids,
                    "patient_id": [f"p{i:04d}" for i in patient],
                    "split": "test",
                    "class_name": name,
                    "target": y,
                    "probability_raw": p,
                    "probability": p,
                    "pattern": "image+note",
                }
            )
        )
    sex = rng.choice(["F", "M"], n_patients)[patient]
    age = rng.choice(["[0, 40)", "[40, 65)", "[65, 120)"], n_patients)[patient]
    groups = pd.DataFrame({"sex": sex, "age": age}, index=pd.Index(ids, name="case_id"))
    return pd.concat(rows, ignore_index=True), groups


def at(predictions, threshold=0.5, name="half"):
    """One threshold for every arm, fold and class."""
    keys = ["arm", "repeat", "fold", "class_name"]
    return (
        predictions[keys]
        .drop_duplicates()
        .assign(operating_point=name, threshold=threshold)
        .reset_index(drop=True)
    )
