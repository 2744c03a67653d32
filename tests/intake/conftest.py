"""Cohorts made in memory, with pictures on disk where a test wants them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from clinmm.cohort.cohort import Cohort
from clinmm.cohort.manifest import spec_from

Make = Callable[..., Cohort]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """make(n, spec=changed keys, **columns) -> cohort of n cases, two a patient; every column is
    a list of n cells, None where not recorded. Pictures named K.png are of shade K."""

    def _make(n: int = 60, spec: dict[str, Any] | None = None, **columns: list[Any]) -> Cohort:
        settings: dict[str, Any] = {
            "name": "t",
            "table": "t.csv",
            "case_id": "case_id",
            "patient_id": "patient_id",
            "target": {
                "name": "died",
                "kind": "binary",
                "column": "outcome",
                "positive": ["1"],
                "negative": ["0"],
            },
            "inputs": {
                "image": {"kind": "image", "column": "file"},
                "note": {"kind": "note", "column": "text"},
                "record": {"kind": "record", "numeric": {"age": "years"}, "categorical": ["sex"]},
            },
            **(spec or {}),
        }
        table = pd.DataFrame(
            {
                "case_id": [f"c{i}" for i in range(n)],
                "patient_id": [f"p{i // 2}" for i in range(n)],
                "outcome": [str(int(i % 6 in (0, 1))) for i in range(n)],
                "file": [f"{i}.png" for i in range(n)],
                "text": ["A cough and some fever."] * n,
                "age": [str(30 + i) for i in range(n)],
                "sex": ["F" if i % 4 < 2 else "M" for i in range(n)],
                **columns,
            },
            dtype=object,
        )
        for i in range(n):
            shade = np.full((3, 3), i, np.uint8)
            Image.fromarray(shade).save(tmp_path / f"{i}.png")
        return Cohort(spec_from(settings, "t.yaml"), tmp_path, table, {})

    return _make
