"""What of a study's rules holds for new cases: sets and deferral carried over, or withdrawn.

A promise made on the study's patients holds for patients like them. So new cases are first compared
with the study's test patients: neither took part in fitting, and both are scored by one fold's
models, drawn at random for each new patient, because a mean of many models is less extreme.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from clinmm import schema
from clinmm.arms import FUSED
from clinmm.config import SetsConfig
from clinmm.runs import Run
from clinmm.subgroups import ALL
from clinmm.uncertainty import deferral, exchangeability, sets
from clinmm.uncertainty.set_cases import CLASS, PATTERN

FAILS = "fails"


@dataclass(frozen=True, eq=False)
class CarriedOver:
    """The tables of these names in schema; predictions with sets and deferral filled."""

    predictions: pd.DataFrame
    prediction_sets: pd.DataFrame
    deferral: pd.DataFrame
    exchangeability: pd.DataFrame


def carry_over(
    study: Run,
    predictions: pd.DataFrame,
    by_fold: Sequence[pd.DataFrame],
    thresholds: pd.DataFrame,
    *,
    kind: str,
    config: SetsConfig,
    groups: pd.DataFrame,
    seed: int,
) -> CarriedOver:
    """Applies a study's rules to new cases, unless these are found to be of another kind.

    Args:
        study: a run that has passed calibrate.
        predictions: of the new cases: the mean of all models.
        by_fold: of the new cases: by the models of each fold of the first repeat.
        thresholds: what calls the new cases.
        kind: binary, multiclass or multilabel.
        config: of the study's sets.
        groups: of the new cases: index case_id, one text column per sensitive attribute.
        seed: of the folds and of the test.
    """
    compared = exchangeability.table(
        _test_rows(study),
        _one_fold_each(by_fold, seed),
        kind=kind,
        method=sets.method_for(kind, config.method),
        seed=seed,
    )
    rules = study.read("prediction_sets")
    known = [ALL, CLASS, PATTERN, *groups.columns]
    rules = sets.mean_rules(rules[(rules["arm"] == FUSED) & rules["by"].isin(known)])
    hand_back = mean_deferral(study.read("deferral"))
    if (compared["verdict"] == FAILS).any():
        reason = "the new patients are not like those that the promise was made on"
        rules = sets.withdraw(rules, reason)
        hand_back = hand_back.assign(kept="no", limit=np.nan, reason=f"withdrawn: {reason}")
    return CarriedOver(
        predictions.assign(
            prediction_set=sets.apply(predictions, rules, kind=kind, groups=groups),
            deferred=deferral.apply(predictions, hand_back, thresholds),
        ),
        rules,
        hand_back,
        compared,
    )


def mean_deferral(rules: pd.DataFrame) -> pd.DataFrame:
    """One rule for each class of the fused arm, as repeat 0, fold 0: on where most folds' are.

    The limit is the mean of those that are on. What the folds measured on their calibration
    patients is averaged too, without an interval.
    """
    rows = []
    for _, part in rules[rules["arm"] == FUSED].groupby("class_name", sort=True):
        on = part[part["kept"] == "yes"]
        row = part.iloc[0].to_dict() | {"repeat": 0, "fold": 0}
        row |= {name: part[name].mean() for name in ("share", "risk", "retained_risk")}
        row |= dict.fromkeys(("difference", "low", "high", "p", "p_holm"), np.nan)
        most = 2 * len(on) > len(part)
        row |= {
            "limit": on["limit"].mean() if most else np.nan,
            "kept": "yes" if most else "no",
            "reason": f"on in {len(on)} of {len(part)} models of the study",
        }
        rows.append(row)
    return schema.DEFERRAL.fill(pd.DataFrame(rows, columns=schema.DEFERRAL.names))


def _test_rows(study: Run) -> pd.DataFrame:
    rows = study.read("predictions")
    wanted = (rows["arm"] == FUSED) & (rows["split"] == "test") & (rows["repeat"] == 0)
    return rows[wanted]


def _one_fold_each(by_fold: Sequence[pd.DataFrame], seed: int) -> pd.DataFrame:
    """The predictions of each new patient by one fold's models, drawn at random.

    Patients get names that no patient of the study has: ids of two places may coincide.
    """
    number, patients = pd.factorize(by_fold[0]["patient_id"], sort=True)
    drawn = np.random.default_rng(seed).integers(0, len(by_fold), len(patients))[number]
    rows = pd.concat([table[drawn == fold] for fold, table in enumerate(by_fold)])
    named: pd.DataFrame = rows.assign(
        patient_id="new " + rows["patient_id"].astype(str), repeat=0, fold=0
    )
    return named
