"""Kills programs with SIGKILL at random moments while they save readings, and looks for what they
were told was saved.

    OMP_NUM_THREADS=1 python benchmarks/reading_room_kills.py [--kills 300] [--writers 4] [--seed 0]
        [--database postgresql://user@host/database]

Each writer is a process that saves drafts and locks answers at a desk of its own, and notes every
answer after the call has returned. One is killed at a time and another goes on where it stopped.
Afterwards every answer that was noted must be in the database exactly once, and versions must be
without gaps or doubles. A PostgreSQL database is left with the tables and the study in it.
"""

import argparse
import multiprocessing
import os
import random
import tempfile
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path

import pandas as pd
from sqlalchemy import text

from clinmm.review.answers import Answer, Draft
from clinmm.review.desk import Desk, Superseded
from clinmm.review.events import Events
from clinmm.review.protocol import Protocol
from clinmm.review.room import ReadingRoom

N_CASES = 2000
STUDY = "kills"
# forked from a server that has imported everything, so that a new writer starts in milliseconds
PROCESSES = multiprocessing.get_context("forkserver")
IMPORTED = [
    "clinmm.review.desk",
    "alembic.command",
    "sqlalchemy.dialects.sqlite.pysqlite",
    "sqlalchemy.dialects.postgresql.psycopg",
    "psycopg",
]
PROCESSES.set_forkserver_preload(IMPORTED)


@dataclass(frozen=True)
class Found:
    """What came of it.

    noted, kept: answers that a writer was told were saved; versions in the database.
    lost: noted, but not in the database, or there with something else in them.
    doubled, gaps: versions of a reading that are there twice, or missing.
    sound: what the database says of its own file; `ok`, or empty where it cannot be asked.
    """

    kills: int
    noted: int
    kept: int
    lost: int
    doubled: int
    gaps: int
    sound: str
    seconds: float


def make_study(room: ReadingRoom, readers: list[str], n_cases: int = N_CASES) -> None:
    """A study in which everybody reads every case."""
    cases = [f"case-{i}" for i in range(n_cases)]
    room.make(
        Protocol(name=STUDY, readers=tuple(readers)),
        pd.DataFrame({"case_id": cases, "stratum": "", "weight": 1.0, "why": ""}),
        pd.DataFrame(
            [(r, case, 1, i, "blind_first") for r in readers for i, case in enumerate(cases)],
            columns=["reader", "case_id", "reading", "position", "arm"],
        ),
        by="benchmark",
    )


def write(url: str, run: str, reader: str, notes: Path) -> None:
    """Reads case after case, beginning where it was left, and notes what was saved."""
    with closing(ReadingRoom(url, run)) as room, notes.open("ab", buffering=0) as noted:
        desk = room.desk(reader, STUDY)
        listed = desk.worklist()
        for case_id in listed.loc[listed["status"] != "done", "case_id"]:
            try:
                read(desk, case_id, noted.fileno())
            except Superseded:  # by what a database still saved for the one that was killed
                read(desk, case_id, noted.fileno())


def read(desk: Desk, case_id: str, noted: int) -> None:
    """One case to its end: two drafts before each of its answers."""
    state = desk.state(case_id)
    version = state.version
    while state.phase != "done":
        for _ in range(2):
            mark = os.urandom(6).hex()
            version = desk.save_draft(case_id, 1, Draft(comment=mark), version)
            os.write(noted, f"{case_id} {version} {mark}\n".encode())
        mark = os.urandom(6).hex()
        answer = Answer(ratings={"finding": 4}, confidence=3, comment=mark)
        state = desk.lock(case_id, 1, answer, version)
        version = state.version
        os.write(noted, f"{case_id} {version} {mark}\n".encode())


def kill(
    url: str,
    folder: Path,
    kills: int,
    writers: int,
    seed: int,
    run: str = "run",
    n_cases: int = N_CASES,
) -> Found:
    """Lets so many writers save at once and kills them so often.

    Args:
        folder: where they note what they saved.
        n_cases: more than a writer can read before the last kill.
    """
    draw, began = random.Random(seed), time.monotonic()
    readers = [f"reader {i}" for i in range(writers)]
    notes = {reader: folder / f"{i}.txt" for i, reader in enumerate(readers)}
    with closing(ReadingRoom(url, run)) as room:
        make_study(room, readers, n_cases)
    at_work = {reader: _start(url, run, reader, notes[reader]) for reader in readers}
    for _ in range(kills):
        reader = draw.choice(readers)
        size = notes[reader].stat().st_size if notes[reader].exists() else 0
        if draw.random() < 0.9:  # mostly once it saves again; now and then while it starts
            _wait_for_more(notes[reader], size, at_work[reader])
        time.sleep(draw.uniform(0, 0.05))
        _end(at_work[reader])
        at_work[reader] = _start(url, run, reader, notes[reader])
    for reader, process in at_work.items():
        _wait_for_more(notes[reader], 0, process)
        _end(process)
    return _look(url, run, notes, kills, began)


def _start(url: str, run: str, reader: str, notes: Path) -> BaseProcess:
    process = PROCESSES.Process(target=write, args=(url, run, reader, notes), daemon=True)
    process.start()
    return process


def _end(process: BaseProcess) -> None:
    if process.exitcode is not None:
        raise SystemExit(f"a writer ended by itself with exit code {process.exitcode}")
    process.kill()
    process.join()


def _wait_for_more(notes: Path, size: int, process: BaseProcess) -> None:
    until = time.monotonic() + 600
    while not notes.exists() or notes.stat().st_size == size:
        if time.monotonic() > until or process.exitcode is not None:
            raise SystemExit(f"a writer saves nothing; its exit code is {process.exitcode}")
        time.sleep(0.002)


def _look(url: str, run: str, notes: dict[str, Path], kills: int, began: float) -> Found:
    lost = noted = 0
    with closing(ReadingRoom(url, run)) as room:
        events = Events(room.engine, room.study(STUDY).id).all()
        sound = ""
        if room.engine.dialect.name == "sqlite":
            with room.engine.connect() as connection:
                sound = str(connection.scalar(text("PRAGMA integrity_check")))
    kept = Counter((one.reader, one.case_id, one.version) for one in events)
    said = {(one.reader, one.case_id, one.version): one.payload["comment"] for one in events}
    for reader, file in notes.items():
        for line in file.read_text().splitlines():
            case_id, version, mark = line.split()
            noted += 1
            lost += said.get((reader, case_id, int(version))) != mark
    n_versions = Counter((reader, case_id) for reader, case_id, _ in kept)
    highest = {key[:2]: 0 for key in kept}
    for reader, case_id, version in kept:
        highest[reader, case_id] = max(highest[reader, case_id], version or 0)
    gaps = sum(highest[key] - n for key, n in n_versions.items())
    doubled = sum(n - 1 for n in kept.values())
    seconds = time.monotonic() - began
    return Found(kills, noted, len(events), lost, doubled, gaps, sound, seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--writers", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--database", help="left out: an SQLite file that is deleted afterwards")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        url = options.database or f"sqlite:///{folder}/review.sqlite"
        run = f"kills-{os.getpid()}"
        found = kill(url, folder, options.kills, options.writers, options.seed, run)
    for name, value in vars(found).items():
        print(f"{name:8} {value:.1f}" if isinstance(value, float) else f"{name:8} {value}")
    raise SystemExit(1 if found.lost or found.doubled or found.gaps else 0)


if __name__ == "__main__":
    main()
