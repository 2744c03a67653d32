"""Cohorts in memory of two records and a note, and the folds of one."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from clinmm.cohort.cohort import Cohort
from clinmm.cohort.manifest import spec_from
from clinmm.folds import Fold

TARGETS: dict[str, dict[str, Any]] = {
    "binary": {"column": "y", "positive": ["1"], "negative": ["0"]},
    "multiclass": {"column": "y", "classes": ["0", "1", "2"]},
    "multilabel": {"columns": ["y", "z"]},
}


def small_cohort(n: int = 24, task: str = "binary", **columns: list[Any]) -> Cohort:
    """Two cases a patient; every fourth note and every fifth record is absent."""
    rng = np.random.default_rng(0)
    largest = 3 if task == "multiclass" else 2
    table = pd.DataFrame(
        {
            "case_id": [f"c{i}" for i in range(n)],
            "patient_id": [f"p{i // 2}" for i in range(n)],
            "y": [str(v) for v in rng.integers(0, largest, n)],
            "z": [str(v) if v < 2 else None for v in rng.integers(0, 3, n)],
            "text": [None if i % 4 == 0 else f"fever {'cough' * (i % 3)} pain" for i in range(n)],
            "age": [None if i % 5 == 0 else str(30 + i) for i in range(n)],
            "lab": [str(value) for value in rng.normal(size=n).round(3)],
            **columns,
        },
        dtype=object,
    )
    settings = {
        "name": "small",
        "table": "t.csv",
        "case_id": "case_id",
        "patient_id": "patient_id",
        "target": {"name": "outcome", "kind": task, **TARGETS[task]},
        "inputs": {
            "note": {"kind": "note", "column": "text"},
            "age": {"kind": "record", "numeric": {"age": "years"}},
            "labs": {"kind": "record", "numeric": {"lab": "mg/L"}},
        },
    }
    return Cohort(spec_from(settings, "t.yaml"), Path(), table, {})


def fold_with_members(n: int = 24) -> Fold:
    """A fold of two models: a third test, the rest dealt to members 0 and 1 by patient."""
    part = (np.arange(n) // 2) % 3
    return Fold(
        repeat=1,
        fold=2,
        split=np.where(part == 2, "test", "train"),
        member=np.where(part == 2, -1, part),
    )


def plain_fold(n: int = 24) -> Fold:
    """One model: train, validate, calibrate, test, and a case that is left out."""
    split = np.array(["train", "train", "validate", "calibrate", "test", ""])[np.arange(n) % 6]
    return Fold(0, 0, split, np.where(split == "validate", 0, -1))
