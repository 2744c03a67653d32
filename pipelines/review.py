"""Open the reading room of a run in the browser.

Reads   every table of the run          Writes   review.sqlite, or the database given
"""

import errno
import ipaddress
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

from rich.console import Console

from clinmm.errors import ClinmmError, InputError
from clinmm.review.database import default_url
from clinmm.review.people import PEOPLE_VARIABLE, People
from clinmm.review.room import ReadingRoom, run_id
from clinmm.runs import Run

APP = Path(__file__).parent.parent / "dashboards" / "app.py"
FIRST_PORT = 8501
HERE = "127.0.0.1"


def main(
    folder: Path,
    database: str | None = None,
    port: int | None = None,
    host: str = HERE,
    sign_in: bool = False,
    people: Path | None = None,
    language: str | None = None,
) -> None:
    """Serves the dashboard until it is stopped with Ctrl-C or a TERM signal.

    Args:
        folder: a run folder.
        database: URL of a database; `review.sqlite` in the run folder without one.
        port: where to listen; the first free one from 8501 without one.
        host: the address to listen at; other than this machine's own needs `sign_in`.
        sign_in: let in those alone who give their password.
        people: who they are; `People.default_path()` without a file.
        language: of the pages, such as `de`; needs `dashboards/locale/de.po`.

    Raises:
        InputError: no run at `folder`, the database does not answer, the port is taken, other
            machines would get in without a password, or nobody may sign in; all that is known
            before a server is started.
    """
    run = Run.open(Path(folder).resolve())
    if problems := _who_gets_in(host, sign_in, people) + _unknown_language(language):
        raise InputError(problems)
    url = database or default_url(run.folder)
    ReadingRoom(url, run_id(run.facts)).close()
    port = _port(port, host)
    Console().print(_welcome(run, host, port, sign_in), highlight=False, soft_wrap=True)
    environment = {
        **os.environ,
        "CLINMM_RUN": str(run.folder),
        "CLINMM_DATABASE": url,
        PEOPLE_VARIABLE: str(_people(people).path) if sign_in else "",
    }
    if language:
        environment["CLINMM_LANGUAGE"] = language
    server = subprocess.Popen(command(port, host), env=environment)
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        code = server.wait()
    except KeyboardInterrupt:
        server.terminate()
        try:
            server.wait(timeout=10)
        except subprocess.TimeoutExpired:  # it has nothing to save: answers are kept one by one
            server.kill()
            server.wait()
        return
    finally:
        signal.signal(signal.SIGTERM, before)
    if code != 0:
        raise ClinmmError(f"the dashboard's server ended with exit code {code}; see above")


def command(port: int, host: str = HERE) -> list[str]:
    """How streamlit is started: headless (no question about an e-mail), without statistics, with
    its guards against other web pages on. An error on a page shows where, and no content."""
    settings = [
        ("server.address", host),
        ("server.port", port),
        ("server.headless", "true"),
        ("server.fileWatcherType", "none"),
        ("server.enableCORS", "true"),
        ("server.enableXsrfProtection", "true"),
        ("client.showErrorDetails", "stacktrace"),
        ("browser.gatherUsageStats", "false"),
    ]
    if is_loopback(host):
        # a web page whose name an attacker points at this machine is turned away
        settings += [("server.allowedHosts", name) for name in _names_of_this_machine(host)]
    flags = [f"--{name}={value}" for name, value in settings]
    return [sys.executable, "-m", "dashboards.server", "run", str(APP), *flags]


def is_loopback(host: str) -> bool:
    """Whether only programs on this machine reach the address.

    >>> is_loopback("127.0.0.1"), is_loopback("localhost"), is_loopback("0.0.0.0")
    (True, True, False)
    """
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _names_of_this_machine(host: str) -> list[str]:
    return list(dict.fromkeys((host, HERE, "localhost")))


def _people(file: Path | None) -> People:
    return People(file or People.default_path())


def _who_gets_in(host: str, sign_in: bool, file: Path | None) -> list[str]:
    """Why the server must not be started for these people, at this address."""
    if not sign_in:
        problems = []
        if file is not None:
            problems.append("--people names who may sign in. It goes with --sign-in.")
        if not is_loopback(host):
            problems.append(
                f"--host {host} lets other machines in, and without --sign-in nobody is asked who "
                "they are. Add yourself with: clinmm reading people add NAME, then give --sign-in; "
                "or leave --host out."
            )
        return problems
    try:
        people = _people(file)
        if people.names():
            return []
    except InputError as error:
        return error.problems
    option = f" --people {people.path}" if file else ""
    return [
        f"{people.path} names nobody who may sign in. "
        f"Add somebody with: clinmm reading people add NAME{option}"
    ]


def _unknown_language(language: str | None) -> list[str]:
    known = sorted({"en", *(file.stem for file in (APP.parent / "locale").glob("*.po"))})
    if language is None or language in known:
        return []
    return [
        f"the reading room does not speak '{language}'; it speaks {', '.join(known)}. Add "
        "it as dashboards/locale/XX.po, made from clinmm.pot beside it."
    ]


def _welcome(run: Run, host: str, port: int, sign_in: bool) -> str:
    shown = f"[{host}]" if ":" in host else host
    lines = [
        f"Reading room of [bold]{run.folder.name}[/bold]: http://{shown}:{port}   (Ctrl-C stops it)"
    ]
    if not sign_in:
        lines.append(
            "No sign-in: this machine alone can reach it, and whoever uses it reads under the name "
            "they type. For a team: --sign-in."
        )
    elif not is_loopback(host):
        lines.append(
            "[yellow]Not encrypted:[/yellow] passwords and cases can be overheard on the way. Put "
            "a reverse proxy with TLS in front; where it runs on this machine, leave --host out."
        )
    return "\n".join([*lines, "For research and review use only; not for use in patient care."])


def _port(wanted: int | None, host: str) -> int:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for port in [wanted] if wanted else range(FIRST_PORT, FIRST_PORT + 50):
        with socket.socket(family) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                trial.bind((host, port))
            except socket.gaierror:
                raise _no_such_address(host) from None
            except OSError as error:
                if error.errno == errno.EADDRNOTAVAIL:
                    raise _no_such_address(host) from None
                continue
            return port
    where = f"port {wanted} is" if wanted else "ports 8501 to 8550 are"
    raise InputError(f"{where} taken or not allowed. Choose another with --port N.")


def _no_such_address(host: str) -> InputError:
    return InputError(
        f"--host {host}: this machine has no such address. 0.0.0.0 listens at all that it has."
    )
