"""What was explained of a case: by which methods, and what of it may be drawn."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clinmm.explain import explanation as attributed
from clinmm.explain.figures.maps import of_the_strongest, patch_sums
from dashboards.case_data import inside
from dashboards.words_explained import in_logits

NO_REASON = "withheld by the audit of explanations"
PLACES = ("channel", "start", "end", "column")
"""Keys that say where a score belongs; the others say how much."""


@dataclass(frozen=True)
class Explanation:
    """Attributions of one case, class and method; arrays by `INPUT/what`.

    rows: of the explanations table, one per input that the method reads.
    logits: whether the numbers are in logits (in the unit of a value), so that words, columns and
        pictures share one scale; else they are parts of the strongest of their own input.
    """

    rows: pd.DataFrame
    arrays: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    logits: bool = True

    def withheld(self, name: str) -> str | None:
        """Why the input's attribution is not shown, or None when it may be."""
        rows = self.rows[(self.rows["input"] == name) & (self.rows["status"] != "pass")]
        return reason_of(rows.iloc[0]) if len(rows) else None

    def reads(self, name: str) -> bool:
        """Whether the method says anything of the input."""
        return bool((self.rows["input"] == name).any())

    @cached_property
    def scale(self) -> float:
        """The strongest of every word, column and patch that is shown, in logits; 1 if none is.

        One scale for all inputs: an input that hardly mattered is drawn as faint as it was.
        """
        strongest = 0.0
        for name in self.rows["input"].unique():
            drawn = self.map(name)
            values = self.array(name, "score") if drawn is None else drawn
            if values is not None and values.size:
                strongest = max(strongest, float(np.nanmax(np.abs(values))))
        return strongest or 1.0

    def array(self, name: str, what: str) -> NDArray[Any] | None:
        """An input's array, unless it is absent or withheld."""
        return None if self.withheld(name) else self.arrays.get(f"{name}/{what}")

    def by_column(self, name: str, what: str) -> dict[str, float]:
        """Column -> score (or mark) of a record; empty where it is not shown."""
        columns, values = self.array(name, "column"), self.array(name, what)
        if columns is None or values is None:
            return {}
        return {str(c): float(v) for c, v in zip(columns, values, strict=True)}

    def map(self, name: str) -> NDArray[np.float32] | None:
        """The map as it is drawn: sums over patches, or relative numbers as they are."""
        found = self.array(name, "map")
        if found is None:
            return None
        return patch_sums(found) if self.logits else found.astype(np.float32)


@dataclass(frozen=True)
class Method:
    """A method that explained a case and class. withheld: input -> why; shown: the other inputs."""

    name: str
    shown: tuple[str, ...]
    withheld: Mapping[str, str]


def reason_of(row: "pd.Series[Any]") -> str:
    """Why a row of the explanations table is withheld."""
    return str(row["reason"]) if pd.notna(row["reason"]) else NO_REASON


def rows_of(
    table: pd.DataFrame, case_id: str, class_name: str, arm: str, rather_than: str | None = None
) -> pd.DataFrame:
    """Rows of a case and class; those set against another class only where it is named."""
    rows = table[(table["case_id"] == case_id) & (table["class_name"] == class_name)]
    rival = rows["rather_than"].fillna("")
    return rows[(rows["arm"] == arm) & (rival == (rather_than or ""))]


def methods(
    table: pd.DataFrame, case_id: str, class_name: str, arm: str, rather_than: str | None = None
) -> list[Method]:
    """The methods that explained a case and class, in the run's order, those with something to
    show first."""
    found = []
    rows = rows_of(table, case_id, class_name, arm, rather_than)
    for name, part in rows.groupby("method", sort=False):
        passed = part["status"] == "pass"
        why = {str(row["input"]): reason_of(row) for _, row in part[~passed].iterrows()}
        found.append(Method(str(name), tuple(part.loc[passed, "input"].astype(str)), why))
    return sorted(found, key=lambda method: not method.shown)


def rivals(table: pd.DataFrame, case_id: str, class_name: str, arm: str) -> list[str]:
    """What a class of a case can be set against, the classes in the run's order; first nothing, as
    an empty name, where the class was explained by itself."""
    rows = table[(table["case_id"] == case_id) & (table["arm"] == arm)]
    against = rows["rather_than"].fillna("")
    by_itself = rows.loc[against == "", "class_name"]
    stored = against[(against != "") & (rows["class_name"] == class_name)]
    if class_name not in set(by_itself):
        return list(dict.fromkeys(stored))
    return ["", *dict.fromkeys(name for name in (*by_itself, *stored) if name != class_name)]


def explanation(
    folder: Path,
    table: pd.DataFrame,
    case_id: str,
    class_name: str,
    method: str,
    arm: str = "fused",
    rather_than: str | None = None,
) -> Explanation | None:
    """What a method said of a case and class; None where nothing was."""
    rows = rows_of(table, case_id, class_name, arm, rather_than)
    rows = rows[rows["method"] == method]
    if not len(rows):
        return None
    arrays: dict[str, NDArray[Any]] = {}
    for file in rows["file"].dropna().unique():
        path = inside(folder, str(file))
        if path.is_file():
            with np.load(path, allow_pickle=False) as stored:
                arrays |= {name: stored[name] for name in stored.files}
    logits = in_logits(method)
    if not logits:  # its numbers do not compare inputs
        arrays = {
            f"{name}/{what}": values
            for name in rows["input"].astype(str)
            for what, values in of_the_strongest(_under(arrays, name)).items()
        }
    return Explanation(rows, arrays, logits)


def difference(one: Explanation, other: Explanation) -> Explanation:
    """Why the class of one rather than that of the other: attributions are linear in the logit.

    An input is shown where it is shown for both, unless the difference does not add up: what each
    class may miss can be more than the two differ by. Shares are those of the differences. How
    stable the difference is, nobody has asked.
    """
    rival = other.rows.set_index("input")
    rows = one.rows[one.rows["input"].isin(rival.index)].copy()
    names = rows["input"].tolist()
    rival = rival.loc[names]
    for column in ("attribution", "logit_change"):
        rows[column] = rows[column].to_numpy() - rival[column].to_numpy()
    sums = dict(zip(names, rows["attribution"].tolist(), strict=True))
    both = attributed.Explanation({}, sums, _change(rows), steps=0)
    rows["share"] = [both.share(name) for name in names]
    rows["completeness_error"] = both.completeness_error
    rows[["share_low", "share_high", "special", "stability"]] = float("nan")
    reasons = [_first_reason(name, one, other) or both.missed for name in names]
    rows["reason"] = reasons
    rows["status"] = ["pass" if reason is None else "withheld" for reason in reasons]
    arrays: dict[str, NDArray[Any]] = {}
    for name in names:
        arrays |= {
            f"{name}/{what}": values
            for what, values in _less(_of(one, name), _of(other, name)).items()
        }
    return Explanation(rows, arrays, one.logits)


def checks(found: Explanation) -> tuple[bool, bool]:
    """Whether it was asked if the explanation adds up for the case, and if it is stable."""
    adds_up, stable = (found.rows[c].notna().any() for c in ("logit_change", "stability"))
    return bool(adds_up), bool(stable)


def _change(rows: pd.DataFrame) -> float | None:
    """What the attributions are to add up to; None of a method whose scores do not add up."""
    changes = rows["logit_change"].dropna()
    return float(changes.iloc[0]) if len(changes) else None


def _first_reason(name: str, *explanations: Explanation) -> str | None:
    """Why an input is withheld, and for which of the classes."""
    for found in explanations:
        if reason := found.withheld(name):
            return f"{found.rows['class_name'].iloc[0]}: {reason}"
    return None


def _of(found: Explanation, name: str) -> dict[str, NDArray[Any]]:
    return _under(found.arrays, name)


def _under(arrays: Mapping[str, NDArray[Any]], name: str) -> dict[str, NDArray[Any]]:
    start = f"{name}/"
    return {k.removeprefix(start): v for k, v in arrays.items() if k.startswith(start)}


def _less(
    one: Mapping[str, NDArray[Any]], other: Mapping[str, NDArray[Any]]
) -> dict[str, NDArray[Any]]:
    """One input's arrays less the other's; a place that only one of them knows counts 0 there."""
    if "map" in one and "map" in other and one["map"].shape == other["map"].shape:
        return {"map": one["map"].astype(np.float32) - other["map"].astype(np.float32)}
    keys = [key for key in PLACES if key in one]
    if not keys or not all(key in other for key in keys):
        return {}
    values = [key for key in one if key not in keys and key in other]
    frames = [pd.DataFrame({key: of[key] for key in [*keys, *values]}) for of in (one, other)]
    both = frames[0].merge(frames[1], on=keys, how="outer", suffixes=("", " of the other"))
    both = both.fillna(dict.fromkeys(both.columns.difference(keys), 0.0))
    places = {key: both[key].to_numpy(one[key].dtype) for key in keys}
    less = {key: both[key] - both[f"{key} of the other"] for key in values}
    return places | {key: value.to_numpy(np.float32) for key, value in less.items()}
