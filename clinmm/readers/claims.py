"""What a DICOM file claims against what it holds, before anything is unpacked."""

import zlib
from pathlib import Path

import pydicom
from pydicom.encaps import generate_frames
from pydicom.uid import DeflatedExplicitVRLittleEndian, JPEG2000TransferSyntaxes, RLELossless

from clinmm.readers import codestream
from clinmm.readers.header import syntax_of, whole

MOST_INFLATED = 2**29
"""Bytes that a deflated file may unpack to: `pixels.MOST_PIXELS` of 16 bits, and as much again."""

_META_START = 128 + 4 + 12
"""Bytes before what the meta header's group length counts: preamble, DICM, that element."""


def deflated_bomb(path: Path) -> str | None:
    """The reason to refuse a deflated file that unpacks to too much, or None.

    pydicom inflates it whole, so its length is found first, piece by piece.

    Raises:
        Exception: whatever a damaged header raises.
    """
    with path.open("rb") as file:
        if file.read(132)[128:] != b"DICM":
            return None
        meta = pydicom.filereader.read_file_meta_info(path)
        if meta.get("TransferSyntaxUID") != DeflatedExplicitVRLittleEndian:
            return None
        file.seek(_META_START + int(meta.FileMetaInformationGroupLength))
        inflate, total, rest = zlib.decompressobj(-zlib.MAX_WBITS), 0, file.read()
    while rest and not inflate.eof:
        total += len(inflate.decompress(rest, 2**24))
        rest = inflate.unconsumed_tail
        if total > MOST_INFLATED:
            return (
                f"the file is deflated and unpacks to more than {MOST_INFLATED} bytes, the most "
                "that is read. Check it."
            )
    return None


def false_size(dataset: pydicom.Dataset) -> str | None:
    """The reason why compressed frames cannot be of the size that the header says, or None.

    Raises:
        Exception: whatever damaged frames raise.
    """
    syntax = syntax_of(dataset)
    if not syntax.is_encapsulated:
        return None
    height, width = int(dataset.Rows), int(dataset.Columns)
    claim = f"its header claims {height} x {width} pixels"
    n_frames = whole(dataset.get("NumberOfFrames")) or 1
    for frame in generate_frames(dataset.PixelData, number_of_frames=n_frames):
        if syntax == RLELossless and height * width > 64 * len(frame):  # 128 bytes from 2 at best
            return f"{claim}, more than it holds: truncated. Export it again."
        stream = codestream.header_of(frame)
        if stream is None and syntax in JPEG2000TransferSyntaxes:  # pydicom can loop over its boxes
            raise ValueError("no JPEG 2000 codestream")
        if stream is not None and (stream.height, stream.width) != (height, width):
            return (
                f"{claim}, the compressed image inside {stream.height} x {stream.width}. "
                "Export it again."
            )
    return None
