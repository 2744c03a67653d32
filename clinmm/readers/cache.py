"""Prepared pixels on disk, so that a file is decoded once per content, reader and settings.

An entry is one small file, named by what it was made from: the bytes of the image (or of every
file of a series), `READER_VERSION`, and the settings. A changed file or setting has another name,
so nothing stale can be served. Entries are written under a temporary name and then renamed, and
carry their length and a checksum: one that was cut short is made again. Any number of processes
may use the folder together; it may be deleted at any time, and a full disk only costs time.
"""

import hashlib
import os
import tempfile
import time
import zlib
from collections.abc import Callable, Sequence
from math import prod
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from clinmm.cohort.files import sha256_of
from clinmm.encoders.parts.feature_cache import cache_folder
from clinmm.readers import READER_VERSION

Pixels = NDArray[np.float32]

MOST_GB = 20.0
"""Largest size of the folder where $CLINMM_CACHE_GB does not say."""
IN_MEMORY = 2 * 2**30
"""Larger arrays are laid out in a file that is mapped to memory, in bytes."""
ABANDONED_S = 3600.0
"""Temporary files older than this were left by a process that was killed."""
SETTLED_NS = 2 * 10**9
"""A file changed less than this ago could change again without its times showing it."""

_MAGIC = b"clinmm1\0"
_HEADER = len(_MAGIC) + 8
"""Then length and CRC-32 of the payload, 4 bytes each, then the payload: little-endian floats."""

_known: dict[tuple[str, int, int, int, int], str | None] = {}


def folder() -> Path:
    return cache_folder() / "pixels"


def key_of(path: Path, settings: str) -> str:
    """The name of what a file becomes under these settings."""
    return hashlib.sha256(f"{READER_VERSION}\n{settings}\n{content_of(path)}".encode()).hexdigest()


def content_of(path: Path) -> str | None:
    """SHA-256 of a file or folder; remembered by the process while a file's times stay the same.

    A change always moves the time of change (ctime), which no program can set back.
    """
    if not path.is_file():
        return sha256_of(path)
    stat = path.stat()
    seen = (str(path), stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)
    if seen not in _known:
        digest = sha256_of(path)
        if time.time_ns() - stat.st_ctime_ns < SETTLED_NS:
            return digest
        _known[seen] = digest
    return _known[seen]


def get(key: str, shape: Sequence[int]) -> Pixels | None:
    """The stored pixels, mapped to memory; None where there are none or they are damaged."""
    try:
        raw = np.memmap(_file(key), dtype=np.uint8, mode="r")
    except (OSError, ValueError):  # absent, or empty
        return None
    n_bytes = 4 * prod(shape)
    if len(raw) != _HEADER + n_bytes or raw[: len(_MAGIC)].tobytes() != _MAGIC:
        return None
    length, checksum = raw[len(_MAGIC) : _HEADER].view("<u4").tolist()
    payload = raw[_HEADER:]
    if length != n_bytes % 2**32 or checksum != zlib.crc32(payload.data):
        return None
    return payload.view("<f4").reshape(tuple(shape))


def put(key: str, pixels: Pixels) -> bool:
    """Keeps the pixels; whether it could. A full or read-only disk is no error."""
    payload = np.ascontiguousarray(pixels, dtype="<f4").tobytes()
    header = np.array([len(payload) % 2**32, zlib.crc32(payload)], dtype="<u4").tobytes()
    file = _file(key)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=file.parent, prefix=".")
        try:
            with os.fdopen(handle, "wb") as opened:
                opened.write(_MAGIC + header + payload)
            os.replace(temporary, file)
        finally:
            Path(temporary).unlink(missing_ok=True)
    except OSError:
        return False
    return True


def _file(key: str) -> Path:
    return folder() / key[:2] / key


def pixels(
    path: Path, shape: Sequence[int], settings: str, make: Callable[[Path], Pixels]
) -> tuple[Pixels, bool]:
    """What make(path) gives, from disk where the same bytes were read under the same settings.

    Args:
        path: of an image file or of the folder of a series.
        shape: of the result.
        settings: names everything else that the result depends on.
        make: reads the file.

    Returns:
        The pixels, and whether they had to be made.
    """
    if not path.exists():  # nothing to know it by
        return make(path), True
    key = key_of(path, settings)
    found = get(key, shape)
    if found is not None:
        return found, False
    made = make(path)
    put(key, made)
    return made, True


def trim(most_bytes: int | None = None) -> int:
    """Deletes the oldest entries until the folder holds no more than it may, and what killed
    processes left; how many files went. Entries that another process reads stay readable to it.

    most_bytes: by default $CLINMM_CACHE_GB or MOST_GB.
    """
    if most_bytes is None:
        try:
            most_bytes = int(float(os.environ.get("CLINMM_CACHE_GB", MOST_GB)) * 1e9)
        except ValueError:
            most_bytes = int(MOST_GB * 1e9)
    entries: list[tuple[float, int, str]] = []
    n_gone = 0
    for place, _, names in os.walk(folder()):
        for name in names:
            file = os.path.join(place, name)
            try:
                stat = os.stat(file)
                if not name.startswith("."):
                    entries.append((stat.st_mtime, stat.st_size, file))
                elif time.time() - stat.st_mtime > ABANDONED_S:
                    os.unlink(file)
                    n_gone += 1
            except OSError:
                continue  # another process was quicker
    total = sum(size for _, size, _ in entries)
    for _, size, file in sorted(entries):
        if total <= most_bytes:
            break
        Path(file).unlink(missing_ok=True)
        total -= size
        n_gone += 1
    return n_gone


def zeros(shape: Sequence[int]) -> Pixels:
    """An array of zeros: in memory, or, where it is large, in a nameless file that is mapped.

    The file's blocks are reserved first: a disk that is full says so here, and memory is used.
    """
    n_bytes = 4 * prod(shape)
    if n_bytes > IN_MEMORY:
        try:
            folder().mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder()) as file:
                os.posix_fallocate(file.fileno(), 0, n_bytes)
                return np.memmap(file, dtype=np.float32, mode="r+", shape=tuple(shape))
        except (OSError, AttributeError):
            pass
    return np.zeros(tuple(shape), dtype=np.float32)
