"""A PostgreSQL server of the test's own, where its programs are installed."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


def _program(name: str) -> str | None:
    places = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), reverse=True)
    return str(places[0]) if places else shutil.which(name)


def _free_port() -> int:
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        return int(trial.getsockname()[1])


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """URL of an empty database on a server that lives for the session."""
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
        yield f"postgresql://clinmm@127.0.0.1:{port}/postgres"
    finally:
        stop = [control, "-D", data, "-m", "immediate", "stop"]
        subprocess.run([*as_user, *stop], check=True, capture_output=True, cwd=folder)
        shutil.rmtree(folder, ignore_errors=True)
