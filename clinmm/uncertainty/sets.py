"""Prediction sets: the classes that cannot be ruled out, with a promise of how often one is right.

Rules are fitted for all cases together and for each asked cell: a class, a pattern of inputs, a
group. A class belongs to the set of a case if its score is at most the *largest* limit among the
cells that hold a promise and to which the case and the class belong; `all` is one of them. A larger
limit never takes a class out of a set, so every promise whose status is `ok` is kept at once. A
cell of too few patients has no promise of its own, and the one made for all holds in it as
elsewhere: on average, not for the cell. Without even that there is no set.

A promise is about the score of one model: it is exact where rules and sets come from the same one,
and approximate with folds, where the calibration patients' predictions are cross-fitted and a test
case gets the mean of several models. `set_measures` says what was delivered.

MAPIE's SplitConformalClassifier has no patients, cells or refusal and stores an estimator; with one
case a patient and one cell the limits are the same, as the tests show.
"""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clinmm import schema
from clinmm.errors import InputError
from clinmm.subgroups import ALL
from clinmm.uncertainty.promise import promise
from clinmm.uncertainty.set_cases import (
    Cases,
    check_kind,
    every_cell,
    side_by_side,
    text_groups,
    value_of,
)
from clinmm.uncertainty.set_scores import METHODS

if TYPE_CHECKING:
    from clinmm.config import SetsConfig

FOLD = ["arm", "repeat", "fold"]
OK = "ok"
NO_PROMISE = "no_promise"


def fit(
    calibration: pd.DataFrame,
    *,
    kind: str,
    config: "SetsConfig",
    groups: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Limits of every arm, repeat and fold, for all cases and for each cell of `config.by`.

    Args:
        calibration: patients whose targets and probabilities were not used to fit what made the
            probabilities: columns arm, repeat, fold, case_id, patient_id, class_name, target,
            probability, pattern. Unknown targets are left out: of exclusive classes the case, of
            others the label.
        kind: binary, multiclass or multilabel.
        config: method, coverage, by.
        groups: index case_id, one text column per attribute that `by` names.

    Returns:
        Rows of schema.PREDICTION_SETS. With multilabel targets `coverage` is the promised recall:
        the mean share of a case's true labels that its set holds, over cases that have one.

    Raises:
        InputError: a method that is not for this kind, an attribute that is not there, or as
            `set_cases.side_by_side`.
    """
    method = method_for(kind, config.method)
    columns = text_groups(config.by, groups)
    rows = []
    for key, part in calibration.groupby(FOLD, sort=True):
        cases = side_by_side(part, kind)
        score = METHODS[method].score(cases.probability)
        for by, cell, member in every_cell(cases, config.by, columns):
            found = promise(score, cases.true & member, cases.patients, config.coverage)
            rows.append(
                {
                    **dict(zip(FOLD, key, strict=True)),
                    "method": method,
                    "by": by,
                    "cell": cell,
                    "coverage": config.coverage,
                    "limit": found.limit,
                    "n_patients": found.n_patients,
                    "low": found.low,
                    "high": found.high,
                    "status": NO_PROMISE if found.reason else OK,
                    "reason": found.reason,
                }
            )
    return schema.PREDICTION_SETS.fill(pd.DataFrame(rows, columns=schema.PREDICTION_SETS.names))


def method_for(kind: str, method: str | None) -> str:
    """The method asked for, or the usual one; raises InputError where it is not for this kind."""
    check_kind(kind)
    if method is None:
        return "recall" if kind == "multilabel" else "lac"
    fitting = [name for name, module in METHODS.items() if kind in module.KINDS]
    if method not in fitting:
        raise InputError(f"sets.method '{method}' is not for {kind} targets: {', '.join(fitting)}.")
    return method


def apply(
    predictions: pd.DataFrame,
    rules: pd.DataFrame,
    *,
    kind: str,
    groups: pd.DataFrame | None = None,
) -> pd.Series:
    """The set of every row's case.

    Args:
        predictions: as `fit`'s calibration; targets may be unknown.
        rules: what `fit` returned.
        kind: binary, multiclass or multilabel.
        groups: as in `fit`.

    Returns:
        Lists of class names, likeliest first, with the index of predictions; every row of a case
        has the same one. None where nothing is promised.

    Raises:
        InputError: an arm, repeat or fold without rules, or as `fit`.
    """
    columns = text_groups(list(rules["by"].unique()), groups)
    by_place = dict(list(rules.groupby(FOLD, sort=True)))
    sets = np.full(len(predictions), None, dtype=object)
    problems = []
    for place, rows in predictions.groupby(FOLD, sort=True).indices.items():
        if place not in by_place:
            problems.append(f"no set rules for arm, repeat, fold {place}")
            continue
        cases = side_by_side(predictions.iloc[rows], kind)
        of_case = _sets(cases, by_place[place], columns)
        if of_case is not None:
            sets[rows] = of_case[cases.row_case]
    if problems:
        raise InputError([*problems, "Fit them first: clinmm calibrate RUN"])
    return pd.Series(sets, index=predictions.index, dtype=object)


def _sets(cases: Cases, rules: pd.DataFrame, groups: pd.DataFrame) -> NDArray[np.object_] | None:
    """(n,) lists of class names; None where there is no promise for all."""
    promised = rules[rules["status"] == OK]
    if ALL not in set(promised["by"]):
        return None
    limit = np.full(cases.probability.shape, -np.inf)
    for by, of_by in promised.groupby("by"):
        own = dict(zip(of_by["cell"], of_by["limit"], strict=True))
        cell = pd.Series(value_of(cases, str(by), groups).ravel())
        limit = np.fmax(limit, cell.map(own).to_numpy(dtype=np.float64).reshape(limit.shape))
    inside = METHODS[rules["method"].iloc[0]].score(cases.probability) <= limit
    likeliest = np.argsort(-cases.probability, axis=1, kind="stable")
    sets = np.empty(len(cases.ids), dtype=object)
    for i, order in enumerate(likeliest):
        sets[i] = [cases.classes[c] for c in order if inside[i, c]]
    return sets


def mean_rules(rules: pd.DataFrame) -> pd.DataFrame:
    """One rule for each arm and cell, as repeat 0, fold 0: the mean of the limits.

    For new cases, whose probabilities are the mean of all repeats' and folds' models. The promise
    is then approximate: no patient tested this limit on these probabilities. A cell without a
    promise in some fold has none.
    """
    rows = []
    for _, of_arm in rules.groupby("arm", sort=True):
        n_folds = len(of_arm[FOLD].drop_duplicates())
        for _, part in of_arm.groupby(["by", "cell"], sort=False):
            row = part.sort_values("n_patients", kind="stable").iloc[0].to_dict()  # widest spread
            row |= {"repeat": 0, "fold": 0}
            if lacking := n_folds - int((part["status"] == OK).sum()):
                row |= {"limit": np.nan, "low": np.nan, "high": np.nan, "status": NO_PROMISE}
                row["reason"] = f"no promise in {lacking} of {n_folds} folds"
            elif n_folds > 1:
                row["limit"] = part["limit"].mean()
                row["reason"] = f"mean of {n_folds} folds: the promise is approximate"
            rows.append(row)
    return schema.PREDICTION_SETS.fill(pd.DataFrame(rows, columns=schema.PREDICTION_SETS.names))


def withdraw(rules: pd.DataFrame, reason: str) -> pd.DataFrame:
    """The rules with no promise left, for a place where it was found not to hold.

    Limits, and the coverage that was promised, stay on file.
    """
    return rules.assign(status=NO_PROMISE, reason=reason)
