"""`clinmm review`: it checks before it serves, and serves this machine only."""

import json
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from clinmm.errors import ClinmmError, InputError
from pipelines import review


@pytest.fixture
def run_folder(tmp_path: Path) -> Path:
    facts = {"created": "2026-01-01", "seed": 1, "cohort": {}, "stages": {}}
    (tmp_path / "run.json").write_text(json.dumps(facts))
    return tmp_path


class _Server:
    """Stands in for the started process; remembers what it was started with."""

    code = 0

    def __init__(self, command: list[str], env: dict[str, str]) -> None:
        type(self).started = (command, env)

    def wait(self, timeout: float | None = None) -> int:
        return self.code


def test_it_serves_this_machine_only_without_questions_or_statistics(
    run_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(subprocess, "Popen", _Server)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    review.main(run_folder, None, port)
    command, environment = _Server.started
    assert {
        "--server.address=127.0.0.1",
        f"--server.port={port}",
        "--server.headless=true",
        "--browser.gatherUsageStats=false",
    } <= set(command)
    assert Path(command[command.index("run") + 1]).name == "app.py"
    assert environment["CLINMM_RUN"] == str(run_folder)
    assert environment["CLINMM_DATABASE"].endswith("review.sqlite")
    said = capsys.readouterr().out
    assert f"http://127.0.0.1:{port}" in said
    assert "not for use in patient care" in said


def test_a_server_that_fails_is_reported(run_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "Popen", _Server)
    monkeypatch.setattr(_Server, "code", 3)
    with pytest.raises(ClinmmError, match="exit code 3"):
        review.main(run_folder)


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not a run folder"):
        review.main(tmp_path)


def test_a_database_that_does_not_answer_is_refused_before_serving(run_folder: Path) -> None:
    with pytest.raises(InputError, match="cannot open the review database"):
        review.main(run_folder, f"sqlite:///{run_folder}/absent/review.sqlite")


def test_a_taken_port_is_named(run_folder: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(InputError, match=f"port {port} is taken"):
            review.main(run_folder, port=port)


def test_the_server_ends_with_the_command(run_folder: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    code = f"from pipelines import review; review.main({str(run_folder)!r}, None, {port})"
    command = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )

    def answers() -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=1):
                return True
        except OSError:
            return False

    for _ in range(100):
        if answers() or command.poll() is not None:
            break
        time.sleep(0.2)
    assert answers()
    command.terminate()
    said, _ = command.communicate(timeout=20)
    assert command.returncode == 0, said
    assert not answers()
