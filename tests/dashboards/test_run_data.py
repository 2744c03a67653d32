"""What pages read of a run: one frame for all, cases by number, rows of a case without a search."""

from pathlib import Path

import pandas as pd
import pytest
from made_run import COHORT, N_CASES

from clinmm.errors import InputError, NotMadeYet
from clinmm.review.output import StoredOutput
from clinmm.runs import Run
from dashboards import run_data


@pytest.fixture
def opened(finished: Run, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("CLINMM_RUN", str(finished.folder))
    monkeypatch.delenv("CLINMM_DATABASE", raising=False)
    return finished


@pytest.fixture
def opened_copy(own_run: Run, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("CLINMM_RUN", str(own_run.folder))
    monkeypatch.delenv("CLINMM_DATABASE", raising=False)
    return own_run


def test_every_session_is_given_the_same_frame(opened: Run) -> None:
    assert run_data.table("predictions") is run_data.table("predictions")


def test_a_table_written_anew_is_read_anew(opened_copy: Run) -> None:
    before = run_data.table("metrics")
    opened_copy.write("metrics", opened_copy.read("metrics").head(3))
    assert len(before) > 3
    assert len(run_data.table("metrics")) == 3


def test_a_case_and_its_number_name_each_other(opened: Run) -> None:
    ids = opened.read("cases")["case_id"].tolist()
    assert run_data.case_ids().tolist() == ids
    assert [run_data.case_number(one) for one in ids] == list(range(N_CASES))
    assert [run_data.case_at(i) for i in range(N_CASES)] == ids
    assert run_data.case_at("3") == "case_003"
    assert run_data.case_row("case_003")["patient_id"] == "p002"


@pytest.mark.parametrize("given", ["", "-1", "40", "case_003", "3.0", "٣", "²", None, "9" * 30])
def test_an_address_that_names_no_case_opens_none(opened: Run, given: object) -> None:
    assert run_data.case_at(given) is None


def test_a_case_that_is_not_there_is_refused_without_its_id(opened: Run) -> None:
    with pytest.raises(InputError) as refused:
        run_data.case_number("Jane Doe")
    assert "Jane" not in str(refused.value)


@pytest.mark.parametrize("name", ["predictions", "explanations", "cases"])
def test_the_rows_of_a_case_are_those_a_search_finds(opened: Run, name: str) -> None:
    table = opened.read(name)
    for case_id in ("case_000", "case_017", "case_039", "nobody"):
        searched = table[table["case_id"] == case_id]
        found = run_data.rows_of(name, case_id)
        assert found.index.tolist() == searched.index.tolist()
        assert found["case_id"].tolist() == searched["case_id"].tolist()


def test_text_in_many_pieces_is_joined_and_says_the_same(opened_copy: Run) -> None:
    """A large file is read in pieces; so is this one, of several row groups."""
    frame = opened_copy.read("predictions")
    path = opened_copy.folder / "predictions.parquet"
    frame.to_parquet(path, index=False, row_group_size=50)
    pd.testing.assert_frame_equal(run_data.table("predictions"), frame)


def test_a_desk_is_handed_what_the_run_holds(opened: Run) -> None:
    ours, stored = run_data.output(), StoredOutput(opened.folder)
    for case_id in ("case_005", "case_030", "nobody"):
        for what in ("risks", "explanations"):
            of_case = getattr(ours, what)(case_id).reset_index(drop=True)
            wanted = getattr(stored, what)(case_id)
            pd.testing.assert_frame_equal(of_case[wanted.columns], wanted, check_dtype=False)


def test_a_run_without_explanations_hands_out_none(opened_copy: Run) -> None:
    (opened_copy.folder / "explanations.parquet").unlink()
    assert len(run_data.output().explanations("case_001")) == 0
    assert run_data.test_case_ids() == [f"case_{i:03d}" for i in range(30)]


def test_held_out_cases_are_read_explained_ones_first(opened_copy: Run) -> None:
    kept = opened_copy.read("explanations")
    opened_copy.write("explanations", kept[kept["case_id"].isin(["case_007", "case_004"])])
    ids = run_data.test_case_ids()
    assert ids[:3] == ["case_004", "case_007", "case_000"]
    assert sorted(ids) == [f"case_{i:03d}" for i in range(30)]


def test_new_cases_are_all_read(opened_copy: Run) -> None:
    """A run of new cases has no test part."""
    opened_copy.write("predictions", opened_copy.read("predictions").assign(split="new"))
    assert len(run_data.test_case_ids()) == N_CASES


def test_a_worklist_tells_nothing_of_the_label_or_the_model(opened: Run) -> None:
    frame = run_data.worklist_frame()
    assert list(frame.columns) == ["case_id", "number", "inputs", "sex", "age"]
    assert frame["inputs"].tolist()[4] == "note, record"
    assert frame.loc[3, ["sex", "age"]].tolist() == ["F", "[40, 65)"]
    said = {str(cell) for column in frame for cell in frame[column]}
    assert not said & set(COHORT["target"]["columns"])


def test_the_spread_is_of_numbers_of_the_record(opened: Run) -> None:
    spread = run_data.spread()
    ages = opened.read("cases")["age"]
    low, high = spread["age"]
    assert ages.min() <= low < high <= ages.max()
    assert "sex" not in spread


def test_a_room_is_opened_once(opened_copy: Run) -> None:
    room = run_data.room()
    assert room is run_data.room()
    assert (opened_copy.folder / "review.sqlite").is_file()
    room.close()


def test_what_was_not_made_names_the_command(opened_copy: Run) -> None:
    (opened_copy.folder / "predictions.parquet").unlink()
    with pytest.raises(NotMadeYet, match="clinmm train"):
        run_data.rows_of("predictions", "case_001")


def test_a_large_table_is_read_ahead(opened: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_data, "LARGE", 0)
    run_data._warm.clear()
    run_data.warm()
    reading = run_data._warm(run_data._file("predictions"))
    assert reading is not None
    reading.join(timeout=10)
    assert not reading.is_alive()
    run_data._warm.clear()


def test_a_run_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("CLINMM_RUN", raising=False)
    with pytest.raises(InputError, match="clinmm review"):
        run_data.run()
    monkeypatch.setenv("CLINMM_RUN", str(tmp_path))
    with pytest.raises(InputError, match=r"holds no run\.json"):
        run_data.run()


def test_the_reading_list_is_that_of_nobody_yet(opened: Run) -> None:
    listed = run_data.reading_list()
    assert listed["case_id"].tolist() == run_data.test_case_ids()
    assert listed["number"].map(run_data.case_at).tolist() == listed["case_id"].tolist()
    assert set(listed["status"]) == {"new"}
    assert set(listed["reading"]) == {1}
