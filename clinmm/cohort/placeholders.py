"""What stands in a de-identified note where a name or a date was: made one blank."""

import re

BLANK = "___"
"""The blank that a mask leaves too. It does not say what stood there: how many dates or wards a
note names can tell how long and how ill the patient was, and a kind could be learned as a word."""

# Kinds as written by scrubbers in capitals, with what they add: <DATE_TIME>, [NAME-2], <US_SSN>.
_KIND = (
    r"(?:[A-Z]+[ _-])?(?:NAME|PERSON|PATIENT|DOCTOR|PHYSICIAN|STAFF|DATE|TIME|AGE|LOCATION|"
    r"HOSPITAL|ORGANIZATION|ORGANISATION|ADDRESS|STREET|CITY|STATE|COUNTRY|ZIP|ZIPCODE|PHONE|FAX|"
    r"EMAIL|URL|ID|MRN|SSN|ACCOUNT|LICENSE|DEVICE|PHI|REDACTED|DEIDENTIFIED|REMOVED|OTHER|"
    r"PROFESSION|USERNAME|CONTACT|NUMBER|INITIALS)(?:[ _-]?[A-Z0-9]{1,12}){0,3}"
)
_PLACEHOLDER = re.compile(
    r"\[\*\*[^\[\]]{0,200}\*\*\]"  # MIMIC-II and III: [**Name**], [**2101-3-4**]
    rf"|<{{1,2}}{_KIND}>{{1,2}}|\[{{1,2}}{_KIND}\]{{1,2}}"  # <DATE>, [NAME]
    r"|\[(?:[Rr]edacted|[Rr]emoved|[Dd]e-?identified)\]"
    r"|(?<![A-Za-z])X{4,}(?![A-Za-z])"  # Open-i
    r"|_{3,}"  # MIMIC-IV
)
_BEFORE = re.compile(r"(?<=[^\W_])___(?!_)")
_BEHIND = re.compile(r"(?<!_)___(?=[^\W_])")


def blank_placeholders(note: str) -> tuple[str, int]:
    """The note with every placeholder made `___`, and how many there were.

    >>> blank_placeholders("[**Known lastname 12**] seen on <DATE>, XXXX-year-old in [WARD]")
    ('___ seen on ___, ___-year-old in [WARD]', 3)
    """
    blanked, n = _PLACEHOLDER.subn(BLANK, note)
    if n:  # a blank is a word of its own
        blanked = _BEHIND.sub("___ ", _BEFORE.sub(" ___", blanked))
    return blanked, n
