"""Joins a table of labels to pictures by whatever identifier it uses, and says how many matched."""

import re
from collections import defaultdict
from dataclasses import dataclass

import pandas as pd

from clinmm.errors import InputError

KEYS = (
    "file path", "SOPInstanceUID", "SeriesInstanceUID", "AccessionNumber", "StudyInstanceUID",
    "PatientID",
)  # fmt: skip
"""What a labels column may hold, the most specific first."""

_NAMED = {
    "AccessionNumber": ("accession", "accessionnumber", "accessionno", "acc"),
    "PatientID": ("patientid", "patient", "subjectid", "subject", "mrn", "pid", "patid"),
}
"""Short values match by chance (an age, a grade), so these columns must be named for what they
hold, or hold nothing else."""

_IDENTITY = {
    "name", "patientname", "firstname", "lastname", "surname", "mrn", "pid", "patid", "patient",
    "patientid", "subject", "subjectid", "accession", "accessionnumber", "accessionno", "dob",
    "birthdate", "dateofbirth", "patientbirthdate", "address", "phone", "email", "ssn",
}  # fmt: skip
_UID = re.compile(r"[0-9]+(\.[0-9]+){4,}")
_DAY = re.compile(
    r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}([T ].*)?|\d{1,2}[-/.]\d{1,2}[-/.]\d{4}|(19|20)\d{6}"
)


@dataclass(frozen=True, eq=False)
class Joined:
    """Labels beside the cases.

    table: (n_cases, label columns) text, "" where a case has no label.
    column, key: the labels column that was used, and the identifier it holds.
    matched: cases with a label. unused: label rows without a case.
    left_out: label columns that identify people, pictures or days, so they are not written.
    """

    table: pd.DataFrame
    column: str
    key: str
    matched: int
    unused: int
    left_out: tuple[str, ...]


def join_labels(
    labels: pd.DataFrame,
    identifiers: list[dict[str, set[str]]],
    *,
    column: str | None = None,
    names: frozenset[str] = frozenset(),
    keep_dates: bool = False,
) -> Joined:
    """Each case's row of the labels.

    Args:
        labels: text cells, see `read_table`.
        identifiers: per case, key of `KEYS` -> the identifiers of its files.
        column: the labels column to match by; by default the one that matches most cases, and of
            several the most specific.
        names: words of patients' names; a column that holds them is not written.
        keep_dates: write columns of full dates too.

    Raises:
        InputError: nothing matches, or one identifier has several different rows.
    """
    if column is not None and column not in labels:
        raise InputError(
            f"the labels have no column '{column}'; columns are {', '.join(map(str, labels))}."
        )
    cells = labels.fillna("").astype(str).apply(lambda values: values.str.strip())
    by_value = {key: _cases_of(key, identifiers) for key in KEYS}
    tried = [column] if column else [str(name) for name in cells]
    choices = []
    for place, key in enumerate(KEYS):
        for name in tried:
            found = _match(key, cells[name], by_value[key])
            cases = {case for matches in found.values() for case in matches}
            if cases and (column or key not in _NAMED or _named(key, name, cells[name], found)):
                choices.append((len(cases), -place, name, key, found))
    if not choices:
        raise InputError(_no_match(cells, column))
    _, _, name, key, found = max(choices, key=lambda choice: choice[:2])
    row_of = _row_of_case(cells, name, key, found)
    identity = _identity_columns(cells, name, identifiers, names, keep_dates)
    kept = [str(c) for c in cells if str(c) not in identity]
    table = pd.DataFrame(
        [
            [cells.at[row_of[case], c] if case in row_of else "" for c in kept]
            for case in range(len(identifiers))
        ],
        columns=kept,
        dtype=object,
    )
    return Joined(
        table=table,
        column=name,
        key=key,
        matched=len(row_of),
        unused=int((~cells[name].isin(list(found))).sum()),
        left_out=tuple(str(c) for c in cells if str(c) in identity),
    )


def _cases_of(key: str, identifiers: list[dict[str, set[str]]]) -> dict[str, set[int]]:
    """Identifier -> the cases that have it. A path is known by each of its ends."""
    cases: defaultdict[str, set[int]] = defaultdict(set)
    for case, known in enumerate(identifiers):
        for value in known.get(key, ()):
            for written in _path_ends(value) if key == "file path" else [value]:
                if written:
                    cases[written].add(case)
    return cases


def _path_ends(path: str) -> list[str]:
    """a/b.dcm, b.dcm, a/b, b: how a table may write a/b.dcm."""
    parts = path.split("/")
    ends = ["/".join(parts[start:]) for start in range(len(parts))]
    return [*ends, *(end.rsplit(".", 1)[0] for end in ends if "." in end.rsplit("/", 1)[-1])]


def _match(key: str, cells: pd.Series, cases: dict[str, set[int]]) -> dict[str, set[int]]:
    """Value of the column -> the cases it means. A file's name that several cases have is none."""
    found = {}
    for value in cells[cells != ""].unique():
        if key != "file path":
            if value in cases:
                found[value] = cases[value]
            continue
        written = value.replace("\\", "/").removeprefix("./")
        tries = [written, *_longer(written)]
        means = next((cases[w] for w in tries if w in cases), set())
        if len(means) == 1:
            found[value] = means
    return found


def _longer(written: str) -> list[str]:
    """The ends with a folder of a path that begins further up than the folder walked."""
    parts = written.split("/")
    return ["/".join(parts[start:]) for start in range(1, len(parts) - 1)]


def _named(key: str, name: str, cells: pd.Series, found: dict[str, set[int]]) -> bool:
    if _plain(name) in _NAMED[key]:
        return True
    values = set(cells[cells != ""])
    return len(found) == len(values) and all(len(value) >= 4 for value in values)


def _row_of_case(
    cells: pd.DataFrame, name: str, key: str, found: dict[str, set[int]]
) -> dict[int, int]:
    """Case -> row. Rows that repeat each other are one; rows that differ are refused."""
    several, twice = 0, 0
    row_of: dict[int, int] = {}
    said = cells.drop(columns=name).apply(tuple, axis=1)
    matched = cells[cells[name].isin(list(found))]
    for value, rows in matched.groupby(name, sort=False):
        several += said[rows.index].nunique() > 1
        for case in found[str(value)]:
            row = row_of.setdefault(case, int(rows.index[0]))
            twice += said[row] != said[rows.index[0]]
    if several:
        raise InputError(
            f"the labels match by '{name}' ({key}), but {several} of its values have several "
            "different rows: which row belongs to which picture cannot be told. Give one row per "
            f"{key}, or a column with a closer identifier ({', '.join(KEYS[:-1])})."
        )
    if twice:
        raise InputError(
            f"the labels match by '{name}' ({key}), but {twice} rows differ from another row of "
            "the same volume, and a volume has one label. Give one row per SeriesInstanceUID."
        )
    return row_of


def _identity_columns(
    cells: pd.DataFrame,
    matched_by: str,
    identifiers: list[dict[str, set[str]]],
    names: frozenset[str],
    keep_dates: bool,
) -> set[str]:
    """Columns that say who or which picture it is, judged by name and by what they hold."""
    known = {v for row in identifiers for values in row.values() for v in values if len(v) >= 4}
    out = {matched_by}
    for column in map(str, cells):
        values = cells[column][cells[column] != ""]
        words = values.str.lower().str.split(r"[\s^,]+", regex=True)
        if (
            _plain(column) in _IDENTITY
            or _mostly(values.isin(list(known)))
            or _mostly(values.str.fullmatch(_UID.pattern))
            or _mostly(words.map(lambda said: bool(names & {w for w in said if len(w) > 2})))
            or (not keep_dates and _mostly(values.str.fullmatch(_DAY.pattern)))
        ):
            out.add(column)
    return out


def _mostly(holds: pd.Series) -> bool:
    return len(holds) > 0 and bool(holds.mean() >= 0.5)


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _no_match(cells: pd.DataFrame, column: str | None) -> str:
    where = f"the labels' column '{column}'" if column else "no column of the labels"
    holds = "holds none of" if column else "holds"
    return (
        f"{where} {holds} the {', '.join(KEYS[:-1])} or PatientID of any picture "
        f"({len(cells)} label rows). Add such a column, spelled as in the files; a column of short "
        "PatientIDs or accession numbers must be named so (patient_id, accession_number), or be "
        "named with --match COLUMN."
    )
