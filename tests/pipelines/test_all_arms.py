"""Every arm of a study: pairs, an ensemble, baselines, and a fused arm that falls back."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from small_runs import SETTINGS, same_tables, write_config

from clinmm.arms import inputs_of_arm, is_single
from clinmm.cohort.manifest import load_cohort
from clinmm.config import load_config
from clinmm.errors import InputError
from clinmm.rivals import best_rival
from clinmm.runs import Run
from clinmm.stored_models import load_description
from clinmm.study import start_study
from pipelines import check, train

INPUTS = ["image", "note", "record"]
ARMS = [
    *INPUTS,
    *("image+note", "image+record", "note+record", "fused", "ensemble"),
    *("baseline:image", "baseline:note", "baseline:record", "baseline:stacked"),
]
CHANGES = {
    "encoders": {**SETTINGS["encoders"], "image": {"name": "pixel_pca", "out_dim": 8}},
    "fusion": "auto",
    "train": {"epochs": 1, "device": "cpu", "ensemble": 2},
}


@pytest.fixture(scope="module")
def said() -> list[tuple[float, str]]:
    return []


@pytest.fixture(scope="module")
def trained(
    phantom: Path, said: list[tuple[float, str]], tmp_path_factory: pytest.TempPathFactory
) -> Run:
    """Checked and trained. Nobody may change it."""
    folder = tmp_path_factory.mktemp("arms")
    config = load_config(write_config(folder, phantom, **CHANGES))
    study = start_study(config, load_cohort(Path(config.cohort)), folder / "run")
    check.main(study.run.folder)

    def tell(what: str, done: float, total: float, note: str = "") -> None:
        if what == "train":
            said.append((done / total, note))

    train.main(study.run.folder, tell)
    return study.run


@pytest.fixture(scope="module")
def predictions(trained: Run) -> pd.DataFrame:
    return trained.read("predictions")


def test_every_arm_predicts_who_has_one_of_its_inputs(
    trained: Run, predictions: pd.DataFrame
) -> None:
    assert trained.facts["arms"] == ARMS
    assert list(dict.fromkeys(predictions["arm"])) == ARMS
    cases = trained.read("cases").set_index("case_id")["pattern"]
    for arm in ARMS:
        wanted = set(inputs_of_arm(arm, INPUTS))
        have = cases.index[[bool(wanted & set(p.split("+"))) for p in cases]]
        rows = predictions[predictions["arm"] == arm]
        assert set(rows["case_id"]) == set(cases.index if len(wanted) == 3 else have)
        assert rows.groupby("case_id").size().eq(2 * 4).all(), "two folds, four findings"
        assert rows["probability_raw"].between(0, 1).all()
    key = ["arm", "repeat", "fold", "case_id", "class_name"]
    assert not predictions.duplicated(key).any()


def test_progress_rises_to_its_end(said: list[tuple[float, str]]) -> None:
    parts = [part for part, _ in said]
    assert parts == sorted(parts)
    assert parts[-1] == 1
    # one epoch of (3 + 3 + 1 + 2) arms and seeds, 2 members, 2 folds
    epochs = [note for _, note in said if ", epoch 1: loss" in note]
    assert len(epochs) == 9 * 2 * 2
    assert {note.split(",")[0] for note in epochs} == set(ARMS[:8])


def test_the_fused_arm_answers_as_what_it_fell_back_on(
    trained: Run, predictions: pd.DataFrame
) -> None:
    told = trained.facts["fall_back"]
    assert [fold["fold"] for fold in told["folds"]] == [0, 1]
    assert told["sentence"].startswith("Chosen on validate: ")
    for fold in told["folds"]:
        assert set(fold["scores"]) == set(ARMS[:7])
        assert fold["scores"][fold["arm"]] == max(fold["scores"].values())
        place = trained.folder / trained.model_folder("fused", 0, fold["fold"])
        asked = load_description(place).answers_from
        assert asked == (None if fold["arm"] == "fused" else inputs_of_arm(fold["arm"], INPUTS))
        if is_single(fold["arm"]):
            rows = predictions[predictions["fold"] == fold["fold"]]
            index = ["case_id", "class_name"]
            alone = rows[rows["arm"] == fold["arm"]].set_index(index)["probability_raw"]
            fused = rows[rows["arm"] == "fused"].set_index(index)["probability_raw"]
            np.testing.assert_allclose(fused[alone.index], alone, atol=1e-5)


def test_how_far_each_input_trained_and_what_robs_it_is_written(trained: Run) -> None:
    inputs = trained.read("training_inputs")
    assert set(inputs["arm"]) == set(ARMS[3:8]), "arms of one input have nothing to balance"
    assert set(inputs.loc[inputs["arm"] == "image+note", "input"]) == {"image", "note"}
    robustness = trained.read("robustness")
    assert set(robustness["arm"]) == {"fused"}
    assert set(robustness["input"]) == set(INPUTS)


def test_each_baseline_says_what_it_is_and_why(trained: Run) -> None:
    chosen = trained.facts["baselines"]
    assert set(chosen) == set(ARMS[8:])
    assert all(sum(of.values()) == 2 for of in chosen.values())
    assert set(chosen["baseline:note"]) == {"tfidf_logistic"}
    assert set(chosen["baseline:record"]) <= {"logistic_regression", "gradient_boosting"}
    stored = trained.read_json(f"{trained.model_folder('baseline:record', 0, 0)}/baseline.json")
    assert f"{stored['name']}, {stored['setting']}" == min(
        stored["losses"], key=stored["losses"].get
    )


def test_the_rival_is_one_of_those_that_were_trained(predictions: pd.DataFrame) -> None:
    assert best_rival(predictions) in set(ARMS) - {"fused", "ensemble"}


def test_what_is_there_is_not_made_again(trained: Run, tmp_path: Path) -> None:
    copy = Run(Path(shutil.copytree(trained.folder, tmp_path / "copy")))
    shutil.rmtree(copy.folder / copy.model_folder("baseline:stacked", 0, 1))
    told: list[str] = []
    train.main(copy.folder, lambda what, done, total, note="": told.append(note))
    assert not any("epoch" in note for note in told)
    same_tables(trained, copy, "predictions", "training", "training_inputs", "robustness")
    for fact in ("fall_back", "baselines", "arms"):
        assert copy.facts[fact] == trained.facts[fact]


def test_a_study_that_trains_nothing_to_fall_back_on_is_refused(
    trained: Run, tmp_path: Path
) -> None:
    copy = Run(Path(shutil.copytree(trained.folder, tmp_path / "copy")))
    text = (copy.folder / "config.yaml").read_text()
    (copy.folder / "config.yaml").write_text(text.replace("arms: all", "arms: fused"))
    with pytest.raises(InputError, match=r"Set train.arms to single or all"):
        train.main(copy.folder)
