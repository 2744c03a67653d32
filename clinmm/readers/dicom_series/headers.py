"""A folder of files -> the slices in it, from their headers alone."""

from collections import Counter
from pathlib import Path
from typing import Any

import pydicom

from clinmm.errors import InputError
from clinmm.readers import begins_as_dicom
from clinmm.readers.claims import deflated_bomb
from clinmm.readers.dicom_series.slice import Slice, slices_of
from clinmm.readers.header import facts_of

MOST_FILES = 20_000
"""Files looked at in a folder."""
_DAMAGED = "the header is cut short or damaged. Copy or export the files again."


def slices_in(path: Path) -> tuple[list[Slice], dict[str, Any], list[str]]:
    """Every slice of the files, what the first header says, and what was left out."""
    files = _files(path) if path.is_dir() else [path]
    found: list[Slice] = []
    facts: dict[str, Any] = {}
    n_other = n_localizers = 0
    problems: Counter[str] = Counter()
    for file in files:
        try:  # a damaged header can raise nearly anything, whenever a value is looked at
            header = _header(file)
            if header is None:
                n_other += 1
            elif "LOCALIZER" in {str(word).upper() for word in header.get("ImageType") or ()}:
                n_localizers += 1
            else:
                found += slices_of(file, header)
                facts = facts or _said(header)
        except InputError as error:
            problems[error.problems[0]] += 1
        except Exception:
            problems[_DAMAGED] += 1
    n_images = len(files) - n_other
    if problems:
        raise InputError(
            [f"{path}: in {n} of {n_images} images {problem}" for problem, n in problems.items()]
        )
    if not found:
        what = f"{n_localizers} localizers and no other image" if n_localizers else "no DICOM image"
        raise InputError(
            f"{path} holds {what}, wanted one series of slices, a multi-frame DICOM file or a "
            "NIfTI file (.nii, .nii.gz)."
        )
    left_out = [(n_other, "files that are no images"), (n_localizers, "localizers")]
    return found, facts, [f"left out {n} {what}" for n, what in left_out if n]


def _files(folder: Path) -> list[Path]:
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    if len(files) > MOST_FILES:
        raise InputError(f"{folder} holds {len(files)} files, the most read is {MOST_FILES}.")
    home = folder.resolve()
    if n_out := sum(not file.resolve().is_relative_to(home) for file in files):
        raise InputError(f"{folder}: {n_out} files are links that lead out of it. Copy them in.")
    return files


def _header(file: Path) -> pydicom.Dataset | None:
    """The header of an image; None for what is none. Raises whatever a damaged one does."""
    with file.open("rb") as opened:
        if not begins_as_dicom(opened.read(132)):
            return None
    if problem := deflated_bomb(file):
        raise InputError(problem)
    header = pydicom.dcmread(file, stop_before_pixels=True, force=True)
    if "Rows" in header and "Columns" in header:
        return header
    meta = getattr(header, "file_meta", {})
    kind = meta.get("MediaStorageSOPClassUID") or header.get("SOPClassUID") or ""
    if "Image Storage" in pydicom.uid.UID(str(kind)).name:
        raise InputError(_DAMAGED)
    return None


def _said(header: pydicom.Dataset) -> dict[str, Any]:
    """What the header says of the kind of scan and the machine; nothing of the person."""
    facts = facts_of(header)
    kept = ("modality", "photometric", "bits", "manufacturer", "model", "transfer_syntax")
    return {key: facts[key] for key in kept if key in facts}
