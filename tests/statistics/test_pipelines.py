"""The stages calibrate, evaluate and audit on a run folder of invented predictions."""

import json

import numpy as np
import pandas as pd
import pytest

from clinmm import schema
from clinmm.calibration import tables
from clinmm.errors import NotMadeYet
from clinmm.runs import Run
from pipelines import audit, calibrate, evaluate

COHORT = """
name: invented
table: cases.csv
case_id: case_id
patient_id: patient_id
target: {name: died, kind: binary, column: died, positive: ["1"], negative: ["0"]}
inputs:
  image: {kind: image, column: image}
  note: {kind: note, column: note}
sensitive: {sex: sex, age: {column: age, bins: [0, 40, 65, 120]}}
"""
CONFIG = """
cohort: cohort.yaml
encoders: {image: {name: densenet}, note: {name: bag_of_words}}
evaluate: {n_bootstrap: 100, operating_points: {careful: {sensitivity: 0.9}}}
audit: {group_by: [sex, sex*age], permutations: 100, sources: false}
"""


def run_with(folder, rows, n_folds):
    target = {"name": "died", "kind": "binary", "classes": ["died"], "ordered": False}
    inputs = {"image": "image", "note": "note"}
    facts = {"seed": 0, "n_folds": n_folds, "target": target, "inputs": inputs}
    run = Run.create(folder, "study", facts)
    run.write_text("cohort.yaml", COHORT)
    run.write_text("config.yaml", CONFIG)
    run.write("predictions", rows)
    cases = rows[["case_id", "patient_id"]].drop_duplicates("case_id").reset_index(drop=True)
    half = np.arange(len(cases)) // 2  # patients have two cases
    cases["sex"] = np.where(half % 2, "F", "M")
    cases["age"] = (20 + half % 60).astype(str)
    cases["died"] = rows.drop_duplicates("case_id")["target"].astype(int).astype(str).to_numpy()
    cases["image"], cases["note"], cases["pattern"] = "a.png", "Seen before.", "image+note"
    run.write("cases", cases)
    return run


@pytest.fixture(params=[1, 3])
def run(request, tmp_path, predictions_table):
    rows = predictions_table(folds=request.param, boldness=3.0)
    return run_with(tmp_path / "run", rows, 0 if request.param == 1 else request.param)


def test_three_stages_fill_the_run(run):
    for stage in (calibrate, evaluate, audit):
        stage.main(run.folder)
    assert list(run.facts["stages"]) == ["calibrate", "evaluate", "audit"]
    assert run.facts["best_single_arm"] == "image"
    rules = ("calibration", "thresholds", "prediction_sets", "deferral")
    audited = ("groups", "bias_verdicts", "slices", "gap_sources")
    for name in (*rules, *audited, "metrics", "comparisons", "curves", "validation_size"):
        schema.TABLES[name].validate(run.read(name))
    metrics = run.read("metrics")
    assert set(metrics["group_by"]) == {"all", "class", "sex", "sex*age"}
    for metric in ("auroc", "set_coverage", "set_size", "aurc"):
        assert {"sex", "sex*age"} <= set(metrics[metrics["metric"] == metric]["group_by"]), metric
    assert "F*[40, 65)" in set(metrics["group"])
    assert set(metrics["operating_point"].dropna()) == {"careful"}
    assert {"fusion", "calibration", "gaps"} <= set(run.read("comparisons")["family"].dropna())
    curves = run.read("curves")
    assert {"decision", "decision_treat_all"} <= set(curves["kind"])
    for kind in ("reliability", "risk_coverage"):
        assert set(curves[curves["kind"] == kind]["group_by"]) == {"all", "sex", "sex*age"}


def test_evaluate_says_whether_fusion_was_worth_it(run):
    rows = run.read("predictions")
    lacks = (rows["arm"] == "image") & (rows["case_id"].str[-1] == "7")
    run.write("predictions", rows[~lacks])
    splits = rows[rows["arm"] == "fused"][["repeat", "fold", "case_id", "patient_id", "split"]]
    run.write("splits", splits.replace({"split": {"calibrate": "train"}}).assign(member=-1))
    run.add_facts(unit_name="child", fall_back={"sentence": "Chosen on validate: so and so."})
    calibrate.main(run.folder)
    evaluate.main(run.folder)
    table, said = run.read("worth_it"), run.facts["worth_it"]
    schema.WORTH_IT.validate(table)
    assert run.facts["rival"] == said["rival"] == "image"
    assert said["verdict"] == "better"
    assert (
        said["n_cases"]
        < said["everyone"]["n_cases"]
        == rows["case_id"].nunique() / (2 if run.facts["n_folds"] == 0 else 1)
    )
    assert said["sentence"].endswith("Chosen on validate: so and so.")
    judged = run.read("comparisons").query("family == 'fusion'")
    assert judged["p_holm"].tolist() == [said["p_holm"]]


def test_stored_calibrators_give_the_probabilities_of_the_table(run):
    calibrate.main(run.folder)
    predictions = run.read("predictions")
    assert (predictions["probability"] != predictions["probability_raw"]).any()
    for (arm, repeat, fold), part in predictions.groupby(["arm", "repeat", "fold"]):
        file = run.path(f"{run.model_folder(arm, repeat, fold)}/calibrator.json")
        by_class = tables.read_json(json.loads(file.read_text()))
        np.testing.assert_array_equal(tables.apply_to(part, by_class), part["probability"])


def test_every_stage_can_be_done_again_with_the_same_result(run):
    names = ("predictions", "thresholds", "metrics", "comparisons", "curves")
    made = []
    for _ in range(2):
        for stage in (calibrate, evaluate, audit):
            stage.main(run.folder)
        made.append({name: run.read(name) for name in names})
    for name in names:
        pd.testing.assert_frame_equal(made[0][name], made[1][name])


def test_audit_before_evaluate_names_the_command_that_is_missing(run):
    calibrate.main(run.folder)
    with pytest.raises(NotMadeYet, match="clinmm evaluate"):
        audit.main(run.folder)
    assert not run.finished("audit")


def test_a_cohort_without_sensitive_columns_is_audited_with_nothing_added(run):
    text = run.path("cohort.yaml").read_text()
    run.write_text("cohort.yaml", text.split("sensitive")[0])
    calibrate.main(run.folder)
    evaluate.main(run.folder)
    before = run.read("metrics")
    assert audit.main(run.folder).empty
    pd.testing.assert_frame_equal(run.read("metrics"), before)
