"""Where nothing can be learned, the study must not claim that something was."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from clinmm.cohort.manifest import load_cohort
from clinmm.config import load_config
from clinmm.runs import Run
from clinmm.study import start_study
from pipelines import calibrate, check, evaluate, train

N_PATIENTS, COLUMNS = 260, ["a", "b", "c", "d", "e", "f"]


def records(folder: Path, strength: float) -> Path:
    """Records of six columns, two cases a patient; the patient's label moves the first column by
    `strength` standard deviations, and a patient's cases are alike in all."""
    rng = np.random.default_rng(11)
    died = rng.random(N_PATIENTS) < 0.3
    person = rng.normal(size=(N_PATIENTS, len(COLUMNS)))
    person[:, 0] += strength * died
    of = np.arange(2 * N_PATIENTS) // 2
    table = pd.DataFrame(person[of] + 0.3 * rng.normal(size=(len(of), 6)), columns=COLUMNS)
    table.insert(0, "case_id", [f"c{i}" for i in range(len(of))])
    table.insert(1, "patient_id", [f"p{i}" for i in of])
    table["died"] = died[of].astype(int)
    table.to_csv(folder / "cases.csv", index=False)
    cohort = {
        "name": "records",
        "table": "cases.csv",
        "case_id": "case_id",
        "patient_id": "patient_id",
        "target": {
            "name": "died",
            "kind": "binary",
            "column": "died",
            "positive": ["1"],
            "negative": ["0"],
        },
        "inputs": {"record": {"kind": "record", "numeric": dict.fromkeys(COLUMNS, "1")}},
    }
    (folder / "cohort.yaml").write_text(yaml.safe_dump(cohort), encoding="utf-8")
    config = {
        "cohort": "cohort.yaml",
        "split": {"folds": 2, "inner_folds": 2},
        "encoders": {"record": {"name": "mlp"}},
        "train": {"epochs": 12, "device": "cpu", "optimiser": {"lr": 0.01}},
        "evaluate": {"n_bootstrap": 200},
    }
    (folder / "study.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    return folder / "study.yaml"


def auroc_of(folder: Path, strength: float) -> pd.Series:
    config = load_config(records(folder, strength))
    start_study(config, load_cohort(config.cohort), folder / "run")
    for stage in (check, train, calibrate, evaluate):
        stage.main(folder / "run")
    metrics = Run.open(folder / "run").read("metrics")
    (row,) = metrics[
        (metrics["arm"] == "fused")
        & (metrics["metric"] == "auroc")
        & (metrics["class_name"] == "died")
        & (metrics["probability"] == "calibrated")
        & (metrics["pattern"] == "any")
        & (metrics["group_by"] == "all")
        & (metrics["repeat"] == "all")
    ].to_dict("records")
    return pd.Series(row)


def test_labels_that_nothing_explains_give_an_auroc_whose_interval_holds_a_half(
    tmp_path: Path,
) -> None:
    row = auroc_of(tmp_path, 0.0)
    assert row["status"] == "ok"
    assert row["n_patients"] == N_PATIENTS
    assert row["low"] < 0.5 < row["high"]
    assert row["high"] - row["low"] < 0.3


def test_labels_that_a_column_explains_are_found_as_well_as_can_be(tmp_path: Path) -> None:
    row = auroc_of(tmp_path, 1.5)
    # Two normal distributions 1.5 apart, of variance 1 + .3^2, are told apart this well at best.
    from scipy.stats import norm

    best = norm.cdf(1.5 / np.sqrt(2 * 1.09))
    assert row["low"] < best < row["high"] + 0.03
    assert row["value"] == pytest.approx(best, abs=0.06)
    assert row["low"] > 0.5
