"""A study's models meet a cohort that they were not made from."""

import numpy as np
import pandas as pd

from clinmm.cohort.cohort import Cohort
from clinmm.cohort.spec import RecordInput
from clinmm.errors import InputError
from clinmm.folds import Fold


def check_same_inputs(study: Cohort, cohort: Cohort) -> None:
    """Raises InputError with every input, column, unit or class in which the cohorts differ."""
    problems = []
    for name, source in study.spec.inputs.items():
        other = cohort.spec.inputs.get(name)
        if other is None or other.kind != source.kind:
            problems.append(f"the study has a {source.kind} input '{name}'; add it to the cohort.")
        elif isinstance(source, RecordInput) and isinstance(other, RecordInput):
            for column, unit in source.numeric.items():
                if other.numeric.get(column) != unit:
                    came = other.numeric.get(column, "nothing of the name")
                    problems.append(
                        f"inputs.{name}: {column} is in {unit} in the study, here {came}."
                    )
            if set(source.categorical) != set(other.categorical):
                problems.append(
                    f"inputs.{name}: the study's categorical columns are "
                    f"{list(source.categorical)}, here {list(other.categorical)}."
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


def whole_as_test(cohort: Cohort, repeat: int, fold: int) -> Fold:
    """A fold in which every case is test."""
    n = cohort.n_cases
    return Fold(repeat, fold, np.full(n, "test"), np.full(n, -1))


def mean_over_models(each: list[pd.DataFrame]) -> pd.DataFrame:
    """Predictions of several folds' models -> their mean, as repeat 0, fold 0.

    Every table has the same cases and classes in the same order.
    """
    mean = each[0].assign(repeat=0, fold=0)
    for column in ("probability_raw", "probability"):
        mean[column] = np.mean([table[column].to_numpy() for table in each], axis=0)
    return mean
