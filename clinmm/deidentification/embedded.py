"""Metadata of image files that are not DICOM: EXIF, PNG text, JPEG comments, TIFF and NIfTI
fields."""

import gzip
import re
import struct
import zlib
from pathlib import Path

from clinmm.deidentification.headers import looks_like_phi
from clinmm.deidentification.profile import (
    COMMENTS,
    CONTACT,
    DATES,
    DESCRIPTIONS,
    DEVICE,
    GRAPHICS,
    LOOKS_LIKE,
    NAMES,
    Group,
    is_dummy,
)

# Tags of EXIF 2.32 (CIPA DC-008), TIFF 6.0 and XP, which say something about persons or places.
_EXIF: dict[int, tuple[str, Group]] = {
    0x010E: ("ImageDescription", COMMENTS),
    0x013B: ("Artist", NAMES),
    0x013C: ("HostComputer", DEVICE),
    0x8298: ("Copyright", DESCRIPTIONS),
    0x0132: ("DateTime", DATES),
    0x9003: ("DateTimeOriginal", DATES),
    0x9004: ("DateTimeDigitized", DATES),
    0x9286: ("UserComment", COMMENTS),
    0x927C: ("MakerNote", GRAPHICS),
    0x9C9B: ("XPTitle", COMMENTS),
    0x9C9C: ("XPComment", COMMENTS),
    0x9C9D: ("XPAuthor", NAMES),
    0x9C9E: ("XPKeywords", COMMENTS),
    0x9C9F: ("XPSubject", COMMENTS),
    0xA430: ("CameraOwnerName", NAMES),
    0xA431: ("BodySerialNumber", DEVICE),
    0xA435: ("LensSerialNumber", DEVICE),
    0xA420: ("ImageUniqueID", DEVICE),
    0x0110: ("Model", DEVICE),
    0x02BC: ("XMP", COMMENTS),
    0x83BB: ("IPTC", COMMENTS),
    0x8649: ("Photoshop", GRAPHICS),
}
_USUAL_KEYS = frozenset({"author", "artist", "comment", "description", "title", "subject", "xmp"})
_PLAIN_KEYS = frozenset(
    {"software", "creation time", "date:create", "date:modify", "date:timestamp", "dpi"}
)
_WRITER = re.compile(r"(?i)jpeg|jpg|image|adobe|photoshop|gimp|software|hires|version|encoder")
"""A comment that only names the program that wrote the file."""

# (offset, length, name) of text fields: NIfTI-1 and NIfTI-2 headers.
NIFTI_FIELDS = {
    348: ((14, 18, "db_name"), (148, 80, "descrip"), (228, 24, "aux_file"), (328, 16, "intent")),
    540: ((240, 80, "descrip"), (320, 24, "aux_file"), (508, 16, "intent")),
}


def read_metadata(path: Path) -> dict[Group, set[str]]:
    """Group -> fields that hold a value. A file that cannot be read holds nothing here."""
    try:
        if path.name.lower().endswith((".nii", ".nii.gz")):
            return _nifti(path)
        return _picture(path)
    except (OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error):
        return {}


def _picture(path: Path) -> dict[Group, set[str]]:
    import warnings

    from PIL import Image

    kept: dict[Group, set[str]] = {}
    with warnings.catch_warnings(), Image.open(path) as image:
        warnings.simplefilter("ignore")
        exif = image.getexif()
        fields = {**dict(exif), **dict(exif.get_ifd(0x8769))}
        if image.format == "TIFF":
            fields |= {tag: image.tag_v2[tag] for tag in image.tag_v2 if tag in _EXIF}  # type: ignore[attr-defined]
        for tag, value in fields.items():
            if tag in _EXIF and not is_dummy(_plain(value), "LO"):
                name, group = _EXIF[tag]
                kept.setdefault(group, set()).add(name)
        if exif.get_ifd(0x8825):
            kept.setdefault(CONTACT, set()).add("GPS")
        for key, value in image.info.items():
            if (judged := _of_text(str(key), value)) is not None:
                # A key can be anything, so it is named only where it is a usual one.
                usual = str(key).lower() in _USUAL_KEYS
                kept.setdefault(judged, set()).add(str(key) if usual else "text")
    return kept


def _of_text(key: str, value: object) -> Group | None:
    """How a text of PNG, JPEG or GIF is judged."""
    if not isinstance(value, str | bytes) or key in ("exif", "icc_profile", "transparency"):
        return None
    text = value if isinstance(value, str) else value.decode("latin-1")
    if is_dummy(text, "LO"):
        return None
    if key.lower() == "comment" and len(text) < 80 and _WRITER.search(text):
        return None
    if looks_like_phi(text[:20000]):
        return LOOKS_LIKE
    known = key.lower()
    if known in ("author", "artist", "owner"):
        return NAMES
    if "date" in known or "time" in known:
        return DATES
    if known in ("comment", "description", "title", "xml:com.adobe.xmp", "subject", "xmp"):
        return DESCRIPTIONS
    return DESCRIPTIONS if known not in _PLAIN_KEYS and isinstance(value, str) else None


def _plain(value: object) -> object:
    return value.replace(b"\0", b"") if isinstance(value, bytes) else value


def _nifti(path: Path) -> dict[Group, set[str]]:
    kept: dict[Group, set[str]] = {}
    with gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb") as file:
        header = file.read(544)
    size = next((n for n in NIFTI_FIELDS if n in _both_ways(header[:4])), None)
    if size is None:
        return kept
    for start, length, name in NIFTI_FIELDS[size]:
        text = header[start : start + length].split(b"\0")[0].decode("latin-1").strip()
        if text and looks_like_phi(text):
            kept.setdefault(LOOKS_LIKE, set()).add(name)
        elif text and name != "intent":
            kept.setdefault(DESCRIPTIONS, set()).add(name)
    if header[size : size + 1] not in (b"\0", b""):
        kept.setdefault(GRAPHICS, set()).add("extension")
    return kept


def _both_ways(start: bytes) -> tuple[int, int]:
    return struct.unpack("<i", start)[0], struct.unpack(">i", start)[0]
