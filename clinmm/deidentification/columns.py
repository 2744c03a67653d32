"""The table: ids, record columns and file names that tell of a person."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
import pandas as pd

from clinmm.cohort.cohort import Cohort
from clinmm.deidentification.names import FAMILY, GIVEN
from clinmm.deidentification.notes import find_spans

_TELLING_NAMES: tuple[tuple[str, str], ...] = (
    (
        "name of a person",
        r"(?:^|_)(?:first|last|sur|given|family|full|patient|middle|maiden)_?name$",
    ),
    ("date of birth", r"(?:^|_)(?:dob|birth_?date|date_?of_?birth|born(?:_on)?|birthday)$"),
    ("social security number", r"(?:^|_)(?:ssn|social_security\w*)$"),
    ("telephone number", r"(?:^|_)(?:tele)?(?:phone|fax|mobile)(?:_?(?:no|number))?$"),
    ("e-mail", r"(?:^|_)e_?mail\w*$"),
    ("address", r"(?:^|_)(?:street|address|zip|zip_?code|post_?code|postal_?code)$"),
    ("record number", r"(?:^|_)(?:mrn|medical_record\w*|insurance_\w+|nhs_number)$"),
)
_GRAVE = {"name", "phone", "email", "ssn", "address"}
_IS_AGE = re.compile(r"(?:^|_)age(?:_|$)", re.IGNORECASE)


@dataclass(frozen=True)
class ColumnFinding:
    """rows: (n_cases,) where the column says so; kind: what it looks like."""

    column: str
    kind: str
    severity: Literal["error", "warning", "info"]
    rows: np.ndarray


def look_at_columns(cohort: Cohort) -> list[ColumnFinding]:
    """Ids, record, sensitive and site columns, and the names of files. Notes are not looked at."""
    found = []
    for key, column in (("case_id", "case_id"), ("patient_id", "patient_id")):
        found += [
            ColumnFinding(key, kind, severity, rows)
            for kind, severity, rows in _in_ids(cohort.table[column])
        ]
    for column in text_columns(cohort):
        found += _in_cells(column, cohort.table[column])
    for column in age_columns(cohort):
        ages = pd.to_numeric(cohort.table[column], errors="coerce").to_numpy(float)
        if (over := ages > 90).any():
            found.append(ColumnFinding(column, "ages over 90", "info", over))
    for name in cohort.spec.file_inputs:
        cells = cohort.table[cohort.spec.inputs[name].columns[0]]
        if (named := np.array([_names_somebody(cell) for cell in cells])).any():
            found.append(ColumnFinding(name, "names of persons in file names", "error", named))
    return found


def text_columns(cohort: Cohort) -> list[str]:
    """Columns of words that the cohort file declares, but targets, notes and paths."""
    spec = cohort.spec
    columns = [c for n in spec.input_names("record") for c in (*cohort.record(n).columns,)]
    columns += [attribute.column for attribute in spec.sensitive.values()]
    columns += [spec.site] if spec.site else []
    targets = (*spec.target.columns, *spec.target.second_columns)
    return [str(c) for c in dict.fromkeys(columns) if c not in targets]


def age_columns(cohort: Cohort) -> list[str]:
    """Numeric columns of the record, and audited ones with bins, that hold ages."""
    spec = cohort.spec
    columns: list[str] = []
    for name in spec.input_names("record"):
        columns += list(getattr(spec.inputs[name], "numeric", {}))
    columns += [a.column for a in spec.sensitive.values() if a.bins]
    return [c for c in dict.fromkeys(columns) if _IS_AGE.search(c)]


def telling_name(column: str) -> str | None:
    """What a column must hold, to judge by its name: `dob` is a date of birth."""
    plain = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", column).lower().replace(" ", "_").replace("-", "_")
    return next((kind for kind, rule in _TELLING_NAMES if re.search(rule, plain)), None)


def _in_cells(column: str, cells: "pd.Series[str]") -> list[ColumnFinding]:
    filled = np.array([isinstance(cell, str) for cell in cells])
    if (kind := telling_name(column)) and filled.any():
        return [ColumnFinding(column, kind, "error", filled)]
    kinds = _kinds([cell if isinstance(cell, str) else "" for cell in cells])
    found = []
    for kind in sorted({k for row in kinds for k in row} & _GRAVE):
        rows = np.array([kind in row for row in kinds])
        found.append(ColumnFinding(column, f"{kind}s", "error", rows))
    return found


_MEASURED = re.compile(r"[-+]?\d{1,2}\.\d+([eE][-+]?\d{1,2})?")
"""A number of at most two digits before the point names nobody; a record may hold millions."""


def _kinds(cells: Sequence[str]) -> list[set[str]]:
    known: dict[str, set[str]] = {}
    for cell in cells:
        if cell not in known:
            says_more = re.search(r"\w{3}", cell) and not _MEASURED.fullmatch(cell)
            known[cell] = {s.kind for s in find_spans(cell)} if says_more else set()
    return [known[cell] for cell in cells]


def _in_ids(ids: "pd.Series[str]") -> list[tuple[str, Literal["error", "warning"], np.ndarray]]:
    checks: list[tuple[str, Literal["error", "warning"], np.ndarray]] = [
        ("names of persons", "error", np.array([_names_somebody(cell) for cell in ids])),
        (
            "social security numbers",
            "error",
            np.array([bool(re.fullmatch(r"\d{3}-\d{2}-\d{4}", cell)) for cell in ids]),
        ),
        ("e-mail addresses", "error", np.array(["@" in cell for cell in ids])),
        ("dates of birth", "warning", np.array([bool(_DATE.search(cell)) for cell in ids])),
    ]
    return [check for check in checks if check[2].any()]


_DATE = re.compile(
    r"(?<!\d)(?:19\d\d|20[0-2]\d)([-_.]?)(?:0[1-9]|1[0-2])\1(?:0[1-9]|[12]\d|3[01])(?!\d)"
)


def _names_somebody(cell: object) -> bool:
    """A given and a family name of the lists side by side, as in SMITH_JOHN_2.dcm."""
    if not isinstance(cell, str):
        return False
    words = re.findall(r"[^\W\d_]{3,}", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", cell))
    low = [word.lower() for word in words]
    return any(
        (one in GIVEN and two in FAMILY) or (one in FAMILY and two in GIVEN)
        for one, two in pairwise(low)
    )
