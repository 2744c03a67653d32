"""A predictions file, checked, as the tables of a run."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from clinmm import schema
from clinmm.arms import FUSED
from clinmm.cohort.files import sha256_of
from clinmm.errors import InputError
from clinmm.outside_predictions.cells import numbers, read_text
from clinmm.outside_predictions.classes import kind_of
from clinmm.outside_predictions.options import POINT, thresholds_of
from clinmm.outside_predictions.parts import CALIBRATE, HOW_TO_CALIBRATE, SPLIT, TEST, parts_of
from clinmm.subgroups import ANY, grouping

REQUIRED = ("case_id", "patient_id", "class_name", "target", "probability")
DECISION = "decision"
MAX_NUMBERS = 12
"""A grouping column with more distinct numbers than this is a measurement, not a group."""
RESERVED = ("macro", "micro", "all")


@dataclass(frozen=True, eq=False)
class OutsidePredictions:
    """What the file says, as the tables of a run.

    predictions: schema.PREDICTIONS, arm `fused`, split `test` or `calibrate`, pattern `any`,
        probability_raw equal to probability: both are taken as they are.
    kind: binary, multiclass or multilabel.
    classes: in their order where they have one, else by name. ordered: whether they have one.
    calibrated_on: who the calibration patients are, in words; None: there are none.
    thresholds: schema.THRESHOLDS with the operating point `given`, if --threshold was given.
    decisions: case_id, class_name, operating_point, decision, if the file has them.
    groups: index case_id, one text column for each column that is grouped by; no column if none is.
    group_by: the names asked for, such as sex and sex*age.
    """

    predictions: pd.DataFrame
    kind: str
    classes: list[str]
    ordered: bool
    calibrated_on: str | None
    thresholds: pd.DataFrame | None
    decisions: pd.DataFrame | None
    groups: pd.DataFrame
    group_by: list[str]


def read(
    file: Path | str,
    *,
    group_by: Sequence[str] = (),
    threshold: str | None = None,
    operating_points: Collection[str] = (),
    calibrate: float | None = None,
    exclusive: bool | None = None,
    ordered: Sequence[str] = (),
    prevalence: Collection[str] = (),
    seed: int = 0,
) -> OutsidePredictions:
    """Reads and checks a predictions file.

    Args:
        file: .csv, .csv.gz or .parquet.
        group_by: columns of the file (`sex`) and intersections (`sex*age`).
        threshold: a number, or a CSV file with the columns class_name and threshold.
        operating_points: names of those that are to be chosen on calibration patients.
        calibrate: share of the patients to set aside at random for calibration.
        exclusive, ordered: as `classes.kind_of`.
        prevalence: classes for which one is stated.
        seed: of the setting aside.

    Raises:
        InputError: every problem of the file and of what is asked of it.
    """
    table = read_text(Path(file))
    if missing := [name for name in REQUIRED if name not in table.columns]:
        raise InputError(
            f"{file}: missing columns {missing}; it has {list(table.columns)}. "
            "One row per case and class is wanted."
        )
    problems = _id_problems(table)
    rows = table[["case_id", "patient_id", "class_name"]].assign(
        target=numbers(table["target"], "target", problems, allowed=(0.0, 1.0), may_be_empty=True),
        probability=_probabilities(table["probability"], problems),
    )
    decisions = _decisions(table, threshold, problems)
    part, calibrated_on = parts_of(table, rows["target"], calibrate, seed, problems)
    classes = sorted(set(rows["class_name"].dropna()))
    thresholds = None if threshold is None else thresholds_of(threshold, classes, problems)
    if calibrated_on is None and operating_points:
        problems.append(
            f"operating points {sorted(operating_points)} are chosen on calibration patients, and "
            f"there are none. {HOW_TO_CALIBRATE}; or give a --threshold."
        )
    if calibrated_on is not None and threshold is not None:
        problems.append(
            "--threshold cuts the probabilities as they are, and calibration changes them. Use "
            "--operating-point NAME=value:0.3 for a cut of the calibrated ones."
        )
    if unknown := sorted(set(prevalence) - set(classes)):
        problems.append(f"a prevalence is stated for {unknown}; the classes are {classes}.")
    known = set(part[rows["target"].notna()])
    if TEST not in known:
        problems.append("no test row has a target: nothing could be scored.")
    if calibrated_on is not None and CALIBRATE not in known:
        problems.append("no calibrate row has a target: nothing could be fitted.")
    columns = list(dict.fromkeys(name for asked in group_by for name in asked.split("*")))
    problems += _group_problems(table, columns)
    kind = kind_of(rows, exclusive, ordered, problems)
    if problems:
        raise InputError([f"{file}: {problem}" for problem in problems])
    per_case = table.drop_duplicates("case_id").set_index("case_id")
    return OutsidePredictions(
        _as_predictions(rows, part),
        kind,
        list(ordered) or classes,
        bool(ordered),
        calibrated_on,
        thresholds,
        decisions,
        grouping(per_case[columns]),
        list(group_by),
    )


def facts_of(given: OutsidePredictions, file: Path) -> dict[str, Any]:
    """What run.json says of predictions without a study."""
    return {
        "cohort": {"name": file.name, "fingerprint": sha256_of(file)},
        "n_cases": int(given.predictions["case_id"].nunique()),
        "n_patients": int(given.predictions["patient_id"].nunique()),
        "unit_name": "patient",
        "target": {
            "name": given.classes[0] if given.kind == "binary" else file.name,
            "kind": given.kind,
            "classes": given.classes,
            "ordered": given.ordered,
        },
        "inputs": {},
        "predicted_when": "not stated",
        "group_by": given.group_by,
        "decisions": given.decisions is not None,
        "calibrated_on": given.calibrated_on or "nothing: probabilities are taken as they are",
        "config_hash": None,
        "device": "none",
        "arms": [FUSED],
        "n_folds": 0,
    }


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


def _probabilities(cells: pd.Series, problems: list[str]) -> pd.Series:
    probability = numbers(cells, "probability", problems)
    outside = probability[(probability < 0) | (probability > 1)]
    if len(outside):
        problems.append(
            f"probability must lie in [0, 1]; {len(outside)} of {len(cells)} values do not, first "
            f"is {outside.iloc[0]:g}. Logits? Apply a sigmoid first."
        )
    return probability


def _decisions(
    table: pd.DataFrame, threshold: str | None, problems: list[str]
) -> pd.DataFrame | None:
    if DECISION not in table.columns:
        return None
    if threshold is not None:
        problems.append(
            "the file has a column `decision` and a threshold is given: leave out one of the two."
        )
    decided = numbers(table[DECISION], DECISION, problems, allowed=(0.0, 1.0))
    return table[["case_id", "class_name"]].assign(operating_point=POINT, decision=decided)


def _group_problems(table: pd.DataFrame, columns: list[str]) -> list[str]:
    problems = []
    taken = (*REQUIRED, DECISION, SPLIT)
    for column in columns:
        if column not in table.columns or column in taken[2:]:
            free = [c for c in table.columns if c not in taken]
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


def _as_predictions(rows: pd.DataFrame, part: pd.Series) -> pd.DataFrame:
    return schema.PREDICTIONS.fill(
        pd.DataFrame(
            {
                "arm": FUSED,
                "repeat": np.int64(0),
                "fold": np.int64(0),
                "case_id": rows["case_id"],
                "patient_id": rows["patient_id"],
                "split": part,
                "class_name": rows["class_name"],
                "target": rows["target"],
                "probability_raw": rows["probability"],
                "probability": rows["probability"],
                "pattern": ANY,
            }
        )
    )
