"""A study's models meet a cohort that they were not made from."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from clinmm.cohort.cohort import Cohort
from clinmm.cohort.plausible import canonical
from clinmm.cohort.spec import ImageInput, NoteInput, RecordInput, SignalInput
from clinmm.errors import InputError
from clinmm.folds import Fold
from clinmm.intake.accept import Entry, accept, standing_errors
from clinmm.intake.context import Context
from clinmm.intake.run_checks import run_checks

ANSWERS = ("probability_raw", "probability", "value_raw", "value", "value_low", "value_high")
"""Columns of the predictions table that several models' predictions are averaged in."""


MOST_COLUMNS = 20
"""Columns of a record that differ which are told one by one."""


def check_same_inputs(study: Cohort, cohort: Cohort) -> None:
    """Raises InputError with every input, column, unit or class in which the cohorts differ."""
    problems = []
    for name, source in study.spec.inputs.items():
        other = cohort.spec.inputs.get(name)
        if other is None or other.kind != source.kind:
            problems.append(f"the study has a {source.kind} input '{name}'; add it to the cohort.")
        elif isinstance(source, RecordInput) and isinstance(other, RecordInput):
            units = [
                f"inputs.{name}: {column} is in {unit} in the study, here "
                f"{other.numeric.get(column, 'nothing of the name')}."
                for column, unit in source.numeric.items()
                if canonical(other.numeric.get(column, "")) != canonical(unit)
            ]
            problems += units[:MOST_COLUMNS]
            if len(units) > MOST_COLUMNS:
                problems.append(f"inputs.{name}: and {len(units) - MOST_COLUMNS} more columns.")
            if set(source.categorical) != set(other.categorical):
                problems.append(
                    f"inputs.{name}: the study's categorical columns are "
                    f"{list(source.categorical)}, here {list(other.categorical)}."
                )
        elif isinstance(source, ImageInput) and isinstance(other, ImageInput):
            if source.dimensions != other.dimensions:
                problems.append(
                    f"inputs.{name}: the study has images of {source.dimensions} dimensions, "
                    f"here {other.dimensions}."
                )
        elif isinstance(source, SignalInput) and isinstance(other, SignalInput):
            problems += [
                f"inputs.{name}: the study has {key} {getattr(source, key):g}, "
                f"here {getattr(other, key):g}."
                for key in ("rate", "channels", "seconds")
                if getattr(source, key) != getattr(other, key)
            ]
        elif isinstance(source, NoteInput) and isinstance(other, NoteInput):
            lacking = set(source.mask) - set(other.mask)
            if lacking:
                problems.append(
                    f"inputs.{name}.mask lacks {len(lacking)} of the study's words; copy the mask "
                    "from the study's cohort.yaml."
                )
    if extra := sorted(set(cohort.spec.inputs) - set(study.spec.inputs)):
        problems.append(f"inputs {extra} are not among the study's; remove them.")
    if cohort.task != study.task or cohort.class_names != study.class_names:
        problems.append(
            f"the study predicts {study.task} {study.class_names}, "
            f"the cohort's target is {cohort.task} {cohort.class_names}."
        )
    if problems:
        raise InputError(problems)


def cases_seen_before(study: Cohort, cohort: Cohort) -> int:
    """How many cases have an image or signal file, by its bytes, that the study learned from."""
    seen = np.zeros(cohort.n_cases, dtype=bool)
    for name in study.spec.file_inputs:
        known = set(study.file_sha256(name)) - {None}
        seen |= np.array([digest in known for digest in cohort.file_sha256(name)], dtype=bool)
    return int(seen.sum())


def check_readable(cohort: Cohort, accepted: Sequence[Entry] = ()) -> pd.DataFrame:
    """What each image and signal file is (`schema.IMAGES`).

    accepted: what the study's config accepts (`intake.accept`).

    Raises:
        InputError: files that cannot be read, or numbers that are none, which no entry accepts.
    """
    context = Context()
    found = accept(run_checks(cohort, context, ["columns", "files"]), accepted)
    if errors := standing_errors(found):
        raise InputError([f"{f.subject}: {f.detail} {f.advice}" for f in errors])
    return context.images_of(cohort).facts


def whole_as_test(cohort: Cohort, repeat: int, fold: int) -> Fold:
    """A fold in which every case is test."""
    n = cohort.n_cases
    return Fold(repeat, fold, np.full(n, "test"), np.full(n, -1))


def mean_over_models(each: list[pd.DataFrame]) -> pd.DataFrame:
    """Predictions of several folds' models -> their mean, as repeat 0, fold 0.

    Every table has the same cases and classes in the same order.
    """
    mean = each[0].assign(repeat=0, fold=0)
    for column in ANSWERS:
        if column in mean:
            mean[column] = np.mean([table[column].to_numpy() for table in each], axis=0)
    return mean
