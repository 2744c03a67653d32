"""Signal files -> samples: NumPy, tables, WAV, WFDB. The content decides what a file is.

A signal is one row of samples per channel, as numbers of the file's own unit.
"""

import hashlib
import os
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from clinmm.cohort.files import sha256_of, sha256_of_file
from clinmm.errors import InputError

SIGNAL_VERSION = 1
"""Rises with every change that gives other samples for the same file; part of every cache key."""

LARGEST = 2**28
"""Samples of a file, over all channels, that are read."""

FINEST = 10_000
"""Resampling goes by a ratio of whole numbers up to this."""

MARGIN_S = 1.0
"""What is read beyond the end before resampling, so that the end is not an edge."""


class SignalFile(NamedTuple):
    """A case's signal: where it is, and what its file does not say. file_rate: samples a second, of
    a file that states none. clock: of a table, its column with the time in seconds."""

    path: Path
    file_rate: float | None = None
    clock: str | None = None


@dataclass(frozen=True, eq=False)
class Signal:
    """values: (C, T) float32, NaN where nothing was measured. rate: samples a second, None where
    the file does not say. format: NumPy, table, WAV or WFDB."""

    values: NDArray[np.float32]
    rate: float | None
    format: str


def find(path: Path) -> Path | None:
    """The file that a cell names; a WFDB record may be named without its `.hea`. None if absent."""
    header = path.with_name(f"{path.name}.hea")
    return path if os.path.exists(path) else header if os.path.isfile(header) else None


def signal_sha256(path: Path) -> str | None:
    """Hex SHA-256 of a signal's file, of a WFDB record all its files; None where it is absent."""
    found = find(path)
    if found is None or found.suffix.lower() != ".hea":
        return None if found is None else sha256_of(found)
    from clinmm.readers.signals import wfdb

    whole = hashlib.sha256(sha256_of_file(found).encode())
    for part in wfdb.data_files(found):
        whole.update(f"{part.name}\0{sha256_of(part)}\n".encode())
    return whole.hexdigest()


def read_signal(path: Path | str, clock: str | None = None) -> Signal:
    """One signal as its file holds it: .npy, .npz, .csv, .parquet, .wav or a WFDB record (.hea).

    Args:
        path: the file.
        clock: of a table, its column with the time in seconds.

    Raises:
        InputError: absent, no such file, of no known kind, damaged, larger than is read, or
            something in it is no number.
    """
    path = Path(path)
    found = find(path)
    if found is None:
        raise InputError(f"{path} is missing: there is no such file.")
    if not os.path.isfile(found):
        raise InputError(f"{path} is no file, wanted one signal file.")
    try:
        with found.open("rb") as file:
            start = file.read(12)
    except OSError as error:
        raise InputError(f"{path} cannot be opened ({type(error).__name__}).") from None
    if not start:
        raise InputError(f"{path} is empty (0 bytes). Copy it again.")
    from clinmm.readers.signals import numpy_file, table_file, wav, wfdb

    suffix = found.suffix.lower()
    try:
        if start.startswith((b"\x93NUMPY", b"PK\x03\x04")):
            signal = numpy_file.read(found)
        elif start[:4] in (b"RIFF", b"RIFX", b"RF64"):
            signal = wav.read(found)
        elif suffix == ".hea":
            signal = wfdb.read(found)
        elif suffix in (".csv", ".parquet"):
            signal = table_file.read(found, clock)
        else:
            raise InputError(
                f"{path} is no signal that can be read (.npy, .npz, .csv, .parquet, .wav, WFDB "
                ".hea). Export it as one of these."
            )
    except InputError:
        raise
    except Exception as error:  # a broken file can raise nearly anything
        raise InputError(
            f"{path} cannot be decoded ({type(error).__name__}): truncated or damaged. "
            "Export it again."
        ) from None
    if signal.values.size > LARGEST:
        raise InputError(f"{path} holds {signal.values.size} samples; at most {LARGEST} are read.")
    if not np.isfinite(signal.values).any():
        raise InputError(f"{path} holds no number: nothing was measured. Empty its cell.")
    return signal


def on_grid(
    signal: Signal,
    rate: float,
    channels: int,
    seconds: float,
    file_rate: float | None = None,
    name: str = "the file",
) -> NDArray[np.float32]:
    """(channels, T) at `rate`, T = rate * seconds: cut at the end, or padded with NaN.

    Resampled by a polyphase filter that keeps out what the new rate cannot hold (SciPy's
    `resample_poly`: a Kaiser-windowed low-pass). Gaps are bridged by straight lines for the filter
    and are gaps again after it.

    Args:
        signal: as read.
        rate: samples a second that are wanted.
        channels: how many the file must have.
        seconds: from the start of the file.
        file_rate: of a file that does not say; `rate` if None.
        name: of the file, for errors.

    Raises:
        InputError: another number of channels, or rates whose ratio is out of reach.
    """
    values = _by_channel(signal, channels, name)
    had = signal.rate or file_rate or rate
    ratio = Fraction(rate / had).limit_denominator(FINEST)
    if ratio == 0 or ratio.numerator > FINEST or abs(float(ratio) * had / rate - 1) > 1e-4:
        raise InputError(f"{name} has {had:g} samples a second, too far from {rate:g} to resample.")
    n_wanted = round(rate * seconds)
    values = values[:, : int(np.ceil((seconds + max(MARGIN_S, 20 / rate)) * had))]
    if ratio != 1:
        values = _resampled(values, ratio)
    out = np.full((channels, n_wanted), np.nan, dtype=np.float32)
    n = min(n_wanted, values.shape[1])
    out[:, :n] = values[:, :n]
    out[~np.isfinite(out)] = np.nan
    return out


def _by_channel(signal: Signal, channels: int, name: str) -> NDArray[np.float32]:
    """A NumPy file may hold samples by channels or channels by samples: the declared number tells,
    and where both fit the channels are the columns, as in a table."""
    values = signal.values
    if signal.format == "NumPy" and len(values) != channels and values.shape[1] == channels:
        values = values.T
    if len(values) != channels:
        said = f"{len(values)} channels, wanted {channels}"
        if signal.format == "NumPy":
            shape = " by ".join(map(str, values.shape))
            said = f"the shape {shape}, wanted a side of {channels} (the channels)"
        raise InputError(
            f"{name} has {said}. Say `channels` of the input, or export the channels that are "
            "meant."
        )
    return values


def _resampled(values: NDArray[np.float32], ratio: Fraction) -> NDArray[np.float32]:
    from scipy.signal import resample_poly

    n = values.shape[1]
    known = np.isfinite(values)
    whole = np.zeros(values.shape)
    for channel, (cells, here) in enumerate(zip(values, known, strict=True)):
        if here.any():
            at = np.flatnonzero(here)
            whole[channel] = np.interp(np.arange(n), at, cells[at].astype(np.float64))
    up, down = ratio.numerator, ratio.denominator
    new: NDArray[np.float32] = resample_poly(whole, up, down, axis=1, padtype="edge").astype(
        np.float32
    )
    nearest = np.minimum(np.rint(np.arange(new.shape[1]) * down / up).astype(int), n - 1)
    new[~known[:, nearest]] = np.nan
    return new
