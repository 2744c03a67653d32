"""One small study from end to end: every file that a run folder promises, and what holds in it."""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from clinmm import schema
from clinmm.cohort.manifest import load_cohort, read_spec
from clinmm.config import load_config
from clinmm.explain.cases import Cases
from clinmm.folds import Preparer, folds_of
from clinmm.predict import fold_logits, prediction_rows
from clinmm.runs import STAGES, Run
from clinmm.stored_models import load_models
from clinmm.summary import HEADLINE, fusion_verdict, headline

FINDINGS = ["cardiomegaly", "effusion", "consolidation", "nodule"]
ARMS = ["image", "note", "record", "fused"]


@pytest.fixture(scope="session")
def predictions(finished: Run) -> pd.DataFrame:
    return finished.read("predictions")


def test_every_stage_is_finished_in_order_and_was_told_of(finished: Run, told: list[str]) -> None:
    assert list(finished.facts["stages"]) == list(STAGES)
    assert [t.removeprefix("began ") for t in told if t.startswith("began ")] == list(STAGES)
    assert all(entry["seconds"] >= 0 for entry in finished.facts["stages"].values())
    epochs = [t for t in told if re.match(r"train: \w+, epoch \d+: loss .*AUROC", t)]
    # 4 arms x 2 folds x 2 members x 2 epochs
    assert len(epochs) == 32


NOT_OF_A_STUDY = {
    "notes",
    "exchangeability",
    "mitigation",
    "readings",
    "reading_results",
    "reading_agreement",
}
MAY_BE_EMPTY = {
    *("links", "intake_examples", "explanation_audit", "explanation_readings", "slices"),
}
"""Where all is well, and where no explanation is audited."""


@pytest.mark.parametrize("table", sorted(set(schema.TABLES) - NOT_OF_A_STUDY))
def test_the_tables_are_there_with_their_columns(finished: Run, table: str) -> None:
    frame = finished.read(table)
    assert len(frame) or table in MAY_BE_EMPTY
    schema.TABLES[table].validate(frame)
    assert list(frame.columns)[: len(schema.TABLES[table].names)] == schema.TABLES[table].names


def test_no_file_is_left_that_nobody_promised(finished: Run) -> None:
    top = {file.name for file in finished.folder.iterdir()}
    tables = {f"{name}.parquet" for name in set(schema.TABLES) - NOT_OF_A_STUDY}
    assert top == tables | {
        "run.json",
        "config.yaml",
        "cohort.yaml",
        "report.html",
        "model",
        "images",
        "attributions",
    }
    assert not [file for file in finished.folder.rglob(".*")], "no temporary file stays"
    assert not [f for f in finished.folder.rglob("*") if f.suffix in (".pkl", ".pt", ".pth")]


def test_run_json_says_where_every_number_comes_from(finished: Run, phantom: Path) -> None:
    facts = finished.facts
    table = pd.read_csv(phantom.parent / "cases.csv", dtype=str)
    assert facts["kind"] == "study"
    assert facts["seed"] == 0
    assert facts["cohort"]["name"] == "phantom"
    assert re.fullmatch("[0-9a-f]{64}", facts["cohort"]["fingerprint"])
    assert re.fullmatch("[0-9a-f]{64}", facts["config_hash"])
    assert facts["n_cases"] == len(finished.read("cases")) <= len(table)
    assert facts["n_patients"] == finished.read("cases")["patient_id"].nunique()
    assert facts["unit_name"] == "patient"
    when = read_spec(phantom).index_time
    assert (f"column '{when.column}'" if when else "not stated") in facts["predicted_when"]
    assert facts["target"]["classes"] == FINDINGS
    assert facts["inputs"] == {"image": "image", "note": "note", "record": "record"}
    assert facts["arms"] == ARMS
    assert (facts["n_folds"], facts["n_repeats"]) == (2, 1)
    assert {"torch", "monai", "numpy", "python"} <= set(facts["packages"])
    assert facts["device"] == "cpu"
    assert "cross-fitted" in facts["calibrated_on"]
    assert facts["best_single_arm"] in ARMS[:3]


def test_the_saved_config_and_cohort_are_those_that_were_run(finished: Run) -> None:
    config = load_config(finished.folder / "config.yaml")
    assert config.cohort == str(finished.folder / "cohort.yaml")
    assert config.train.epochs == 2
    assert config.train.batch_size == 32, "defaults are written out"


def test_no_patient_is_in_two_splits(finished: Run) -> None:
    splits = finished.read("splits")
    for _, fold in splits.groupby(["repeat", "fold"]):
        assert fold.groupby("patient_id")["split"].nunique().max() == 1
        assert fold.groupby("patient_id")["member"].nunique().max() == 1
        assert set(fold["case_id"]) == set(finished.read("cases")["case_id"])
    tested = splits[splits["split"] == "test"]
    assert not tested.duplicated(["repeat", "case_id"]).any(), "each case is tested once"
    assert set(tested["case_id"]) == set(splits["case_id"])


def test_every_case_is_predicted_once_by_an_arm_fold_and_class(
    finished: Run, predictions: pd.DataFrame
) -> None:
    key = ["arm", "repeat", "fold", "case_id", "class_name"]
    assert not predictions.duplicated(key).any()
    assert set(predictions["arm"]) == set(ARMS)
    assert set(predictions["class_name"]) == set(FINDINGS)
    n_cases = finished.facts["n_cases"]
    fused = predictions[predictions["arm"] == "fused"]
    assert len(fused) == n_cases * 2 * 4, "cross-fitted and test, every case in every fold"
    cases = finished.read("cases").set_index("case_id")["pattern"]
    for arm in ARMS[:3]:
        rows = predictions[predictions["arm"] == arm]
        have = set(cases.index[[arm in pattern.split("+") for pattern in cases]])
        assert set(rows["case_id"]) == have
        assert set(rows["pattern"]) == {arm}
    assert fused["pattern"].tolist() == cases[fused["case_id"]].tolist()


def test_predicted_splits_and_targets_are_those_of_the_cohort(
    finished: Run, predictions: pd.DataFrame
) -> None:
    splits = finished.read("splits").set_index(["repeat", "fold", "case_id"])["split"]
    keys = list(predictions[["repeat", "fold", "case_id"]].itertuples(index=False, name=None))
    assert predictions["split"].tolist() == splits.loc[keys].tolist()
    cases = finished.read("cases").set_index("case_id")
    for name, rows in predictions.groupby("class_name"):
        stored = pd.to_numeric(cases[name])[rows["case_id"]].to_numpy(dtype=float)
        np.testing.assert_array_equal(rows["target"].to_numpy(dtype=float), stored)
    for column in ("probability_raw", "probability"):
        assert predictions[column].between(0, 1).all()


def test_the_stored_models_give_the_stored_probabilities(
    finished: Run, predictions: pd.DataFrame
) -> None:
    cohort = load_cohort(finished.folder / "cohort.yaml")
    preparer = Preparer(cohort, load_config(finished.folder / "config.yaml").encoders)
    for fold in folds_of(finished.read("splits"), cohort.table["case_id"].tolist()):
        place = finished.folder / finished.model_folder("fused", fold.repeat, fold.fold)
        description, models = load_models(place)
        batch, facts = preparer.of_fold(fold)
        assert description.facts == json.loads(json.dumps(facts))
        rows = prediction_rows(
            cohort, "fused", description.inputs, fold, fold_logits(models, batch, fold)
        )
        stored = predictions[(predictions["arm"] == "fused") & (predictions["fold"] == fold.fold)]
        merged = rows.merge(stored, on=["case_id", "class_name"], suffixes=("", "_stored"))
        assert len(merged) == len(rows) == len(stored)
        np.testing.assert_array_equal(merged["probability_raw"], merged["probability_raw_stored"])


def test_every_model_folder_has_what_the_contract_says(finished: Run) -> None:
    for arm in ARMS:
        for fold in (0, 1):
            folder = finished.folder / "model" / arm / "repeat_0" / f"fold_{fold}"
            of_inputs = {"outliers.json", "outliers.safetensors"} if arm == "fused" else set()
            assert {file.name for file in folder.iterdir()} == of_inputs | {
                "member_0.safetensors",
                "member_1.safetensors",
                "model.json",
                "history.json",
                "calibrator.json",
            }


def test_the_training_table_has_every_epoch_and_marks_the_kept_one(finished: Run) -> None:
    training = finished.read("training")
    models = training.groupby(["arm", "repeat", "fold", "member"])
    assert len(models) == 4 * 2 * 2
    for _, epochs in models:
        assert epochs["epoch"].tolist() == [0, 1, 2]
        kept = epochs[epochs["best"] == "yes"]
        assert kept["validate_loss"].tolist() == [epochs["validate_loss"].min()]


def test_test_numbers_come_with_their_counts_for_every_arm_and_class(finished: Run) -> None:
    metrics = finished.read("metrics")
    assert set(metrics["split"]) == {"test"}
    pooled = metrics[(metrics["group_by"] == "all") & (metrics["pattern"] == "any")]
    for arm in ARMS:
        for name in FINDINGS:
            rows = pooled[(pooled["arm"] == arm) & (pooled["class_name"] == name)]
            assert set(HEADLINE) <= set(rows["metric"])
            assert {"youden", "high"} <= set(rows["operating_point"].dropna())
    # what chance alone would show has a range, not an interval
    ok = metrics[(metrics["status"] == "ok") & (metrics["metric"] != "ece_if_calibrated")]
    ok = ok[ok["low"].notna()]
    assert (ok["low"] <= ok["value"] + 1e-9).all()
    assert (ok["value"] <= ok["high"] + 1e-9).all()
    shown = headline(metrics)
    assert len(shown[shown["class_name"].isin(FINDINGS)]) == 4 * 4


def test_fusion_is_judged_against_the_best_other_arm(finished: Run) -> None:
    said, table = finished.facts["worth_it"], finished.read("worth_it")
    assert said["rival"] == finished.facts["rival"] in set(table["arm"])
    assert fusion_verdict(finished) == said["sentence"]
    assert set(table["population"]) == {"have_rival", "everyone"}
    assert set(table["class_name"]) == {*FINDINGS, "macro"}
    judged = finished.read("comparisons").query("family == 'fusion'")
    assert judged["rival"].tolist() == [said["rival"]]
    assert judged["verdict"].tolist() == [said["verdict"]]


def test_test_numbers_are_those_of_the_predictions(
    finished: Run, predictions: pd.DataFrame
) -> None:
    """Brier, because it pools plainly: the mean over the test cases with a recorded target."""
    metrics = finished.read("metrics")
    for arm in ARMS:
        rows = predictions[
            (predictions["arm"] == arm)
            & (predictions["class_name"] == "effusion")
            & (predictions["split"] == "test")
            & predictions["target"].notna()
        ]
        (row,) = metrics[
            (metrics["arm"] == arm)
            & (metrics["class_name"] == "effusion")
            & (metrics["metric"] == "brier")
            & (metrics["probability"] == "calibrated")
            & (metrics["group_by"] == "all")
            & (metrics["pattern"] == "any")
            & (metrics["repeat"] == "all")
        ].to_dict("records")
        expected = ((rows["probability"] - rows["target"]) ** 2).mean()
        assert row["value"] == pytest.approx(expected)
        assert row["n_cases"] == len(rows)
        assert row["n_positive"] == int(rows["target"].sum())


def test_groups_are_audited(finished: Run) -> None:
    metrics, comparisons = finished.read("metrics"), finished.read("comparisons")
    assert {"F", "M"} <= set(metrics.loc[metrics["group_by"] == "sex", "group"])
    assert "[40, 65)" in set(metrics.loc[metrics["group_by"] == "age", "group"])
    assert "complement" in set(comparisons["rival"])


def test_explained_are_test_cases_and_their_inputs_sum_to_the_change(
    finished: Run, predictions: pd.DataFrame
) -> None:
    table = finished.read("explanations")
    test = predictions[(predictions["split"] == "test") & (predictions["arm"] == "fused")]
    cases = finished.read("cases").set_index("case_id")
    assert table["case_id"].nunique() == 4
    assert set(table["case_id"]) <= set(test["case_id"])
    assert set(table["class_name"]) == set(FINDINGS)
    for (case_id, _), rows in table.groupby(["case_id", "class_name"]):
        assert "+".join(rows["input"]) == cases.loc[case_id, "pattern"]
        assert rows["share"].sum() == pytest.approx(1) or not rows["attribution"].any()
        error = abs(rows["attribution"].sum() - rows["logit_change"].iloc[0])
        assert error == pytest.approx(rows["completeness_error"].iloc[0], abs=1e-6)
    small = table["completeness_error"] <= np.maximum(0.05, 0.1 * table["logit_change"].abs())
    assert small.mean() > 0.9
    assert set(table["status"]) == {"withheld"}, "this study leaves the audit out"
    assert table["reason"].str.contains("explain.audit.cases is 0").all()


def test_what_is_explained_is_the_logit_that_was_predicted(
    finished: Run, predictions: pd.DataFrame
) -> None:
    cases = Cases(finished.folder)
    cohort, explanations = cases.cohort, finished.read("explanations")
    test = predictions[(predictions["arm"] == "fused") & (predictions["split"] == "test")]
    for case_id in explanations["case_id"].unique():
        rows = test[test["case_id"] == case_id].set_index("class_name")
        (joint,) = cases.joints(case_id)
        with torch.no_grad():
            ends = [joint.answers(*end).mean(0) for end in (joint.values, joint.references)]
        change = (ends[0] - ends[1]).tolist()
        logits = ends[0].tolist()
        stored = explanations[explanations["case_id"] == case_id].drop_duplicates("class_name")
        by_class = stored.set_index("class_name")["logit_change"]
        assert [by_class[n] for n in cohort.class_names] == pytest.approx(change, abs=1e-4)
        for name, logit in zip(cohort.class_names, logits, strict=True):
            assert 1 / (1 + np.exp(-logit)) == pytest.approx(
                rows["probability_raw"][name], abs=1e-5
            )


def test_the_arrays_of_an_explanation_are_on_file_and_sum_to_its_rows(finished: Run) -> None:
    for row in finished.read("explanations").to_dict("records"):
        with np.load(finished.path(row["file"]), allow_pickle=False) as arrays:
            key = "map" if row["input"] == "image" else "score"
            values = arrays[f"{row['input']}/{key}"].astype(np.float64)
        assert values.sum() == pytest.approx(row["attribution"], abs=5e-3)


def test_pictures_are_copied_for_the_reading_room(finished: Run) -> None:
    cases = finished.read("cases")
    for case in cases.to_dict("records"):
        assert bool(case["image_display"]) == ("image" in case["pattern"].split("+"))
        if case["image_display"]:
            assert finished.path(case["image_display"]).stat().st_size > 100
            assert re.fullmatch("[0-9a-f]{64}", case["image_sha256"])


def test_the_report_stands_alone(finished: Run) -> None:
    page = (finished.folder / "report.html").read_text(encoding="utf-8")
    assert "effusion" in page
    assert not re.search(r"""(?:src|href)=["']https?:""", page)
