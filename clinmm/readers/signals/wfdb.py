"""WFDB records of PhysioNet: a header `.hea` and files of samples in format 16 or 212.

Physical value = (sample - baseline) / gain; the lowest sample that a format can hold means that
nothing was measured.

Reference:
    Moody. WFDB Applications Guide, HEADER(5) and SIGNAL(5). physionet.org/physiotools/wag.
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from clinmm.errors import InputError
from clinmm.readers.signal import LARGEST, Signal

LARGEST_HEADER = 2**20
NOT_MEASURED = {16: -(2**15), 212: -(2**11)}
DEFAULT_GAIN, DEFAULT_RATE = 200.0, 250.0
_GAIN = re.compile(r"([-+.\deE]+)(?:\(([-+]?\d+)\))?(?:/\S*)?")


@dataclass(frozen=True)
class _Channel:
    file: str
    format: int
    gain: float
    baseline: int
    checksum: int | None


def read(header: Path) -> Signal:
    """Every channel, in the order of the header, in its physical unit.

    Raises:
        InputError: several segments, other formats, samples per frame, skew or offsets, a file of
            samples that is absent, elsewhere, too short, or does not add up to its checksum.
    """
    rate, n_samples, channels = _header(header)
    rows: list[NDArray[np.float32]] = []
    for file in dict.fromkeys(channel.file for channel in channels):
        own = [channel for channel in channels if channel.file == file]
        rows += _channels(_beside(header, file), own, n_samples)
    length = min(len(row) for row in rows)
    order = [file for file in dict.fromkeys(c.file for c in channels)]
    where = sorted(range(len(channels)), key=lambda i: order.index(channels[i].file))
    values = np.empty((len(channels), length), dtype=np.float32)
    for row, channel in zip(rows, where, strict=True):
        values[channel] = row[:length]
    return Signal(values, rate, "WFDB")


def data_files(header: Path) -> list[Path]:
    """The files of samples that a header names; none where it cannot be read."""
    try:
        return [_beside(header, f) for f in dict.fromkeys(c.file for c in _header(header)[2])]
    except InputError:
        return []


def _header(path: Path) -> tuple[float, int, list[_Channel]]:
    if path.stat().st_size > LARGEST_HEADER:
        raise InputError(f"{path} is no WFDB header: it is too long.")
    text = path.read_text(encoding="utf-8", errors="replace")
    lines = [one.strip() for one in text.splitlines() if one.strip() and one.strip()[0] != "#"]
    first = lines[0].split() if lines else []
    if len(first) < 2 or not first[1].isdecimal() or not 0 < int(first[1]) < len(lines):
        raise InputError(f"{path} is no WFDB header of a record with signals. Export it again.")
    if "/" in first[0]:
        raise InputError(f"{path}: its record has several segments. Join them first.")
    try:
        rate = float(re.split(r"[/(]", first[2])[0]) if len(first) > 2 else DEFAULT_RATE
        n_samples = int(first[3]) if len(first) > 3 else 0
        channels = [_channel(line.split()) for line in lines[1 : 1 + int(first[1])]]
    except (ValueError, IndexError) as error:
        said = str(error) if isinstance(error, InputError) else "its lines cannot be understood."
        raise InputError(f"{path}: {said}") from None
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    if not 0 < rate < np.inf or n_samples < 0 or n_samples * len(channels) > LARGEST:
        raise InputError(f"{path}: its rate or its number of samples is out of range.")
    return rate, n_samples, channels


def _channel(fields: list[str]) -> _Channel:
    if fields[1] not in ("16", "212"):
        raise InputError(
            f"its samples are in format {fields[1]}, wanted 16 or 212 without skew, offset or "
            "several samples a frame. Convert the record with xform."
        )
    gain, baseline = DEFAULT_GAIN, int(fields[4]) if len(fields) > 4 else 0
    if len(fields) > 2:
        found = _GAIN.fullmatch(fields[2])
        if not found:
            raise ValueError
        gain = float(found[1]) or DEFAULT_GAIN
        baseline = int(found[2]) if found[2] else baseline
    return _Channel(
        fields[0], int(fields[1]), gain, baseline, int(fields[6]) if len(fields) > 6 else None
    )


def _beside(header: Path, file: str) -> Path:
    """A file of samples, which must lie in the header's folder, links followed."""
    path = header.parent / file
    if Path(file).name != file or file in (".", "..", "-", "~"):
        raise InputError(f"{header}: its samples are in another folder. Put them beside it.")
    if os.path.realpath(path.parent) != os.path.dirname(os.path.realpath(path)):
        raise InputError(f"{header}: its samples lie behind a link. Put the file beside it.")
    return path


def _channels(file: Path, own: list[_Channel], n_samples: int) -> list[NDArray[np.float32]]:
    """The samples of one file, which hold its channels in turn, moment by moment."""
    if not file.is_file():
        raise InputError(f"{file} is missing: there is no such file of samples.")
    if file.stat().st_size > 2 * LARGEST:
        raise InputError(f"{file} holds more than {LARGEST} samples; no more are read.")
    formats = {channel.format for channel in own}
    if len(formats) > 1:
        raise InputError(f"{file}: its channels have several formats, wanted one.")
    (form,) = formats
    raw = np.fromfile(file, dtype=np.uint8)
    samples = raw[: len(raw) // 2 * 2].view("<i2") if form == 16 else _format_212(raw)
    length = n_samples or len(samples) // len(own)
    if length == 0 or len(samples) < length * len(own):
        raise InputError(
            f"{file} holds {len(samples)} samples, its header says {length * len(own)}: truncated. "
            "Copy it again."
        )
    table = samples[: length * len(own)].reshape(length, len(own)).T.astype(np.int64)
    rows = []
    for channel, values in zip(own, table, strict=True):
        if channel.checksum is not None and (int(values.sum()) - channel.checksum) % 2**16:
            raise InputError(f"{file} does not add up to its header's checksum. Copy it again.")
        physical = ((values - channel.baseline) / channel.gain).astype(np.float32)
        physical[values == NOT_MEASURED[form]] = np.nan
        rows.append(physical)
    return rows


def _format_212(raw: NDArray[np.uint8]) -> NDArray[np.int16]:
    """Two samples of 12 bits in three bytes: the second byte holds the upper bits of the first in
    its lower half, those of the second in its upper half.

    >>> _format_212(np.array([0x01, 0xF0, 0xFF], dtype=np.uint8)).tolist()
    [1, -1]
    """
    whole = np.concatenate([raw, np.zeros(-len(raw) % 3, np.uint8)]).reshape(-1, 3).astype(np.int16)
    low, middle, high = whole.T
    both = np.stack([low | (middle & 0x0F) << 8, high | (middle & 0xF0) << 4], axis=1).ravel()
    signed = np.where(both >= 2**11, both - 2**12, both).astype(np.int16)
    return signed[: len(raw) * 2 // 3]
