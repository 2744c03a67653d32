"""Open the reading room of a run in the browser.

Reads   every table of the run          Writes   review.sqlite, or the database given
"""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

from rich.console import Console

from clinmm.errors import ClinmmError, InputError
from clinmm.review.store import ReviewStore, default_url, run_id
from clinmm.runs import Run

APP = Path(__file__).parent.parent / "dashboards" / "app.py"
FIRST_PORT = 8501


def main(folder: Path, database: str | None = None, port: int | None = None) -> None:
    """Serves the dashboard on this machine only, until it is stopped with Ctrl-C or a TERM signal.

    Args:
        folder: a run folder.
        database: URL of a database; `review.sqlite` in the run folder without one.
        port: where to listen; the first free one from 8501 without one.

    Raises:
        InputError: no run at `folder`, the database does not answer, or the port is taken.
    """
    run = Run.open(Path(folder).resolve())
    url = database or default_url(run.folder)
    ReviewStore(url, run_id(run.facts)).close()
    port = _port(port)
    Console().print(
        f"Reading room of [bold]{run.folder.name}[/bold]: "
        f"http://127.0.0.1:{port}   (Ctrl-C stops it)\n"
        "For research and review use only; not for use in patient care."
    )
    environment = {**os.environ, "CLINMM_RUN": str(run.folder), "CLINMM_DATABASE": url}
    server = subprocess.Popen(command(port), env=environment)
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        code = server.wait()
    except KeyboardInterrupt:
        server.terminate()
        server.wait(timeout=10)
        return
    finally:
        signal.signal(signal.SIGTERM, before)
    if code != 0:
        raise ClinmmError(f"the dashboard's server ended with exit code {code}; see above")


def command(port: int) -> list[str]:
    """How streamlit is started: headless (no question about an e-mail), local, no statistics."""
    settings = {
        "server.address": "127.0.0.1",
        "server.port": port,
        "server.headless": "true",
        "server.fileWatcherType": "none",
        "browser.gatherUsageStats": "false",
    }
    flags = [f"--{name}={value}" for name, value in settings.items()]
    return [sys.executable, "-m", "streamlit", "run", str(APP), *flags]


def _port(wanted: int | None) -> int:
    for port in [wanted] if wanted else range(FIRST_PORT, FIRST_PORT + 50):
        with socket.socket() as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                trial.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    where = f"port {wanted} is" if wanted else "ports 8501 to 8550 are"
    raise InputError(f"{where} taken or not allowed. Choose another with --port N.")
