"""A page of Streamlit, served and opened in a real browser, and how to wait for what it draws."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
ROOT = Path(__file__).parents[2]
PATIENCE = 120
"""Seconds that anything may take before it counts as lost: far more than a quiet machine needs."""


@contextmanager
def served(page: Path, log: Path) -> Iterator[str]:
    """The address of the page while its server runs."""

    def command(port: int) -> list[str]:
        return [
            *(sys.executable, "-m", "streamlit", "run", str(page), f"--server.port={port}"),
            *("--server.address=127.0.0.1", "--server.headless=true"),
            *("--browser.gatherUsageStats=false", "--server.fileWatcherType=none"),
        ]

    with started(command, {"PYTHONPATH": str(ROOT)}, log) as port:
        yield f"http://127.0.0.1:{port}"


@contextmanager
def started(
    command: Callable[[int], list[str]], more: Mapping[str, str], log: Path
) -> Iterator[int]:
    """The port of a server while it runs.

    command: of a port. more: variables of its environment. log: what it says.
    """
    with socket.socket() as held:  # as long as it is held nobody else is given this port; servers
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # listen there all the same
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
        with log.open("w") as file:
            server = subprocess.Popen(
                command(port), env={**os.environ, **more}, stdout=file, stderr=file
            )
        try:
            _wait(port, server)
        except BaseException:
            server.kill()
            raise
    try:
        yield port
    finally:
        server.terminate()
        server.wait(PATIENCE)


def _wait(port: int, server: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        assert server.poll() is None, "the page's server ended"
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=10):
                return
        except OSError:
            time.sleep(0.25)
    raise AssertionError(f"the page's server did not answer in {PATIENCE} s")


@contextmanager
def browser() -> Iterator[Any]:
    """A headless Chromium whose pages share their cache; skips the test without one."""
    if CHROMIUM is None:
        pytest.skip("no chromium (package chromium)")
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    api.expect.set_options(timeout=1000 * PATIENCE)
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
    arguments += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
    with api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(
            executable_path=CHROMIUM, args=arguments, timeout=1000 * PATIENCE
        )
        context = opened.new_context(viewport={"width": 1366, "height": 900})
        context.set_default_timeout(1000 * PATIENCE)
        yield context
        opened.close()


def expect(found: Any) -> Any:
    """Playwright's assertions about what is found, which ask again until they hold."""
    from playwright.sync_api import expect as asked

    return asked(found)


def watched(page: Any) -> Any:
    """The page, not yet led anywhere, which from now on remembers what `drawn` and tests ask for.

    errors: of its scripts. asked: addresses. loading: requests without an answer yet. told: a
    length for each message to the server. unanswered: the last of them, or nothing once the script
    has run for it.
    """
    from streamlit.proto.BackMsg_pb2 import BackMsg
    from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

    page.errors, page.asked, page.loading, page.told, page.unanswered = [], [], set(), [], None

    def asks(request: Any) -> None:
        page.asked.append(request.url)
        page.loading.add(request)

    def tells(frame: bytes | str) -> None:
        page.told.append(len(frame))
        if isinstance(frame, bytes) and BackMsg.FromString(frame).HasField("rerun_script"):
            page.unanswered = frame

    def hears(frame: bytes | str) -> None:
        message = ForwardMsg.FromString(frame) if isinstance(frame, bytes) else ForwardMsg()
        again = message.script_finished == ForwardMsg.FINISHED_EARLY_FOR_RERUN
        if message.HasField("script_finished") and not again:
            page.unanswered = None

    def opens(line: Any) -> None:
        line.on("framesent", tells)
        line.on("framereceived", hears)

    page.on("pageerror", lambda error: page.errors.append(str(error)))
    page.on("request", asks)
    for end in ("requestfinished", "requestfailed"):
        page.on(end, lambda request: page.loading.discard(request))
    page.on("websocket", opens)
    return page


def drawn(page: Any) -> None:
    """Waits until the server has answered what was done on a watched page, and all of it is drawn.

    The state that Streamlit shows is not enough: it still says that no script runs when a click is
    on its way to the server.
    """
    until = time.monotonic() + PATIENCE
    _idle(page)
    while page.unanswered is not None:
        assert time.monotonic() < until, f"the server did not answer in {PATIENCE} s"
        page.wait_for_timeout(20)
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
    page.wait_for_function(
        "[...document.querySelectorAll('[data-testid=stPlotlyChart]')].every("
        "one => !one.checkVisibility() || one.querySelector('.main-svg'))"
        " && !document.querySelector('[data-testid=stSkeleton]')"
    )
    _idle(page)


def _idle(page: Any) -> None:
    """Waits until the browser has nothing to do on the page, or has been at it for two seconds:
    what was done has had its effect."""
    page.evaluate("new Promise(done => requestIdleCallback(() => done(), {timeout: 2000}))")
