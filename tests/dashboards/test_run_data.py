"""What pages read of a run: one frame for all, cases by number, rows of a case without a search."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made_run import COHORT, N_CASES

from clinmm.errors import InputError, NotMadeYet
from clinmm.runs import Run
from dashboards import run_data
from dashboards.by_case import ByCase


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
@pytest.mark.parametrize("row_group_size", [10_000, 7])
def test_the_rows_of_a_case_are_those_a_search_finds(
    opened_copy: Run, name: str, row_group_size: int
) -> None:
    """A large file has several row groups."""
    table = opened_copy.read(name)
    table.to_parquet(
        opened_copy.folder / f"{name}.parquet", index=False, row_group_size=row_group_size
    )
    for case_id in ("case_000", "case_017", "case_039", "nobody"):
        searched = table[table["case_id"] == case_id]
        found = run_data.rows_of(name, case_id)
        assert found.index.tolist() == searched.index.tolist()
        pd.testing.assert_frame_equal(found[searched.columns], searched, check_index_type=False)


def test_the_cases_of_a_table_need_not_stand_together(opened_copy: Run) -> None:
    table = opened_copy.read("predictions").sample(frac=1, random_state=0, ignore_index=True)
    opened_copy.write("predictions", table)
    searched = table[table["case_id"] == "case_017"]
    assert run_data.rows_of("predictions", "case_017").index.tolist() == searched.index.tolist()


def test_what_is_empty_throughout_is_not_held_and_is_given_back(tmp_path: Path) -> None:
    """A list without elements is something: a set that holds no class."""
    path = tmp_path / "table.parquet"
    frame = pd.DataFrame(
        {
            "case_id": ["b", "a", "b"],
            "nothing": [None, None, None],
            "no_number": [np.nan] * 3,
            "no_text": pd.Series([None] * 3, dtype="string"),
            "empty_list": pd.Series([[], None, []], dtype=object),
            "some": [np.nan, 1.0, np.nan],
        }
    )
    frame.to_parquet(path, index=False)
    held = ByCase(path)
    assert {"no_number", "no_text"}.isdisjoint(held._columns)
    read = pd.read_parquet(path)
    pd.testing.assert_frame_equal(
        held.rows("b"), read[read["case_id"] == "b"], check_index_type=False
    )
    assert [len(one) for one in held.rows("b")["empty_list"]] == [0, 0]


def test_a_table_without_rows_has_none_of_any_case(tmp_path: Path) -> None:
    path = tmp_path / "table.parquet"
    pd.DataFrame({"case_id": pd.Series(dtype="string"), "a": []}).to_parquet(path, index=False)
    found = ByCase(path).rows("a")
    assert (len(found), list(found.columns)) == (0, ["case_id", "a"])


def test_a_run_older_than_a_column_is_read_as_one_that_left_it_empty(opened_copy: Run) -> None:
    table = opened_copy.read("predictions").drop(columns=["prediction_set", "value"])
    table.to_parquet(opened_copy.folder / "predictions.parquet", index=False)
    found = run_data.rows_of("predictions", "case_003")
    assert len(found)
    assert found[["prediction_set", "value"]].isna().to_numpy().all()


def test_a_desk_is_handed_what_the_run_holds(opened: Run) -> None:
    handed = run_data.output()
    for table, of_case in (("predictions", handed.risks), ("explanations", handed.explanations)):
        stored = pd.read_parquet(opened.path(f"{table}.parquet"))
        for case_id in ("case_005", "case_030", "nobody"):
            found, wanted = of_case(case_id), stored[stored["case_id"] == case_id]
            pd.testing.assert_frame_equal(
                found[wanted.columns].reset_index(drop=True),
                wanted.reset_index(drop=True),
                check_dtype=False,
            )


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
    reading.join(timeout=300)
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
