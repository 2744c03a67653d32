from pathlib import Path

import pandas as pd
import pytest

from clinmm.errors import InputError, NotMadeYet
from clinmm.runs import MADE_BY, STAGES, Run
from clinmm.schema import TABLES


class Stopped(Exception):
    pass


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run.create(tmp_path / "run", "study", {"seed": 7, "n_folds": 0})


def names(run: Run) -> set[str]:
    return {str(file.relative_to(run.folder)) for file in run.folder.rglob("*")}


def test_a_new_run_says_what_it_is(run: Run) -> None:
    facts = Run.open(run.folder).facts
    assert (facts["kind"], facts["seed"], facts["stages"]) == ("study", 7, {})
    assert facts["clinmm"]
    assert facts["created"].endswith("+00:00")


def test_creating_again_opens_what_is_there(run: Run) -> None:
    again = Run.create(run.folder, "study", {"seed": 8})
    assert again.facts["seed"] == 7


def test_a_folder_of_something_else_is_not_written_to(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(InputError, match=r"holds files but no run.json"):
        Run.create(tmp_path, "study", {})
    assert [file.name for file in tmp_path.iterdir()] == ["letter.txt"]
    with pytest.raises(InputError, match=r"is not a run folder.*clinmm run CONFIG"):
        Run.open(tmp_path)


def test_a_folder_that_holds_only_the_cohort_becomes_a_run(tmp_path: Path) -> None:
    (tmp_path / "cohort").mkdir()
    assert Run.create(tmp_path, "study", {}).facts["kind"] == "study"


def test_a_file_that_fails_half_way_is_never_seen(run: Run) -> None:
    run.write_text("notes.txt", "old")
    before = names(run)

    def write_half() -> None:
        with run.writing("notes.txt") as file:
            file.write_text("new, but only ha", encoding="utf-8")
            assert (run.folder / "notes.txt").read_text(encoding="utf-8") == "old"
            raise Stopped

    with pytest.raises(Stopped):
        write_half()
    assert (run.folder / "notes.txt").read_text(encoding="utf-8") == "old"
    assert names(run) == before


def test_a_folder_that_fails_half_way_is_never_seen(run: Run) -> None:
    with run.writing_folder("model/a") as folder:
        (folder / "weights").write_text("old", encoding="utf-8")
        assert not (run.folder / "model/a").exists()
    before = names(run)

    def write_half() -> None:
        with run.writing_folder("model/a") as folder:
            (folder / "weights").write_text("new", encoding="utf-8")
            raise Stopped

    with pytest.raises(Stopped):
        write_half()
    assert (run.folder / "model/a/weights").read_text(encoding="utf-8") == "old"
    assert names(run) == before
    with run.writing_folder("model/a") as folder:
        (folder / "other").touch()
    assert [file.name for file in (run.folder / "model/a").iterdir()] == ["other"]


def test_others_may_read_what_is_written(run: Run) -> None:
    with run.writing_folder("images") as folder:
        (folder / "a.png").touch()
    assert (run.folder / "run.json").stat().st_mode & 0o777 == 0o644
    assert (run.folder / "images").stat().st_mode & 0o777 == 0o755


def finish(run: Run, *stages: str) -> None:
    for stage in stages:
        with run.stage(stage):
            pass


def test_a_stage_is_finished_when_it_ends_without_an_error(run: Run) -> None:
    finish(run, "check")
    assert run.finished("check")
    assert run.facts["stages"]["check"]["seconds"] >= 0

    def fail() -> None:
        with run.stage("train"):
            assert not run.finished("train")
            raise Stopped

    with pytest.raises(Stopped):
        fail()
    assert not run.finished("train")
    assert run.finished("check")


def test_a_stage_that_is_done_again_takes_back_the_later_ones(run: Run) -> None:
    finish(run, *STAGES)
    finish(run, "calibrate")
    assert list(run.facts["stages"]) == ["check", "train", "calibrate"]

    def fail() -> None:
        with run.stage("check"):
            raise Stopped

    with pytest.raises(Stopped):
        fail()
    assert run.facts["stages"] == {}


def test_a_missing_file_names_the_command_that_makes_it(run: Run) -> None:
    for table in TABLES:
        with pytest.raises(NotMadeYet) as missing:
            run.read(table)
        assert f"Make it with: clinmm {MADE_BY[table]} {run.folder}" in str(missing.value)
        assert isinstance(missing.value, FileNotFoundError)
    assert not run.has("predictions")


def test_every_stage_that_makes_a_table_is_a_stage() -> None:
    assert set(MADE_BY.values()) <= {*STAGES, "predict", "mitigate", "reading results"}
    assert set(MADE_BY) == set(TABLES)


def test_a_table_is_checked_before_it_replaces_another(run: Run) -> None:
    good = pd.DataFrame(
        [("fused", 0, 0, "died", "youden", 0.5)], columns=TABLES["thresholds"].names
    )
    run.write("thresholds", good)
    with pytest.raises(InputError) as refused:
        run.write("thresholds", good.assign(arm=None, fod=1).drop(columns="class_name"))
    for said in ("missing columns ['class_name']", "unknown columns ['fod']", "1 empty values in"):
        assert said in str(refused.value)
    assert run.read("thresholds")["threshold"].tolist() == [0.5]
    assert run.has("thresholds")


def test_model_folders_are_those_of_the_contract(run: Run) -> None:
    assert run.model_folder("image+note", 0, 0) == "model/image+note"
    run.add_facts(n_folds=5)
    assert run.model_folder("fused", 2, 4) == "model/fused/repeat_2/fold_4"
