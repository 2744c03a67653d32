"""GDCM in a process of its own, which a damaged frame may end without ending this one."""

import contextlib
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import NamedTuple, Self

LONGEST_DECODE = 60.0
"""Seconds that GDCM may take for a frame."""

_WORKER = str(Path(__file__).with_name("gdcm_worker.py"))


class PixelFormat(NamedTuple):
    """What the header says of a frame. signed: 1 or 0."""

    width: int
    height: int
    samples: int
    allocated: int
    stored: int
    signed: int

    @property
    def n_bytes(self) -> int:
        return self.width * self.height * self.samples * self.allocated // 8


class GdcmProcess:
    """Decodes frame after frame; for use in a `with`, as the process stays up until its end.

    It is started with the first frame (0.1 s), and again after a frame that brought it down.
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def decode(self, frame: bytes, syntax: str, pixel_format: PixelFormat) -> bytes:
        """The pixels of a JPEG frame, `pixel_format.n_bytes` of them, little endian.

        Raises:
            TimeoutError: it took more than LONGEST_DECODE.
            ValueError: the frame is damaged.
        """
        process = self._started()
        ask, answers = process.stdin, process.stdout
        assert ask is not None
        assert answers is not None
        line = " ".join(map(str, (syntax, *pixel_format, len(frame))))
        limit = threading.Timer(LONGEST_DECODE, process.kill)
        began, pixels = time.monotonic(), b""
        limit.start()
        try:
            with contextlib.suppress(OSError):  # the process may end while it is asked
                ask.write(line.encode("ascii") + b"\n" + frame)
                ask.flush()
            if answers.read(1) == b"\1":
                pixels = answers.read(pixel_format.n_bytes)
        finally:
            limit.cancel()
            whole = len(pixels) == pixel_format.n_bytes
            if not whole:  # what is left of this answer must not be taken for the next
                self._stop()
        if whole:
            return pixels
        if time.monotonic() - began >= LONGEST_DECODE:
            raise TimeoutError(f"a frame took more than {LONGEST_DECODE:g} s")
        raise ValueError("GDCM cannot decode the frame")

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-P", _WORKER],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        return self._process

    def _stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            with contextlib.suppress(OSError), self._process:  # closes its pipes and waits
                pass
            self._process = None
