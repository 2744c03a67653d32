"""What a compressed image says of itself: JPEG, JPEG-LS and JPEG 2000 codestreams."""

import struct
from dataclasses import dataclass

_FRAMES = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}
"""JPEG markers that begin a frame; F7 is JPEG-LS."""

_SOC_SIZ = b"\xff\x4f\xff\x51"


@dataclass(frozen=True)
class Codestream:
    """Size, components and sample depth; of JPEG the components' ids, of JPEG 2000 also sign, tiles
    and decomposition levels."""

    height: int
    width: int
    components: int
    precision: int
    ids: bytes = b""
    is_signed: bool = False
    levels: int | None = None
    plain: bool = False
    """JPEG 2000 alone: one tile, at the origin, not subsampled, no region of interest, and the
    same coding throughout."""


def header_of(data: bytes) -> Codestream | None:
    """The first frame's header, or None if it is none of these or cut short."""
    try:
        if data[:2] == b"\xff\xd8":
            return _jpeg(data)
        start = _codestream_box(data) if data[4:8] == b"jP  " else 0
        return _jpeg_2000(data[start:]) if data[start:].startswith(_SOC_SIZ) else None
    except (struct.error, IndexError):
        return None


def _codestream_box(data: bytes) -> int:
    """Where the codestream begins in a JP2 file (ISO 15444-1 I.4)."""
    at = 0
    while data[at + 4 : at + 8] != b"jp2c":
        (length,) = struct.unpack_from(">I", data, at)
        if length < 8:  # to the end of the file, or of 64 bits: not before a codestream
            return len(data)
        at += length
    return at + 8


def _jpeg(data: bytes) -> Codestream | None:
    at = 2
    while at + 4 <= len(data):
        if data[at] != 0xFF:
            return None
        marker = data[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        (length,) = struct.unpack_from(">H", data, at + 2)
        if marker in _FRAMES:
            precision, height, width, components = struct.unpack_from(">BHHB", data, at + 4)
            ids = data[at + 10 : at + 10 + 3 * components : 3]
            return Codestream(height, width, components, precision, ids)
        at += 2 + length
    return None


def _jpeg_2000(data: bytes) -> Codestream | None:
    """ISO 15444-1 A.5 (SIZ) and A.6 (COD, COC, RGN, POC) of the main header."""
    x, y, x0, y0, tile_x, tile_y, tile_x0, tile_y0, components = struct.unpack_from(">8IH", data, 8)
    depths = [data[42 + 3 * i] for i in range(components)]
    steps = [data[43 + 3 * i : 45 + 3 * i] for i in range(components)]
    at_origin = (x0, y0, tile_x0, tile_y0) == (0, 0, 0, 0)
    plain = at_origin and tile_x >= x and tile_y >= y and all(s == b"\1\1" for s in steps)
    levels = None
    (length,) = struct.unpack_from(">H", data, 4)
    at = 4 + length
    while at + 4 <= len(data):
        marker, length = struct.unpack_from(">HH", data, at)
        if marker in (0xFF90, 0xFFD9):  # the first tile part, or the end
            break
        if marker == 0xFF52:
            levels = data[at + 9]
        if marker in (0xFF53, 0xFF5E, 0xFF5F):  # COC, RGN, POC
            plain = False
        at += 2 + length
    return Codestream(
        height=y - y0,
        width=x - x0,
        components=components,
        precision=(depths[0] & 0x7F) + 1,
        is_signed=bool(depths[0] & 0x80),
        levels=levels,
        plain=plain and len(set(depths)) == 1,
    )
