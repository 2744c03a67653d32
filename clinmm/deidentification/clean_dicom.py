"""One DICOM file without what identifies a person, by the basic profile of PS3.15 Annex E.

Options taken: 113105 clean descriptors is not (they go), 113107 dates are kept and shifted,
113108 sex, age, size and weight are kept, 113101 where text in the pixels was looked for.
"""

import re
import warnings
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from clinmm.deidentification.burned_in import TextBox
from clinmm.deidentification.headers import TEXT_VRS
from clinmm.deidentification.keys import Keys
from clinmm.deidentification.masking import mask_text
from clinmm.deidentification.profile import (
    BIRTH,
    EDITION,
    IDENTIFIERS,
    NAMES,
    PERSON,
    group_of,
    profile,
)
from clinmm.errors import InputError

_OPTIONS = {
    "113100": "Basic Application Confidentiality Profile",
    "113101": "Clean Pixel Data Option",
    "113107": "Retain Longitudinal Temporal Information Modified Dates Option",
    "113108": "Retain Patient Characteristics Option",
}
_CODES = frozenset({"CodeValue", "LongCodeValue", "URNCodeValue"})
_IDENTITY = ("PatientName", "OtherPatientNames", "PatientBirthName", "PatientMotherBirthName")
_NUMBERS = ("PatientID", "OtherPatientIDs", "AccessionNumber", "AdmissionID", "StudyID")


def known_identity(path: Path) -> set[str]:
    """Names and numbers of the person, as the header has them, to look for in free text."""
    from pydicom import dcmread

    tags = [*_IDENTITY, *_NUMBERS]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            dataset = dcmread(path, stop_before_pixels=True, force=True, specific_tags=tags)
            said = {key: str(dataset.get(key) or "") for key in tags}
        except Exception:  # unreadable: clean_file says so
            return set()
    known = set()
    for key in _IDENTITY:
        known |= {part for part in re.split(r"[\^=\s,\\\[\]']+", said[key]) if len(part) > 2}
    return known | {said[key].strip() for key in _NUMBERS if len(said[key].strip()) > 3}


def clean_file(
    source: Path,
    target: Path,
    keys: Keys,
    patient: str,
    known: re.Pattern[str] | None = None,
    boxes: Sequence[TextBox] | None = None,
) -> Counter[str]:
    """Writes the cleaned file and returns how many elements each rule changed.

    Args:
        source, target: files.
        keys: pseudonyms and date shifts.
        patient: the patient's old id in the cohort; gives the new PatientID and the shift.
        known: what is known of the person, masked in the texts that stay.
        boxes: text in the pixels, made black; None if it was not looked for.

    Raises:
        InputError: the file cannot be read or written.

    Reference:
        DICOM PS3.15 2026c, Annex E, table E.1-1.
    """
    from pydicom import dcmread

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            dataset = dcmread(source, force=True)
            counts: Counter[str] = Counter()
            cleaner = _Cleaner(keys, patient, known, counts)
            if boxes:
                _blacken(dataset, boxes)
                counts["pixels: boxes of text made black"] += len(boxes)
            cleaner.clean(dataset)
            _declare(dataset, keys, patient, boxes is not None)
            _save(dataset, target, keys)
        except InputError:
            raise
        except Exception as error:  # a damaged file raises almost anything
            raise InputError(
                f"{source.name} cannot be cleaned ({type(error).__name__}). Mend the file, or "
                "empty its cell."
            ) from None
    return counts


class _Cleaner:
    """Applies the profile to a dataset and everything inside it."""

    def __init__(
        self, keys: Keys, patient: str, known: re.Pattern[str] | None, counts: Counter[str]
    ) -> None:
        self.keys, self.patient, self.known, self.counts = keys, patient, known, counts
        self.shift = timedelta(days=keys.days_back(patient))
        self.profile = profile()

    def clean(self, dataset: Any) -> None:
        for tag in list(dataset.keys()):
            if tag.is_private:
                del dataset[tag]
                self.counts["private elements removed"] += 1
                continue
            if tag.group == 0xFFFC:
                del dataset[tag]
                continue
            action = self.profile.action_of(int(tag))
            element = dataset[tag]
            if action is None:
                self._unlisted(dataset, element)
            else:
                self._listed(dataset, element, action)

    def _unlisted(self, dataset: Any, element: Any) -> None:
        if element.VR == "SQ":
            for item in element.value or ():
                self.clean(item)
        elif element.VR == "PN" and element.value:
            element.value = ""
            self.counts["names emptied"] += 1
        elif element.VR in TEXT_VRS and element.value and element.keyword not in _CODES:
            several = not isinstance(element.value, str)
            before = [str(v) for v in element.value] if several else [str(element.value)]
            after = [mask_text(text, self.known)[0] for text in before]
            if after != before:
                element.value = after if several else after[0]
                self.counts["texts masked"] += 1
        elif element.VR == "UN":
            del dataset[element.tag]
            self.counts["elements of unknown type removed"] += 1

    def _listed(self, dataset: Any, element: Any, action: str) -> None:
        group = group_of(element.keyword, element.VR)
        if element.VR == "UI":
            self._new_uid(element)
        elif element.VR in ("DA", "DT") and group is not BIRTH:
            self._shift(element)
        elif element.VR == "TM" and group is not BIRTH:
            return
        elif group is PERSON and element.VR in ("CS", "AS", "DS", "US"):
            if element.keyword == "PatientAge" and _over_90(element.value):
                element.value = "090Y"
                self.counts["ages over 90 made 90"] += 1
        elif element.VR == "SQ" and action != "X" and group in (NAMES, IDENTIFIERS):
            element.value = []
            self.counts[f"profile action {action}: emptied or replaced"] += 1
        elif element.VR == "SQ" and action != "X":
            for item in element.value or ():
                self.clean(item)
        elif action.startswith("X"):
            del dataset[element.tag]
            self.counts[f"profile action {action}: removed"] += 1
        elif element.keyword == "PatientID":
            element.value = self.keys.pseudonym("patient", self.patient)
            self.counts["patient ids replaced"] += 1
        elif element.value not in (None, ""):
            element.value = _dummy(element.VR, "D" in action and "Z" not in action)
            self.counts[f"profile action {action}: emptied or replaced"] += 1

    def _new_uid(self, element: Any) -> None:
        if not element.value:
            return
        several = not isinstance(element.value, str)
        values = list(element.value) if several else [element.value]
        new = [self.keys.uid(str(value)) for value in values]
        element.value = new if several else new[0]
        self.counts["UIDs replaced"] += len(new)

    def _shift(self, element: Any) -> None:
        if not element.value:
            return
        several = not isinstance(element.value, str)
        values = list(element.value) if several else [element.value]
        new = [_earlier(str(value), self.shift) for value in values]
        element.value = new if several else new[0]
        self.counts["dates shifted"] += len(new)


def _earlier(value: str, shift: timedelta) -> str:
    """A DA or DT value, shifted; emptied where it is no date. The time of day stays."""
    try:
        day = datetime.strptime(value[:8], "%Y%m%d") - shift
    except (ValueError, OverflowError):
        return ""
    return f"{day.year:04d}{day.month:02d}{day.day:02d}{value[8:]}"


def _over_90(value: Any) -> bool:
    text = str(value or "").strip().upper()
    return text.endswith("Y") and text[:-1].isdigit() and int(text[:-1]) > 90


def _dummy(vr: str, must_hold: bool) -> Any:
    """Nothing, or for an attribute that must not be empty a value that says nothing."""
    if not must_hold:
        return None
    if vr in ("OB", "OW", "UN"):
        return b"\0\0"
    if vr in ("DS", "IS", "US", "SS", "UL", "SL", "FL", "FD"):
        return 0
    if vr == "AS":
        return "000Y"
    return "" if vr == "PN" else "ANONYMIZED"


def _declare(dataset: Any, keys: Keys, patient: str, pixels_looked_at: bool) -> None:
    from pydicom.dataset import Dataset
    from pydicom.sequence import Sequence as Items

    dataset.PatientName = ""
    dataset.PatientID = keys.pseudonym("patient", patient)
    dataset.PatientIdentityRemoved = "YES"
    dataset.DeidentificationMethod = f"clinmm: PS3.15 {EDITION} Basic Profile"
    dataset.LongitudinalTemporalInformationModified = "MODIFIED"
    items = []
    for code, meaning in _OPTIONS.items():
        if code == "113101" and not pixels_looked_at:
            continue
        item = Dataset()
        item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = code, "DCM", meaning
        items.append(item)
    dataset.DeidentificationMethodCodeSequence = Items(items)
    if pixels_looked_at and "PixelData" in dataset:
        dataset.BurnedInAnnotation = "NO"


def _save(dataset: Any, target: Path, keys: Keys) -> None:
    """Writes with a new preamble and file meta: the old ones can name people and places."""
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

    old = getattr(dataset, "file_meta", None)
    syntax = old.get("TransferSyntaxUID") if old else None
    if syntax is None:
        implicit, little = dataset.original_encoding
        syntax = ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian
        syntax = syntax if little else ExplicitVRBigEndian
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = syntax
    meta.MediaStorageSOPClassUID = dataset.get("SOPClassUID") or "1.2.840.10008.5.1.4.1.1.7"
    meta.MediaStorageSOPInstanceUID = dataset.get("SOPInstanceUID") or keys.uid(target.stem)
    dataset.file_meta = meta
    dataset.preamble = b"\0" * 128
    dataset.save_as(target, enforce_file_format=True)


def _blacken(dataset: Any, boxes: Sequence[TextBox]) -> None:
    """Makes the boxes the darkest value as displayed; compressed pixels become uncompressed."""
    if dataset.file_meta.TransferSyntaxUID.is_compressed:
        dataset.decompress()
    pixels = dataset.pixel_array.copy()
    if int(dataset.get("NumberOfFrames") or 1) > 1:
        raise InputError("Text was found in a picture of several frames, which is not mended.")
    inverse = dataset.PhotometricInterpretation == "MONOCHROME1"
    dark = pixels.max() if inverse else pixels.min()
    for box in boxes:
        pixels[box.top : box.bottom, box.left : box.right] = dark
    if pixels.ndim == 3 and int(dataset.get("PlanarConfiguration") or 0) == 1:
        pixels = np.moveaxis(pixels, -1, 0)
    dataset.PixelData = np.ascontiguousarray(pixels).tobytes()
