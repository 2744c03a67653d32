"""The same study again, stopped and gone on with, or on other data."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from small_runs import SETTINGS, same_tables, write_config

from clinmm import train_folds
from clinmm.config import load_config
from clinmm.errors import InputError, NotMadeYet
from clinmm.runs import STAGES, Run
from pipelines import evaluate, explain, run, train

QUICK = {
    "explain": {**SETTINGS["explain"], "cases": 2},
    "split": {"fractions": {"train": 0.4, "validate": 0.2, "calibrate": 0.2, "test": 0.2}},
}


class Stopped(Exception):
    pass


def stopping_at(stage: str, after: int = 0) -> Callable[..., None]:
    """A `tell` that fails when `stage` is told of for the n-th time."""
    seen: list[str] = []

    def tell(what: str, done: float, total: float, note: str = "") -> None:
        if what == stage:
            seen.append(what)
            if len(seen) > after:
                raise Stopped

    return tell


@pytest.fixture(scope="module")
def quick_config(phantom: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_config(tmp_path_factory.mktemp("quick"), phantom, **QUICK)


@pytest.fixture(scope="module")
def first(quick_config: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run.main(load_config(quick_config), tmp_path_factory.mktemp("first") / "run")


TABLES = (
    "splits",
    "training",
    "predictions",
    "outliers",
    "thresholds",
    "metrics",
    "comparisons",
    "curves",
)


def test_the_same_seed_gives_the_same_tables_bit_for_bit(
    first: Run, quick_config: Path, tmp_path: Path
) -> None:
    again = run.main(load_config(quick_config), tmp_path / "again")
    same_tables(first, again, *TABLES, "explanations", "calibration", "intake", "cases")


def test_another_seed_gives_other_predictions(
    first: Run, quick_config: Path, tmp_path: Path
) -> None:
    config = load_config(quick_config, ["seed=1", "train.arms=fused", "explain.cases=0"])
    other = run.main(config, tmp_path / "other")
    ours, theirs = first.read("predictions"), other.read("predictions")
    assert set(theirs["arm"]) == {"fused"}
    assert not ours["probability_raw"].isin(theirs["probability_raw"]).all()


def test_a_split_by_fractions_has_four_parts_and_predicts_three(first: Run) -> None:
    splits, predictions = first.read("splits"), first.read("predictions")
    assert set(splits["split"]) == {"train", "validate", "calibrate", "test"}
    assert set(predictions["split"]) == {"validate", "calibrate", "test"}
    assert first.facts["calibrated_on"] == "the calibrate part"
    assert (first.folder / "model" / "fused" / "member_0.safetensors").is_file()
    assert not (first.folder / "model" / "fused" / "repeat_0").exists()


def test_a_finished_study_is_left_as_it_is(first: Run, quick_config: Path) -> None:
    before = {f: f.stat().st_mtime_ns for f in first.folder.rglob("*")}
    began: list[str] = []
    run.main(load_config(quick_config), first.folder, began=began.append)
    assert began == []
    assert {f: f.stat().st_mtime_ns for f in first.folder.rglob("*")} == before


@pytest.mark.parametrize(("stage", "after"), [("train", 5), ("explain", 1)])
def test_a_study_that_was_stopped_goes_on_to_the_same_tables(
    first: Run, quick_config: Path, tmp_path: Path, stage: str, after: int
) -> None:
    config, folder = load_config(quick_config), tmp_path / "stopped"
    with pytest.raises(Stopped):
        run.main(config, folder, stopping_at(stage, after))
    half = Run.open(folder)
    assert list(half.facts["stages"]) == list(STAGES[: STAGES.index(stage)])
    assert not [f for f in folder.rglob(".*")], "nothing half-written stays"
    began: list[str] = []
    whole = run.main(config, folder, began=began.append)
    assert began == list(STAGES[STAGES.index(stage) :])
    same_tables(first, whole, *TABLES, "explanations")


def test_what_was_trained_is_not_trained_again(
    first: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = Run(Path(shutil.copytree(first.folder, tmp_path / "copy")))
    shutil.rmtree(copy.folder / "model" / "note")
    stages = copy.facts["stages"]
    copy.add_facts(stages={stage: stages[stage] for stage in ("check",)})
    trained: list[list[str]] = []
    kept = train_folds.train_arm

    def counting(cohort, config, inputs, *rest, **named):
        trained.append(inputs)
        return kept(cohort, config, inputs, *rest, **named)

    monkeypatch.setattr(train_folds, "train_arm", counting)
    run.main(load_config(copy.folder / "config.yaml"), copy.folder)
    assert trained == [["note"]]
    same_tables(first, copy, *TABLES)


def test_doing_a_stage_again_takes_the_later_marks_away(first: Run, tmp_path: Path) -> None:
    copy = Run(Path(shutil.copytree(first.folder, tmp_path / "copy")))
    evaluate.main(copy.folder)
    assert list(copy.facts["stages"]) == ["check", "train", "calibrate", "evaluate"]
    config = load_config(copy.folder / "config.yaml")
    began: list[str] = []
    run.main(config, copy.folder, began=began.append)
    assert began == ["audit", "explain", "report"]
    same_tables(first, copy, *TABLES)


def test_a_folder_of_another_study_is_refused(first: Run, quick_config: Path) -> None:
    other = load_config(quick_config, ["train.epochs=3"])
    before = first.facts
    with pytest.raises(InputError, match=r"holds a study with another config.\n.*--out"):
        run.main(other, first.folder)
    assert first.facts == before


@pytest.mark.parametrize("what", ["cell", "picture"])
def test_changed_data_are_refused(own_cohort: Path, tmp_path: Path, what: str) -> None:
    settings = {
        **QUICK,
        "encoders": {**SETTINGS["encoders"], "note": {"name": "bag_of_words"}},
    }
    config = load_config(write_config(tmp_path / "c", own_cohort, **settings))
    with pytest.raises(Stopped):
        run.main(config, tmp_path / "run", stopping_at("train"))
    table = pd.read_csv(own_cohort.parent / "cases.csv", dtype=str, keep_default_na=False)
    if what == "cell":
        table.loc[0, "note"] += " Changed."
        table.to_csv(own_cohort.parent / "cases.csv", index=False)
    else:
        here = [own_cohort.parent / cell for cell in table["image"] if cell]
        here[0].write_bytes(here[1].read_bytes())
    for go_on in (lambda: run.main(config, tmp_path / "run"), lambda: train.main(tmp_path / "run")):
        with pytest.raises(InputError, match=r"other data|have changed since"):
            go_on()


def test_a_finished_study_is_not_taken_for_one_of_changed_data(
    own_cohort: Path, first: Run, quick_config: Path
) -> None:
    table = pd.read_csv(own_cohort.parent / "cases.csv", dtype=str, keep_default_na=False)
    table.loc[0, "note"] += " Changed."
    table.to_csv(own_cohort.parent / "cases.csv", index=False)
    with pytest.raises(InputError, match="fingerprint differs"):
        run.main(load_config(quick_config, [f"cohort={own_cohort}"]), first.folder)


def test_the_same_data_in_another_folder_are_the_same_study(
    own_cohort: Path, first: Run, quick_config: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "run"
    shutil.copytree(first.folder, copy)
    config = load_config(quick_config, [f"cohort={own_cohort}"])
    began: list[str] = []
    run.main(config, copy, began=began.append)
    assert began == []


def test_a_stage_whose_forerunner_is_missing_names_the_command(first: Run, tmp_path: Path) -> None:
    copy = Run(Path(shutil.copytree(first.folder, tmp_path / "copy")))
    (copy.folder / "predictions.parquet").unlink()
    with pytest.raises(NotMadeYet, match=f"Make it with: clinmm train {copy.folder}"):
        evaluate.main(copy.folder)


def test_chosen_cases_can_be_explained_and_unknown_ones_are_refused(
    first: Run, tmp_path: Path
) -> None:
    copy = Run(Path(shutil.copytree(first.folder, tmp_path / "copy")))
    predictions = first.read("predictions")
    test = predictions[(predictions["arm"] == "fused") & (predictions["split"] == "test")]
    wanted = sorted(test["case_id"].unique())[:2]
    assert set(explain.main(copy.folder, cases=wanted)["case_id"]) == set(wanted)
    before = copy.read("explanations")
    for unknown in ("nobody", predictions.query("split == 'calibrate'")["case_id"].iloc[0]):
        with pytest.raises(InputError, match=unknown):
            explain.main(copy.folder, cases=[unknown])
    pd.testing.assert_frame_equal(copy.read("explanations"), before)
