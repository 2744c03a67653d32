"""Calibrators for a whole predictions table, one for each arm, repeat, fold and class.

`probability` is a pure function of `probability_raw`, so the stage can be done again at any time.
Exclusive classes share one calibrator (class_name `all`), others have one each.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from clinmm.calibration.logits import Array, from_probabilities
from clinmm.calibration.select import Choice, FittedCalibrator, choose, from_json
from clinmm.errors import InputError

FOLD = ["arm", "repeat", "fold"]
SHARED = "all"

ByClass = dict[str, FittedCalibrator]
Place = tuple[str, int, int]
"""(arm, repeat, fold)."""


def calibration_rows(predictions: pd.DataFrame) -> pd.DataFrame:
    """The rows to fit calibrators and thresholds on: split `calibrate`, or with folds, where there
    is no such part, every cross-fitted row that is not test.

    Raises:
        InputError: there are test rows only.
    """
    rows = predictions[predictions["split"] == "calibrate"]
    if rows.empty:
        rows = predictions[predictions["split"] != "test"]
    if rows.empty:
        raise InputError(
            "predictions hold test rows only: calibrators and thresholds need patients that are "
            "not test. Add a calibrate part to `split.fractions`, or use folds."
        )
    return rows


def fit(predictions: pd.DataFrame, *, exclusive: bool) -> tuple[dict[Place, ByClass], pd.DataFrame]:
    """Chooses and fits every calibrator.

    Args:
        predictions: columns arm, repeat, fold, case_id, patient_id, split, class_name, target,
            probability_raw.
        exclusive: whether the classes are exclusive (a multiclass target).

    Returns:
        (arm, repeat, fold) -> class name -> calibrator, and the rows of schema.CALIBRATION.
    """
    found: dict[Place, ByClass] = {}
    rows = []
    for key, part in calibration_rows(predictions).groupby(FOLD, sort=True):
        arm, repeat, fold = place = _place(key)
        choices = _choose_shared(part) if exclusive else _choose_each(part)
        found[place] = {name: choice.calibrator for name, choice in choices.items()}
        rows += [
            {
                "arm": arm,
                "repeat": repeat,
                "fold": fold,
                "class_name": name,
                "calibrator": choice.calibrator.name,
                "reason": choice.reason,
                "log_loss_none": choice.log_loss_none,
                "log_loss_temperature": choice.log_loss_temperature,
                "n_patients": choice.n_patients,
            }
            for name, choice in choices.items()
        ]
    return found, pd.DataFrame(rows)


def apply(predictions: pd.DataFrame, calibrators: Mapping[Place, ByClass]) -> pd.DataFrame:
    """The predictions with `probability` from `probability_raw`.

    Raises:
        InputError: an arm, repeat, fold or class without a calibrator.
    """
    probability = pd.Series(np.nan, index=predictions.index, dtype="float64")
    problems = []
    for key, part in predictions.groupby(FOLD, sort=True):
        place = _place(key)
        by_class = calibrators.get(place)
        if by_class is None:
            problems.append(f"no calibrator for arm {place[0]}, repeat {place[1]}, fold {place[2]}")
            continue
        names = set(part["class_name"])
        if SHARED not in by_class and (lacking := sorted(names - set(by_class))):
            problems.append(f"no calibrator of arm {place[0]} for classes {lacking}")
            continue
        probability.loc[part.index] = apply_to(part, by_class)
    if problems:
        raise InputError([*problems, "Fit them first: clinmm calibrate RUN"])
    return predictions.assign(probability=probability)


def apply_to(part: pd.DataFrame, by_class: ByClass) -> Array:
    """(n,) calibrated probabilities of the rows of one arm, repeat and fold."""
    out = pd.Series(part["probability_raw"].to_numpy(dtype=np.float64), index=part.index)
    if SHARED in by_class:
        if by_class[SHARED].name != "none":
            wide = part.pivot(index="case_id", columns="class_name", values="probability_raw")
            logits = from_probabilities(wide.to_numpy(dtype=np.float64))
            calibrated = pd.DataFrame(by_class[SHARED].apply(logits), wide.index, wide.columns)
            places = pd.MultiIndex.from_frame(part[["case_id", "class_name"]])
            out[:] = calibrated.stack().reindex(places).to_numpy()
        return out.to_numpy(dtype=np.float64)
    for name, rows in part.groupby("class_name"):
        calibrator = by_class[str(name)]
        if calibrator.name != "none":  # none leaves the last bit as it is
            raw = rows["probability_raw"].to_numpy(dtype=np.float64)
            out[rows.index] = calibrator.apply(from_probabilities(raw))
    return out.to_numpy(dtype=np.float64)


def to_json(by_class: ByClass) -> dict[str, Any]:
    """What is stored beside the model of one arm, repeat and fold."""
    return {name: calibrator.to_json() for name, calibrator in sorted(by_class.items())}


def read_json(content: Mapping[str, Any]) -> ByClass:
    """The calibrators that `to_json` stored."""
    return {name: from_json(one) for name, one in content.items()}


def _place(key: Any) -> Place:
    return str(key[0]), int(key[1]), int(key[2])


def _choose_each(part: pd.DataFrame) -> dict[str, Choice]:
    choices = {}
    for name, rows in part.groupby("class_name", sort=True):
        known = rows[rows["target"].notna()]
        logits = from_probabilities(known["probability_raw"].to_numpy(dtype=np.float64))
        target = known["target"].to_numpy(dtype=np.float64)
        choices[str(name)] = choose(logits, target, known["patient_id"].tolist())
    return choices


def _choose_shared(part: pd.DataFrame) -> dict[str, Choice]:
    known = part[part["target"].notna()]
    raw = known.pivot(index="case_id", columns="class_name", values="probability_raw")
    target = known.pivot(index="case_id", columns="class_name", values="target").loc[raw.index]
    owner = known.drop_duplicates("case_id").set_index("case_id")["patient_id"].loc[raw.index]
    number = target.to_numpy(dtype=np.float64).argmax(axis=1).astype(np.float64)
    logits = from_probabilities(raw.to_numpy(dtype=np.float64))
    return {SHARED: choose(logits, number, owner.tolist())}
