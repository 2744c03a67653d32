"""`clinmm review`: it checks before it serves, and lets nobody else in without a password."""

import json
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher

from clinmm.errors import ClinmmError, InputError
from clinmm.review.people import People
from pipelines import review


@pytest.fixture
def run_folder(tmp_path: Path) -> Path:
    facts = {"created": "2026-01-01", "seed": 1, "cohort": {}, "stages": {}}
    (tmp_path / "run.json").write_text(json.dumps(facts))
    return tmp_path


class _Server:
    """Stands in for the started process; remembers what it was started with."""

    code = 0
    started: tuple[list[str], dict[str, str]]

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
        "--server.enableCORS=true",
        "--server.enableXsrfProtection=true",
        "--server.allowedHosts=127.0.0.1",
    } <= set(command)
    assert Path(command[command.index("run") + 1]).name == "app.py"
    assert environment["CLINMM_RUN"] == str(run_folder)
    assert environment["CLINMM_DATABASE"].endswith("review.sqlite")
    assert environment["CLINMM_PEOPLE"] == ""
    said = capsys.readouterr().out
    assert "No sign-in: this machine alone can reach it" in said
    assert f"http://127.0.0.1:{port}" in said
    assert "not for use in patient care" in said


@pytest.fixture
def people(tmp_path_factory: pytest.TempPathFactory) -> People:
    kept = People(tmp_path_factory.mktemp("config") / "people.json", PasswordHasher(1, 8, 1))
    kept.add("Ada", "nine green bottles")
    return kept


def test_with_sign_in_the_dashboard_is_told_who_may_and_other_machines_get_in(
    run_folder: Path,
    people: People,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(subprocess, "Popen", _Server)
    review.main(run_folder, host="0.0.0.0", sign_in=True, people=people.path)
    command, environment = _Server.started
    assert "--server.address=0.0.0.0" in command
    assert not [flag for flag in command if "allowedHosts" in flag]
    assert environment["CLINMM_PEOPLE"] == str(people.path)
    assert "Not encrypted" in capsys.readouterr().out
    monkeypatch.setenv("CLINMM_PEOPLE", str(people.path))
    review.main(run_folder, sign_in=True)
    assert _Server.started[1]["CLINMM_PEOPLE"] == str(people.path)
    assert "encrypted" not in capsys.readouterr().out
    review.main(run_folder)
    assert _Server.started[1]["CLINMM_PEOPLE"] == ""


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.7", "::", "clinic.example", ""])
def test_other_machines_do_not_get_in_without_a_password(run_folder: Path, host: str) -> None:
    with pytest.raises(InputError, match="without --sign-in nobody is asked"):
        review.main(run_folder, host=host)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "localhost", "::1"])
def test_every_name_of_this_machine_is_its_own(host: str) -> None:
    assert review.is_loopback(host)
    assert f"--server.allowedHosts={host}" in review.command(8501, host)


def test_signing_in_needs_somebody_who_may(run_folder: Path, tmp_path_factory: Any) -> None:
    empty = tmp_path_factory.mktemp("config") / "people.json"
    with pytest.raises(InputError, match=r"names nobody .*clinmm reading people add NAME --people"):
        review.main(run_folder, sign_in=True, people=empty)
    with pytest.raises(InputError, match="lies in the run folder"):
        review.main(run_folder, sign_in=True, people=run_folder / "people.json")


def test_everything_that_is_wrong_is_told_at_once(run_folder: Path, people: People) -> None:
    with pytest.raises(InputError) as caught:
        review.main(run_folder, host="0.0.0.0", people=people.path, language="../xx")
    told = "\n".join(caught.value.problems)
    assert "goes with --sign-in" in told
    assert "lets other machines in" in told
    assert "does not speak '../xx'; it speaks" in told


def test_an_address_that_is_not_this_machines_is_named(run_folder: Path, people: People) -> None:
    for host in ("192.0.2.1", "no.such.host.invalid"):
        with pytest.raises(InputError, match="no such address"):
            review.main(run_folder, host=host, sign_in=True, people=people.path)


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
