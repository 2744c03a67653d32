"""Small phantom cohorts, made once: clean, with the first flaws, with all others, and CT."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pydicom
import pytest

from clinmm.cohort.phantom import ALL_PLANTS, make_phantom

OF_EVIDENCE = ("side_marker", "stated_label", "faint_group")
"""Plants that change what a finding looks like, or what is said of it."""

OF_GROUPS = ("noisy_labels_group", "missing_in_group", "miscalibrated_site", "group_shortcut")
"""Plants that one group of patients alone suffers from."""


@dataclass(frozen=True)
class Made:
    folder: Path
    table: pd.DataFrame
    truth: dict[str, Any]

    def truth_of(self, case_id: str) -> dict[str, Any]:
        return next(case for case in self.truth["cases"] if case["case_id"] == case_id)

    def displayed(self, path: Path) -> np.ndarray:
        """As a viewer shows it, 0 to 1. PS3.3 C.11.1 and C.11.2.1.2: rescale, window, invert."""
        ds = pydicom.dcmread(path)
        values = ds.pixel_array * float(ds.RescaleSlope) + float(ds.RescaleIntercept)
        low = float(ds.WindowCenter) - float(ds.WindowWidth) / 2
        shown = np.clip((values - low) / float(ds.WindowWidth), 0, 1)
        return 1 - shown if ds.PhotometricInterpretation == "MONOCHROME1" else shown


def read(folder: Path) -> Made:
    table = pd.read_csv(folder / "cases.csv", dtype=str, keep_default_na=False)
    return Made(folder, table, json.loads((folder / "truth.json").read_text(encoding="utf-8")))


@pytest.fixture(scope="session")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("phantom") / "clean"
    make_phantom(folder, seed=1, n_patients=30)
    return read(folder)


@pytest.fixture(scope="session")
def flawed(tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("phantom") / "flawed"
    make_phantom(folder, seed=1, n_patients=30, plant=OF_EVIDENCE)
    return read(folder)


@pytest.fixture(scope="session")
def full_of_flaws(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Every other plant, but those of groups."""
    folder = tmp_path_factory.mktemp("phantom") / "full_of_flaws"
    plants = [name for name in ALL_PLANTS if name not in OF_EVIDENCE + OF_GROUPS]
    make_phantom(folder, seed=1, n_patients=36, plant=plants)
    return read(folder)


@pytest.fixture(scope="session")
def twice(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Pictures and patients that are there twice."""
    folder = tmp_path_factory.mktemp("phantom") / "twice"
    make_phantom(folder, seed=1, n_patients=30, plant=["duplicate_images", "same_patient"])
    return read(folder)


@pytest.fixture(scope="session")
def ct(tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("phantom") / "ct"
    make_phantom(folder, seed=1, n_patients=5, modality="ct")
    return read(folder)
