"""What is fitted on patients that are not test: the recalibration, and an interval of 90 %.

Split-conformal by patient: the half width is the limit of `uncertainty.promise`, of the absolute
residuals of patients that the recalibration was not fitted on. It promises that the interval of a
random case of a new patient holds the observed value. With a `calibrate` part, half of its patients
serve the recalibration and the other half the interval; with folds, cross-fitted residuals of the
training patients serve, and the promise is approximate.

Reference:
    Lei, G'Sell, Rinaldo, Tibshirani, Wasserman. J Am Stat Assoc 113:1094 (2018).
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from clinmm import schema
from clinmm.arms import FUSED
from clinmm.calibration.parts import halves
from clinmm.calibration.tables import FOLD, calibration_rows
from clinmm.continuous.recalibration import LINEAR, Choice, Range, Recalibration, choose
from clinmm.subgroups import ALL
from clinmm.uncertainty.promise import promise

METHOD = "residual"
"""Of these rows in schema.PREDICTION_SETS, whose limit is the half width."""

Place = tuple[str, int, int]
"""(arm, repeat, fold)."""


@dataclass(frozen=True, eq=False)
class ValueRules:
    """The tables of these names in schema; recalibrations: (arm, repeat, fold) -> its line."""

    predictions: pd.DataFrame
    calibration: pd.DataFrame
    prediction_sets: pd.DataFrame
    recalibrations: dict[Place, Recalibration]


def fit_value_rules(
    predictions: pd.DataFrame,
    *,
    limits: Range | None = None,
    coverage: float = 0.9,
    candidates: Sequence[str] | None = None,
    seed: int = 0,
) -> ValueRules:
    """Fits every recalibration and interval on rows that are not test, and applies them to all.

    Args:
        predictions: schema.PREDICTIONS with value_raw, before or after calibration.
        limits: the target's range.
        coverage: share of patients whose interval is to hold the observed value.
        candidates: of the config; the line is offered unless they leave it out.
        seed: of the halves and of cross-fitting.

    Raises:
        InputError: test rows only.
    """
    rows = calibration_rows(predictions)
    rows = rows[rows["target"].notna()]
    fitted: dict[Place, Recalibration] = {}
    described, promised = [], []
    linear = candidates is None or LINEAR in candidates
    for key, part in rows.groupby(FOLD, sort=True):
        place = _place(key)
        raw, target = (part[c].to_numpy(dtype=np.float64) for c in ("value_raw", "target"))
        patients = part["patient_id"].to_numpy(dtype=object)
        first = second = np.ones(raw.size, dtype=bool)
        if (part["split"] == "calibrate").all():
            first = halves(patients, target, seed=seed)
            second = ~first
        choice = choose(
            raw[first], target[first], patients[first], limits=limits, linear=linear, seed=seed
        )
        apart = choice.crossfitted if second is first else choice.chosen.apply(raw[second])
        found = promise(
            np.abs(apart - target[second])[:, None],
            np.ones((apart.size, 1), dtype=bool),
            patients[second],
            coverage,
        )
        fitted[place] = replace(choice.chosen, half_width=found.limit)
        at = dict(zip(FOLD, place, strict=True))
        name = str(part["class_name"].iloc[0])
        n_patients = len(set(patients[first]))
        described.append(at | {"class_name": name, "n_patients": n_patients} | _described(choice))
        promised.append(
            at
            | {"method": METHOD, "by": ALL, "cell": ALL, "coverage": coverage}
            | {"limit": found.limit, "n_patients": found.n_patients}
            | {"low": found.low, "high": found.high, "reason": found.reason}
            | {"status": "no_promise" if found.reason else "ok"}
        )
    return ValueRules(
        apply_value_rules(predictions, fitted),
        schema.CALIBRATION.fill(pd.DataFrame(described)),
        schema.PREDICTION_SETS.fill(pd.DataFrame(promised)),
        fitted,
    )


def _described(choice: Choice) -> dict[str, object]:
    errors = {
        name: {"squared_error": error}
        for name, error in choice.errors.items()
        if not math.isnan(error)
    }
    return {
        "calibrator": choice.chosen.name,
        "reason": choice.reason,
        "log_loss_none": math.nan,
        "log_loss_temperature": math.nan,
        "candidates": json.dumps(errors),
    }


def _place(key: Any) -> Place:
    arm, repeat, fold = key
    return str(arm), int(repeat), int(fold)


def apply_value_rules(
    predictions: pd.DataFrame, recalibrations: dict[Place, Recalibration]
) -> pd.DataFrame:
    """The predictions with value, value_low and value_high from value_raw."""
    columns = pd.DataFrame(
        np.nan, index=predictions.index, columns=["value", "value_low", "value_high"]
    )
    for key, part in predictions.groupby(FOLD, sort=True):
        place = _place(key)
        raw = part["value_raw"].to_numpy(dtype=np.float64)
        rule = recalibrations[place]
        columns.loc[part.index] = np.column_stack([rule.apply(raw), *rule.interval(raw)])
    return predictions.assign(**{str(name): columns[name] for name in columns})


def mean_value_rules(prediction_sets: pd.DataFrame) -> pd.DataFrame:
    """What the fused arm's models promise on average, as repeat 0, fold 0: the interval of a new
    case has the mean of their ends. No promise where one of them makes none."""
    rules = prediction_sets[prediction_sets["arm"] == FUSED]
    if rules.empty:
        return rules
    numbers = rules[["limit", "low", "high"]].mean(skipna=False).to_dict()
    kept = bool((rules["status"] == "ok").all())
    row = rules.iloc[0].to_dict() | {"repeat": 0, "fold": 0} | numbers
    row |= {"n_patients": int(rules["n_patients"].min()), "status": "ok" if kept else "no_promise"}
    row |= {"reason": None if kept else "a model of the study makes no promise"}
    return schema.PREDICTION_SETS.fill(pd.DataFrame([row]))
