"""Databases for the reading room: a file, and a PostgreSQL server where it is installed."""

import os
import shutil
import socket
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from clinmm.review.room import ReadingRoom


@pytest.fixture
def url(tmp_path: Path) -> str:
    """URL of a file that is not there yet."""
    return f"sqlite:///{tmp_path}/review.sqlite"


@pytest.fixture
def room(url: str) -> Iterator[ReadingRoom]:
    """An empty room in a file."""
    opened = ReadingRoom(url, "run-1")
    yield opened
    opened.close()


def _program(name: str) -> str | None:
    places = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), reverse=True)
    return str(places[0]) if places else shutil.which(name)


def _free_port() -> int:
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        return int(trial.getsockname()[1])


@pytest.fixture
def postgresql(_server: str) -> Iterator[str]:
    """URL of an empty database."""
    import psycopg

    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(f"{_server}/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    yield f"{_server}/{name}"
    with psycopg.connect(f"{_server}/postgres", autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def _server() -> Iterator[str]:
    """URL of a PostgreSQL server that lives for the session."""
    pytest.importorskip("psycopg", reason="psycopg is not installed")
    initdb, control = _program("initdb"), _program("pg_ctl")
    if initdb is None or control is None:
        pytest.skip("PostgreSQL's initdb and pg_ctl are not installed (package postgresql)")
    as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    folder, port = tempfile.mkdtemp(prefix="clinmm-pg-"), _free_port()
    if as_user:
        shutil.chown(folder, "postgres", "postgres")
    data = f"{folder}/data"
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder}"
    make = [initdb, "-D", data, "-A", "trust", "-U", "clinmm", "--no-sync"]
    start = [control, "-D", data, "-w", "-l", f"{folder}/log", "-o", options, "start"]
    for command in (make, start):
        subprocess.run([*as_user, *command], check=True, capture_output=True, cwd=folder)
    try:
        yield f"postgresql://clinmm@127.0.0.1:{port}"
    finally:
        stop = [control, "-D", data, "-m", "immediate", "stop"]
        subprocess.run([*as_user, *stop], check=True, capture_output=True, cwd=folder)
        shutil.rmtree(folder, ignore_errors=True)
