"""A study config for a small phantom, and what tests ask of a run."""

from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from clinmm.runs import Run

SETTINGS: dict[str, Any] = {
    "seed": 0,
    "split": {"folds": 2, "inner_folds": 2},
    "encoders": {
        "image": {
            "name": "densenet",
            "size": 64,
            "init_features": 4,
            "growth_rate": 2,
            "block_config": [1, 1],
        },
        "note": {"name": "bag_of_words", "out_dim": 8},
        "record": {"name": "mlp", "out_dim": 8},
    },
    "fusion": {"name": "gated"},
    "train": {"epochs": 2, "device": "cpu", "arms": "single", "baselines": False},
    "evaluate": {
        "n_bootstrap": 100,
        "operating_points": {"youden": {"youden": True}, "high": {"sensitivity": 0.9}},
    },
    "explain": {
        "cases": 4,
        "steps": 8,
        "methods": ["integrated_gradients"],
        "audit": {"cases": 0},
    },
}


def write_config(folder: Path, cohort: Path, **changes: Any) -> Path:
    """A study config in `folder`; a key that is None is left out."""
    settings = {"cohort": str(cohort), **SETTINGS, **changes}
    settings = {key: value for key, value in settings.items() if value is not None}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "study.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    return folder / "study.yaml"


def same_tables(one: Run, other: Run, *names: str) -> None:
    for name in names:
        pd.testing.assert_frame_equal(one.read(name), other.read(name), check_exact=True)
