"""What a run says of its explained cases, read for their figures."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
from numpy.typing import NDArray

from clinmm import __version__
from clinmm.arms import FUSED
from clinmm.cohort.manifest import read_spec
from clinmm.cohort.spec import CohortSpec
from clinmm.errors import InputError
from clinmm.explain.figures.inputs import input_of
from clinmm.explain.figures.maps import scale_of
from clinmm.explain.figures.shown import Input, Share, Shown
from clinmm.explain.figures.stored import method_says, method_shown
from clinmm.explain.figures.what_if import what_if_of
from clinmm.report.lines import each
from clinmm.report.wording import (
    class_label,
    listing,
    method_name,
    number,
    of_hundred,
    present,
    probability,
)
from clinmm.runs import Run

USE = "For research and review use."


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
        in_logits = method_says(method, "IN_LOGITS") is True
        inputs = {
            one: input_of(self.run.folder, one, source, case, own[own["input"] == one], method)
            for one, source in self.spec.inputs.items()
        }
        there = [one for one in inputs.values() if one is not None]
        against = "" if rather_than is None else f" rather than {class_label(rather_than)}"
        return Shown(
            case_id=case_id,
            target=f"{class_label(name)}{against}",
            risk=self._risk(predicted[predicted["class_name"] == name]),
            method=method_name(method),
            meaning=str(method_says(method, "MEANING") or ""),
            unit=self._unit() if in_logits else "relative",
            signed=method_says(method, "SIGNED") is not False,
            scale=scale_of(_scores(there)),
            change=float(own["logit_change"].iloc[0]),
            inputs=there,
            absent=[name for name, one in inputs.items() if one is None],
            shares=_shares(own) if in_logits else [],
            checked=_checked(rows, self.methods),
            of_difference="" if rather_than is None else _of_difference(own),
            what_if=None
            if rather_than
            else what_if_of(
                self.what_if,
                case_id,
                name,
                {one.name: one.text for one in there if one.text},
                self._answer(),
            ),
            provenance=self._provenance(predicted, method),
        )

    def _answer(self) -> str:
        return f"value, {self.value_unit}".rstrip(", ") if self.is_value else "risk"

    def _unit(self) -> str:
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


def _scores(inputs: Sequence[Input]) -> list[NDArray[Any]]:
    """Everything that is coloured."""
    drawn = [one.drawn if one.drawn is not None else one.arrays.get("score") for one in inputs]
    return [values for values in drawn if values is not None]


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


def _of_difference(rows: pd.DataFrame) -> str:
    """What was checked of one class set against another, by the method that is drawn."""
    checks = {"logit_change": "that it adds up", "stability": "that it is stable"}
    made = [said for column, said in checks.items() if rows[column].notna().any()]
    of_itself = (
        f"only this was checked, for this case: {listing(made)}" if made else "nothing was checked"
    )
    return (
        "The audit judged each of the two classes by itself, not their difference. Of the "
        f"difference itself {of_itself}."
    )
