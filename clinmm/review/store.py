"""Where readings are kept: an append-only table of events in SQLite or PostgreSQL.

Nothing is changed or removed: a verdict given again is a further event, and the latest counts.
That an opinion is locked once is a constraint of the database, so two readers' browsers, threads
or machines cannot get past it.
"""

import hashlib
import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
from sqlalchemy import JSON, DateTime, Engine, Index, String, create_engine, event, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from clinmm.errors import InputError
from clinmm.review.readings import Opinion, Reading, Verdict

READINGS = [
    "reader",
    "case_id",
    "choice",
    "ratings",
    "value",
    "confidence",
    "seconds",
    "opinion_at",
    "verdict",
    "reason",
    "comment",
    "verdict_at",
]
"""Columns of `ReviewStore.readings()`."""


class OpinionLocked(InputError):
    """This reader has already locked an opinion on this case."""


class OpinionMissing(InputError):
    """A verdict was given before the reader's own opinion was locked."""


class _Rows(DeclarativeBase):
    pass


class ReadingEvent(_Rows):
    """One event: `opinion` or `verdict`, with its payload as JSON. `created` is UTC."""

    __tablename__ = "reading_events"
    __table_args__ = (
        Index(
            "one_opinion_per_reader_and_case",
            "run",
            "reader",
            "case_id",
            unique=True,
            sqlite_where=text("kind = 'opinion'"),
            postgresql_where=text("kind = 'opinion'"),
        ),
        Index("events_of_a_run", "run", "case_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    run: Mapped[str] = mapped_column(String(64))
    reader: Mapped[str] = mapped_column(String(80))
    case_id: Mapped[str] = mapped_column(String(200))
    kind: Mapped[str] = mapped_column(String(20))
    payload: Mapped[dict[str, Any]] = mapped_column(JSON)
    created: Mapped[datetime] = mapped_column(DateTime(timezone=True))


def run_id(facts: Mapping[str, Any]) -> str:
    """A short id of a run: the same folder copied elsewhere keeps it, another study has another.

    Args:
        facts: content of run.json.
    """
    said = {name: facts.get(name) for name in ("created", "seed", "cohort", "config_hash", "kind")}
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:16]


def default_url(folder: Path) -> str:
    """The URL of `review.sqlite` in a run folder."""
    return f"sqlite:///{(Path(folder) / 'review.sqlite').resolve()}"


class ReviewStore:
    """Readings of one run.

    Args:
        url: a database URL of SQLAlchemy, such as `sqlite:////data/review.sqlite` or
            `postgresql://host/database`. Tables are made where they are absent.
        run: the run's id, from `run_id`; a team's database holds many runs.

    Raises:
        InputError: the URL cannot be read, its driver is not installed, or nothing answers there.
    """

    def __init__(self, url: str, run: str) -> None:
        self.run = run
        self._engine = _connect(url)

    def save_opinion(self, reader: str, case_id: str, opinion: Opinion) -> None:
        """Locks a reader's opinion on a case.

        Raises:
            OpinionLocked: there is one already; it stays as it was.
            InputError: the reader's name is empty or longer than 80 characters.
        """
        try:
            self._append(reader, case_id, "opinion", opinion.model_dump())
        except IntegrityError as error:
            raise OpinionLocked(
                f"reader '{_name(reader)}' has already locked an opinion on case {case_id}; "
                "it cannot be changed. Say what differs in the verdict's comment."
            ) from error

    def save_verdict(self, reader: str, case_id: str, verdict: Verdict) -> None:
        """Adds a reader's verdict on the model's output; the latest one counts.

        Raises:
            OpinionMissing: the reader has not locked an opinion on this case.
            InputError: the reader's name is empty or longer than 80 characters.
        """
        if self.reading(reader, case_id) is None:
            raise OpinionMissing(
                f"reader '{_name(reader)}' has no locked opinion on case {case_id}; "
                "lock one first, then give the verdict."
            )
        self._append(reader, case_id, "verdict", verdict.model_dump())

    def reading(self, reader: str, case_id: str) -> Reading | None:
        """The reader's opinion and latest verdict on a case; None before an opinion is locked."""
        found = self._events(reader=_name(reader), case_id=case_id)
        return _readings(found)[0] if found else None

    def readings(self) -> pd.DataFrame:
        """One row per reader and case, oldest opinion first, with the columns READINGS."""
        rows = []
        for reading in _readings(self._events()):
            verdict = reading.verdict.model_dump() if reading.verdict else {}
            rows.append(
                {
                    "reader": reading.reader,
                    "case_id": reading.case_id,
                    **reading.opinion.model_dump(),
                    "opinion_at": reading.opinion_at,
                    **verdict,
                    "verdict_at": reading.verdict_at,
                }
            )
        return pd.DataFrame(rows, columns=READINGS)

    def close(self) -> None:
        """Lets go of the database's connections."""
        self._engine.dispose()

    def _append(self, reader: str, case_id: str, kind: str, payload: dict[str, Any]) -> None:
        row = ReadingEvent(
            run=self.run,
            reader=_name(reader),
            case_id=case_id,
            kind=kind,
            payload=payload,
            created=datetime.now(UTC),
        )
        with Session(self._engine) as session, session.begin():
            session.add(row)

    def _events(self, **where: str) -> list[ReadingEvent]:
        asked = select(ReadingEvent).filter_by(run=self.run, **where).order_by(ReadingEvent.id)
        with Session(self._engine) as session:
            return list(session.scalars(asked))


def _name(reader: str) -> str:
    name = reader.strip()
    if not 0 < len(name) <= 80:
        raise InputError(f"a reader's name needs 1 to 80 characters, got {len(name)}")
    return name


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _readings(events: list[ReadingEvent]) -> list[Reading]:
    found: dict[tuple[str, str], Reading] = {}
    for one in events:
        key = (one.reader, one.case_id)
        if one.kind == "opinion":
            opinion = Opinion.model_validate(one.payload)
            found[key] = Reading(*key, opinion=opinion, opinion_at=_utc(one.created))
        elif one.kind == "verdict" and key in found:
            before = found[key]
            verdict = Verdict.model_validate(one.payload)
            found[key] = Reading(
                *key, before.opinion, before.opinion_at, verdict, _utc(one.created)
            )
    return list(found.values())


def _connect(url: str) -> Engine:
    """An engine whose tables exist. SQLite waits for other writers and keeps a write-ahead log."""
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise InputError(
            "the database URL cannot be read; wanted something like "
            "sqlite:////data/review.sqlite or postgresql://user@host/database"
        ) from error
    if parsed.drivername in ("postgresql", "postgres"):
        parsed = parsed.set(drivername="postgresql+psycopg")
    shown = parsed.render_as_string(hide_password=True)
    try:
        engine = create_engine(parsed)
    except ModuleNotFoundError as error:
        raise InputError(
            f"{shown} needs the package '{error.name}'. For PostgreSQL: "
            "pip install 'clinmm[postgresql]'"
        ) from error
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _set_up_sqlite)
    try:
        _make_tables(engine)
    except DBAPIError as error:
        engine.dispose()
        raise InputError(
            f"cannot open the review database {shown}: {str(error.orig).splitlines()[0]}. "
            "Is the server running, and may this user write there?"
        ) from error
    return engine


def _make_tables(engine: Engine) -> None:
    """Makes what is absent. Another process may be doing the same at the same moment."""
    for pause in (0.05, 0.1, 0.2, 0.4):
        try:
            return _Rows.metadata.create_all(engine)
        except DBAPIError:  # each attempt can meet one more table that has just been made
            time.sleep(pause)
    return _Rows.metadata.create_all(engine)


def _set_up_sqlite(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA busy_timeout = 10000")
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = NORMAL")
    cursor.close()
