"""The basic profile of DICOM PS3.15 Annex E: what it does with each attribute, and how grave it
is if the attribute is still there.

The table is the one that dicom-anonymizer (Kitware, BSD) carries, edition 2026c.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

EDITION = "2026c"

REMOVED = "PatientIdentityRemoved"
"""Stands among `excused_by` for a header that says `PatientIdentityRemoved = YES`."""

_CATEGORIES = {
    "D_TAGS": "D",
    "Z_TAGS": "Z",
    "X_TAGS": "X",
    "U_TAGS": "U",
    "Z_D_TAGS": "Z/D",
    "X_Z_TAGS": "X/Z",
    "X_D_TAGS": "X/D",
    "X_Z_D_TAGS": "X/Z/D",
    "X_Z_U_STAR_TAGS": "X/Z/U*",
}


@dataclass(frozen=True)
class Group:
    """Attributes that are judged alike.

    severity: of a value that stands without excuse. excused_by: codes of options (CID 7050 of
    PS3.16) or `REMOVED`; if the header declares one of them the finding is `info`.
    """

    name: str
    severity: Literal["error", "warning", "info"]
    excused_by: frozenset[str] = frozenset()


NAMES = Group("names of persons", "error")
BIRTH = Group("dates of birth", "error")
CONTACT = Group("addresses and telephone numbers", "error")
IDENTIFIERS = Group("other identifiers", "error")
COMMENTS = Group("free-text comments", "error", frozenset({"113105"}))
INSTITUTION = Group("institution", "error", frozenset({"113112"}))
PRIVATE = Group("private elements", "error", frozenset({"113111"}))
LOOKS_LIKE = Group("text that looks like a name, number or address", "error")
PSEUDONYMS = Group("ids that may be pseudonyms", "error", frozenset({REMOVED}))
DESCRIPTIONS = Group("descriptions", "warning", frozenset({"113105"}))
GRAPHICS = Group("graphics, sounds and other bytes", "warning", frozenset({"113103"}))
OLD_AGE = Group("ages over 90", "info")
DATES = Group("dates and times", "warning", frozenset({REMOVED, "113106", "113107"}))
PERSON = Group("patient characteristics", "warning", frozenset({REMOVED, "113108"}))
DEVICE = Group("device identity", "warning", frozenset({REMOVED, "113109"}))
UIDS = Group("UIDs", "info")

# The first pattern that the keyword matches gives the group.
_BY_KEYWORD: tuple[tuple[str, Group], ...] = (
    (r"Birth|Death", BIRTH),
    (r"Address|Telephone|Telecom|PhoneNumber|Residence|^GPS", CONTACT),
    (
        r"^(PatientID|AccessionNumber|StudyID|RequestedProcedureID|ScheduledProcedureStepID|"
        r"PerformedProcedureStepID|ClinicalTrial\w+|ContainerIdentifier|SpecimenIdentifier|"
        r"(Filler|Placer)OrderNumber\w+|SlideIdentifier|SpecimenAccessionNumber)$",
        PSEUDONYMS,
    ),
    (
        r"Station|Serial|Detector|Device|Gantry|Generator|Plate|Cassette|Lens|Machine|XRaySource|"
        r"Transducer|AETitle|TimezoneOffset|SourceManufacturer|UDI",
        DEVICE,
    ),
    (
        r"^(PatientSex|PatientSexNeutered|PatientAge|PatientSize|PatientWeight|PregnancyStatus|"
        r"SmokingStatus|EthnicGroup\w*|PatientState|Allergies|MedicalAlerts|SpecialNeeds|"
        r"PreMedication|PatientTransportArrangements|SelectorASValue)$",
        PERSON,
    ),
    (r"Comment|History|Reason|Narrative|Notes|Impressions|Interpretation\w*Text", COMMENTS),
    (r"Institution|Organization|Location|RequestingService|Department|Coordinating", INSTITUTION),
    (
        r"OtherPatientIDs|Issuer|Locator|Admission|Insurance|MilitaryRank|BranchOfService|"
        r"ServiceEpisodeID|InterpretationID|ResultsID|BarcodeValue|Alias|Religious|Occupation|"
        r"CountryOf|Barcode|CertificateOfSigner",
        IDENTIFIERS,
    ),
)
_WHO = re.compile(
    r"Physician|Person|Operator|Performer|Observer|Author|Participant|Interpreter|Recipient|"
    r"Creator|Interpretation|Distribution"
)


@dataclass(frozen=True)
class Profile:
    """action: attribute tag -> D, Z, X, U or a combination, as in table E.1-1.

    repeating: (group, element, mask of the group, mask of the element) of attributes that come
    in many groups; all are removed.
    """

    action: dict[int, str]
    repeating: tuple[tuple[int, int, int, int], ...]

    def action_of(self, tag: int) -> str | None:
        """What the profile does with the attribute; None where it says nothing."""
        if found := self.action.get(tag):
            return found
        group, element = tag >> 16, tag & 0xFFFF
        if any(group & gm == g & gm and element & em == e & em for g, e, gm, em in self.repeating):
            return "X"
        return None


@lru_cache(maxsize=1)
def profile() -> Profile:
    """The table, read once."""
    from dicomanonymizer.dicom_anonymization_databases import dicomfields_2026c as fields

    action: dict[int, str] = {}
    repeating: list[tuple[int, int, int, int]] = []
    for category, name in _CATEGORIES.items():
        for tag in getattr(fields, category):
            if len(tag) == 4:
                repeating.append(tag)
            else:
                action[tag[0] << 16 | tag[1]] = name
    return Profile(action, tuple(repeating))


@lru_cache(maxsize=4096)
def group_of(keyword: str, vr: str) -> Group | None:
    """How an attribute of the table is judged; None for a sequence that says nothing itself."""
    for pattern, group in _BY_KEYWORD:
        if re.search(pattern, keyword):
            return group
    if vr == "PN" or (vr == "SQ" and _WHO.search(keyword)):
        return NAMES
    if vr in ("DA", "DT", "TM"):
        return DATES
    if vr == "UI":
        return UIDS
    if vr == "SQ":
        return None
    if vr in ("LT", "ST", "UT"):
        return COMMENTS
    if vr in ("OB", "OW", "UN", "OD", "OF", "OL", "OV"):
        return GRAPHICS
    return DESCRIPTIONS


_DUMMIES = frozenset(
    {
        *(
            "",
            "n/a",
            "na",
            "none",
            "null",
            "unknown",
            "not available",
            "no name",
            "noname",
            "nobody",
        ),
        *("anon", "deid", "deidentified", "de-identified", "removed", "redacted", "000y"),
        *("synthetic", "phantom"),
    }
)


def is_dummy(value: Any, vr: str) -> bool:
    """Whether a value tells nothing: empty, zeros, `ANONYMIZED`, `XXXX`, 00010101 and such."""
    if value is None:
        return True
    if isinstance(value, bytes):
        text = value.decode("latin-1")
    elif isinstance(value, int | float):
        return value == 0
    else:
        try:
            parts = list(value) if not isinstance(value, str) and vr != "PN" else [value]
        except TypeError:
            parts = [value]
        if len(parts) > 1:
            return all(is_dummy(part, vr) for part in parts)
        text = str(parts[0]) if parts else ""
    text = text.strip(" ^*-_.=[]()\0").lower()
    if vr in ("DA", "DT") and text[:4] in ("0001", "1900", "0000"):
        return True
    return text in _DUMMIES or text.startswith("anonym") or not text.strip("x0:.^, ")
