"""Features of frozen networks are computed once per content and kept on disk.

The key is made of what the network is and what it read (hashes), so a changed file, note, weight
or setting is never served stale. The folder may be deleted at any time.
"""

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor


def cache_folder() -> Path:
    """$CLINMM_CACHE, else `clinmm` in the user's cache folder."""
    if given := os.environ.get("CLINMM_CACHE"):
        return Path(given)
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "clinmm"


_KEPT: ContextVar[bool] = ContextVar("kept", default=True)


@contextmanager
def not_kept() -> Iterator[None]:
    """Within the block nothing is read from disk or kept: for variants that are asked once."""
    before = _KEPT.set(False)
    try:
        yield
    finally:
        _KEPT.reset(before)


def cached(network: str, contents: Sequence[str | None], compute: Callable[[], Tensor]) -> Tensor:
    """What compute() gives, from disk where the same network has read the same contents.

    Args:
        network: names the network, its weights and its settings.
        contents: hash of what each case holds; None for an absent input.
        compute: makes the (N, F) features.
    """
    if not _KEPT.get():
        return compute()
    key = hashlib.sha256("\n".join([network, *(c or "-" for c in contents)]).encode()).hexdigest()
    file = cache_folder() / "features" / f"{key}.safetensors"
    if file.is_file():
        try:
            return load_file(file)["features"]
        except SafetensorError:
            pass  # cut short by a full disk or a kill: made again below
    features = compute()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=file.parent, prefix=".")
        os.close(handle)
        try:
            save_file({"features": features.contiguous()}, temporary)
            os.replace(temporary, file)
        finally:
            Path(temporary).unlink(missing_ok=True)
    except OSError:
        pass  # the cache saves time; a full or read-only disk must not stop a study
    return features
