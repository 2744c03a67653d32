"""The table and the cohort file of a cleaned copy."""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import pandas as pd

from clinmm.cohort.cohort import Cohort
from clinmm.cohort.inputs import RecordInput
from clinmm.cohort.spec import CohortSpec
from clinmm.deidentification.columns import age_columns, telling_name, text_columns
from clinmm.deidentification.keys import Keys
from clinmm.deidentification.masking import mask_text

_USUAL_FORMATS = ("%Y-%m-%d", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y")
_ALREADY_APPLIED = ("files", "keep", "require", "drop_duplicates_of", "sample")

Cells = list[str | None]


def clean_columns(cohort: Cohort, keys: Keys, counts: Counter[str]) -> dict[str, Cells]:
    """Every column that the cohort file declares, but notes and paths: column -> new cells.

    Targets stay as they are. Columns that the file does not declare are left out.
    """
    spec, table = cohort.spec, cohort.table
    patients = list(table["patient_id"])
    times = _time_columns(spec)
    ages, texts = set(age_columns(cohort)), set(text_columns(cohort))
    records = [source for source in spec.inputs.values() if isinstance(source, RecordInput)]
    numeric = {column for record in records for column in record.numeric}
    others = {
        column
        for name in (*spec.file_inputs, *spec.input_names("note"))
        for column in spec.inputs[name].columns[:1]
    }
    columns: dict[str, Cells] = {}
    declared = dict.fromkeys(column for key, column in spec.declared() if key != "keep")
    for column in declared:
        cells: Cells = [cell if isinstance(cell, str) else None for cell in table[column]]
        if column in (*spec.target.columns, *spec.target.second_columns):
            columns[column] = cells
        elif column in others:
            continue
        elif column in times:
            formats = times[column]
            columns[column] = _shifted(cells, patients, formats, keys, counts)
        elif column == spec.site:
            columns[column] = [c and keys.pseudonym("site", c) for c in cells]
            counts["sites replaced"] += sum(c is not None for c in cells)
        elif telling_name(column):
            columns[column] = [None] * len(cells)
            counts["cells of telling columns emptied"] += sum(c is not None for c in cells)
        elif column in ages:
            columns[column] = [_at_most_90(cell, counts) for cell in cells]
        elif column in texts and column not in numeric:
            columns[column] = _each(cells, lambda text: mask_text(text)[0], counts)
        else:
            columns[column] = cells
    gone = [c for c in table if c not in declared and c not in _ids(spec)]
    counts["columns left out, not declared"] += len(gone)
    return columns


def clean_spec(spec: CohortSpec) -> dict[str, Any]:
    """The settings of the copy's cohort file: its table holds the cases that belong, and each
    note is one column."""
    settings = spec.model_dump(mode="json", exclude_defaults=True)
    settings = {key: value for key, value in settings.items() if key not in _ALREADY_APPLIED}
    settings["table"] = "cases.csv"
    settings["missing"] = [""]
    for source in settings["inputs"].values():
        if source["kind"] == "image":
            source.pop("masks", None)  # they are not copied
        if source["kind"] == "signal":
            source.pop("clock", None)
        if source["kind"] == "note":
            for key in ("file", "sections", "table"):
                source.pop(key, None)
    return settings


def _ids(spec: CohortSpec) -> set[str]:
    return {"case_id", "patient_id", spec.case_id, spec.patient_id}


def _time_columns(spec: CohortSpec) -> dict[str, Sequence[str]]:
    """Column of times -> its formats."""
    index = tuple(spec.index_time.formats) if spec.index_time else ()
    formats = tuple(dict.fromkeys((*index, *_USUAL_FORMATS)))
    sources = (spec.target, *spec.inputs.values())
    columns = [time for source in sources if (time := getattr(source, "time", None))]
    columns += [spec.index_time.column] if spec.index_time else []
    return dict.fromkeys(columns, formats)


def _shifted(
    cells: Cells, patients: Sequence[str], formats: Sequence[str], keys: Keys, counts: Counter[str]
) -> Cells:
    """Times moved back by the patient's days, written as they were; emptied if in no format."""
    new: Cells = []
    for cell, patient in zip(cells, patients, strict=True):
        moved = None if cell is None else _moved(cell, formats, keys.days_back(patient))
        if cell is not None:
            counts[
                "dates shifted" if moved is not None else "dates of no known format emptied"
            ] += 1
        new.append(moved)
    return new


def _moved(cell: str, formats: Sequence[str], days: int) -> str | None:
    for text in formats:
        try:
            return (datetime.strptime(cell, text) - timedelta(days=days)).strftime(text)
        except (ValueError, OverflowError):
            continue
    return None


def _at_most_90(cell: str | None, counts: Counter[str]) -> str | None:
    number = pd.to_numeric(cell, errors="coerce") if cell is not None else float("nan")
    if not number > 90:
        return cell
    counts["ages over 90 made 90"] += 1
    return "90"


def _each(cells: Cells, change: Callable[[str], str], counts: Counter[str]) -> Cells:
    new: Cells = [None if cell is None else change(cell) for cell in cells]
    counts["cells masked"] += sum(one != two for one, two in zip(cells, new, strict=True))
    return new
