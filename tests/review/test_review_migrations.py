"""A review database of any version becomes one of today's, whole, and keeps all readings."""

import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, inspect, text

from clinmm.errors import InputError
from clinmm.review.database import connect
from clinmm.review.migrations import STEPS
from clinmm.review.room import ReadingRoom
from clinmm.review.tables import Base

# as clinmm 0.6.0 made it
FORMER = """
CREATE TABLE reading_events (
    id INTEGER NOT NULL PRIMARY KEY, run VARCHAR(64) NOT NULL, reader VARCHAR(80) NOT NULL,
    case_id VARCHAR(200) NOT NULL, kind VARCHAR(20) NOT NULL, payload JSON NOT NULL,
    created DATETIME NOT NULL);
CREATE UNIQUE INDEX one_opinion_per_reader_and_case ON reading_events (run, reader, case_id)
    WHERE kind = 'opinion';
CREATE INDEX events_of_a_run ON reading_events (run, case_id);
"""
OPINION = {"ratings": {"nodule": 2}, "choice": None, "value": None, "confidence": 3}
ROWS = [
    ("run-1", "AB", "case-1", "opinion", {**OPINION, "seconds": 41.5}),
    ("run-1", "CD", "case-1", "opinion", {**OPINION, "seconds": None}),
    ("run-1", "AB", "case-1", "verdict", {"verdict": "agree", "reason": None, "comment": ""}),
    (
        "run-1",
        "AB",
        "case-1",
        "verdict",
        {"verdict": "disagree", "reason": "false_alarm", "comment": "a fold of skin"},
    ),
    ("run-2", "AB", "case-1", "opinion", {**OPINION, "seconds": 3.0}),
    (
        "run-2",
        "AB",
        "case-1",
        "verdict",
        {"verdict": "partly", "reason": "record_error", "comment": "x" * 4000},
    ),
]


@pytest.fixture(params=["sqlite", "postgresql"])
def any_url(request: pytest.FixtureRequest) -> str:
    """An empty database of each kind."""
    return request.getfixturevalue("url" if request.param == "sqlite" else "postgresql")


@pytest.fixture
def engine(any_url: str) -> Iterator[Engine]:
    opened = connect(any_url)
    yield opened
    opened.dispose()


def write_former(url: str) -> None:
    """A database of clinmm 0.6.0 with ROWS in it, a minute apart."""
    driver = url.replace("postgresql:", "postgresql+psycopg:")
    former = FORMER.replace("DATETIME", "TIMESTAMP WITH TIME ZONE" if driver != url else "DATETIME")
    if driver != url:
        former = former.replace("id INTEGER", "id SERIAL")
    made = create_engine(driver)
    with made.begin() as connection:
        for statement in former.split(";")[:-1]:
            connection.execute(text(statement))
        for minute, (*row, payload) in enumerate(ROWS):
            names = dict(zip(("run", "reader", "case_id", "kind"), row, strict=True))
            when = datetime(2026, 1, 1, 12, minute, tzinfo=UTC)
            moment = when if driver != url else when.strftime("%Y-%m-%d %H:%M:%S.%f")
            connection.execute(
                text(
                    "INSERT INTO reading_events (run, reader, case_id, kind, payload, created) "
                    "VALUES (:run, :reader, :case_id, :kind, :payload, :created)"
                ),
                {**names, "payload": json.dumps(payload), "created": moment},
            )
    made.dispose()


def test_what_migrations_make_is_what_the_tables_say(engine: Engine) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    def ours(thing: object, name: str | None, kind: str, reflected: bool, to: object) -> bool:
        return not (kind == "table" and name == "reading_events")  # kept, and not read any more

    with engine.connect() as connection:
        options = {"include_object": ours, "compare_type": True}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, Base.metadata) == []
        kept = inspect(connection).get_indexes("events")
    where = {
        one["name"]: " ".join(str(value) for value in one["dialect_options"].values())
        for one in kept
        if one["dialect_options"]
    }
    assert "opinion" in where["one_locked_answer_of_a_kind"]  # Alembic does not compare this


def test_there_is_a_file_for_each_version() -> None:
    from clinmm.review import migrations

    files = Path(migrations.__file__).parent.joinpath("versions").glob("*.py")
    assert sorted(file.name[:4] for file in files if file.name != "__init__.py") == list(STEPS)


def test_former_readings_are_carried_into_the_open_room(any_url: str) -> None:
    write_former(any_url)
    with closing(ReadingRoom(any_url, "run-1")) as room:
        state = room.desk("AB").state("case-1")
        assert state.opinion is not None
        assert (state.opinion.ratings, state.opinion.confidence) == ({"nodule": 2}, 3)
        assert state.opinion.seconds == 41.5
        assert state.opinion_at == datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
        assert (state.phase, state.version, state.corrections) == ("done", 3, 1)
        assert state.final is not None
        assert state.final.same_judgement(state.opinion)
        assert state.final.reasons == ("other",)
        assert state.final.comment == "disagree with the model (false alarm): a fold of skin"
        assert room.desk("CD").state("case-1").phase == "final"
        listed = room.steward().readings()
        assert listed["kind"].tolist() == ["opinion", "opinion", "final", "correction"]
        assert listed["answer"].iloc[2]["comment"] == "agree with the model"
        assert room.studies() == []
        with room.engine.connect() as connection:
            assert connection.scalar(text("SELECT count(*) FROM reading_events")) == len(ROWS)
    with closing(ReadingRoom(any_url, "run-2")) as room:
        final = room.desk("AB").state("case-1").final
        assert final is not None
        assert final.reasons == ("record_wrong",)
        assert len(final.comment) == 4000


def test_a_database_stamped_with_the_first_version_goes_on_from_there(url: str) -> None:
    write_former(url)
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as file, file:
        file.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
        file.execute("INSERT INTO alembic_version VALUES ('0001')")
    with closing(ReadingRoom(url, "run-1")) as room:
        assert len(room.steward().readings()) == 4


def test_a_database_of_a_later_version_is_refused_and_left_alone(any_url: str) -> None:
    engine = connect(any_url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0099'"))
    engine.dispose()
    with pytest.raises(InputError, match=r"version 0099, which a later clinmm made.*Update clinmm"):
        connect(any_url)


def test_a_migration_that_fails_leaves_the_database_as_it_was(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_former(url)
    path = url.removeprefix("sqlite:///")
    with closing(sqlite3.connect(path)) as file, file:
        file.execute("UPDATE reading_events SET payload = '{}' WHERE kind = 'verdict'")
    with pytest.raises(KeyError):
        connect(url)
    with closing(sqlite3.connect(path)) as file:
        tables = file.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    assert tables == [("reading_events",)]


def test_an_up_to_date_database_opens_without_alembic_and_fast(url: str) -> None:
    connect(url).dispose()
    seconds = []
    for _ in range(5):
        began = time.process_time()
        connect(url).dispose()
        seconds.append(time.process_time() - began)
    assert min(seconds) < 0.06


def test_sqlite_keeps_a_write_ahead_log_and_waits_for_the_disk(url: str) -> None:
    engine = connect(url)
    with engine.connect() as connection:
        said = [
            connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        ]
    engine.dispose()
    assert said == ["wal", 2, 1, 30_000]


def test_a_database_that_does_not_answer_is_named_without_its_password(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot open the review database") as refused:
        connect(f"sqlite:///{tmp_path}/absent/review.sqlite")
    assert "absent" in str(refused.value)
    pytest.importorskip("psycopg")
    with pytest.raises(InputError) as refused:
        connect("postgresql://reader:hunter2@127.0.0.1:1/none")
    assert "hunter2" not in str(refused.value)


def test_a_url_that_cannot_be_read_says_what_was_wanted() -> None:
    with pytest.raises(InputError, match="wanted something like sqlite"):
        connect("not a url")
