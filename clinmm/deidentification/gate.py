"""Findings of what still identifies a person, one function per place."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from clinmm.cohort.cohort import Cohort
from clinmm.deidentification import burned_in as ocr
from clinmm.deidentification import ner
from clinmm.deidentification.columns import look_at_columns
from clinmm.deidentification.embedded import read_metadata
from clinmm.deidentification.headers import HeaderRead, is_dicom, read_header
from clinmm.deidentification.notes import find_spans
from clinmm.deidentification.profile import Group
from clinmm.errors import InputError
from clinmm.intake.finding import MOST_EXAMPLES, Example, Finding

CHECK = "deidentification"
MOST_PICTURES_READ = 60
"""Pictures per input that OCR looks at, drawn with seed 0: ten seconds on one core. Text in one
picture of twenty is then missed with probability .05."""

MOST_NOTES_MODEL = 1000
"""Notes per input that the language model reads, drawn with seed 0: half a minute on one core."""

MOST_FILES_OF_SERIES = 3
"""Headers read of one series: the first, the middle and the last file."""

CLEAN = "Write a cleaned copy: clinmm deidentify COHORT --out DIR."
Severity = Literal["error", "warning", "info"]

_STAND: dict[str, Severity] = {
    "name": "error",
    "phone": "error",
    "email": "error",
    "ssn": "error",
    "record number": "error",
    "address": "error",
    "date": "warning",
    "age over 90": "warning",
    "url": "warning",
}


def table(cohort: Cohort) -> list[Finding]:
    """Ids, columns and file names."""
    return [
        _finding(
            cohort,
            found.severity,
            found.column,
            found.rows,
            f"{int(found.rows.sum())} cells of {found.column} look like {found.kind}.",
            "They tell who somebody is, or help to find out.",
            input_name=found.column if found.column in cohort.spec.inputs else "",
        )
        for found in look_at_columns(cohort)
    ]


# --- headers ----------------------------------------------------------------------------------
def headers(cohort: Cohort, name: str) -> list[Finding]:
    """DICOM headers by PS3.15 Annex E, and the metadata of other files."""
    reads: list[list[HeaderRead]] = []
    metadata: list[dict[Group, set[str]]] = []
    n_dicom = n_other = n_left = 0
    for path in cohort.image_paths(name):
        files, left = files_of(path)
        n_left += left
        mine = [read for file in files if is_dicom(file) and (read := read_header(file))]
        others = [file for file in files if not is_dicom(file)]
        n_dicom, n_other = n_dicom + len(mine), n_other + len(others)
        reads.append(mine)
        together: dict[Group, set[str]] = defaultdict(set)
        for file in others:
            for group, fields in read_metadata(file).items():
                together[group] |= fields
        metadata.append(together)
    findings = _of_groups(cohort, name, reads, metadata)
    if n_dicom:
        findings += _flags(cohort, name, reads)
    if n_left:
        findings.append(
            _note(
                name,
                f"not checked: {n_left} files of series, of which the first, the middle and the "
                "last were read.",
                "clinmm deidentify reads every file.",
            )
        )
    return findings


def files_of(path: Path | None) -> tuple[list[Path], int]:
    """The files of a case's picture or volume that are looked at, and how many are left out."""
    if path is None or not path.exists():
        return [], 0
    if path.is_file():
        return [path], 0
    files = sorted(file for file in path.rglob("*") if file.is_file())
    if len(files) <= MOST_FILES_OF_SERIES:
        return files, 0
    return [files[0], files[len(files) // 2], files[-1]], len(files) - MOST_FILES_OF_SERIES


def _of_groups(
    cohort: Cohort,
    name: str,
    reads: Sequence[list[HeaderRead]],
    metadata: Sequence[dict[Group, set[str]]],
) -> list[Finding]:
    """One finding per group that stands, and one for all that an option of the profile allows."""
    rows: dict[tuple[Group, Severity], set[int]] = defaultdict(set)
    keywords: dict[tuple[Group, Severity], Counter[str]] = defaultdict(Counter)
    for row, (headers_of_case, fields_of_case) in enumerate(zip(reads, metadata, strict=True)):
        for read in headers_of_case:
            for group, words in read.kept.items():
                key = group, read.severity(group)
                rows[key].add(row)  # type: ignore[index]
                keywords[key].update(words)  # type: ignore[index]
        for group, words in fields_of_case.items():
            rows[group, group.severity].add(row)
            keywords[group, group.severity].update(words)
    findings = []
    for (group, severity), of_rows in rows.items():
        if severity == "info":
            continue
        which = _mask(cohort, of_rows)
        findings.append(
            _finding(
                cohort,
                severity,
                name,
                which,
                f"{_n(of_rows, 'header')} {group.name}: {_listed(keywords[group, severity])}.",
                "The basic profile of DICOM PS3.15 Annex E takes them out.",
                input_name=name,
            )
        )
    allowed = {key: of_rows for key, of_rows in rows.items() if key[1] == "info"}
    if allowed:
        said = "; ".join(f"{group.name} ({len(of)})" for (group, _), of in allowed.items())
        together = _mask(cohort, set().union(*allowed.values()))
        findings.append(
            _finding(
                cohort,
                "info",
                name,
                together,
                f"Headers keep what options of the profile allow: {said}.",
                "Ids and UIDs are taken for pseudonyms, dates for shifted ones, on the headers' "
                "word.",
                input_name=name,
                advice="Make sure that they are.",
            )
        )
    return findings


def _flags(cohort: Cohort, name: str, reads: Sequence[list[HeaderRead]]) -> list[Finding]:
    def where(test: str, value: str) -> np.ndarray:
        return np.array([any(getattr(r, test) == value for r in case) for case in reads])

    findings = []
    unsaid = np.array([any(r.identity_removed != "YES" for r in case) for case in reads])
    if unsaid.any():
        findings.append(
            _finding(
                cohort,
                "warning",
                name,
                unsaid,
                f"{int(unsaid.sum())} headers do not say PatientIdentityRemoved = YES.",
                "Nobody vouches that they were de-identified.",
                input_name=name,
            )
        )
    for test, keyword, means in (
        ("burned_in", "BurnedInAnnotation", "The pixels show who the person is, by the header."),
        ("recognisable", "RecognizableVisualFeatures", "A face can be told from the pixels."),
    ):
        if (says := where(test, "YES")).any():
            detail = f"{int(says.sum())} headers say {keyword} = YES."
            findings.append(_finding(cohort, "error", name, says, detail, means, input_name=name))
    silent = where("burned_in", "")
    if silent.any():
        detail = f"{int(silent.sum())} headers say nothing of BurnedInAnnotation."
        findings.append(_note(name, detail, "Look at some of the pictures."))
    return findings


# --- pixels -----------------------------------------------------------------------------------
def burned_in(cohort: Cohort, name: str) -> list[Finding]:
    """Text in the pixels of a seeded sample of the pictures."""
    if getattr(cohort.spec.inputs[name], "dimensions", 2) == 3:
        return [_note(name, "not checked: text in the pixels of volumes.", "Look at some slices.")]
    if not ocr.installed():
        return [
            _note(
                name,
                "not checked: text in the pixels; the extra `ocr` is not installed.",
                "Install it: pip install 'clinmm[ocr]'. Or look at some of the pictures.",
            )
        ]
    paths = cohort.image_paths(name)
    there = [row for row, path in enumerate(paths) if path is not None and path.is_file()]
    chosen = _sample(there, MOST_PICTURES_READ)
    boxes: dict[int, int] = {}
    for row in chosen:
        try:
            n = len(ocr.find_text(ocr.as_shown(paths[row])))  # type: ignore[arg-type]
        except InputError:
            continue  # the check `files` names it
        if n:
            boxes[row] = n
    findings = []
    looked = f"{len(chosen)} of {len(there)} pictures were looked at"
    if boxes:
        findings.append(
            _finding(
                cohort,
                "warning",
                name,
                _mask(cohort, set(boxes)),
                f"{len(boxes)} pictures show text in {sum(boxes.values())} boxes; {looked}.",
                "Text in the pixels may name a person, and a model may learn from it.",
                input_name=name,
                advice=f"Look at them. {CLEAN}",
            )
        )
    elif len(chosen) < len(there):
        findings.append(
            _note(
                name,
                f"not checked: text in the pixels of {len(there) - len(chosen)} pictures; {looked} "
                "and show none.",
                "clinmm deidentify looks at all of them.",
            )
        )
    return findings


# --- notes ------------------------------------------------------------------------------------
def notes(cohort: Cohort, name: str) -> list[Finding]:
    """Identifiers in free text, one finding per kind."""
    cells = cohort.table[cohort.spec.inputs[name].columns[0]]
    texts = [cell if isinstance(cell, str) else "" for cell in cells]
    rows: dict[str, set[int]] = defaultdict(set)
    counts: Counter[str] = Counter()
    names_at: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for row, text in enumerate(texts):
        for span in find_spans(text):
            rows[span.kind].add(row)
            counts[span.kind] += 1
            names_at[row].append((span.start, span.end))
    findings = [
        _finding(
            cohort,
            _STAND[kind],
            name,
            _mask(cohort, of_rows),
            f"{_n(of_rows, 'note')} {_plural(kind)}, {counts[kind]} in all.",
            "HIPAA Safe Harbor, 45 CFR 164.514(b)(2), takes them out.",
            input_name=name,
        )
        for kind, of_rows in rows.items()
    ]
    if n_filled := sum(bool(text.strip()) for text in texts):
        by = "rules and a language model" if ner.installed() else "rules"
        findings.append(
            _note(
                name,
                f"{n_filled} notes were searched by {by}, which miss about half of the names that "
                "stand without a title or a role beside them, and most names of towns.",
                "Read some of the notes.",
            )
        )
    return findings + _by_model(cohort, name, texts, names_at)


def _by_model(
    cohort: Cohort, name: str, texts: Sequence[str], known: dict[int, list[tuple[int, int]]]
) -> list[Finding]:
    if not ner.installed():
        return []
    filled = [row for row, text in enumerate(texts) if text.strip()]
    chosen = _sample(filled, MOST_NOTES_MODEL)
    seen = set()
    for row, spans in zip(chosen, ner.name_spans([texts[row] for row in chosen]), strict=True):
        if any(all(s.start >= end or start >= s.end for start, end in known[row]) for s in spans):
            seen.add(row)
    if not seen:
        return []
    return [
        _finding(
            cohort,
            "warning",
            name,
            _mask(cohort, seen),
            f"In {len(seen)} of {len(chosen)} notes a language model sees names that no rule does.",
            "Some will be names, some drugs or findings.",
            input_name=name,
            advice=f"Look at them. {CLEAN}",
        )
    ]


def _n(rows: set[int], what: str) -> str:
    return f"1 {what} holds" if len(rows) == 1 else f"{len(rows)} {what}s hold"


def _plural(kind: str) -> str:
    odd = {"age over 90": "ages over 90", "address": "addresses", "ssn": "social security numbers"}
    odd |= {"email": "e-mail addresses", "phone": "telephone numbers", "url": "web addresses"}
    return odd.get(kind, f"{kind}s")


# --- findings ---------------------------------------------------------------------------------
def _sample(rows: list[int], most: int) -> list[int]:
    if len(rows) <= most:
        return rows
    drawn = np.random.default_rng(0).choice(len(rows), most, replace=False)
    return sorted(rows[i] for i in drawn)


def _mask(cohort: Cohort, rows: set[int]) -> np.ndarray:
    mask = np.zeros(cohort.n_cases, dtype=bool)
    mask[sorted(rows)] = True
    return mask


def _listed(keywords: Counter[str]) -> str:
    words = [word for word, _ in sorted(keywords.items(), key=lambda pair: (-pair[1], pair[0]))]
    more = f" and {len(words) - 8} more" if len(words) > 8 else ""
    return ", ".join(words[:8]) + more


def _finding(
    cohort: Cohort,
    severity: Severity,
    subject: str,
    rows: np.ndarray,
    detail: str,
    means: str,
    *,
    input_name: str,
    advice: str = CLEAN,
) -> Finding:
    cases = tuple(cohort.table["case_id"][rows])
    examples = tuple(Example(case, input_name) for case in cases[:MOST_EXAMPLES])
    return Finding(
        CHECK,
        severity,
        subject,
        f"{detail} {means}",
        advice,
        cases,
        int(rows.sum()),
        examples=examples if input_name else (),
    )


def _note(name: str, detail: str, advice: str) -> Finding:
    return Finding(CHECK, "info", name, detail, advice)
