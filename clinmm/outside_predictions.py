"""Anybody's predictions from a file: one row per case and class, no model needed.

Columns: case_id, patient_id, class_name, target (0, 1, or empty where unknown), probability;
optional decision (0 or 1); any others, which may be asked for as groups.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from clinmm.arms import FUSED
from clinmm.cohort.files import sha256_of
from clinmm.errors import InputError
from clinmm.subgroups import ANY, grouping

REQUIRED = ("case_id", "patient_id", "class_name", "target", "probability")
DECISION = "decision"
POINT = "given"
"""Name of the operating point of a decision column or of --threshold."""
MAX_NUMBERS = 12
"""A grouping column with more distinct numbers than this is a measurement, not a group."""
RESERVED = ("macro", "all")


@dataclass(frozen=True, eq=False)
class OutsidePredictions:
    """What the file says, as the tables of a run.

    predictions: schema.PREDICTIONS, arm `fused`, split `test`, pattern `any`, probability_raw equal
        to probability: both are taken as they are.
    thresholds: schema.THRESHOLDS with the operating point `given`, if --threshold was given.
    decisions: case_id, class_name, operating_point, decision, if the file has them.
    groups: index case_id, one text column for each name asked for; None if none was.
    """

    predictions: pd.DataFrame
    thresholds: pd.DataFrame | None
    decisions: pd.DataFrame | None
    groups: pd.DataFrame | None


def read(
    file: Path | str, *, threshold: str | None = None, group_by: Sequence[str] = ()
) -> OutsidePredictions:
    """Reads and checks a predictions file.

    Args:
        file: .csv, .csv.gz or .parquet.
        threshold: a number, or a CSV file with the columns class_name and threshold.
        group_by: columns of the file (`sex`) and intersections (`sex*age`).

    Raises:
        InputError: every problem of the file and of the threshold.
    """
    table = _read_text(Path(file))
    if missing := [name for name in REQUIRED if name not in table.columns]:
        raise InputError(
            f"{file}: missing columns {missing}; it has {list(table.columns)}. "
            "One row per case and class is wanted."
        )
    problems = _id_problems(table)
    target = _numbers(table["target"], "target", problems, allowed=(0.0, 1.0), may_be_empty=True)
    probability = _numbers(table["probability"], "probability", problems)
    outside = probability[(probability < 0) | (probability > 1)]
    if len(outside):
        problems.append(
            f"probability must lie in [0, 1]; {len(outside)} of {len(table)} values do not, first "
            f"is {outside.iloc[0]:g}. Logits? Apply a sigmoid first."
        )
    decisions = None
    if DECISION in table.columns:
        decided = _numbers(table[DECISION], DECISION, problems, allowed=(0.0, 1.0))
        decisions = table[["case_id", "class_name"]].assign(operating_point=POINT, decision=decided)
        if threshold is not None:
            problems.append(
                "the file has a column `decision` and a threshold is given: "
                "leave out one of the two."
            )
    classes = sorted(set(table["class_name"].dropna()))
    thresholds = None if threshold is None else _thresholds(threshold, classes, problems)
    columns = list(dict.fromkeys(part for name in group_by for part in name.split("*")))
    problems += _group_problems(table, columns)
    if problems:
        raise InputError([f"{file}: {problem}" for problem in problems])
    per_case = table.drop_duplicates("case_id").set_index("case_id")
    return OutsidePredictions(
        _as_predictions(table, target, probability),
        thresholds,
        decisions,
        grouping(per_case[columns], list(group_by)) if columns else None,
    )


def facts_of(given: OutsidePredictions, file: Path) -> dict[str, object]:
    """What run.json says of predictions without a study."""
    classes = sorted(set(given.predictions["class_name"]))
    one = len(classes) == 1
    return {
        "cohort": {"name": file.name, "fingerprint": sha256_of(file)},
        "n_cases": int(given.predictions["case_id"].nunique()),
        "n_patients": int(given.predictions["patient_id"].nunique()),
        "unit_name": "patient",
        "target": {
            "name": classes[0] if one else file.name,
            "kind": "binary" if one else "multilabel",
            "classes": classes,
        },
        "inputs": {},
        "predicted_when": "not stated",
        "config_hash": None,
        "device": "none",
        "arms": [FUSED],
        "n_folds": 0,
    }


def _read_text(file: Path) -> pd.DataFrame:
    """Every cell as text, None where empty."""
    if not file.is_file():
        raise InputError(f"{file} is not a file.")
    if file.suffix == ".parquet":
        table = pd.read_parquet(file)
        text = table.apply(lambda column: column.map(_cell, na_action="ignore"))
    elif file.name.endswith((".csv", ".csv.gz")):
        text = pd.read_csv(file, dtype=str, keep_default_na=False)
    else:
        raise InputError(f"{file}: .csv, .csv.gz or .parquet is wanted, by the file's ending.")
    if text.empty:
        raise InputError(f"{file} holds no rows.")
    text = text.astype(object)
    cells: pd.DataFrame = text.where(text.notna() & (text != ""), None)
    return cells


def _cell(value: object) -> str:
    """Text of a cell: 1.0 as `1`, so that whole numbers stored as real ones stay what they are."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _id_problems(table: pd.DataFrame) -> list[str]:
    problems = []
    for name in ("case_id", "patient_id", "class_name"):
        if n_empty := int(table[name].isna().sum()):
            problems.append(f"{n_empty} empty cells in {name}; every row needs one.")
    if n_twice := int(table.duplicated(["case_id", "class_name"]).sum()):
        problems.append(
            f"{n_twice} rows repeat a (case_id, class_name) that was there before. "
            "Give one row per case and class."
        )
    owners = table.groupby("case_id")["patient_id"].nunique()
    if n_two := int((owners > 1).sum()):
        problems.append(f"{n_two} cases have more than one patient_id.")
    used = sorted(set(table["class_name"].dropna()) & set(RESERVED))
    if used:
        problems.append(f"class names {used} are reserved for means; rename them.")
    return problems


def _numbers(
    cells: pd.Series,
    name: str,
    problems: list[str],
    *,
    allowed: tuple[float, ...] | None = None,
    may_be_empty: bool = False,
) -> pd.Series:
    numbers = pd.to_numeric(cells, errors="coerce").astype("float64")
    no_number = numbers.isna() & cells.notna()
    if n := int(no_number.sum()):
        problems.append(f"{name}: {n} of {len(cells)} values are not numbers.")
    if not may_be_empty and (n := int(cells.isna().sum())):
        problems.append(f"{name}: {n} of {len(cells)} values are empty.")
    if allowed is not None:
        wrong = numbers[numbers.notna() & ~numbers.isin(allowed)]
        if len(wrong):
            hint = " or empty" if may_be_empty else ""
            problems.append(
                f"{name} must be 0 or 1{hint}; {len(wrong)} of {len(cells)} values are not, "
                f"first is {wrong.iloc[0]:g}."
            )
    return numbers


def _thresholds(given: str, classes: list[str], problems: list[str]) -> pd.DataFrame | None:
    """Rows of schema.THRESHOLDS from a number or a CSV of class_name, threshold."""
    by_class: dict[str, float] = {}
    try:
        by_class = dict.fromkeys(classes, float(given))
    except ValueError:
        table = _read_text(Path(given))
        if lacking := [c for c in ("class_name", "threshold") if c not in table.columns]:
            problems.append(f"{given}: missing columns {lacking}.")
            return None
        numbers = _numbers(table["threshold"], f"{given}: threshold", problems)
        if n_twice := int(table["class_name"].duplicated().sum()):
            problems.append(f"{given}: {n_twice} classes have two thresholds.")
        by_class = dict(zip(table["class_name"], numbers, strict=True))
    if absent := sorted(set(classes) - set(by_class)):
        problems.append(f"no threshold for classes {absent}. Add them to {given}.")
    wrong = {name: t for name, t in by_class.items() if not 0 <= t <= 1}
    if wrong:
        problems.append(f"thresholds must lie in [0, 1]; these do not: {wrong}.")
    return pd.DataFrame(
        [(FUSED, 0, 0, name, POINT, by_class[name]) for name in classes if name in by_class],
        columns=["arm", "repeat", "fold", "class_name", "operating_point", "threshold"],
    )


def _group_problems(table: pd.DataFrame, columns: list[str]) -> list[str]:
    problems = []
    for column in columns:
        if column not in table.columns or column in (*REQUIRED[2:], DECISION):
            free = [c for c in table.columns if c not in (*REQUIRED, DECISION)]
            problems.append(f"cannot group by '{column}'; columns that may be: {free}.")
            continue
        values = pd.Series(table[column].dropna().unique(), dtype=object)
        if len(values) > MAX_NUMBERS and pd.to_numeric(values, errors="coerce").notna().all():
            problems.append(
                f"column '{column}' holds {len(values)} different numbers: a measurement, not a "
                f"group. Write a column of ranges such as `[40, 65)` and group by that."
            )
        different = table.groupby("case_id")[column].nunique(dropna=False)
        if n := int((different > 1).sum()):
            problems.append(f"{n} cases have more than one value of '{column}' over their classes.")
    return problems


def _as_predictions(table: pd.DataFrame, target: pd.Series, probability: pd.Series) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "arm": FUSED,
            "repeat": np.int64(0),
            "fold": np.int64(0),
            "case_id": table["case_id"],
            "patient_id": table["patient_id"],
            "split": "test",
            "class_name": table["class_name"],
            "target": target,
            "probability_raw": probability,
            "probability": probability,
            "prediction_set": None,
            "deferred": None,
            "pattern": ANY,
        }
    )
