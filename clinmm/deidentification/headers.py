"""What a DICOM header still tells of a person, by the basic profile of PS3.15 Annex E."""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from clinmm.deidentification.notes import find_spans
from clinmm.deidentification.profile import (
    IDENTIFIERS,
    LOOKS_LIKE,
    NAMES,
    OLD_AGE,
    PRIVATE,
    PSEUDONYMS,
    REMOVED,
    Group,
    group_of,
    is_dummy,
    profile,
)

TEXT_VRS = frozenset({"LO", "SH", "ST", "LT", "UT", "UC"})
_INHERITED = (NAMES, IDENTIFIERS)
_GRAVE = frozenset({"name", "phone", "email", "ssn", "address"})
_CODES = frozenset({"CodeValue", "LongCodeValue", "URNCodeValue", "DeidentificationMethod"})


@dataclass
class HeaderRead:
    """What one header holds.

    kept: group -> keywords of its attributes that hold a value; private ones are `private`.
    identity_removed, burned_in, recognisable: values of PatientIdentityRemoved,
        BurnedInAnnotation and RecognizableVisualFeatures, upper case; "" if absent.
    declared: codes of DeidentificationMethodCodeSequence, and `REMOVED`.
    """

    kept: dict[Group, set[str]] = field(default_factory=dict)
    identity_removed: str = ""
    burned_in: str = ""
    recognisable: str = ""
    declared: set[str] = field(default_factory=set)

    def severity(self, group: Group) -> str:
        return "info" if group.excused_by & self.declared else group.severity


def is_dicom(path: Path) -> bool:
    """PS3.10 7.1: `DICM` after 128 bytes; files without it by their name."""
    with path.open("rb") as file:
        start = file.read(132)
    return start[128:] == b"DICM" or path.suffix.lower() in (".dcm", ".dicom", ".ima")


def read_header(path: Path) -> HeaderRead | None:
    """The header of one file, pixels not read; None if it cannot be read at all."""
    from pydicom import dcmread

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            dataset = dcmread(path, stop_before_pixels=True, force=True)
            return look_at(dataset) if len(dataset) else None
        except Exception:  # a damaged header raises almost anything; the check `files` names it
            return None


def look_at(dataset: Any) -> HeaderRead:
    """What a dataset holds, nested sequences and private elements included."""
    read = HeaderRead(
        identity_removed=_word(dataset, "PatientIdentityRemoved"),
        burned_in=_word(dataset, "BurnedInAnnotation"),
        recognisable=_word(dataset, "RecognizableVisualFeatures"),
    )
    if read.identity_removed == "YES":
        read.declared.add(REMOVED)
    for item in dataset.get("DeidentificationMethodCodeSequence") or []:
        read.declared.add(str(item.get("CodeValue", "")))
    pseudonym = str(dataset.get("PatientID", ""))
    for group, keyword, value in _kept(dataset, None):
        # Many tools write the pseudonym where the name was.
        if keyword == "PatientName" and REMOVED in read.declared and str(value) == pseudonym:
            group = PSEUDONYMS
        read.kept.setdefault(group, set()).add(keyword)
        if keyword == "PatientAge" and _years(value) > 90:
            read.kept.setdefault(OLD_AGE, set()).add(keyword)
    return read


def _kept(dataset: Any, above: Group | None) -> Iterator[tuple[Group, str, Any]]:
    """(group, keyword, value) of every element that holds a value.

    above: group of the sequence around it, where that decides.
    """
    from pydicom.datadict import dictionary_VR, keyword_for_tag

    actions = profile()
    for tag in list(dataset.keys()):
        raw = dataset.get_item(tag)
        action = actions.action_of(int(tag))
        vr = raw.VR
        if vr in (None, "UN") and not tag.is_private:
            try:
                vr = dictionary_VR(tag)
            except KeyError:
                vr = "UN"
        if tag.is_private:
            if not tag.is_private_creator and not _empty(_value(dataset, tag)):
                yield PRIVATE, "private", None
            continue
        if action is None and above is None and vr not in TEXT_VRS and vr not in ("SQ", "PN"):
            continue
        keyword = keyword_for_tag(tag) or f"({tag.group:04x},{tag.element:04x})"
        value = _value(dataset, tag)
        group = group_of(keyword, vr) if action or vr == "PN" else None
        if vr == "SQ":
            for item in value if value is not _UNREADABLE else ():
                yield from _kept(item, group if group in _INHERITED else above)
            continue
        if above is not None and vr not in ("UI", "DA", "TM", "DT"):
            group = above
        if group is not None and not is_dummy(value, vr):
            yield group, keyword, value
        free = vr in TEXT_VRS and group in (None, PSEUDONYMS) and keyword not in _CODES
        if free and looks_like_phi(str(value)):
            yield LOOKS_LIKE, keyword, value


_UNREADABLE = "(unreadable)"


def _value(dataset: Any, tag: Any) -> Any:
    try:
        return dataset[tag].value
    except Exception:  # a value that its VR does not allow is a value all the same
        return _UNREADABLE


def _empty(value: Any) -> bool:
    if value is None:
        return True
    return hasattr(value, "__len__") and len(value) == 0


@lru_cache(maxsize=65536)
def looks_like_phi(text: str) -> bool:
    """Whether a header's text holds a name, number or address by the rules for notes."""
    return any(span.kind in _GRAVE for span in find_spans(text))


def _word(dataset: Any, keyword: str) -> str:
    return str(dataset.get(keyword) or "").strip().upper()


def _years(value: Any) -> int:
    text = str(value).strip()
    return int(text[:-1]) if text[-1:].upper() == "Y" and text[:-1].isdigit() else 0
