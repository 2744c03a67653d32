"""What the headers below a folder say: one `Instance` per picture file, pixels left unread."""

import os
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from clinmm.progress import Tell, silent

VOLUME_MODALITIES = ("CT", "MR", "PT")
NO_PICTURES = ("SR", "PR", "KO", "SEG", "DOC", "ECG", "HD", "AU", "REG", "FID")
"""Modalities of objects that describe or mark pictures; those of radiotherapy begin with RT."""

_DICOMDIR = "1.2.840.10008.1.3.10"
_WANTED = [
    "SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID", "PatientID",
    "PatientName", "AccessionNumber", "Modality", "ViewPosition", "BodyPartExamined",
    "ImageLaterality", "Laterality", "PatientSex", "PatientAge", "PatientBirthDate", "StudyDate",
    "SeriesDate", "AcquisitionDate", "ContentDate", "Manufacturer", "ManufacturerModelName",
    "InstitutionName", "StationName", "Rows", "Columns", "NumberOfFrames", "ImageType",
    "SeriesNumber", "InstanceNumber", "SpecificCharacterSet",
]  # fmt: skip
_FIRST_ELEMENTS = tuple(
    group.to_bytes(2, "little") + element.to_bytes(2, "little")
    for group, element in ((8, 0), (8, 5), (8, 8), (8, 0x16), (2, 0), (2, 1), (2, 2), (2, 0x10))
)
"""What a file without the 128-byte preamble of PS3.10 begins with."""
_DAYS = {"Y": 365.25, "M": 30.4375, "W": 7.0, "D": 1.0}


@dataclass(frozen=True)
class Instance:
    """One picture file's header; "" where it says nothing.

    path: the file. below: its path below the folder that was walked, with /.
    names: words of the patient's name, lower case: to find them elsewhere, never to write them.
    age: years, None if neither PatientAge nor a birth date says.
    """

    path: Path
    below: str
    sop: str
    series: str
    study: str
    patient: str
    accession: str
    names: frozenset[str]
    modality: str
    view: str
    body_part: str
    laterality: str
    sex: str
    age: float | None
    taken: date | None
    manufacturer: str
    model: str
    place: str
    frames: int
    localizer: bool
    series_number: int
    number: int


def read_headers(folder: Path, tell: Tell = silent) -> tuple[list[Instance], Counter[str]]:
    """Every picture file below a folder, whatever its name, in order of path.

    Links are not followed. A file seen twice (same SOPInstanceUID) counts once.

    Returns:
        The headers, and how many files were left out, by reason.
    """
    files = list(_files(folder))
    found: list[Instance] = []
    left_out: Counter[str] = Counter()
    seen: set[str] = set()
    for done, path in enumerate(files, start=1):
        if done % 50 == 0 or done == len(files):
            tell("headers", done, len(files))
        read = _read(path, path.relative_to(folder).as_posix())
        if isinstance(read, str):
            left_out[read] += 1
        elif read.sop and read.sop in seen:
            left_out["copies of a file that is there (same SOPInstanceUID)"] += 1
        else:
            seen.add(read.sop)
            found.append(read)
    return found, left_out


def _files(folder: Path) -> Iterator[Path]:
    for here, folders, names in os.walk(folder):
        folders.sort()
        yield from (Path(here) / name for name in sorted(names))


def _read(path: Path, below: str) -> Instance | str:
    """The header, or why the file is no picture."""
    import pydicom

    if path.is_symlink():
        return "links, not followed"
    if not path.is_file():
        return "pipes, sockets and the like"
    try:
        with path.open("rb") as file:
            start = file.read(132)
        marked = start[128:] == b"DICM"
        if not marked and start[:4] not in _FIRST_ELEMENTS:
            return "files that are not DICOM"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            header: Any = pydicom.dcmread(
                path, stop_before_pixels=True, force=not marked, specific_tags=_WANTED
            )
            return _instance(header, path, below)
    # pydicom raises whatever a broken header makes it meet; which one changes nothing here.
    except Exception:
        return "DICOM files whose header cannot be read"


def _instance(header: Any, path: Path, below: str) -> Instance | str:
    sop_class = header.file_meta.get("MediaStorageSOPClassUID") or header.get("SOPClassUID")
    if sop_class == _DICOMDIR:
        return "DICOMDIR files"
    modality = _text(header, "Modality").upper()
    if modality in NO_PICTURES or modality.startswith("RT") or not header.get("Rows"):
        return "DICOM files without a picture"
    sop = _text(header, "SOPInstanceUID")
    series = _text(header, "SeriesInstanceUID") or sop or below
    study = _text(header, "StudyInstanceUID") or series
    taken = next((day for tag in _DATES if (day := _date(header, tag))), None)
    return Instance(
        path=path,
        below=below,
        sop=sop,
        series=series,
        study=study,
        patient=_text(header, "PatientID"),
        accession=_text(header, "AccessionNumber"),
        names=frozenset(_text(header, "PatientName").lower().replace("^", " ").split()),
        modality=modality,
        view=_text(header, "ViewPosition").upper(),
        body_part=_text(header, "BodyPartExamined").upper(),
        laterality=(_text(header, "ImageLaterality") or _text(header, "Laterality")).upper(),
        sex=_text(header, "PatientSex").upper(),
        age=_age(header, taken),
        taken=taken,
        manufacturer=_text(header, "Manufacturer"),
        model=_text(header, "ManufacturerModelName"),
        place=_text(header, "InstitutionName") or _text(header, "StationName"),
        frames=_whole(header, "NumberOfFrames", 1),
        localizer="LOCALIZER" in _text(header, "ImageType").upper(),
        series_number=_whole(header, "SeriesNumber", 0),
        number=_whole(header, "InstanceNumber", 0),
    )


_DATES = ("AcquisitionDate", "StudyDate", "SeriesDate", "ContentDate")


def _text(header: Any, tag: str) -> str:
    value = header.get(tag)
    return "" if value is None else str(value).replace("\x00", "").strip()


def _whole(header: Any, tag: str, otherwise: int) -> int:
    try:
        return int(_text(header, tag))
    except ValueError:
        return otherwise


def _date(header: Any, tag: str) -> date | None:
    try:
        return datetime.strptime(_text(header, tag).replace(".", ""), "%Y%m%d").date()
    except ValueError:
        return None


def _age(header: Any, taken: date | None) -> float | None:
    """PS3.5 6.2, AS: 018M is eighteen months."""
    said = _text(header, "PatientAge").upper()
    if said[:-1].isdigit() and said[-1] in _DAYS:
        count = int(said[:-1])
        return float(count) if said[-1] == "Y" else count * _DAYS[said[-1]] / _DAYS["Y"]
    born = _date(header, "PatientBirthDate")
    return (taken - born).days / _DAYS["Y"] if born and taken else None
