"""DICOM lookup tables: modality (PS3.3 C.11.1), VOI (C.11.2) and palette colour (C.7.6.3.1.5).

Own code because pydicom reads tables of 8 bits as if each entry filled a word, and overflows where
an image has more values than a table of 8 bits has entries.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset


@dataclass(frozen=True, eq=False)
class Table:
    """entries: one output per input value; first: the input of entry 0; bits: of an output."""

    entries: NDArray[np.uint16]
    first: int
    bits: int

    def __call__(self, values: NDArray[Any]) -> NDArray[np.uint16]:
        """Values beyond the table get its first or last entry; halves are rounded to even."""
        first = self.first
        if first < 0 <= values.min() and values.max() > 0x7FFF:
            first += 0x10000  # written signed beside unsigned values
        elif first > 0x7FFF and values.min() < 0:
            first -= 0x10000
        whole = values if values.dtype.kind in "iu" else np.rint(values)
        place = np.clip(whole.astype(np.int64) - first, 0, len(self.entries) - 1)
        return self.entries[place]


def table(item: Dataset, little_endian: bool) -> Table | None:
    """The table of one item of a Modality or VOI LUT Sequence, or None if it is unusable."""
    return _table(item.get("LUTDescriptor"), item.get("LUTData"), little_endian)


def palette(dataset: Dataset, little_endian: bool) -> list[Table] | None:
    """Tables for red, green and blue, plain or segmented; an alpha table is not applied."""
    tables = []
    for colour in ("Red", "Green", "Blue"):
        described = dataset.get(f"{colour}PaletteColorLookupTableDescriptor")
        data = dataset.get(f"{colour}PaletteColorLookupTableData")
        if not data and (segments := dataset.get(f"Segmented{colour}PaletteColorLookupTableData")):
            data = _expanded(described, segments, little_endian)
        found = _table(described, data, little_endian)
        if found is None:
            return None
        tables.append(found)
    return tables


def _table(descriptor: Any, data: Any, little_endian: bool) -> Table | None:
    try:
        n_entries, first, bits = (int(v) for v in descriptor)
    except (TypeError, ValueError):
        return None
    n_entries = n_entries or 2**16  # 0 stands for 65,536, which the field cannot hold
    if data is None or n_entries < 1 or not 1 <= bits <= 16:
        return None
    words = _words(data, n_entries, little_endian)
    if words is None or words.size < n_entries:
        return None
    entries = words[:n_entries]
    if bits <= 8 and entries.max() > 0xFF:
        bits = 16  # many palettes say 8 and hold 16
    return Table(entries, first, bits)


def _words(data: Any, n_entries: int, little_endian: bool) -> NDArray[np.uint16] | None:
    """One number per entry. A table of 8 bits comes packed (two in a word) or one in a word."""
    if isinstance(data, int):
        data = [data]
    if isinstance(data, bytes):
        if len(data) in (n_entries, n_entries + 1):
            return np.frombuffer(data, np.uint8).astype(np.uint16)
        return np.frombuffer(data[: len(data) // 2 * 2], "<u2" if little_endian else ">u2").astype(
            np.uint16
        )
    words = np.asarray(data).astype(np.int64).astype(np.uint16)
    if words.size == -(-n_entries // 2) and n_entries > 1:
        return words.astype("<u2" if little_endian else ">u2").view(np.uint8).astype(np.uint16)
    return words


def _expanded(descriptor: Any, segments: bytes, little_endian: bool) -> list[int] | None:
    """PS3.3 C.7.9.2: copied runs (0), straight lines (1), earlier segments again (2)."""
    try:
        n_entries, deep = int(descriptor[0]) or 2**16, int(descriptor[2]) > 8
    except (TypeError, ValueError, IndexError):
        return None
    order, each = ("<" if little_endian else ">"), (2 if deep else 1)
    numbers = np.frombuffer(segments[: len(segments) // each * each], f"{order}u{each}").tolist()
    out: list[int] = []

    def follow(at: int, n_segments: int, may_point: bool) -> None:
        while at + 1 < len(numbers) and n_segments > 0 and len(out) < n_entries:
            kind, length, at, n_segments = numbers[at], numbers[at + 1], at + 2, n_segments - 1
            if kind == 0:
                out.extend(numbers[at : at + length])
                at += length
            elif kind == 1 and out and at < len(numbers) and length:
                line = np.linspace(out[-1], numbers[at], length + 1)[1:]
                out.extend(np.rint(line).astype(int).tolist())
                at += 1
            elif kind == 2 and may_point:
                width = 4 // each
                place = numbers[at : at + width]
                if order == ">" and deep:
                    place = place[::-1]
                offset = sum(part << (8 * each * i) for i, part in enumerate(place))
                follow(offset // each, length, False)
                at += width
            else:
                n_segments = 0  # not a segment: what follows cannot be understood

    follow(0, len(numbers), True)
    return out
