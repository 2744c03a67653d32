"""FHIR R4 -> a drafted cohort: one case per Encounter, else per ImagingStudy, else per Patient.

A case gets the last result of each Observation code, and the texts of reports and documents, of its
patient up to its index time: HOURS after an encounter began, when a study was made, or the last
thing known about a patient who has neither.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd

from clinmm.cohort.sources.draft import Draft, age_text
from clinmm.cohort.sources.fhir_files import Resources, read_resources
from clinmm.cohort.sources.fhir_images import study_pictures
from clinmm.cohort.sources.fhir_values import (
    born,
    code_of,
    column_name,
    document_texts,
    latest,
    readings,
    report_texts,
)
from clinmm.cohort.sources.known_by import TOP, last_known, record_columns
from clinmm.cohort.sources.pseudonyms import number
from clinmm.errors import InputError
from clinmm.progress import Tell, silent

HOURS = 24.0
CONDITIONS = 10
"""Conditions that are offered as targets, the most common first."""
_VOID = ("entered-in-error", "cancelled", "registered", "superseded")
"""Statuses of resources that say nothing, or nothing any more."""
_NO = ("refuted", "entered-in-error")


@dataclass(frozen=True)
class _Case:
    source: str  # identity of the resource that it stands for
    patient: str
    at: datetime


def draft_from_fhir(
    paths: list[Path],
    *,
    images: Path | None = None,
    hours: float = HOURS,
    top: int = TOP,
    full_dates: bool = False,
    tell: Tell = silent,
) -> Draft:
    """What the bundles hold.

    Args:
        paths: JSON files (a Bundle, or one resource), NDJSON files, or folders of them.
        images: a folder of DICOM files; ImagingStudy names its series and instances.
        hours: from the beginning of an encounter to the prediction.
        top: columns of the record at most.
        full_dates: write index times and the times of notes, instead of the year.
        tell: told how many files are read.

    Raises:
        InputError: see `read_resources`; or no case: nothing says of whom and when.
    """
    found = read_resources(paths, tell)
    left_out: Counter[str] = Counter()
    kind, cases = _cases(found, hours, left_out)
    patients = number((case.patient for case in cases), "P")
    cases.sort(key=lambda case: (patients[case.patient], case.at, case.source))
    width = max(4, len(str(len(cases))))
    ids = [f"c{place:0{width}}" for place in range(1, len(cases) + 1)]
    whose = pd.DataFrame(
        {"case_id": ids, "patient": [c.patient for c in cases], "at": [c.at for c in cases]}
    )
    table = _people(found, cases, ids, patients, full_dates)
    record, units, words, others = record_columns(
        last_known(_events(found, left_out), whose), ids, top
    )
    left_out["results in another unit than their column"] = others
    notes = _notes(found, whose, full_dates, left_out)
    conditions = _conditions(found, cases, ids)
    pictures, files = study_pictures(found, images, whose, left_out, tell)
    parts = [table, pictures, record, conditions]
    table = pd.concat([part.reset_index(drop=True) for part in parts], axis=1)
    counts = {
        f"cases, one per {kind}": len(cases),
        "patients": len(patients),
        "notes": 0 if notes is None else len(notes),
        "cases with a picture": int((pictures != "").any(axis=1).sum()),
        "invalid resources": len(found.invalid),
        **{f"resources of type {name}, not read": n for name, n in found.ignored.most_common()},
        **left_out,
    }
    at = {"Encounter": f"{hours:g} h after the encounter began", "ImagingStudy": "when the study "
          "was made", "Patient": "the last thing known"}[kind]  # fmt: skip
    return Draft(
        name="fhir-cohort",
        cases=table,
        targets=tuple(map(str, conditions)),
        images={name: n for name, n in (("image", 2), ("volume", 3)) if name in pictures},
        numeric={**({"age": "years"} if (table["age"] != "").any() else {}), **units},
        categorical=(*(["sex"] if table["sex"].nunique() > 1 else []), *words),
        notes=notes,
        files=files,
        times=("%Y-%m-%dT%H:%M:%S",) if full_dates else ("%Y",),
        counts={what: count for what, count in counts.items() if count},
        key={patients[case.patient]: case.patient for case in cases},
        remarks=(
            f"index_time is {at}; nothing later was read. A result is the last one of its patient.",
            "A condition_ column is 1 where it is recorded for the case, whenever; else 0.",
            *(f"Invalid: {line}" for line in found.invalid_lines()),
        ),
    )


def _cases(found: Resources, hours: float, left_out: Counter[str]) -> tuple[str, list[_Case]]:
    cases = []
    for kind in ("Encounter", "ImagingStudy"):
        for identity, model in found.of[kind].items():
            if model.status in _VOID:
                continue
            patient, start = found.identity(model.subject), latest(_begun(model))
            if not patient or start is None:
                left_out[f"{kind} without a patient or a beginning"] += 1
                continue
            wait = timedelta(hours=hours if kind == "Encounter" else 0)
            cases.append(_Case(identity, patient, start + wait))
        if cases:
            return kind, cases
    last: dict[str, datetime] = {}
    for kind in ("Observation", "DiagnosticReport", "DocumentReference"):
        for model in found.of[kind].values():
            time, patient = _time(model), found.identity(model.subject)
            if time is not None and patient:
                last[patient] = max(time, last.get(patient, time))
    cases = [_Case(identity, identity, last[identity]) for identity in found.of["Patient"]
             if identity in last]  # fmt: skip
    if not cases:
        raise InputError(
            "no case: there is no Encounter with a patient and a beginning, no such ImagingStudy, "
            "and no Patient with a dated Observation or report."
        )
    return "Patient", cases


def _begun(model: Any) -> Any:
    if model.__resource_type__ == "ImagingStudy":
        return model.started
    return model.period and model.period.start


def _time(model: Any) -> datetime | None:
    """When an Observation, report or document became known: the later of measured and issued."""
    if model.__resource_type__ == "DocumentReference":
        return latest(model.date)
    period = model.effectivePeriod
    times = [latest(model.effectiveDateTime or (period and period.end)), latest(model.issued)]
    if model.__resource_type__ == "Observation":
        times.append(latest(model.effectiveInstant))
    return max((time for time in times if time is not None), default=None)


def _people(
    found: Resources,
    cases: list[_Case],
    ids: list[str],
    patients: dict[str, str],
    full_dates: bool,
) -> pd.DataFrame:
    people = found.of["Patient"]
    rows = []
    for case, case_id in zip(cases, ids, strict=True):
        person = people.get(case.patient)
        birth = born(person.birthDate) if person else None
        sex = str(person.gender or "") if person else ""
        rows.append(
            {
                "case_id": case_id,
                "patient_id": patients[case.patient],
                "sex": "" if sex == "unknown" else sex,
                "age": age_text((case.at.date() - birth).days / 365.25) if birth else "",
                "index_time": f"{case.at:%Y-%m-%dT%H:%M:%S}" if full_dates else f"{case.at.year}",
            }
        )
    return pd.DataFrame(rows, dtype=object)


def _events(found: Resources, left_out: Counter[str]) -> pd.DataFrame:
    rows = []
    names: dict[str, str] = {}
    for model in found.of["Observation"].values():
        if model.status in _VOID:
            continue
        patient, time = found.identity(model.subject), _time(model)
        if not patient or time is None:
            left_out["results without a patient or a time"] += 1
            continue
        for result in readings(model, left_out):
            names.setdefault(result.code, result.name)
            rows.append((patient, time, result.code, result.value, result.unit))
    events = pd.DataFrame(rows, columns=["patient", "time", "column", "value", "unit"])
    # One code has one column, whatever name each result gave it.
    columns = {code: column_name(code, name) for code, name in names.items()}
    events["column"] = events["column"].map(columns)
    return events.astype({"time": "datetime64[us]"})


def _notes(
    found: Resources, whose: pd.DataFrame, full_dates: bool, left_out: Counter[str]
) -> pd.DataFrame | None:
    rows = []
    for kind, texts_of in (
        ("DiagnosticReport", report_texts),
        ("DocumentReference", document_texts),
    ):
        for model in found.of[kind].values():
            if model.status in _VOID:
                continue
            patient, time = found.identity(model.subject), _time(model)
            texts = list(texts_of(model, left_out))
            if texts and (not patient or time is None):
                left_out["texts without a patient or a time"] += len(texts)
                continue
            rows += [(patient, time, text.text, text.section) for text in texts]
    # Servers give a report as DiagnosticReport and again as DocumentReference.
    events = pd.DataFrame(rows, columns=["patient", "time", "text", "section"]).astype(
        {"time": "datetime64[us]"}
    )
    once = events.sort_values("time", kind="stable").drop_duplicates(["patient", "text"])
    left_out["texts given twice"] = len(events) - len(once)
    known = last_known(once, whose)
    if known.empty:
        return None
    if full_dates:
        known["time"] = known["time"].dt.strftime("%Y-%m-%dT%H:%M:%S")
    return known[["case_id", "text", *(["time"] if full_dates else []), "section"]]


def _conditions(found: Resources, cases: list[_Case], ids: list[str]) -> pd.DataFrame:
    """(n_cases, conditions) "1" or "0": at this encounter where one is named, else at any time."""
    place_of: dict[str, list[int]] = {}
    for place, case in enumerate(cases):
        place_of.setdefault(case.source, []).append(place)
        if case.patient != case.source:
            place_of.setdefault(case.patient, []).append(place)
    has: dict[str, set[int]] = {}
    names: dict[str, str] = {}
    for model in found.of["Condition"].values():
        if code_of(model.verificationStatus)[0] in _NO:
            continue
        code, name = code_of(model.code)
        encounter = found.identity(model.encounter)
        where = encounter if encounter in place_of else found.identity(model.subject)
        if code and (places := place_of.get(where)):
            column = column_name(code, names.setdefault(code, name))
            has.setdefault(f"condition_{column}", set()).update(places)
    common = sorted(has, key=lambda name: (-len(has[name]), name))[:CONDITIONS]
    return pd.DataFrame(
        {name: ["1" if p in has[name] else "0" for p in range(len(ids))] for name in common},
        index=range(len(ids)),
        dtype=object,
    )
