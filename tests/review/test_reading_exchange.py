"""A study goes to a folder and into another database as it was, or not at all."""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from made_study import make_study
from sqlalchemy import text

from clinmm.errors import InputError
from clinmm.review.answers import Answer, Draft, Mark
from clinmm.review.exchange import export_study, import_study
from clinmm.review.progress import progress, waiting
from clinmm.review.room import ReadingRoom
from pipelines.reading.exchange import export_main, import_main

NO = Answer(ratings={"effusion": 2, "nodule": 1}, confidence=3, seconds=41.5)
YES = Answer(
    ratings={"effusion": 4, "nodule": 1},
    confidence=2,
    reasons=("other",),
    comment='grün <b>"x"</b>\n\\',
    marks=(Mark(kind="box", input="image", x=1.5, y=2, width=3, height=4),),
)


def read_and_decide(room: ReadingRoom) -> None:
    """A study with every kind of event."""
    make_study(room)
    for person, answer in (("AB", NO), ("CD", YES)):
        desk = room.desk(person, "study")
        desk.open("case-1")
        desk.save_draft("case-1", 1, Draft(comment="…"), 0)
        for version in (1, 2):
            desk.lock("case-1", 1, answer, version)
    room.desk("CD", "study").correct("case-1", 1, YES, 3)
    room.desk("EF", "study").adjudicate("case-1", YES, 0)
    room.desk("AB", "study").save_draft("case-2", 1, Draft(ratings={"nodule": 5}), 0)


@pytest.fixture(scope="module")
def source(
    tmp_path_factory: pytest.TempPathFactory, made_tables: Path
) -> Iterator[tuple[ReadingRoom, Path]]:
    """A room with that study, and the folder it was exported to. Nobody may change them."""
    place = tmp_path_factory.mktemp("source")
    shutil.copyfile(made_tables, place / "review.sqlite")
    with closing(ReadingRoom(f"sqlite:///{place}/review.sqlite", "run-1")) as opened:
        read_and_decide(opened)
        yield opened, export_study(opened, "study", place / "out" / "study")


@pytest.fixture
def read(source: tuple[ReadingRoom, Path]) -> ReadingRoom:
    """The room that was exported."""
    return source[0]


@pytest.fixture
def folder(source: tuple[ReadingRoom, Path], tmp_path: Path) -> Path:
    """A copy of the folder."""
    return Path(shutil.copytree(source[1], tmp_path / "out" / "study"))


@pytest.fixture(params=["sqlite", "postgresql"])
def elsewhere(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ReadingRoom]:
    """An empty room of the same run in another database of each kind."""
    there = f"sqlite:///{tmp_path}/other.sqlite"
    if request.param == "postgresql":
        there = request.getfixturevalue("postgresql")
    with closing(ReadingRoom(there, "run-1")) as opened:
        yield opened


def everything(room: ReadingRoom) -> dict[str, list]:
    """All that is kept of the study `study`, but for the numbers that the database gives."""
    columns = {
        "members": "person, role",
        "study_cases": "case_id, stratum, weight, why",
        "assignments": "reader, case_id, reading, position, arm",
    }
    study = room.study("study")
    with room.engine.connect() as connection:
        kept = {
            name: connection.execute(
                text(f"SELECT {asked} FROM {name} WHERE study = {study.id} ORDER BY {asked}")
            ).all()
            for name, asked in columns.items()
        }
    from clinmm.review.events import Events

    about = [study.name, study.protocol, study.created, study.created_by]
    return {**kept, "study": about, "events": Events(room.engine, study.id).all()}


def told(room: ReadingRoom) -> list[object]:
    """What is worked out in the database itself, whichever it is."""
    desk, judge = room.steward("study"), room.desk("EF", "study")
    table = progress(room, desk)
    assert table[["begun", "done"]].to_numpy().tolist() == [[1, 1], [0, 1]]
    return [table.to_dict("list"), waiting(room, desk), judge.disputes(), judge.others("case-1")]


def test_a_study_comes_back_as_it_was(
    folder: Path, read: ReadingRoom, elsewhere: ReadingRoom, tmp_path: Path
) -> None:
    assert import_study(folder, elsewhere).name == "study"
    assert everything(elsewhere) == everything(read)
    assert len(everything(elsewhere)["events"]) == 11
    assert told(elsewhere) == told(read)
    state = elsewhere.desk("AB", "study").state("case-2")
    assert state == read.desk("AB", "study").state("case-2")
    elsewhere.desk("AB", "study").lock("case-2", 1, NO, state.version)  # and goes on
    again = export_study(read, "study", tmp_path / "again")
    assert {f.name: f.read_bytes() for f in again.iterdir()} == {
        f.name: f.read_bytes() for f in folder.iterdir()
    }


def test_the_folder_holds_plain_tables_and_nothing_half_written(folder: Path) -> None:
    assert sorted(file.name for file in folder.iterdir()) == [
        "assignments.parquet",
        "cases.parquet",
        "events.parquet",
        "study.json",
    ]
    assert [one.name for one in folder.parent.iterdir()] == ["study"]
    events = pd.read_parquet(folder / "events.parquet")
    assert json.loads(events["payload"].iloc[-1])["ratings"] == {"nodule": 5}
    assert str(events["created"].dtype) == "datetime64[us, UTC]"


def test_what_is_there_is_not_written_over(folder: Path, read: ReadingRoom) -> None:
    with pytest.raises(InputError, match="is there already"):
        export_study(read, "study", folder)
    with pytest.raises(InputError, match="already; what is kept is not changed"):
        import_study(folder, read)
    with pytest.raises(InputError, match="no reading study 'none'"):
        export_study(read, "none", folder.parent / "none")


def test_every_problem_of_a_damaged_folder_is_told_at_once(folder: Path, room: ReadingRoom) -> None:
    (folder / "cases.parquet").unlink()
    with (folder / "events.parquet").open("r+b") as file:
        file.seek(40)
        file.write(b"?")
    with pytest.raises(InputError) as refused:
        import_study(folder, room)
    said = str(refused.value)
    assert "cases.parquet is missing" in said
    assert "events.parquet is not the file that was written" in said


@pytest.mark.parametrize("content", [None, "{", "[]", '{"format": 2}'])
def test_a_folder_that_is_no_export_is_refused(
    room: ReadingRoom, tmp_path: Path, content: str | None
) -> None:
    if content:
        (tmp_path / "study.json").write_text(content)
    with pytest.raises(InputError, match=r"study\.json"):
        import_study(tmp_path, room)


def change(folder: Path, table: str, edit: Callable[[list[dict[str, Any]]], object]) -> None:
    """Changes rows of a table, and its digest as somebody would who wants it to pass."""
    path = folder / f"{table}.parquet"
    shape = pq.read_schema(path)
    rows = pq.read_table(path).to_pylist()
    edit(rows)
    pq.write_table(pa.Table.from_pylist(rows, schema=shape), path)
    facts = json.loads((folder / "study.json").read_text())
    facts["tables"][table]["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    (folder / "study.json").write_text(json.dumps(facts))


def set_to(row: int, **values: object) -> Callable[[list[dict[str, Any]]], object]:
    return lambda rows: rows[row].update(values)


@pytest.mark.parametrize(
    ("table", "edit", "said"),
    [
        ("events", set_to(0, kind="gossip"), "events.parquet: no known kind: row 1"),
        ("events", set_to(1, payload="{"), "payload is not what its kind holds: row 2"),
        (
            "events",
            set_to(1, payload=r'{"comment": "\u0000"}'),
            "payload is not what its kind holds: row 2",
        ),
        ("events", set_to(2, payload='{"confidence": 9}'), "its kind holds: row 3"),
        ("events", set_to(2, reader="ZZ"), "events.parquet: not assigned: row 3"),
        ("events", set_to(9, by="AB"), "events.parquet: not assigned: row 10"),
        ("events", set_to(1, version=None), "a version is missing or beyond: row 2"),
        ("events", set_to(1, version=-1), "a version is missing or beyond: row 2"),
        ("events", lambda rows: rows.append(rows[2]), "events.parquet: locked twice: row 12"),
        ("events", lambda rows: rows.pop(1), "versions of a reading are missing"),
        ("events", set_to(3, created=None), "events.parquet: a value is missing: row 4"),
        ("cases", lambda rows: rows.append(rows[0]), "cases.parquet: twice: row 4"),
        ("cases", lambda rows: rows.pop(2), "the case is none of cases: row 3, 6"),
        ("assignments", set_to(0, arm="none"), "no arm of the protocol: row 1"),
        ("assignments", set_to(0, reader="EF"), "no reader of the protocol: row 1"),
        ("assignments", lambda rows: rows.extend(rows[:1]), "assignments.parquet: twice: row 7"),
    ],
)
def test_rows_that_cannot_have_been_are_refused(
    folder: Path, room: ReadingRoom, table: str, edit: Callable, said: str
) -> None:
    change(folder, table, edit)
    with pytest.raises(InputError) as refused:
        import_study(folder, room)
    assert said in str(refused.value)
    assert room.studies() == []


def test_another_run_and_another_protocol_are_refused(folder: Path, room: ReadingRoom) -> None:
    facts = json.loads((folder / "study.json").read_text())
    facts["members"].append({"person": "ZZ", "role": "administrator"})
    facts["created"] = "yesterday"
    (folder / "study.json").write_text(json.dumps(facts))
    room.run = "run-2"
    with pytest.raises(InputError) as refused:
        import_study(folder, room)
    assert len(refused.value.problems) == 3
    assert "holds a study of run run-1, and this is run run-2" in str(refused.value)
    assert "members are not those of the protocol" in str(refused.value)


def test_a_table_of_another_shape_is_refused(folder: Path, room: ReadingRoom) -> None:
    path = folder / "cases.parquet"
    pd.read_parquet(path).assign(weight="heavy").to_parquet(path, index=False)
    change(folder, "cases", lambda rows: None)
    with pytest.raises(InputError, match="wanted the columns case_id, stratum, weight, why"):
        import_study(folder, room)


def test_an_import_that_fails_leaves_nothing(
    folder: Path, elsewhere: ReadingRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(folder, "cases", lambda rows: rows.append(rows[0]))
    monkeypatch.setattr("clinmm.review.exchange.problems_of", lambda *_: [])
    with pytest.raises(InputError, match="Nothing was imported"):
        import_study(folder, elsewhere)
    with elsewhere.engine.connect() as connection:
        for table in ("studies", "members", "study_cases", "events"):
            assert connection.scalar(text(f"SELECT count(*) FROM {table}")) == 0


def test_the_commands_carry_the_open_room_to_a_copy_of_the_run(tmp_path: Path) -> None:
    facts = {"created": "2026-01-01", "seed": 1, "cohort": {}, "stages": {}}
    for name in ("run", "copy"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "run.json").write_text(json.dumps(facts))
    from clinmm.review.database import default_url
    from clinmm.review.room import run_id

    with closing(ReadingRoom(default_url(tmp_path / "run"), run_id(facts))) as room:
        room.desk("anybody").lock("case-7", 1, NO, 0)
    out = export_main(tmp_path / "run", None, tmp_path / "out", None)
    with closing(ReadingRoom(default_url(tmp_path / "copy"), run_id(facts))) as room:
        room.desk("anybody").worklist()  # looked at, and nothing read
    assert import_main(out, tmp_path / "copy", None).name == "open"
    with closing(ReadingRoom(default_url(tmp_path / "copy"), run_id(facts))) as room:
        assert room.desk("anybody").state("case-7").opinion == NO
    with pytest.raises(InputError, match="has a reading study 'open' already"):
        import_main(out, tmp_path / "copy", None)
