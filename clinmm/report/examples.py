"""Example cases: what was put in, what was estimated, and what moved the estimate."""

from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from clinmm.cohort.spec import CohortSpec, ImageInput, NoteInput, RecordInput, SignalInput
from clinmm.explain.figures.stored import arrays_of, inside, method_shown, withheld
from clinmm.report.case_parts import Note, Picture, Record, note, picture, record
from clinmm.report.choice import Chosen, choose
from clinmm.report.lines import each
from clinmm.report.material import Material
from clinmm.report.traces import Trace, trace
from clinmm.report.wording import class_label, method_name, number, of_hundred, present, probability


@dataclass(frozen=True)
class Example:
    """One case and class as the page shows it. answer: what `risk` is called. scale: what
    attributions are in. shares: (input, per cent or withheld)."""

    heading: str
    case_id: str
    class_name: str
    risk: str
    outcome: str
    pattern: str
    shares: list[tuple[str, str]]
    how: str
    answer: str
    scale: str
    pictures: list[Picture] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    traces: list[Trace] = field(default_factory=list)


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
        & table["rather_than"].isna()
    ]
    folder, order = material.run.folder, list(dict.fromkeys(table["method"]))
    rows = rows[rows["method"] == method_shown(folder, rows, order)]
    why = {name: withheld(rows[rows["input"] == name]) for name in rows["input"]}
    arrays = {
        f"{row.input}/{key}": array
        for row in each(rows)
        if not why[row.input]
        for key, array in arrays_of(folder, str(row.file), row.input).items()
    }
    here = [(name, source, why.get(name, "")) for name, source in spec.inputs.items()]
    return Example(
        heading=one.heading,
        case_id=one.case_id,
        class_name=class_label(one.class_name),
        risk=_risk(one.row, material),
        outcome=_outcome(one.row, material),
        pattern=str(one.row["pattern"]).replace("+", ", "),
        shares=[
            (str(r.input), "withheld" if why[r.input] else _share(r.share)) for r in each(rows)
        ],
        how=_how(rows, _unit(material)),
        answer="Value" if pd.isna(one.row["probability"]) else "Risk estimate",
        scale="logits" if _unit(material) == "logit" else _unit(material),
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
        traces=[
            trace(file, name, arrays, reason)
            for name, source, reason in here
            if isinstance(source, SignalInput)
            and present(case.get(f"{name}_display"))
            and (file := inside(material.run.folder, str(case[f"{name}_display"]))) is not None
        ],
    )


def _risk(row: "pd.Series[Any]", material: Material) -> str:
    if pd.isna(row["probability"]):
        return _with_interval(row, str(material.facts["target"].get("unit", "")))
    return f"{of_hundred(float(row['probability']), material.unit)} ({_figure(row)})"


def _with_interval(row: "pd.Series[Any]", unit: str) -> str:
    said = f"{number(float(row['value']), 1)} {unit}"
    if pd.isna(row["value_low"]):
        return said
    return f"{said} ({number(row['value_low'], 1)} to {number(row['value_high'], 1)})"


def _figure(row: "pd.Series[Any]") -> str:
    said = probability(float(row["probability"]))
    if present(row["threshold"]):
        said += f"; called at or above {probability(float(row['threshold']))}"
    return said


def _outcome(row: "pd.Series[Any]", material: Material) -> str:
    if pd.isna(row["target"]):
        return "not recorded"
    if pd.isna(row["probability"]):
        return f"{number(float(row['target']), 1)} {material.facts['target'].get('unit', '')}"
    return "had it" if row["target"] == 1 else "did not have it"


def _unit(material: Material) -> str:
    """What attributions are in."""
    target = material.facts.get("target") or {}
    return str(target.get("unit")) if target.get("kind") == "continuous" else "logit"


def _share(share: float) -> str:
    """Of a method that is not in logits inputs have no share."""
    return "–" if pd.isna(share) else f"{100 * share:.0f} %"


def _how(rows: pd.DataFrame, unit: str) -> str:
    row = rows.iloc[0]
    said = method_name(str(row["method"]))
    if pd.isna(row["logit_change"]):
        return said
    change, error = number(row["logit_change"], 2), number(row["completeness_error"])
    return f"{said}; change in {unit} {change}, completeness error {error}"
