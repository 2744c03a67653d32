"""One case as a figure shows it: what may be drawn, what is withheld and why, read from the run."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clinmm import __version__, registry
from clinmm.arms import FUSED
from clinmm.cohort.column_patterns import record_columns
from clinmm.cohort.manifest import read_spec
from clinmm.cohort.spec import CohortSpec
from clinmm.errors import InputError
from clinmm.explain.figures.maps import patch_sums, scale_of
from clinmm.explain.figures.stored import arrays_of, inside, method_shown, withheld
from clinmm.explain.figures.what_if import WhatIf, what_if_of
from clinmm.readers.curve import Curve
from clinmm.readers.curve import load as load_curve
from clinmm.readers.stack import Stack
from clinmm.readers.stack import load as load_stack
from clinmm.report.lines import each
from clinmm.report.wording import class_label, method_name, number, of_hundred, present, probability
from clinmm.runs import Run

USE = "For research and review use."
RELATIVE = ("grad_cam", "attention")
"""Methods whose numbers are no changes of the logit: they have a scale of their own."""


@dataclass(frozen=True)
class Value:
    """One column of a record; text is empty where it was not measured; score None if not drawn.
    mark: the part of the score that is due to its having been measured, or not."""

    name: str
    text: str
    score: float | None
    mark: float = 0.0


@dataclass(frozen=True, eq=False)
class Input:
    """One input of the case.

    withheld: why its attributions are not drawn, empty where they are. arrays: attributions as in
    the run without the input's name; empty where withheld. drawn: the map as it is coloured, sums
    over patches where it is in logits. picture: (H, W) grey or (H, W, 3), or the slices of a
    volume.
    """

    name: str
    kind: str
    withheld: str
    arrays: dict[str, NDArray[Any]]
    drawn: NDArray[np.float32] | None = None
    picture: NDArray[Any] | Stack | None = None
    text: str = ""
    values: list[Value] = field(default_factory=list)
    curve: Curve | None = None


@dataclass(frozen=True)
class Share:
    """share: of all inputs, 0 to 1, low and high NaN where only one model was asked; None where
    withheld. attribution: signed sum, in logits or the value's unit."""

    name: str
    share: float | None
    low: float
    high: float
    attribution: float


@dataclass(frozen=True, eq=False)
class Shown:
    """One case, class and method.

    target: what is explained. risk: the estimate in words. unit: of attributions, `relative` where
    they mean something beside each other only. scale: the attribution that gets the full colour,
    one for all inputs. change: of the logit against the reference, NaN of a method whose numbers do
    not add up. checked: (method, input, what became of it) of every method. absent: inputs that the
    case lacks.
    """

    case_id: str
    target: str
    risk: str
    method: str
    meaning: str
    unit: str
    scale: float
    change: float
    inputs: list[Input]
    absent: list[str]
    shares: list[Share]
    checked: list[tuple[str, str, str]]
    what_if: WhatIf | None
    provenance: str


class CaseReader:
    """Reads the tables of a run once for many cases.

    Raises:
        NotMadeYet: the run has no explanations, naming the command that makes them.
    """

    def __init__(self, run: Run, methods: Sequence[str] | None = None) -> None:
        self.run, self.facts = run, run.facts
        table = run.read("explanations")
        if methods is not None and not set(methods) & set(table["method"]):
            there = ", ".join(dict.fromkeys(table["method"]))
            raise InputError(
                f"{run.folder} has no explanations by {', '.join(methods)}; it has {there}."
            )
        self.explanations = table if methods is None else table[table["method"].isin(methods)]
        self.cases = run.read("cases").set_index("case_id", drop=False)
        self.predictions = run.read("predictions")
        self.what_if = run.read("what_if") if run.has("what_if") else None
        self.spec: CohortSpec = read_spec(run.folder / "cohort.yaml")
        self.methods = list(methods or dict.fromkeys(table["method"]))
        target = self.facts.get("target") or {}
        self.value_unit = str(target.get("unit") or "")
        self.is_value = target.get("kind") == "continuous"

    def unexplained(
        self, case_ids: Sequence[str], class_name: str | None, rather_than: str | None
    ) -> list[str]:
        """Those of the cases of which no such explanation is in the run."""
        return [c for c in case_ids if not len(self._rows(c, class_name, rather_than))]

    def case(
        self, case_id: str, class_name: str | None = None, rather_than: str | None = None
    ) -> Shown:
        """One explained case; without a class the explained one with the highest estimate."""
        predicted = self._predicted(case_id)
        name = class_name or self._likeliest(case_id, predicted, rather_than)
        rows = self._rows(case_id, name, rather_than)
        method = method_shown(self.run.folder, rows, self.methods)
        own = rows[rows["method"] == method]
        case = self.cases.loc[[case_id]].iloc[0]
        inputs = [self._input(one, case, own) for one in self.spec.inputs]
        there = [one for one in inputs if one is not None]
        against = "" if rather_than is None else f" rather than {class_label(rather_than)}"
        return Shown(
            case_id=case_id,
            target=f"{class_label(name)}{against}",
            risk=self._risk(predicted[predicted["class_name"] == name]),
            method=method_name(method),
            meaning=meaning_of(method),
            unit=self._unit(method),
            scale=scale_of(_scores(there)),
            change=float(own["logit_change"].iloc[0]),
            inputs=there,
            absent=[n for n, one in zip(self.spec.inputs, inputs, strict=True) if one is None],
            shares=_shares(own),
            checked=_checked(rows, self.methods),
            what_if=None
            if rather_than
            else what_if_of(self.what_if, case_id, name, self._note_texts(there), self._answer()),
            provenance=self._provenance(predicted, method),
        )

    def _answer(self) -> str:
        return f"value, {self.value_unit}".rstrip(", ") if self.is_value else "risk"

    def _unit(self, method: str) -> str:
        if method in RELATIVE:
            return "relative"
        return (self.value_unit or "units of the value") if self.is_value else "logits"

    # --- parts -----------------------------------------------------------------------------
    def _rows(self, case_id: str, class_name: str | None, rather_than: str | None) -> pd.DataFrame:
        table = self.explanations
        rows = table[(table["case_id"] == case_id) & (table["arm"] == FUSED)]
        against = rows["rather_than"]
        rows = rows[against.isna() if rather_than is None else against == rather_than]
        return rows if class_name is None else rows[rows["class_name"] == class_name]

    def _predicted(self, case_id: str) -> pd.DataFrame:
        """What the explained models predicted: repeat 0, each class once."""
        table = self.predictions
        rows = table[(table["case_id"] == case_id) & (table["arm"] == FUSED)]
        rows = rows[(rows["split"] == "test") & (rows["repeat"] == 0)]
        return rows.drop_duplicates("class_name")

    def _likeliest(self, case_id: str, predicted: pd.DataFrame, rather_than: str | None) -> str:
        explained = set(self._rows(case_id, None, rather_than)["class_name"].astype(str))
        rows = predicted[predicted["class_name"].isin(explained)]
        if not len(rows):
            return min(explained)
        return str(rows.sort_values("probability", ascending=False)["class_name"].iloc[0])

    def _input(self, name: str, case: "pd.Series[Any]", rows: pd.DataFrame) -> Input | None:
        """The input as it is drawn, or None where the case lacks it."""
        source: Any = self.spec.inputs[name]
        of_input = rows[rows["input"] == name]
        why = withheld(of_input)
        arrays: dict[str, NDArray[Any]] = {}
        if len(of_input) and not why:
            arrays = arrays_of(self.run.folder, str(of_input["file"].iloc[0]), name)
        if source.kind in ("image", "signal"):
            file = self._copy(case.get(f"{name}_display"))
            if not len(of_input) and file is None:
                return None
            if source.kind == "signal":
                curve = None if file is None else load_curve(file)
                return Input(name, source.kind, why, arrays, curve=curve)
            drawn = arrays.get("map")
            if drawn is not None:
                relative = str(of_input["method"].iloc[0]) in RELATIVE
                drawn = drawn.astype(np.float32) if relative else patch_sums(drawn)
            return Input(name, source.kind, why, arrays, drawn, _picture(file))
        if source.kind == "note":
            text = case.get(source.column)
            if not present(text):
                return None
            return Input(name, source.kind, why, arrays, text=str(text))
        if not len(of_input):
            return None
        return Input(name, source.kind, why, arrays, values=_values(source, case, arrays))

    def _copy(self, relative: Any) -> Path | None:
        return inside(self.run.folder, str(relative)) if present(relative) else None

    def _note_texts(self, inputs: Sequence[Input]) -> dict[str, str]:
        return {one.name: one.text for one in inputs if one.kind == "note"}

    def _risk(self, rows: pd.DataFrame) -> str:
        if not len(rows):
            return "no estimate in the run"
        row = rows.iloc[0]
        if self.is_value:
            said = f"value {number(row['value'], 1)} {self.value_unit}".rstrip()
            if pd.notna(row["value_low"]):
                low, high = number(row["value_low"], 1), number(row["value_high"], 1)
                said += f" (promised interval {low} to {high})"
            return said
        unit = str(self.facts.get("unit_name", "patient"))
        risk = float(row["probability"])
        return f"risk estimate {probability(risk)}, {of_hundred(risk, unit)}"

    def _provenance(self, predicted: pd.DataFrame, method: str) -> str:
        facts = self.facts
        n_folds = int(facts.get("n_folds") or 0)
        if not n_folds:
            models = "the study's model"
        elif facts.get("kind") == "prediction" or not len(predicted):
            models = f"models of {n_folds} folds, repeat 0"
        else:
            models = f"model of fold {int(predicted['fold'].iloc[0])} of {n_folds}, repeat 0"
        parts = [
            f"Study {(facts.get('cohort') or {}).get('name', 'unnamed')}",
            f"config {str(facts.get('config_hash', 'none'))[:12]}",
            f"arm {FUSED}",
            models,
            f"method {method_name(method)}",
            f"made with clinmm {facts['clinmm']}, drawn with clinmm {__version__}",
        ]
        return f"{'; '.join(parts)}. {USE}"


def meaning_of(method: str) -> str:
    """What the numbers of a method are, in its own words."""
    if method not in registry.available("attributions"):
        return ""
    return str(registry.load("attributions", method).MEANING)


def _picture(file: Path | None) -> NDArray[Any] | Stack | None:
    """A display copy: (H, W) float from 0 (black) to 1, (H, W, 3) uint8, or a volume's slices."""
    from PIL import Image

    if file is None:
        return None
    if (stack := load_stack(file)) is not None:
        return stack
    with Image.open(file) as opened:
        if opened.mode.startswith(("I", "F")):
            grey = np.asarray(opened, dtype=np.float64)
            low, high = float(grey.min()), float(grey.max())
            return (grey - low) / (high - low if high > low else 1.0)
        if opened.mode in ("L", "1"):
            return np.asarray(opened.convert("L"), dtype=np.float64) / 255
        return np.asarray(opened.convert("RGB"), dtype=np.uint8)


def _values(source: Any, case: "pd.Series[Any]", arrays: dict[str, NDArray[Any]]) -> list[Value]:
    """The record's columns, those that moved the estimate most first."""
    columns, scores = arrays.get("column", np.array([])), arrays.get("score", np.array([]))
    marks = arrays.get("mark", np.zeros(len(columns)))
    found = {
        str(column): (float(score), float(mark))
        for column, score, mark in zip(columns, scores, marks, strict=True)
    }
    values = []
    for column, unit in record_columns(source, case.to_dict()).items():
        cell = case.get(column)
        text = f"{_plain(cell)} {unit}".strip() if present(cell) else ""
        score, mark = found.get(str(column), (None, 0.0))
        values.append(Value(str(column), text, score, mark))
    return sorted(values, key=lambda one: (-abs(one.score or 0.0), not one.text))


def _scores(inputs: Sequence[Input]) -> list[NDArray[Any]]:
    """Everything that is coloured."""
    drawn = [one.drawn if one.drawn is not None else one.arrays.get("score") for one in inputs]
    return [values for values in drawn if values is not None]


def _plain(value: Any) -> str:
    return f"{value:g}" if isinstance(value, (int, float, np.number)) else str(value)


def _shares(rows: pd.DataFrame) -> list[Share]:
    found = []
    for row in each(rows):
        shown = row.status == "pass" and pd.notna(row.share)
        share = float(row.share) if shown else None
        found.append(Share(row.input, share, row.share_low, row.share_high, row.attribution))
    return found


def _checked(rows: pd.DataFrame, order: Sequence[str]) -> list[tuple[str, str, str]]:
    found = []
    for method in order:
        for row in each(rows[rows["method"] == method]):
            why = str(row.reason) if present(row.reason) else "no reason given"
            said = "passed" if row.status == "pass" else f"withheld: {why}"
            found.append((method_name(method), str(row.input), said))
    return found
