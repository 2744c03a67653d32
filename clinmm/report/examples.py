"""Example cases: what was put in, what was estimated, and what moved the estimate."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clinmm.cohort.spec import CohortSpec, ImageInput, NoteInput, RecordInput
from clinmm.report.case_parts import Note, Picture, Record, inside, note, picture, record
from clinmm.report.choice import Chosen, choose
from clinmm.report.lines import each
from clinmm.report.material import Material
from clinmm.report.wording import class_label, number, of_hundred, present, probability


@dataclass(frozen=True)
class Example:
    """One case and class as the page shows it. shares: (input, per cent or withheld)."""

    heading: str
    case_id: str
    class_name: str
    risk: str
    outcome: str
    pattern: str
    shares: list[tuple[str, str]]
    how: str
    pictures: list[Picture] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)


def examples(material: Material) -> tuple[list[Example], str]:
    """The cases to show, or why there are none."""
    for name in ("explanations", "predictions", "cases"):
        if name not in material.tables:
            return [], material.absent(name)
    if material.cohort is None:
        return [], "The run has no cohort.yaml, so what is picture, note and record is not known."
    cases = material.tables["cases"].set_index("case_id", drop=False)
    shown = [
        _example(material, material.cohort, one, cases.loc[[one.case_id]].iloc[0])
        for one in choose(material)
        if one.case_id in cases.index
    ]
    return shown, "" if shown else "No explained case is among the test predictions."


def _example(material: Material, spec: CohortSpec, one: Chosen, case: "pd.Series[Any]") -> Example:
    table = material.tables["explanations"]
    rows = table[
        (table["case_id"] == one.case_id)
        & (table["class_name"] == one.class_name)
        & (table["arm"] == one.row["arm"])
    ]
    arrays = _arrays(material.run.folder, rows)
    why = {
        str(row.input): str(row.reason) if present(row.reason) else "withheld"
        for row in each(rows[rows["status"] != "pass"])
    }
    here = [(name, source, why.get(name, "")) for name, source in spec.inputs.items()]
    return Example(
        heading=one.heading,
        case_id=one.case_id,
        class_name=class_label(one.class_name),
        risk=f"{of_hundred(float(one.row['probability']), material.unit)} ({_figure(one.row)})",
        outcome=_outcome(one.row),
        pattern=str(one.row["pattern"]).replace("+", ", "),
        shares=[
            (str(r.input), "withheld" if r.input in why else f"{100 * r.share:.0f} %")
            for r in each(rows)
        ],
        how=_how(rows),
        pictures=[
            picture(material.run.folder, case, name, arrays, reason)
            for name, source, reason in here
            if isinstance(source, ImageInput) and present(case.get(f"{name}_display"))
        ],
        notes=[
            note(name, str(case[source.column]), arrays, reason)
            for name, source, reason in here
            if isinstance(source, NoteInput) and present(case.get(source.column))
        ],
        records=[
            record(name, source, case, arrays, reason)
            for name, source, reason in here
            if isinstance(source, RecordInput) and name in set(rows["input"])
        ],
    )


def _figure(row: "pd.Series[Any]") -> str:
    said = probability(float(row["probability"]))
    if present(row["threshold"]):
        said += f"; called at or above {probability(float(row['threshold']))}"
    return said


def _outcome(row: "pd.Series[Any]") -> str:
    if pd.isna(row["target"]):
        return "not recorded"
    return "had it" if row["target"] == 1 else "did not have it"


def _how(rows: pd.DataFrame) -> str:
    row = rows.iloc[0]
    return (
        f"{str(row['method']).replace('_', ' ')}; "
        f"change in logit {number(row['logit_change'], 2)}, "
        f"completeness error {number(row['completeness_error'])}"
    )


def _arrays(folder: Path, rows: pd.DataFrame) -> dict[str, NDArray[Any]]:
    """Arrays of the case and class; only files inside the run are read."""
    found: dict[str, NDArray[Any]] = {}
    for file in rows["file"].dropna().unique():
        path = inside(folder, str(file))
        if path is not None:
            with np.load(path, allow_pickle=False) as stored:
                found |= {name: stored[name] for name in stored.files}
    return found
