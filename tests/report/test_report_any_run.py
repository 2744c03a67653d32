"""Every kind of run has a report, however far it has come."""

import json

import numpy as np
import pandas as pd
import pytest

from clinmm.errors import InputError
from clinmm.report.material import Material
from clinmm.report.opening import lead
from clinmm.report.page import page
from clinmm.runs import Run
from pipelines import outside, report


@pytest.mark.parametrize(
    "missing",
    [
        {"metrics": "evaluate", "comparisons": "evaluate", "intake": "check"},
        {"curves": "evaluate", "explanations": "explain", "calibration": "calibrate"},
        {"predictions": "train"},
    ],
)
def test_missing_tables_are_named_with_their_commands(own_run, read, missing):
    for table in missing:
        (own_run.folder / f"{table}.parquet").unlink(missing_ok=True)
    text = read(page(own_run)).text
    for table, stage in missing.items():
        assert f"No {table} table yet. Make it with: clinmm {stage} made" in text


def test_a_run_with_no_table_at_all_has_a_report(own_run, read):
    for file in own_run.folder.glob("*.parquet"):
        file.unlink()
    text = read(page(own_run)).text
    assert "Nothing has been scored" in text
    assert "40 cases of 36 patients" in text


def test_a_run_without_groups_says_how_to_get_them(own_run, read):
    for name in ("metrics", "comparisons"):
        table = own_run.read(name)
        own_run.write(name, table[table["group_by"] == "all"])
    text = read(page(own_run)).text
    assert "Name columns under `sensitive` in the cohort file, then: clinmm audit made" in text
    assert "No group was scored. Make it with: clinmm audit made" in text


def test_predictions_made_elsewhere_have_a_report(tmp_path, read):
    rng = np.random.default_rng(0)
    target = rng.integers(0, 2, 120)
    file = tmp_path / "p.csv"
    pd.DataFrame(
        {
            "case_id": [f"c{i}" for i in range(120)],
            "patient_id": [f"p{i}" for i in range(120)],
            "class_name": "died",
            "target": target,
            "probability": np.round(0.3 * target + 0.7 * rng.random(120), 4),
            "sex": np.where(np.arange(120) < 114, np.where(np.arange(120) % 2, "F", "M"), "X"),
        }
    ).to_csv(file, index=False)
    outside.main(file, tmp_path / "run", group_by=["sex"], threshold="0.5", n_bootstrap=100)
    path = report.main(tmp_path / "run")
    found = read(path.read_text())
    row = Run(tmp_path / "run").read("metrics").query("metric == 'auroc' and group == 'all'")
    value = row[row["probability"] == "calibrated"].iloc[0]["value"]
    assert found.row("AUROC by arm, died", "fused")[-1].startswith(f"{value:.3f} (")
    assert "120 cases of 120 patients" in found.text
    assert "Is fusion worth it?" not in found.text
    assert "sex X (6 patients)" in found.text
    assert "this run was made from a predictions file alone" in found.text
    assert found.row("Operating point “given”, fused", "died")[1] == "0.500"


def test_new_cases_without_targets_show_their_risks(own_run, read):
    for name in ("metrics", "comparisons", "curves", "intake"):
        (own_run.folder / f"{name}.parquet").unlink()
    facts = own_run.facts | {"kind": "prediction", "predicted_by": "the study's calibrated model"}
    facts["study"] = {"cohort": {"name": "first-chest", "fingerprint": "ab"}}
    own_run.write_text("run.json", json.dumps(facts))
    own_run.write("predictions", own_run.read("predictions").assign(target=float("nan")))
    text = read(page(own_run)).text
    assert "Predicted by the study's calibrated model, made on first-chest" in text
    assert "Highest risk estimate" in text
    assert "Outcome: not recorded" in text
    assert "No metrics table yet. Make it with: clinmm evaluate made" in text
    assert "No intake table: these cases were predicted by a study" in text


def test_predictions_of_the_studys_own_cases_are_not_called_new(own_run):
    cohort = own_run.facts["cohort"]
    facts = own_run.facts | {"kind": "prediction", "study": {"cohort": cohort}}
    own_run.write_text("run.json", json.dumps(facts))
    said = dict(lead(Material.of(own_run)))["How tested"]
    assert said.endswith("on the study's own cases: these are not numbers of unseen patients.")


def test_stage_writes_one_file_and_the_same_one_twice(own_run):
    first = report.main(own_run.folder).read_bytes()
    assert own_run.finished("report")
    own_run.add_facts(stages={**own_run.facts["stages"], "report": {"seconds": 99.0}})
    assert report.main(own_run.folder).read_bytes() == first


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    with pytest.raises(InputError, match="not a run folder"):
        report.main(tmp_path)
