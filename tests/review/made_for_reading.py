"""An invented run of chosen targets and risks, as small as a reading study needs it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from clinmm.runs import Run

TARGETS: dict[str, dict[str, Any]] = {
    "binary": {
        "name": "died",
        "kind": "binary",
        "column": "y",
        "positive": ["1"],
        "negative": ["0"],
    },
    "multiclass": {"name": "dx", "kind": "multiclass", "column": "y", "classes": ["a", "b", "c"]},
    "multilabel": {"name": "finding", "kind": "multilabel", "columns": ["mass", "nodule", "scar"]},
    "continuous": {"name": "score", "kind": "continuous", "column": "y", "unit": "points"},
}
CLASSES = {
    "binary": ["died"],
    "multiclass": ["a", "b", "c"],
    "multilabel": ["mass", "nodule", "scar"],
    "continuous": ["score"],
}


def rows(
    risks: Mapping[str, Sequence[float]],
    targets: Sequence[float],
    class_name: str = "died",
    column: str = "probability",
    **fixed: Any,
) -> pd.DataFrame:
    """Rows of predictions of one class: arm -> output of c00, c01, ...; two cases a patient."""
    parts = [
        pd.DataFrame(
            {
                "arm": arm,
                "repeat": 0,
                "fold": 0,
                "case_id": [f"c{i:02d}" for i in range(len(values))],
                "patient_id": [f"p{i // 2:02d}" for i in range(len(values))],
                "split": "test",
                "class_name": class_name,
                "target": targets,
                column: values,
                "pattern": "image",
                **fixed,
            }
        )
        for arm, values in risks.items()
    ]
    return pd.concat(parts, ignore_index=True)


def run_of(
    folder: Path, predictions: pd.DataFrame | None, kind: str = "binary", **cohort: Any
) -> Run:
    """A run with these predictions, and the cases c00, c01, ... of which sex and age are known.

    cohort: keys of the cohort file that take the place of what is there.
    """
    target = TARGETS[kind]
    facts = {"name": target["name"], "kind": kind, "classes": CLASSES[kind]}
    run = Run.create(folder, "study", {"seed": 0, "target": facts, "unit_name": "patient"})
    file = {
        "name": "made",
        "table": "cases.parquet",
        "case_id": "case_id",
        "patient_id": "patient_id",
        "target": target,
        "inputs": {"image": {"kind": "image", "column": "image"}},
        "sensitive": {"sex": "sex", "age": {"column": "age", "bins": [0, 50, 100]}},
    }
    run.write_text("cohort.yaml", yaml.safe_dump({**file, **cohort}, sort_keys=False))
    known = (
        pd.DataFrame({"case_id": ["c00"], "patient_id": ["p00"]})
        if predictions is None
        else predictions[["case_id", "patient_id"]].drop_duplicates()
    )
    n = len(known)
    run.write(
        "cases",
        known.assign(
            sex=(["F", "M", None] * n)[:n],
            age=([40.0, 60.0] * n)[:n],
            image="a.png",
            **dict.fromkeys(["y", *CLASSES["multilabel"]], "0"),
        ),
    )
    if predictions is not None:
        run.write("predictions", predictions)
    return run
