"""Facts of a DICOM header that identify nobody, and the pixel pitch."""

from typing import Any

from pydicom import Dataset
from pydicom.uid import UID

LONGEST = 64
"""Characters of a text fact; DICOM allows 64 in these fields."""

_TEXTS = {
    "modality": "Modality",
    "photometric": "PhotometricInterpretation",
    "manufacturer": "Manufacturer",
    "model": "ManufacturerModelName",
    "view": "ViewPosition",
}
_SHAPES = {"MONOCHROME1": "INVERSE", "MONOCHROME2": "IDENTITY"}
"""Photometric interpretation -> the PresentationLUTShape that goes with it (PS3.3 C.8.11.3)."""
_SPACINGS = ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing")


def facts_of(dataset: Dataset) -> dict[str, Any]:
    """Facts of the header that are there; texts are printable and short."""
    facts: dict[str, Any] = {"format": "DICOM"}
    for name, keyword in _TEXTS.items():
        if text := plain(dataset.get(keyword)):
            facts[name] = text
    facts["transfer_syntax"] = plain(syntax_of(dataset).name)
    facts["bits"] = whole(dataset.get("BitsStored")) or whole(dataset.get("BitsAllocated")) or 0
    facts["height"], facts["width"] = int(dataset.Rows), int(dataset.Columns)
    shape = plain(dataset.get("PresentationLUTShape"))
    if shape and shape != _SHAPES.get(facts.get("photometric", ""), shape):
        facts["doubt"] = f"{facts['photometric']} beside PresentationLUTShape {shape}"
    orientation = dataset.get("PatientOrientation")
    if orientation and not isinstance(orientation, str | bytes | int | float):
        facts["orientation"] = plain("\\".join(str(part) for part in list(orientation)[:2]))
    return facts


def syntax_of(dataset: Dataset) -> UID:
    """The transfer syntax; without meta header what pydicom found the encoding to be."""
    named = getattr(dataset, "file_meta", {}).get("TransferSyntaxUID")
    if named:
        return UID(str(named))
    implicit, little = dataset.original_encoding
    if implicit or implicit is None:
        return UID("1.2.840.10008.1.2")
    return UID("1.2.840.10008.1.2.1" if little else "1.2.840.10008.1.2.2")


def plain(value: Any) -> str:
    """One short line of printable text.

    >>> plain(" SIEMENS\\x00\\nAG ")
    'SIEMENS AG'
    """
    text = "" if value is None else str(value)
    printable = "".join(c if c.isprintable() else " " for c in text[: 4 * LONGEST])
    return " ".join(printable.split())[:LONGEST].rstrip()


def whole(value: Any) -> int | None:
    """A whole number, the first of several, or None."""
    try:
        return int(value if isinstance(value, str | int | float) else value[0])
    except (TypeError, ValueError, IndexError, KeyError, OverflowError):
        return None


def spacing_of(dataset: Dataset) -> tuple[tuple[float, float] | None, str]:
    """Pixel pitch (row, column) in mm and its source; ImagerPixelSpacing is on the detector, not in
    the patient."""
    for keyword in _SPACINGS:
        pair = _pair(dataset.get(keyword))
        if pair is not None:
            return pair, keyword
    return None, "none"


def aspect_of(dataset: Dataset) -> float:
    """Height of a pixel over its width as displayed, 1 where nothing is said."""
    pitch = spacing_of(dataset)[0] or _pair(dataset.get("PixelAspectRatio"))
    return 1.0 if pitch is None else pitch[0] / pitch[1]


def _pair(value: Any) -> tuple[float, float] | None:
    try:
        row, column = (float(v) for v in value)
    except (TypeError, ValueError):
        return None
    return (row, column) if 1e-6 < row < 1e6 and 1e-6 < column < 1e6 else None
