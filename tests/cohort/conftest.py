"""A small cohort on disk, of which each test changes what it needs."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image
from small_cohort import COLUMNS, ROWS, SETTINGS, Write


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """write(rows=..., folder=..., **changed keys) -> path of a cohort.yaml with its files."""

    def _write(rows: Any = None, folder: str = "set", **changes: Any) -> Path:
        here = tmp_path / folder
        here.mkdir(exist_ok=True)
        table = pd.DataFrame(ROWS if rows is None else rows, columns=COLUMNS)
        table.to_csv(here / "cases.csv", index=False)
        for shade, name in enumerate(["a", "b", "c", "d"]):
            Image.fromarray(np.full((4, 4), 40 * shade, np.uint8)).save(here / f"{name}.png")
        settings = {**SETTINGS, **changes}
        settings = {key: value for key, value in settings.items() if value is not None}
        (here / "cohort.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
        return here / "cohort.yaml"

    return _write
