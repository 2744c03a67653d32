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


@pytest.fixture(scope="session")
def made_tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with the tables and nothing in them, to copy: making them takes a while."""
    file = tmp_path_factory.mktemp("tables") / "review.sqlite"
    ReadingRoom(f"sqlite:///{file}", "nobody's").close()
    return file


@pytest.fixture
def room(url: str, made_tables: Path) -> Iterator[ReadingRoom]:
    """An empty room in a file."""
    shutil.copyfile(made_tables, url.removeprefix("sqlite:///"))
    opened = ReadingRoom(url, "run-1")
    yield opened
    opened.close()


def _program(name: str) -> str | None:
    places = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), reverse=True)
    return str(places[0]) if places else shutil.which(name)


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
    folder = tempfile.mkdtemp(prefix="clinmm-pg-")
    if as_user:
        shutil.chown(folder, "postgres", "postgres")
    data = f"{folder}/data"
    make = [initdb, "-D", data, "-A", "trust", "-U", "clinmm", "--no-sync"]
    subprocess.run([*as_user, *make], check=True, capture_output=True, cwd=folder)
    with socket.socket() as held:  # nobody else is given the port before the server has it
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder}"
        start = [control, "-D", data, "-w", "-t", "300", "-l", f"{folder}/log", "-o", options]
        subprocess.run([*as_user, *start, "start"], check=True, capture_output=True, cwd=folder)
    try:
        yield f"postgresql://clinmm@127.0.0.1:{port}"
    finally:
        stop = [control, "-D", data, "-m", "immediate", "stop"]
        subprocess.run([*as_user, *stop], check=True, capture_output=True, cwd=folder)
        shutil.rmtree(folder, ignore_errors=True)
