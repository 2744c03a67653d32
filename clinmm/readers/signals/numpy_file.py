"""A NumPy array, .npy, or .npz with one array, or `signal` and the number `rate`."""

import zipfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from clinmm.errors import InputError
from clinmm.readers.signal import LARGEST, Signal


def read(path: Path) -> Signal:
    """(T,), (T, C) or (C, T) numbers; which axis is which is told by the declared channels.

    Raises:
        InputError: other axes, no numbers, several arrays of which none is `signal`, a rate that
            is none, or larger than is read.
    """
    if not zipfile.is_zipfile(path):
        array = np.load(path, allow_pickle=False, mmap_mode="r")
        return Signal(_samples(array, path), None, "NumPy")
    with zipfile.ZipFile(path) as parts:
        if sum(part.file_size for part in parts.infolist()) > 8 * LARGEST:
            raise InputError(f"{path} holds more than {LARGEST} samples; no more are read.")
    with np.load(path, allow_pickle=False) as stored:
        names = [name for name in stored.files if name != "rate"]
        wanted = "signal" if "signal" in names else names[0] if len(names) == 1 else None
        if wanted is None:
            raise InputError(
                f"{path} holds arrays {', '.join(sorted(names)) or 'of no name'}; wanted one, or "
                "one named `signal`."
            )
        rate = float(np.asarray(stored["rate"]).item()) if "rate" in stored.files else None
        if rate is not None and not (0 < rate < np.inf):
            raise InputError(f"{path}: its rate is {rate:g}, wanted samples a second, above 0.")
        return Signal(_samples(stored[wanted], path), rate, "NumPy")


def _samples(array: NDArray[np.generic], path: Path) -> NDArray[np.float32]:
    """(C, T): the second axis of two is taken for the channels."""
    if array.dtype.kind not in "iuf":
        raise InputError(f"{path} holds {array.dtype}, wanted numbers.")
    if array.ndim not in (1, 2) or array.size == 0 or array.size > LARGEST:
        raise InputError(
            f"{path} holds an array of shape {array.shape}; wanted samples, or samples by "
            f"channels, at most {LARGEST} in all."
        )
    values = np.asarray(array, dtype=np.float32)
    return values[None] if values.ndim == 1 else values.T
