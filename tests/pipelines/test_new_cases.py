"""Prediction of new cases, and external validation of a finished study."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from clinmm import schema
from clinmm.cohort.phantom import make_phantom
from clinmm.cohort.phantom.findings import FINDINGS
from clinmm.errors import InputError
from clinmm.runs import Run
from pipelines import evaluate, explain, predict


@pytest.fixture(scope="module")
def others(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The cohort.yaml of another phantom, of other patients."""
    return make_phantom(tmp_path_factory.mktemp("others") / "cohort", seed=9, n_patients=16)


@pytest.fixture
def own_others(others: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(others.parent, tmp_path / "others")) / "cohort.yaml"


@pytest.fixture(scope="module")
def predicted(finished: Run, others: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return predict.main(finished.folder, others, tmp_path_factory.mktemp("new") / "run")


def test_every_new_case_is_predicted_and_the_run_says_by_what(
    predicted: Run, finished: Run, others: Path
) -> None:
    table = pd.read_csv(others.parent / "cases.csv", dtype=str)
    rows = predicted.read("predictions")
    schema.TABLES["predictions"].validate(rows)
    assert len(rows) == len(table) * len(FINDINGS)
    assert set(rows["arm"]) == {"fused"}
    assert set(rows["split"]) == {"test"}
    facts = predicted.facts
    assert facts["kind"] == "prediction"
    assert facts["predicted_by"] == "the mean of 2 calibrated models"
    assert facts["study"]["config_hash"] == finished.facts["config_hash"]
    assert facts["study"]["folder"] == str(finished.folder.resolve())
    assert {"cases", "predictions", "thresholds", "outliers"} <= {
        f.stem for f in predicted.folder.iterdir()
    }


def test_targets_are_not_needed_and_change_nothing(
    predicted: Run, finished: Run, own_others: Path, tmp_path: Path
) -> None:
    table = pd.read_csv(own_others.parent / "cases.csv", dtype=str, keep_default_na=False)
    table.drop(columns=list(FINDINGS)).to_csv(own_others.parent / "cases.csv", index=False)
    blind = predict.main(finished.folder, own_others, tmp_path / "blind")
    ours, theirs = blind.read("predictions"), predicted.read("predictions")
    assert ours["target"].isna().all()
    pd.testing.assert_frame_equal(
        ours.drop(columns="target"), theirs.drop(columns="target"), check_exact=True
    )
    with pytest.raises(InputError, match="no prediction of split 'test' has a target"):
        evaluate.main(blind.folder)
    explained = explain.main(blind.folder)
    assert explained["case_id"].nunique() == 4


def test_a_case_is_predicted_the_same_in_whatever_company(
    predicted: Run, finished: Run, own_others: Path, tmp_path: Path
) -> None:
    table = pd.read_csv(own_others.parent / "cases.csv", dtype=str, keep_default_na=False)
    part = table.iloc[[5, 2]]
    part.to_csv(own_others.parent / "cases.csv", index=False)
    few = predict.main(finished.folder, own_others, tmp_path / "few").read("predictions")
    whole = predicted.read("predictions").set_index(["case_id", "class_name"])
    key = ["case_id", "detector", "input"]
    odd = predicted.read("outliers").set_index(key)
    again = Run(tmp_path / "few").read("outliers").set_index(key)
    pd.testing.assert_frame_equal(again, odd.loc[again.index], atol=1e-5, rtol=1e-5)
    assert few["case_id"].unique().tolist() == part["case_id"].tolist()
    for row in few.to_dict("records"):
        stored = whole.loc[(row["case_id"], row["class_name"])]
        assert row["probability"] == pytest.approx(stored["probability"], abs=1e-5)


def test_the_prediction_is_the_mean_of_the_folds_calibrated_models(
    predicted: Run, finished: Run, others: Path
) -> None:
    from clinmm.calibration import tables
    from clinmm.cohort.manifest import load_cohort
    from clinmm.folds import Preparer
    from clinmm.predict import logits_of, probabilities
    from clinmm.stored_models import load_models

    cohort = load_cohort(others, for_prediction=True)
    each = []
    for fold in (0, 1):
        place = finished.model_folder("fused", 0, fold)
        description, models = load_models(finished.folder / place)
        batch = Preparer(cohort, description.components()).batch(description.facts)
        mean = np.mean([logits_of(model, batch) for model in models], axis=0)
        raw = probabilities(mean, cohort.task)
        calibrators = tables.read_json(finished.read_json(f"{place}/calibrator.json"))
        rows = pd.DataFrame({"class_name": FINDINGS[1], "probability_raw": raw[:, 1]})
        each.append(tables.apply_to(rows, calibrators))
    stored = predicted.read("predictions").query(f"class_name == '{FINDINGS[1]}'")
    np.testing.assert_allclose(stored["probability"], np.mean(each, axis=0), atol=1e-12)


def test_how_odd_a_new_case_is_comes_from_the_detectors_of_every_fold(
    predicted: Run, finished: Run, own_others: Path, tmp_path: Path
) -> None:
    rows = predicted.read("outliers")
    schema.TABLES["outliers"].validate(rows)
    assert not rows.duplicated(["case_id", "detector", "input"]).any()
    assert set(rows["detector"]) == {"embedding", "inputs"}
    assert set(rows.loc[rows["detector"] == "inputs", "input"]) == {"image", "note", "record"}
    assert (rows["flag"] == "yes").mean() < 0.15
    study = finished.read("outliers")
    assert set(study["fold"]) == {0, 1}
    assert set(study["split"]) == {"train", "test"}
    table = pd.read_csv(own_others.parent / "cases.csv", dtype=str, keep_default_na=False)
    full = table.index[(table["note"] != "") & (table["temperature"] != "")][0]
    table.loc[full, ["note", "temperature"]] = ["Seit gestern Fieber und starker Husten", "98.6"]
    table.to_csv(own_others.parent / "cases.csv", index=False)
    run = predict.main(finished.folder, own_others, tmp_path / "run")
    odd = run.read("outliers").query(f"case_id == '{table.loc[full, 'case_id']}'")
    reasons = odd[odd["flag"] == "yes"].set_index(["detector", "input"])["reason"]
    assert "the language of the training notes" in reasons["inputs", "note"]
    assert "temperature is 98.6 degC" in reasons["inputs", "record"]
    assert not odd["reason"].fillna("").str.contains("Fieber").any()


def test_thresholds_of_new_cases_are_the_mean_of_the_studys(predicted: Run, finished: Run) -> None:
    ours = predicted.read("thresholds").set_index(["class_name", "operating_point"])["threshold"]
    study = finished.read("thresholds").query("arm == 'fused'")
    mean = study.groupby(["class_name", "operating_point"])["threshold"].mean()
    assert len(ours) == len(mean) == 8
    for key, value in mean.items():
        assert ours[key] == pytest.approx(value, nan_ok=True)


def test_a_prediction_with_targets_can_be_evaluated_and_explained(
    predicted: Run, tmp_path: Path
) -> None:
    copy = Run(Path(shutil.copytree(predicted.folder, tmp_path / "copy")))
    metrics = evaluate.main(copy.folder)
    assert set(metrics["arm"]) == {"fused"}
    schema.TABLES["metrics"].validate(metrics)
    chosen = copy.read("predictions")["case_id"].unique()[:1].tolist()
    table = explain.main(copy.folder, cases=chosen)
    assert set(table["case_id"]) == set(chosen)


def test_a_case_without_any_input_is_answered_by_the_prevalence(
    finished: Run, own_others: Path, tmp_path: Path
) -> None:
    table = pd.read_csv(own_others.parent / "cases.csv", dtype=str, keep_default_na=False)
    spec = yaml.safe_load(own_others.read_text(encoding="utf-8"))
    record = spec["inputs"]["record"]
    emptied = [*record["numeric"], *record["categorical"], "image", "note"]
    table.loc[0, emptied] = ""
    table.loc[1, ["image", *record["numeric"], *record["categorical"]]] = ""
    table.to_csv(own_others.parent / "cases.csv", index=False)
    run = predict.main(finished.folder, own_others, tmp_path / "run")
    rows = run.read("predictions")
    nothing = rows[rows["case_id"] == table.loc[0, "case_id"]]
    assert set(nothing["pattern"]) == {"none"}
    study = (
        finished.read("predictions")
        .query("arm == 'fused'")
        .drop_duplicates(["case_id", "class_name"])
    )
    for name, rate in study.groupby("class_name")["target"].mean().items():
        (found,) = nothing.loc[nothing["class_name"] == name, "probability_raw"]
        assert found == pytest.approx(rate, abs=0.1)
    explain.main(run.folder)


def test_every_difference_between_the_cohorts_is_told_at_once(
    finished: Run, own_others: Path, tmp_path: Path
) -> None:
    spec = yaml.safe_load(own_others.read_text(encoding="utf-8"))
    del spec["inputs"]["note"]
    spec["inputs"]["record"]["numeric"]["crp"] = "g/dL"
    spec["inputs"]["record"]["categorical"] = ["site"]
    spec["inputs"]["second"] = {"kind": "image", "column": "image"}
    spec["target"]["columns"] = list(FINDINGS[:2])
    numeric = list(spec["inputs"]["record"]["numeric"])
    del spec["inputs"]["record"]["numeric"][numeric[0]]
    own_others.write_text(yaml.safe_dump(spec), encoding="utf-8")
    with pytest.raises(InputError) as refused:
        predict.main(finished.folder, own_others, tmp_path / "run")
    told = str(refused.value)
    for said in (
        "the study has a note input 'note'; add it",
        "crp is in mg/L in the study, here g/dL",
        f"{numeric[0]} is in years in the study, here nothing of the name",
        "categorical columns are ['sex'], here ['site']",
        "inputs ['second'] are not among the study's",
        "the study predicts multilabel",
    ):
        assert said in told, (said, told)
    assert not (tmp_path / "run").exists()


def test_a_folder_that_holds_another_run_is_refused(
    finished: Run, others: Path, tmp_path: Path
) -> None:
    """Predicting into a finished study's folder would destroy it."""
    copy = Run(Path(shutil.copytree(finished.folder, tmp_path / "study")))
    before = copy.read("predictions")
    with pytest.raises(InputError, match="--out"):
        predict.main(finished.folder, others, copy.folder)
    pd.testing.assert_frame_equal(copy.read("predictions"), before)
    assert copy.facts["kind"] == "study"


def test_a_prediction_of_other_cases_is_not_mixed_into_an_older_one(
    predicted: Run, finished: Run, phantom: Path, tmp_path: Path
) -> None:
    copy = Run(Path(shutil.copytree(predicted.folder, tmp_path / "copy")))
    with pytest.raises(InputError, match="--out"):
        predict.main(finished.folder, phantom, copy.folder)
    pd.testing.assert_frame_equal(copy.read("predictions"), predicted.read("predictions"))


def test_only_a_study_predicts_and_only_one_with_models_is_explained(
    predicted: Run, others: Path, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="of kind prediction, wanted a study"):
        predict.main(predicted.folder, others, tmp_path / "run")
    audit = Run.create(tmp_path / "audit", "audit", {})
    with pytest.raises(InputError, match="has no model to explain"):
        explain.main(audit.folder)


def test_new_cases_whose_files_changed_since_are_not_explained(
    finished: Run, own_others: Path, tmp_path: Path
) -> None:
    run = predict.main(finished.folder, own_others, tmp_path / "run")
    table = pd.read_csv(own_others.parent / "cases.csv", dtype=str, keep_default_na=False)
    table["note"] = "changed"
    table.to_csv(own_others.parent / "cases.csv", index=False)
    with pytest.raises(InputError, match="have changed since"):
        explain.main(run.folder)
