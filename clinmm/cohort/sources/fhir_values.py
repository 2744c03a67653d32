"""What single FHIR resources say: results of an Observation, texts of a report, times, codes."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from clinmm.cohort.markup import strip_markup
from clinmm.errors import InputError

_UNITS = {"Cel": "degC", "mm[Hg]": "mmHg", "1": "1"}
"""UCUM codes that clinmm writes otherwise."""
_LOINC = "http://loinc.org"
_MARKUP = ("application/xhtml+xml", "application/rtf", "application/xml", "application/hl7-v3+xml")


@dataclass(frozen=True)
class Reading:
    """One result: a number with its unit, or a word (then `unit` is None)."""

    code: str
    name: str
    value: float | str
    unit: str | None


@dataclass(frozen=True)
class Text:
    """One text of a report or document."""

    text: str
    section: str


def latest(value: Any) -> datetime | None:
    """The last moment that a FHIR date, dateTime or instant may mean, in UTC without a zone.

    2012-09 is the end of September: a value of unknown hour must not count as known before it
    was.

    >>> latest("2012-09"), latest(date(2012, 9, 17))
    (datetime.datetime(2012, 9, 30, 23, 59, 59), datetime.datetime(2012, 9, 17, 23, 59, 59))
    """
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
    if isinstance(value, date):
        return datetime.combine(value, time(23, 59, 59))
    parts = [int(part) for part in str(value or "").split("-") if part.isdigit()]
    if len(parts) == 1 and parts[0] > 0:
        return datetime(parts[0], 12, 31, 23, 59, 59)
    if len(parts) == 2:
        following = (date(parts[0], parts[1], 28) + timedelta(days=4)).replace(day=1)
        return datetime.combine(following - timedelta(days=1), time(23, 59, 59))
    return None


def born(value: Any) -> date | None:
    """A birth date; the middle of the year or month where no more is known."""
    if isinstance(value, date):
        return value
    parts = [int(part) for part in str(value or "").split("-") if part.isdigit()]
    if len(parts) == 1 and parts[0] > 0:
        return date(parts[0], 7, 1)
    return date(parts[0], parts[1], 15) if len(parts) == 2 else None


def code_of(concept: Any) -> tuple[str, str]:
    """(code, name) of a CodeableConcept: the LOINC coding if there is one, else the first."""
    codings = list(getattr(concept, "coding", None) or [])
    codings.sort(key=lambda c: str(c.system or "") != _LOINC)
    chosen = next((c for c in codings if c.code), None)
    text = str(getattr(concept, "text", None) or "")
    if chosen is None:
        return "", text
    return str(chosen.code), str(chosen.display or text or chosen.code)


def column_name(code: str, name: str) -> str:
    """A column for a code, readable and its own.

    >>> column_name("8480-6", "Systolic blood pressure")
    'systolic_blood_pressure_8480_6'
    """
    words = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")[:40].strip("_")
    number = re.sub(r"[^a-z0-9]+", "_", code.lower()).strip("_")
    return words if words == number else "_".join(part for part in (words, number) if part)


def readings(observation: Any, not_read: Counter[str]) -> Iterator[Reading]:
    """Results of an Observation and of its components (such as the two blood pressures)."""
    for part in (observation, *(observation.component or [])):
        code, name = code_of(part.code)
        fields = type(part).model_fields
        given = [f for f in fields if f.startswith("value") and not f.endswith("__ext")]
        held = next((f for f in given if getattr(part, f) is not None), None)
        if held is None:
            continue
        if not code:
            not_read["results without a code"] += 1
            continue
        value = getattr(part, held)
        if held == "valueQuantity" and value.value is not None:
            unit = str(value.code or value.unit or "1")
            yield Reading(code, name, float(value.value), _UNITS.get(unit, unit))
        elif held == "valueInteger":
            yield Reading(code, name, float(value), "1")
        elif held == "valueBoolean":
            yield Reading(code, name, "true" if value else "false", None)
        elif held == "valueCodeableConcept":
            yield Reading(code, name, code_of(value)[1], None)
        elif held == "valueString":
            yield Reading(code, name, " ".join(str(value).split()), None)
        else:
            not_read[f"results of type {held}"] += 1


def report_texts(report: Any, not_read: Counter[str]) -> Iterator[Text]:
    """The conclusion and the attached forms of a DiagnosticReport."""
    section = code_of(report.code)[1] or "report"
    for form in report.presentedForm or []:
        if text := _attached(form, not_read):
            yield Text(text, section)
    if report.conclusion and report.conclusion.strip():
        yield Text(str(report.conclusion), f"{section}: conclusion")


def document_texts(document: Any, not_read: Counter[str]) -> Iterator[Text]:
    """The attachments of a DocumentReference."""
    section = code_of(document.type)[1] or "document"
    for content in document.content or []:
        if text := _attached(content.attachment, not_read):
            yield Text(text, section)


def _attached(attachment: Any, not_read: Counter[str]) -> str:
    kind, *settings = str(attachment.contentType or "text/plain").lower().split(";")
    kind = kind.strip()
    if attachment.data is None:
        not_read["attachments that are only linked"] += 1
        return ""
    if not kind.startswith("text/") and kind not in _MARKUP:
        not_read[f"attachments of type {kind}"] += 1
        return ""
    named = [s.split("=", 1)[1].strip(' "') for s in settings if s.strip().startswith("charset=")]
    data = attachment.data
    try:
        text = data.decode(named[0] if named else "utf-8") if isinstance(data, bytes) else str(data)
        text.encode()  # half of a surrogate pair could not be written
    except (LookupError, ValueError):  # UnicodeError is a ValueError; so is a zero byte in the name
        not_read["attachments in another encoding than they say"] += 1
        return ""
    try:
        plain, _ = strip_markup(text)
    except InputError:
        not_read[f"attachments of type {kind} that are broken"] += 1
        return ""
    lines = (" ".join(line.split()) for line in plain.split("\n"))
    return "\n".join(line for line in lines if line)
