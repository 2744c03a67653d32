"""The database of the reading room: a file of the run, or any that SQLAlchemy has a driver for."""

import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic_core import from_json
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from clinmm.errors import InputError
from clinmm.review.migrations import bring_up_to_date

WANTED = "wanted something like sqlite:////data/review.sqlite or postgresql://user@host/database"

PATIENCE = 30.0
"""Seconds that SQLite waits while another process writes."""


def default_url(folder: Path) -> str:
    """The URL of `review.sqlite` in a run folder."""
    return f"sqlite:///{(Path(folder) / 'review.sqlite').resolve()}"


def connect(url: str) -> Engine:
    """An engine whose tables are those of this version. SQLite keeps a write-ahead log.

    Raises:
        InputError: the URL cannot be read or names no place that keeps anything, its driver is not
            installed, nothing answers there, or a later version of clinmm has changed the tables.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise InputError(f"the database URL cannot be read; {WANTED}") from error
    if parsed.drivername in ("postgresql", "postgres"):
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.get_backend_name() == "sqlite" and parsed.database in (None, "", ":memory:"):
        raise InputError(f"{url} names no file, and would keep nothing; {WANTED}")
    shown = parsed.render_as_string(hide_password=True)
    try:
        # a server may have been started again since its connection was last used
        ping = parsed.get_backend_name() != "sqlite"
        engine = create_engine(parsed, pool_pre_ping=ping, json_deserializer=from_json)
    except NoSuchModuleError as error:
        raise InputError(f"{shown} is of no kind of database that is known; {WANTED}") from error
    except ModuleNotFoundError as error:
        raise InputError(
            f"{shown} needs the package '{error.name}'. For PostgreSQL: "
            "pip install 'clinmm[postgresql]'"
        ) from error
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _set_up_sqlite)
    try:
        bring_up_to_date(engine)
    except DBAPIError as error:
        engine.dispose()
        raise InputError(
            f"cannot open the review database {shown}: {str(error.orig).splitlines()[0]}. "
            "Is the server running, and may this user write there?"
        ) from error
    except InputError:
        engine.dispose()
        raise
    return engine


class OfStudy:
    """What is kept of one study.

    Args:
        engine: of the database.
        study: number of the study.
    """

    def __init__(self, engine: Engine, study: int) -> None:
        self._engine = engine
        self._study = study

    def _rows(self, asked: Any) -> Sequence[Any]:
        """Every row that a query finds."""
        with self._engine.connect() as connection:
            return connection.execute(asked).all()


def _set_up_sqlite(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {PATIENCE * 1000:.0f}")
    _keep_a_log(cursor)
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _keep_a_log(cursor: Any) -> None:
    """Turns on the write-ahead log. SQLite does not wait here, so this does."""
    until = time.monotonic() + PATIENCE
    while True:
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > until:
                raise
            time.sleep(0.02)
        else:
            return
