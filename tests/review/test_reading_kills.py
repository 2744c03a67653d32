"""Programs that are killed while saving lose nothing that they were told was saved; nor do ten at
once. Real processes throughout; `benchmarks/reading_room_kills.py` does it hundreds of times."""

import sqlite3
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from benchmarks.reading_room_kills import IMPORTED, PROCESSES, STUDY, kill, make_study, read
from clinmm.review.answers import Answer
from clinmm.review.desk import Superseded
from clinmm.review.events import Events
from clinmm.review.room import ReadingRoom

PROCESSES.set_forkserver_preload([*IMPORTED, "pytest"])


def test_nothing_that_was_acknowledged_is_lost_to_dozens_of_kills(tmp_path: Path) -> None:
    found = kill(
        f"sqlite:///{tmp_path}/review.sqlite", tmp_path, kills=24, writers=3, seed=1, n_cases=800
    )
    assert found.noted >= 27  # before that many kills something was saved since the last one
    assert (found.lost, found.doubled, found.gaps, found.sound) == (0, 0, 0, "ok")
    assert found.noted <= found.kept <= found.noted + found.kills + 3  # saved, killed before noting


def test_nor_in_postgresql(tmp_path: Path, postgresql: str) -> None:
    found = kill(postgresql, tmp_path, kills=12, writers=3, seed=2, n_cases=800)
    assert found.noted >= 11
    assert (found.lost, found.doubled, found.gaps) == (0, 0, 0)


def test_the_check_would_see_a_lost_reading(tmp_path: Path) -> None:
    from benchmarks import reading_room_kills as kills

    url = f"sqlite:///{tmp_path}/review.sqlite"
    kill(url, tmp_path, kills=0, writers=1, seed=0, n_cases=800)
    notes = {"reader 0": tmp_path / "0.txt"}
    with notes["reader 0"].open("a") as file:
        file.write("case-1999 1 never-saved\n")
    assert kills._look(url, "run", notes, 0, 0.0).lost == 1


def open_room(url: str) -> None:
    """Opens the room, which makes its tables."""
    ReadingRoom(url, "run").close()


def test_a_database_whose_making_was_killed_can_be_opened(tmp_path: Path) -> None:
    for i in range(8):
        process = PROCESSES.Process(target=open_room, args=(f"sqlite:///{tmp_path}/{i}.sqlite",))
        process.start()
        time.sleep(0.04 * i)
        process.kill()
        process.join()
        open_room(f"sqlite:///{tmp_path}/{i}.sqlite")
        with closing(sqlite3.connect(tmp_path / f"{i}.sqlite")) as file:
            assert file.execute("SELECT version_num FROM alembic_version").fetchall() == [("0002",)]


def read_some(url: str, reader: str, n_cases: int, noted: str) -> None:
    """Reads that many cases, each to its end."""
    with closing(ReadingRoom(url, "run")) as room, Path(noted).open("ab", buffering=0) as file:
        desk = room.desk(reader, STUDY)
        for i in range(n_cases):
            read(desk, f"case-{i}", file.fileno())


def race_for(url: str, cases: int, won: str) -> None:
    """Locks one reader's answers against a process that does the same; notes what it won."""
    with closing(ReadingRoom(url, "run")) as room, Path(won).open("ab", buffering=0) as file:
        desk = room.desk("both", STUDY)
        for i in range(cases):
            for version in (0, 1):
                try:
                    desk.lock(f"case-{i}", 1, Answer(choice="a", confidence=1), version)
                    file.write(f"case-{i} {version + 1}\n".encode())
                except Superseded:
                    while desk.state(f"case-{i}").version <= version:
                        time.sleep(0.001)


@pytest.fixture(params=["sqlite", "postgresql"])
def any_url(request: pytest.FixtureRequest) -> str:
    """An empty database of each kind."""
    return request.getfixturevalue("url" if request.param == "sqlite" else "postgresql")


def together(target: object, arguments: list[tuple]) -> None:
    processes = [PROCESSES.Process(target=target, args=one) for one in arguments]
    for process in processes:
        process.start()
    for process in processes:
        process.join(600)
    assert [process.exitcode for process in processes] == [0] * len(processes)


def test_ten_readers_at_once_lose_nothing(any_url: str, tmp_path: Path) -> None:
    readers = [f"reader {i}" for i in range(10)]
    with closing(ReadingRoom(any_url, "run")) as room:
        make_study(room, readers, n_cases=6)
        together(read_some, [(any_url, name, 6, f"{tmp_path}/{name}") for name in readers])
        events = Events(room.engine, room.study(STUDY).id).all()
    kept = Counter((one.reader, one.case_id, one.version) for one in events)
    wanted = {(r, f"case-{i}", v) for r in readers for i in range(6) for v in range(1, 7)}
    assert set(kept) == wanted
    assert set(kept.values()) == {1}


def test_of_two_programs_that_answer_for_one_reader_one_wins_each_version(
    any_url: str, tmp_path: Path
) -> None:
    with closing(ReadingRoom(any_url, "run")) as room:
        make_study(room, ["both"], n_cases=15)
        together(race_for, [(any_url, 15, f"{tmp_path}/{i}") for i in range(2)])
        events = Events(room.engine, room.study(STUDY).id).all()
    won = [line for i in range(2) for line in (tmp_path / f"{i}").read_text().splitlines()]
    wanted = sorted(f"case-{i} {version}" for i in range(15) for version in (1, 2))
    assert sorted(won) == wanted
    assert sorted(f"{one.case_id} {one.version}" for one in events) == wanted


def test_many_programs_open_an_empty_database_at_once(any_url: str) -> None:
    together(open_room, [(any_url,)] * 6)
    with closing(ReadingRoom(any_url, "run")) as room, room.engine.connect() as connection:
        assert connection.scalar(text("SELECT version_num FROM alembic_version")) == "0002"
