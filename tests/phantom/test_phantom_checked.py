"""Flaws planted together in one cohort: the checks find each of them, and none in a clean one."""

import json
from pathlib import Path

import pandas as pd

from clinmm.cohort.manifest import load_cohort
from clinmm.cohort.phantom import make_phantom
from clinmm.cohort.phantom.found import INTAKE_PLANTS, check_of, look_in_intake
from clinmm.intake.context import Context
from clinmm.intake.finding import as_table
from clinmm.intake.run_checks import run_checks

SEED, PATIENTS = 1, 120
CHECKS = sorted({check_of(name) for name in INTAKE_PLANTS})


def intake_of(file: Path) -> pd.DataFrame:
    intake = as_table(run_checks(load_cohort(file), Context(), CHECKS))
    return intake[intake["severity"] != "info"]


def test_nothing_is_found_where_nothing_is_planted(tmp_path):
    intake = intake_of(make_phantom(tmp_path / "clean", seed=SEED, n_patients=PATIENTS))
    assert intake["detail"].tolist() == []


def test_every_flaw_is_found_by_its_check(tmp_path):
    file = make_phantom(tmp_path / "flawed", seed=SEED, n_patients=PATIENTS, plant=INTAKE_PLANTS)
    truth = json.loads((file.parent / "truth.json").read_text(encoding="utf-8"))
    intake = intake_of(file)
    looked = {plant["name"]: look_in_intake(intake, plant) for plant in truth["planted"]}
    assert {name: found for name, (found, _) in looked.items()} == dict.fromkeys(
        INTAKE_PLANTS, True
    ), looked
