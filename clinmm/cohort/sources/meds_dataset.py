"""MEDS (Medical Event Data Standard 0.4) -> a drafted cohort: one case per label.

    DIR/data/**/*.parquet              subject_id, time, code, numeric_value, text_value
    DIR/metadata/codes.parquet         code, description (may be absent)
    DIR/metadata/subject_splits.parquet   subject_id, split (may be absent)
    the label's file or folder         subject_id, prediction_time, and one of boolean_value,
                                       integer_value, float_value, categorical_value

Data up to and including `prediction_time` is used, as MEDS defines it. Files are read one at a
time, a subject being in one file only; of each, the labelled subjects' rows alone are in memory.

Reference: https://github.com/Medical-Event-Data-Standard/meds, src/meds/schema.py (0.4.1).
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from clinmm.cohort.sources.draft import Draft, age_text
from clinmm.cohort.sources.known_by import FEW, TOP, last_known, record_columns
from clinmm.cohort.sources.pseudonyms import number
from clinmm.errors import InputError
from clinmm.progress import Tell, silent

VALUES = ("boolean_value", "integer_value", "float_value", "categorical_value")
LONG_TEXT = 40
"""Mean length in characters from which the texts of a code are taken for notes."""
_BIRTHS = ("MEDS_BIRTH", "BIRTH", "DOB")
_DEMOGRAPHY = {"GENDER": "sex", "SEX": "sex", "RACE": "race", "ETHNICITY": "ethnicity"}
_DAYS_A_YEAR = 365.25


def draft_from_meds(
    folder: Path,
    label: Path,
    *,
    top: int = TOP,
    codes: list[str] | None = None,
    full_dates: bool = False,
    tell: Tell = silent,
) -> Draft:
    """What the dataset knew at each label's prediction time.

    Args:
        folder: a MEDS dataset.
        label: a parquet file, or a folder of them, in MEDS's label schema.
        top: how many codes become columns of the record, those that most cases have.
        codes: these codes instead.
        full_dates: write prediction times and times of notes, instead of the year.
        tell: told how many files are read.

    Raises:
        InputError: no MEDS, columns missing, a label of no kind or of a number, two labels for one
            subject and time, a subject in two files, a code that no labelled subject has.
    """
    files = sorted((folder / "data").rglob("*.parquet"))
    if not files:
        raise InputError(f"{folder} is no MEDS dataset: {folder / 'data'} holds no .parquet file.")
    labels, values = _read_labels(label)
    patients = number(labels["patient"].astype(str), "P")
    labels["patient_id"] = labels["patient"].astype(str).map(patients)
    labels = labels.sort_values(["patient_id", "at"], kind="stable").reset_index(drop=True)
    width = max(4, len(str(len(labels))))
    labels["case_id"] = [f"c{place:0{width}}" for place in range(1, len(labels) + 1)]
    known, texts, people = _read_events(files, labels, codes, tell)
    table = _cases(labels, people, full_dates)
    splits = folder / "metadata" / "subject_splits.parquet"
    if splits.is_file():
        parts = _columns_of(splits, ["subject_id", "split"]).set_index("subject_id")["split"]
        table["meds_split"] = labels["patient"].map(parts).fillna("").astype(str)
    if codes is not None and (absent := sorted(set(codes) - set(known["column"]))):
        raise InputError(f"no labelled subject has a number for: {', '.join(absent)}.")
    record, units, _, _ = record_columns(known, list(labels["case_id"]), top, codes)
    notes = _notes(texts, full_dates)
    counts = {
        "cases, one per label": len(labels),
        "patients": len(patients),
        "notes": 0 if notes is None else len(notes),
        "cases without any number before their time": int((record == "").all(axis=1).sum()),
        "codes with numbers, not among the columns": known["column"].nunique() - record.shape[1],
        "short texts, not read": len(texts) - (0 if notes is None else len(notes)),
        "labels of subjects without data": int((~labels["patient"].isin(people)).sum()),
    }
    target = "label"
    return Draft(
        name="meds-cohort",
        cases=pd.concat(
            [table, record.reset_index(drop=True), pd.Series(values[labels["row"]], name=target)],
            axis=1,
        ),
        targets=(target,),
        numeric={**({"age": "years"} if (table["age"] != "").any() else {}), **units},
        categorical=tuple(c for c in ("sex",) if c in table and table[c].nunique() > 1),
        notes=notes,
        times=("%Y-%m-%dT%H:%M:%S",) if full_dates else ("%Y",),
        counts={what: count for what, count in counts.items() if count},
        key={patients[subject]: subject for subject in patients},
        remarks=(
            "index_time is the prediction time; a column holds the last value up to it.",
            *_descriptions(folder / "metadata" / "codes.parquet", record.columns),
        ),
    )


def _read_labels(label: Path) -> tuple[pd.DataFrame, np.ndarray[Any, Any]]:
    """Rows of (patient, at, row), and the labels as text, by row."""
    paths = sorted(label.rglob("*.parquet")) if label.is_dir() else [label]
    paths = [path for path in paths if path.is_file()]
    if not paths:
        raise InputError(f"{label} is missing: there is no such label file.")
    table = pd.concat([_columns_of(p, ["subject_id", "prediction_time"], VALUES) for p in paths])
    table = table.drop_duplicates().reset_index(drop=True)
    held = [v for v in VALUES if v in table and table[v].notna().any()]
    problems = []
    if len(held) != 1:
        problems.append(
            f"{label}: wanted labels in one of {', '.join(VALUES)}, found {held or 'none'}."
        )
    elif held[0] == "float_value":
        problems.append(f"{label}: float_value is a number to estimate; clinmm predicts classes.")
    elif table[held[0]].nunique() > FEW:
        problems.append(f"{label}: {table[held[0]].nunique()} classes; at most {FEW} are read.")
    if twice := int(table.duplicated(["subject_id", "prediction_time"]).sum()):
        problems.append(f"{label}: {twice} labels differ from another of one subject and time.")
    if empty := int(table[["subject_id", "prediction_time"]].isna().any(axis=1).sum()):
        problems.append(f"{label}: {empty} rows without a subject_id or a prediction_time.")
    if problems:
        raise InputError(problems)
    said = table[held[0]].map(lambda v: "" if pd.isna(v) else _word(v)).to_numpy(dtype=object)
    rows = pd.DataFrame(
        {
            "patient": table["subject_id"].astype("int64"),
            "at": table["prediction_time"].astype("datetime64[us]"),
            "row": range(len(table)),
        }
    )
    return rows, said


def _word(value: object) -> str:
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    return str(int(value)) if isinstance(value, float | np.integer) else str(value)


def _read_events(
    files: list[Path], labels: pd.DataFrame, codes: list[str] | None, tell: Tell
) -> tuple[pd.DataFrame, pd.DataFrame, dict[int, dict[str, Any]]]:
    """Last numbers per case and code, texts per case, and what is fixed per subject."""
    subjects = np.unique(labels["patient"].to_numpy())
    seen: set[int] = set()
    numbers, texts = [], []
    people: dict[int, dict[str, Any]] = {}
    for done, path in enumerate(files, start=1):
        rows = pd.concat(_labelled(path, subjects), ignore_index=True)
        here = set(rows["subject_id"].unique().tolist())
        if both := seen & here:
            raise InputError(
                f"{path.name}: {len(both)} subjects are in an earlier file too. MEDS keeps a "
                "subject in one file."
            )
        seen |= here
        for subject in here:
            people.setdefault(subject, {})
        _read_people(rows, people)
        known = last_known(
            rows.rename(columns={"subject_id": "patient"})[rows["time"].notna()], labels
        )
        counted = known[known["numeric_value"].notna()]
        if codes is not None:
            counted = counted[counted["code"].isin(codes)]
        numbers.append(counted.groupby(["case_id", "code"], as_index=False, sort=False).last())
        texts.append(known[known["text_value"].notna()])
        tell("files", done, len(files))
    values = pd.concat(numbers, ignore_index=True)
    values = pd.DataFrame(
        {
            "case_id": values["case_id"],
            "time": values["time"],
            "column": values["code"],
            "value": values["numeric_value"].astype(float),
            "unit": values["code"].map(_unit).astype(object),
        }
    )
    said = pd.concat(texts, ignore_index=True)
    return values, said[["case_id", "time", "code", "text_value"]], people


def _labelled(path: Path, subjects: "np.ndarray[Any, Any]") -> Iterator[pd.DataFrame]:
    """The labelled subjects' rows of one file, a batch at a time."""

    wanted = ["subject_id", "time", "code", "numeric_value", "text_value"]
    with _opened(path) as file:
        have = [name for name in wanted if name in file.schema_arrow.names]
        if missing := sorted({"subject_id", "time", "code"} - set(have)):
            raise InputError(f"{path}: no column {', '.join(missing)}; this is not MEDS data.")
        yield pd.DataFrame({name: [] for name in wanted}).astype(_KINDS)
        for batch in file.iter_batches(columns=have, batch_size=200_000):
            rows = batch.to_pandas()
            rows = rows[rows["subject_id"].isin(subjects)]
            if len(rows):
                yield rows.reindex(columns=wanted).astype(_KINDS)


_KINDS = {
    "subject_id": "int64",
    "time": "datetime64[us]",
    "code": "object",
    "numeric_value": "float32",
    "text_value": "object",
}


def _opened(path: Path) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.ParquetFile(path)
    except (OSError, pa.ArrowException):
        raise InputError(
            f"{path} cannot be read as Parquet, which is what MEDS consists of. Write it again."
        ) from None


def _columns_of(path: Path, needed: list[str], others: tuple[str, ...] = ()) -> pd.DataFrame:
    with _opened(path) as file:
        have = file.schema_arrow.names
        if missing := [name for name in needed if name not in have]:
            raise InputError(f"{path}: no column {', '.join(missing)}; this is not MEDS.")
        table = file.read(columns=[*needed, *(name for name in others if name in have)])
    return pd.DataFrame(table.to_pandas())


def _read_people(rows: pd.DataFrame, people: dict[int, dict[str, Any]]) -> None:
    """Births, and static codes such as GENDER//F."""
    births = rows[rows["code"].str.split("//").str[0].isin(_BIRTHS) & rows["time"].notna()]
    for subject, time in zip(births["subject_id"], births["time"], strict=True):
        people[int(subject)]["born"] = time
    parts = rows["code"].str.split("//", n=1)
    static = rows.assign(head=parts.str[0].str.upper(), tail=parts.str[1])
    static = static[static["head"].isin(list(_DEMOGRAPHY)) & static["tail"].notna()]
    for subject, head, tail in zip(
        static["subject_id"], static["head"], static["tail"], strict=True
    ):
        people[int(subject)][_DEMOGRAPHY[head]] = tail


def _cases(
    labels: pd.DataFrame, people: dict[int, dict[str, Any]], full_dates: bool
) -> pd.DataFrame:
    rows = []
    for case_id, patient_id, subject, at in zip(
        labels["case_id"], labels["patient_id"], labels["patient"], labels["at"], strict=True
    ):
        person = people.get(int(subject), {})
        birth = person.get("born")
        years = (at - birth).days / _DAYS_A_YEAR if birth is not None else None
        rows.append(
            {
                "case_id": case_id,
                "patient_id": patient_id,
                "sex": person.get("sex", ""),
                "race": person.get("race", ""),
                "ethnicity": person.get("ethnicity", ""),
                "age": "" if years is None else age_text(years),
                "index_time": f"{at:%Y-%m-%dT%H:%M:%S}" if full_dates else f"{at.year}",
            }
        )
    table = pd.DataFrame(rows, dtype=object)
    empty = [name for name in ("race", "ethnicity") if (table[name] == "").all()]
    return table.drop(columns=empty)


def _unit(code: str) -> str:
    """LAB//50912//mg/dL says its unit last, as MIMIC's extraction writes it.

    >>> _unit("LAB//50912//mg/dL"), _unit("HR")
    ('mg/dL', 'unit')
    """
    parts = code.split("//")
    return parts[-1] if len(parts) > 2 and parts[-1] not in ("", "UNK") else "unit"


def _notes(texts: pd.DataFrame, full_dates: bool) -> pd.DataFrame | None:
    """Texts of the codes whose texts are long on average."""
    if texts.empty:
        return None
    length = texts["text_value"].str.len().groupby(texts["code"]).transform("mean")
    notes = texts[length >= LONG_TEXT].sort_values(["case_id", "time"], kind="stable")
    if notes.empty:
        return None
    notes = notes.rename(columns={"text_value": "text", "code": "section"})
    if full_dates:
        notes["time"] = notes["time"].dt.strftime("%Y-%m-%dT%H:%M:%S")
    return notes[["case_id", "text", *(["time"] if full_dates else []), "section"]]


def _descriptions(path: Path, columns: "pd.Index[str]") -> list[str]:
    """What the codes mean, one comment each."""
    if not path.is_file():
        return []
    table = _columns_of(path, ["code"], ("description",))
    if "description" not in table:
        return []
    said = table.dropna().set_index("code")["description"]
    lines = [f"{c}: {' '.join(str(said[c]).split())}" for c in columns if c in said.index]
    return ["What the codes mean:", *(f"  {line}" for line in lines)] if lines else []
