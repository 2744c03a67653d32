"""Image files that are not DICOM without their metadata, the pixels as they are.

PNG and JPEG lose their other chunks and segments byte for byte, so that nothing is compressed
again; an EXIF orientation other than upright stays, because the picture is read by it. TIFF, BMP
and GIF are written again without loss, NIfTI with empty text fields and no extension.
"""

import gzip
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from clinmm.deidentification.burned_in import TextBox
from clinmm.deidentification.embedded import NIFTI_FIELDS
from clinmm.errors import InputError

_PNG_KEPT = frozenset(
    {b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"sBIT", b"pHYs"}
)
_ORIENTATION = 0x0112


def clean_picture(source: Path, target: Path, boxes: Sequence[TextBox] = ()) -> int:
    """Writes the cleaned picture; boxes are made black. Returns how many bytes of metadata went.

    Raises:
        InputError: no picture of a known kind, or damaged.
    """
    data = source.read_bytes()
    try:
        if source.name.lower().endswith((".nii", ".nii.gz")):
            new = _nifti(data)
        elif boxes:
            new = _blackened(source, boxes)
        elif data[:8] == b"\x89PNG\r\n\x1a\n":
            new = _png(data, _orientation(source))
        elif data[:3] == b"\xff\xd8\xff":
            new = _jpeg(data, _orientation(source))
        else:
            new = _again(source)
    except (OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error, IndexError):
        raise InputError(
            f"{target.name}: its picture cannot be cleaned: damaged, or of no known kind. "
            "Mend the file, or empty its cell."
        ) from None
    target.write_bytes(new)
    return max(0, len(data) - len(new))


def _orientation(path: Path) -> int:
    from PIL import Image

    with Image.open(path) as image:
        return int(image.getexif().get(_ORIENTATION, 1))


def _exif(orientation: int) -> bytes:
    """An EXIF block (TIFF header and one entry) that holds the orientation alone."""
    entry = struct.pack("<HHIHH", _ORIENTATION, 3, 1, orientation, 0)
    return b"II*\0" + struct.pack("<IH", 8, 1) + entry + b"\0\0\0\0"


def _png(data: bytes, orientation: int) -> bytes:
    parts, at = [data[:8]], 8
    while at < len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        kind, whole = data[at + 4 : at + 8], data[at : at + 12 + length]
        if kind in _PNG_KEPT:
            parts.append(whole)
        if kind == b"IHDR" and orientation != 1:
            body = b"eXIf" + _exif(orientation)
            parts += [struct.pack(">I", len(body) - 4), body, struct.pack(">I", zlib.crc32(body))]
        at += 12 + length
        if kind == b"IEND":  # what follows is no part of the picture
            break
    return b"".join(parts)


def _jpeg(data: bytes, orientation: int) -> bytes:
    """Keeps JFIF (APP0) and Adobe's colour mark (APP14); drops other APPn, comments and what
    stands behind the end of the image (ITU-T T.81, B.1.1)."""
    parts = [b"\xff\xd8"]
    if orientation != 1:
        body = b"Exif\0\0" + _exif(orientation)
        parts.append(b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body)
    at = 2
    while at < len(data):
        if data[at] != 0xFF:
            raise ValueError("no marker where one must stand")
        marker = data[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        if marker == 0xD9:
            return b"".join([*parts, b"\xff\xd9"])
        (length,) = struct.unpack(">H", data[at + 2 : at + 4])
        segment = data[at : at + 2 + length]
        at += 2 + length
        if marker == 0xE0 and segment[4:9] == b"JFIF\0":
            # A thumbnail can follow the 14 bytes that the picture needs.
            parts.append(b"\xff\xe0\x00\x10" + segment[4:16] + b"\0\0")
        elif marker == 0xEE or not (0xE0 <= marker <= 0xEF or marker == 0xFE):
            parts.append(segment[:16] if marker == 0xEE and length == 14 else segment)
        if marker == 0xDA:
            end = _scan_end(data, at)
            parts.append(data[at:end])
            at = end
    # Readers accept a JPEG whose end mark is lost, so it is given one.
    return b"".join([*parts, b"\xff\xd9"])


def _scan_end(data: bytes, at: int) -> int:
    """Where the entropy-coded bytes end: at a marker that is neither stuffing nor restart."""
    while True:
        at = data.find(b"\xff", at)
        if at < 0 or at + 1 >= len(data):
            return len(data)
        if data[at + 1] != 0 and not 0xD0 <= data[at + 1] <= 0xD7 and data[at + 1] != 0xFF:
            return at
        at += 1 if data[at + 1] == 0xFF else 2


def _again(source: Path) -> bytes:
    """TIFF, BMP and others, written again from their pixels."""
    import io
    import warnings

    from PIL import Image, ImageOps

    with warnings.catch_warnings(), Image.open(source) as image:
        warnings.simplefilter("ignore")
        kind = image.format or ""
        plain = _bare(ImageOps.exif_transpose(image))
        buffer = io.BytesIO()
        plain.save(buffer, format=kind if kind in ("TIFF", "BMP", "GIF") else "PNG")
    return buffer.getvalue()


def _blackened(source: Path, boxes: Sequence[TextBox]) -> bytes:
    """The picture as shown, with black boxes; a JPEG is compressed again at quality 95."""
    import io

    from PIL import Image, ImageDraw, ImageOps

    with Image.open(source) as image:
        kind = image.format or "PNG"
        plain = _bare(ImageOps.exif_transpose(image))
    draw = ImageDraw.Draw(plain)
    for box in boxes:
        draw.rectangle((box.left, box.top, box.right - 1, box.bottom - 1), fill=0)
    buffer = io.BytesIO()
    plain.save(buffer, format=kind, **({"quality": 95} if kind == "JPEG" else {}))
    return buffer.getvalue()


def _bare(image: Any) -> Any:
    """A copy of the pixels, palette and transparency alone."""
    from PIL import Image

    plain = Image.new(image.mode, image.size)
    plain.paste(image)
    if image.mode == "P":
        plain.putpalette(image.getpalette() or [])
        if "transparency" in image.info:
            plain.info["transparency"] = image.info["transparency"]
    return plain


def _nifti(data: bytes) -> bytes:
    packed = data[:2] == b"\x1f\x8b"
    plain = bytearray(gzip.decompress(data) if packed else data)
    sizes = {struct.unpack("<i", plain[:4])[0]: "<", struct.unpack(">i", plain[:4])[0]: ">"}
    size = next((n for n in NIFTI_FIELDS if n in sizes), None)
    if size is None:
        raise ValueError("no NIfTI header")
    for start, length, _ in NIFTI_FIELDS[size]:
        plain[start : start + length] = bytes(length)
    order = sizes[size]
    if size == 348:
        first = int(struct.unpack(f"{order}f", plain[108:112])[0])
    else:
        first = struct.unpack(f"{order}q", plain[168:176])[0]
    single = plain[344:348] == b"n+1\0" if size == 348 else plain[4:8] == b"n+2\0"
    end = max(size, first) if single else len(plain)
    plain[size:end] = bytes(end - size)  # the extensions stand between header and voxels
    return gzip.compress(bytes(plain), mtime=0) if packed else bytes(plain)
