"""Brings a review database to the tables of this version, step by step, with Alembic.

`versions/0001`: what clinmm 0.1 to 0.6 kept, one table of opinions and verdicts.
`versions/0002`: reading studies; former readings are carried over into the study `open`.
"""

import threading
from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text

from clinmm.errors import InputError

STEPS = ("0001", "0002")
"""Versions of the tables, the oldest first; the last one is what `clinmm.review.tables` says."""

_ONE_AT_A_TIME = threading.Lock()  # Alembic keeps the migration that is going on in a global
_OURS = 7_271_904  # any number: names our advisory lock in PostgreSQL


def bring_up_to_date(engine: Engine) -> None:
    """Makes the tables or changes older ones, all in one transaction, while other processes wait.

    Raises:
        InputError: a later version of clinmm has changed the tables.
    """
    with engine.connect() as connection:
        if _version(connection) == STEPS[-1]:  # asked plainly: Alembic takes a while to import
            return
    with _ONE_AT_A_TIME, engine.connect() as connection:
        _wait_for_others(connection)
        version = _version(connection)
        if version != STEPS[-1]:
            _migrate(connection, version)
        connection.commit()


def _version(connection: Connection) -> str | None:
    """The version of the tables; None of an empty database."""
    tables = inspect(connection)
    if not tables.has_table("alembic_version"):
        # versions before Alembic made the first table themselves
        return STEPS[0] if tables.has_table("reading_events") else None
    version = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    if version is not None and version not in STEPS:
        raise InputError(
            f"the review database has tables of version {version}, which a later clinmm made; this "
            f"one knows up to {STEPS[-1]}. Update clinmm, or name another database with --database."
        )
    return version


def _wait_for_others(connection: Connection) -> None:
    """Begins a transaction that one process can be in at a time."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    elif connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:ours)"), {"ours": _OURS})


def _migrate(connection: Connection, version: str | None) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    # a percent sign in the path would be read as the start of a variable
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    if version is not None:
        command.stamp(config, version)
    command.upgrade(config, STEPS[-1])
