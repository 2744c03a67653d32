"""What a method says of patients: probabilities, calls and sets, each by rules that were fitted on
other patients.

The rules are fitted as a study fits its own (`rules.py`): with a `calibrate` part, calibrators and
thresholds on its first half and set sizes on the second, and `validate` serves for the choice. With
folds, cross-fitted predictions of the training patients serve for all of it, each patient's by a
calibrator, a threshold or a mitigation that was fitted without him.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clinmm import registry, thresholds
from clinmm.calibration import tables
from clinmm.calibration.parts import parts
from clinmm.config import CalibrateConfig, Component
from clinmm.fairness.mitigation.parts.finished import Finished
from clinmm.metrics.weighted import Array
from clinmm.model import settings_of
from clinmm.rules import cells_of
from clinmm.thresholds import OperatingPoint
from clinmm.uncertainty import sets

N_PARTS = 5
"""Parts of the patients, where a rule is fitted and looked at on the same ones."""


@dataclass(frozen=True, eq=False)
class Rules:
    """What answers are made by. groups: of every sensitive attribute; codes: case_id -> number of
    the group of the attribute asked for, -1 where it is not recorded."""

    kind: str
    config: CalibrateConfig
    point: OperatingPoint
    groups: pd.DataFrame
    codes: pd.Series
    seed: int


@dataclass(frozen=True, eq=False)
class Answers:
    """Rows of schema.PREDICTIONS of one arm; `validate` and `test` with a column `call`, `test`
    with `prediction_set`.

    first: what thresholds are fitted on. second: what set sizes are; None: as first. validate:
    what the choice rests on; None: as first, and every row of it was answered by cross-fitting.
    """

    first: pd.DataFrame
    second: pd.DataFrame | None
    validate: pd.DataFrame | None
    test: pd.DataFrame

    @property
    def chosen_on(self) -> pd.DataFrame:
        return self.first if self.validate is None else self.validate


def of_training(predictions: pd.DataFrame, rules: Rules) -> Answers:
    """Raw predictions of every fold, answered as the study answers its own.

    Raises:
        InputError: as `calibration.tables`.
    """
    exclusive, cells = rules.kind == "multiclass", cells_of(rules.config.by, rules.groups)
    given: dict[str, Any] = {"exclusive": exclusive, "cells": cells, "seed": rules.seed}
    candidates = rules.config.candidates
    fitted, _ = tables.fit(predictions, candidates=candidates, part="first", **given)
    applied = tables.apply(predictions, fitted, cells=cells)
    first, second = tables.held_out(applied, calibrators=fitted, **given)
    with_part = bool((first["split"] == "calibrate").all())
    answers = Answers(
        first.reset_index(drop=True),
        second.reset_index(drop=True) if with_part else None,
        applied[applied["split"] == "validate"].reset_index(drop=True) if with_part else None,
        applied[applied["split"] == "test"].reset_index(drop=True),
    )
    return _with_sets(_with_calls(answers, _one_threshold(rules.point), rules), rules)


def afterwards(plain: Answers, method: Component, rules: Rules) -> Answers:
    """What a mitigation that works on finished predictions makes of those of plain training."""
    module = registry.load("mitigations", method.name)
    config = settings_of("mitigations", method, "mitigate")

    def fit(on: "_Cases", **given: Array) -> Any:
        return module.Mitigation(config).fit(on, rules.kind, **given)

    if hasattr(module.Mitigation, "decision"):
        own = _one_threshold(rules.point)
        return _with_calls(plain, lambda on: _deciding(fit(on, calls=own(on)(on))), rules)

    def recalibrate(on: "_Cases") -> "Say":
        fitted = fit(on)
        return lambda of: fitted.probability(of.probability, of.groups)

    answers = _filled(plain, "probability", recalibrate, rules, also_second=True)
    return _with_sets(_with_calls(answers, _one_threshold(rules.point), rules), rules)


@dataclass(frozen=True, eq=False)
class _Cases(Finished):
    """Of one fold. rows: (n, K), the positions of the cases in the table."""

    rows: NDArray[np.int64]

    def take(self, keep: NDArray[np.bool_]) -> "_Cases":
        return _Cases(*(getattr(self, name)[keep] for name in self.__dataclass_fields__))


Say = Callable[[_Cases], Array]
"""Cases -> (n, K) numbers."""
Fit = Callable[[_Cases], Say]


def _one_threshold(point: OperatingPoint) -> Fit:
    """The study's own rule: one threshold a class for everybody."""

    def fit(on: _Cases) -> Say:
        at = np.array(
            [
                thresholds.choose(y[known], p[known], point)
                for y, p, known in zip(on.target.T, on.probability.T, on.known.T, strict=True)
            ]
        )
        return lambda of: np.where(np.isnan(at), np.nan, of.probability >= at)

    return fit


def _deciding(fitted: Any) -> Say:
    return lambda of: fitted.decision(of.probability, of.groups)


def _with_calls(answers: Answers, fit: Fit, rules: Rules) -> Answers:
    return _filled(answers, "call", fit, rules, also_second=False)


def _filled(answers: Answers, column: str, fit: Fit, rules: Rules, *, also_second: bool) -> Answers:
    """The answers with a column of what rules, fitted on `first`, say."""

    def by_first(rows: pd.DataFrame | None) -> pd.DataFrame | None:
        if rows is None:
            return None
        values = np.full(len(rows), np.nan)
        of_fold = dict(_folds(rows, rules))
        for fold, on in _folds(answers.first, rules):
            values[of_fold[fold].rows] = fit(on)(of_fold[fold])
        return rows.assign(**{column: values})

    cross = np.full(len(answers.first), np.nan)
    for _, on in _folds(answers.first, rules):
        happened = np.nan_to_num(np.where(on.known, on.target, np.nan)).max(axis=1)
        part_of = parts(on.patients, happened, N_PARTS, seed=rules.seed)
        for part in np.unique(part_of):
            here = part_of == part
            cross[on.rows[here]] = fit(on.take(~here))(on.take(here))
    test = by_first(answers.test)
    assert test is not None
    return replace(
        answers,
        first=answers.first.assign(**{column: cross}),
        second=by_first(answers.second) if also_second else answers.second,
        validate=by_first(answers.validate),
        test=test,
    )


def _with_sets(answers: Answers, rules: Rules) -> Answers:
    second = answers.first if answers.second is None else answers.second
    fitted = sets.fit(second, kind=rules.kind, config=rules.config.sets, groups=rules.groups)
    made = sets.apply(answers.test, fitted, kind=rules.kind, groups=rules.groups)
    return replace(answers, test=answers.test.assign(prediction_set=made))


def _folds(rows: pd.DataFrame, rules: Rules) -> Iterator[tuple[int, _Cases]]:
    """Each fold with its cases, classes in alphabetical order."""
    case, names = (rows[c].to_numpy(dtype=object) for c in ("case_id", "class_name"))
    probability, target = (rows[c].to_numpy(dtype=np.float64) for c in ("probability", "target"))
    patients = rows["patient_id"].to_numpy(dtype=object)
    number = rows["fold"].to_numpy(dtype=np.int64)
    for fold in np.unique(number):
        at = np.flatnonzero(number == fold)
        order = np.lexsort((case[at].astype(str), names[at].astype(str)))
        wide = at[order].reshape(len(set(names[at])), -1).T
        first = wide[:, 0]
        codes = rules.codes.reindex(case[first]).fillna(-1).to_numpy(dtype=np.int64)
        known = ~np.isnan(target[wide])
        yield (
            int(fold),
            _Cases(
                probability[wide],
                np.nan_to_num(target[wide]),
                known,
                codes,
                patients[first],
                wide,
            ),
        )
