"""A real server: what it writes to its log, and whom it answers.

Nothing that a person typed, no password, no case id and no word of a note may stand there.
"""

import base64
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from clinmm.errors import InputError
from clinmm.review.answers import Answer
from clinmm.review.database import default_url
from clinmm.review.desk import Desk
from clinmm.review.people import Gate, People, TooManyAttempts
from clinmm.review.room import ReadingRoom, run_id
from clinmm.runs import Run
from pipelines import review

sys.path.insert(0, str(Path(__file__).parent.parent / "dashboards"))
from made_run import HOSTILE, made_run

PASSWORD = "nine green bottles"
QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
WORDS = ("hacked", "haemoptysis", "appendectomy", "case_0", HOSTILE, PASSWORD, "Dr. Ada")


class Server:
    """A started reading room."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, log: Path) -> None:
        self.process, self.port, self.log = process, port, log

    def answers(self) -> bool:
        try:
            self.get("/_stcore/health")
        except OSError:
            return False
        return True

    def end(self) -> int:
        """Ends the command as the system would; its exit code."""
        self.process.terminate()
        return self.process.wait(timeout=300)

    def get(self, path: str) -> tuple[str, str]:
        """Headers and body of a page."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=120) as page:
            return str(page.headers), page.read().decode()

    def shakes_hands(self, **headers: str) -> bool:
        """Whether a web socket is opened for a page of this origin, under this name."""
        key = base64.b64encode(os.urandom(16)).decode()
        said = {
            "Host": f"127.0.0.1:{self.port}",
            **{"Upgrade": "websocket", "Connection": "Upgrade"},
            **{"Sec-WebSocket-Key": key, "Sec-WebSocket-Version": "13"},
            **headers,
        }
        lines = [f"{name}: {value}" for name, value in said.items()]
        request = "\r\n".join(["GET /_stcore/stream HTTP/1.1", *lines, "", ""])
        with socket.create_connection(("127.0.0.1", self.port), timeout=120) as connection:
            connection.sendall(request.encode())
            return connection.recv(64).startswith(b"HTTP/1.1 101")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return made_run(tmp_path_factory.mktemp("safety") / "run")


@pytest.fixture(scope="module")
def server(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """With sign-in, for Dr. Ada."""
    folder = tmp_path_factory.mktemp("config")
    People(folder / "people.json", QUICK).add("Dr. Ada", PASSWORD)
    code = (
        "import sys; from pathlib import Path; from pipelines import review\n"
        "review.main(Path(sys.argv[1]), None, int(sys.argv[2]), sign_in=True, "
        "people=Path(sys.argv[3]))"
    )
    with socket.socket() as held, (folder / "log").open("w") as log:
        # nobody else is given the port before the server has it
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
        arguments = [str(run.folder), str(port), str(folder / "people.json")]
        process = subprocess.Popen(
            [sys.executable, "-c", code, *arguments], stdout=log, stderr=subprocess.STDOUT
        )
        started = Server(process, port, folder / "log")
        try:
            until = time.monotonic() + 300
            while not started.answers() and time.monotonic() < until:
                assert process.poll() is None, started.log.read_text()
                time.sleep(0.1)
            yield started
        finally:
            started.end()


def test_other_web_pages_do_not_reach_the_room(server: Server) -> None:
    own = f"http://127.0.0.1:{server.port}"
    assert server.shakes_hands(Origin=own)
    assert server.shakes_hands(Origin=own, Host=f"localhost:{server.port}")
    evil = f"evil.example:{server.port}"
    assert not server.shakes_hands(Origin=f"http://{evil}", Host=evil)


def test_the_page_before_sign_in_holds_nothing_of_the_run(server: Server, run: Run) -> None:
    _, page = server.get(f"/?case={HOSTILE}")
    assert [word for word in (*WORDS[:-1], run.folder.name + "/") if word in page] == []


def test_the_log_holds_no_word_of_notes_no_case_and_nobody(server: Server) -> None:
    for path in ("/", "/cases?case=3", f"/?case={HOSTILE}", f"/?note={PASSWORD.replace(' ', '+')}"):
        server.get(path)
    server.shakes_hands(Origin=f"http://127.0.0.1:{server.port}")
    time.sleep(0.5)
    said = server.log.read_text()
    assert "Reading room of run" in said
    assert [word for word in WORDS if word in said] == []


def test_the_pages_in_a_server_write_no_note_to_the_log(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    from streamlit.testing.v1 import AppTest

    monkeypatch.setenv("CLINMM_RUN", str(run.folder))
    monkeypatch.setenv("CLINMM_DATABASE", f"sqlite:///{tmp_path / 'review.sqlite'}")
    monkeypatch.delenv("CLINMM_PEOPLE", raising=False)
    page = AppTest.from_file(str(review.APP), default_timeout=120)
    page.query_params["case"] = "3"
    page.run()
    said = "".join(capfd.readouterr())
    assert [word for word in WORDS if word in said] == []


def test_refusals_name_neither_notes_nor_passwords(run: Run, tmp_path: Path) -> None:
    room = ReadingRoom(default_url(run.folder), run_id(run.facts))
    desk: Desk = room.desk("Dr. Ada")
    said = Answer(ratings={"effusion": 5}, confidence=3, comment="coughs; appendectomy in 1998")
    desk.lock(HOSTILE, 1, said, 0)
    refusals = []
    for version in (0, 99):
        with pytest.raises(InputError) as caught:
            desk.lock(HOSTILE, 1, said.model_copy(update={"reasons": ("overlooked",)}), version)
        refusals.append(str(caught.value))
    gate = Gate(People(tmp_path / "people.json", QUICK))
    for _ in range(5):
        gate.try_in("Dr. Ada", PASSWORD)
    with pytest.raises(TooManyAttempts) as waiting:
        gate.try_in("Dr. Ada", PASSWORD)
    refusals.append(str(waiting.value))
    words = ("appendectomy", "coughs", PASSWORD, "Dr. Ada")
    assert [word for word in words for text in refusals if word in text] == []
    room.close()


def test_a_password_stands_in_no_file(run: Run, server: Server) -> None:
    places = [*run.folder.rglob("*"), *server.log.parent.rglob("*")]
    holding = [p for p in places if p.is_file() and PASSWORD.encode() in p.read_bytes()]
    assert holding == []


def test_the_server_ends_with_the_command(server: Server) -> None:
    """The last one here: nothing answers after it."""
    assert server.answers()
    assert server.end() == 0, server.log.read_text()
    assert not server.answers()
