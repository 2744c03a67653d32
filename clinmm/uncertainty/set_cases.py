"""A case with all its classes side by side, and the cells that its classes belong to."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clinmm import subgroups
from clinmm.errors import InputError
from clinmm.subgroups import ALL, NOT_RECORDED

CLASS = "class"
PATTERN = "pattern"
KINDS = ("binary", "multiclass", "multilabel")


@dataclass(frozen=True, eq=False)
class Cases:
    """The n cases of one arm, repeat and fold.

    ids, patients, patterns: (n,). classes: C names in alphabetical order; of a binary task NAME and
    `not NAME`. probability: (n, C). true: (n, C), whether the class is known to be true.
    row_case: number of the case of each row of the predictions.
    """

    ids: NDArray[np.object_]
    patients: NDArray[np.object_]
    patterns: NDArray[np.object_]
    classes: list[str]
    probability: NDArray[np.float64]
    true: NDArray[np.bool_]
    row_case: NDArray[np.int64]


def side_by_side(rows: pd.DataFrame, kind: str) -> Cases:
    """Rows of one arm, repeat and fold (columns case_id, patient_id, class_name, target,
    probability, pattern) as cases.

    Raises:
        InputError: every problem: an unknown kind, a case that lacks a class or has it twice, no
            probability, exclusive classes of which not exactly one is true.
    """
    problems = []
    check_kind(kind)
    row_case, ids = pd.factorize(rows["case_id"].to_numpy(dtype=object))
    row_class, found = pd.factorize(rows["class_name"].to_numpy(dtype=object), sort=True)
    classes = [str(name) for name in found]
    if kind == "binary" and len(classes) != 1:
        problems.append(f"a binary task has one class_name, got {classes}.")
    shape = (len(ids), len(classes))
    n_rows = np.bincount(row_case * shape[1] + row_class, minlength=shape[0] * shape[1])
    if n_bad := int((n_rows.reshape(shape) != 1).any(axis=1).sum()):
        problems.append(f"{n_bad} of {shape[0]} cases lack a class or have it twice.")
    value = rows["probability"].to_numpy(dtype=np.float64)
    if n_bad := int((~((value >= 0) & (value <= 1))).sum()):
        problems.append(
            f"probability: {n_bad} of {value.size} values are empty or outside [0, 1]. "
            "Calibrate first: clinmm calibrate RUN"
        )
    if problems:
        raise InputError(problems)
    probability, target = np.empty(shape), np.empty(shape)
    probability[row_case, row_class] = value
    target[row_case, row_class] = rows["target"].to_numpy(dtype=np.float64)
    if kind == "binary":
        classes = [classes[0], f"not {classes[0]}"]
        probability = np.concatenate([probability, 1 - probability], axis=1)
        target = np.concatenate([target, 1 - target], axis=1)
    known = ~np.asarray(np.isnan(target).any(axis=1))
    if kind == "multiclass" and (n_bad := int((target[known].sum(axis=1) != 1).sum())):
        raise InputError(
            f"{n_bad} of {int(known.sum())} cases have not exactly one true class. Labels that are "
            "not exclusive are of kind multilabel."
        )
    true: NDArray[np.bool_] = target == 1
    if kind != "multilabel":
        true &= known[:, None]
    first = np.unique(row_case, return_index=True)[1]
    return Cases(
        ids.astype(object),
        rows["patient_id"].to_numpy(dtype=object)[first],
        rows["pattern"].to_numpy(dtype=object)[first],
        classes,
        probability,
        true,
        row_case,
    )


def check_kind(kind: str) -> None:
    """Raises InputError for an unknown kind of target."""
    if kind not in KINDS:
        raise InputError(f"no kind of target '{kind}': one of {', '.join(KINDS)}.")


def text_groups(by: Sequence[str], groups: pd.DataFrame | None) -> pd.DataFrame:
    """The columns of groups that `by` names, as text; raises InputError for those not there."""
    asked = [name for name in by if name not in (ALL, CLASS, PATTERN)]
    if groups is None and asked:
        raise InputError(
            f"sets by {asked} need the column of each case. Known without: {CLASS}, {PATTERN}."
        )
    return subgroups.grouping(groups if groups is not None else pd.DataFrame(), asked)


def value_of(cases: Cases, by: str, groups: pd.DataFrame) -> NDArray[np.object_]:
    """(n, C) name of the cell of each case and class."""
    shape = cases.probability.shape
    if by == CLASS:
        return np.broadcast_to(np.array(cases.classes, dtype=object), shape)
    if by == ALL:
        return np.full(shape, ALL, dtype=object)
    if by == PATTERN:
        values = cases.patterns
    else:
        values = groups[by].reindex(cases.ids).fillna(NOT_RECORDED).to_numpy(dtype=object)
    return np.broadcast_to(values[:, None], shape)


def every_cell(
    cases: Cases, by: Sequence[str], groups: pd.DataFrame
) -> Iterator[tuple[str, str, NDArray[np.bool_]]]:
    """(by, cell, (n, C) which cases and classes belong to it), all of them together first."""
    for name in (ALL, *(name for name in dict.fromkeys(by) if name != ALL)):
        values = value_of(cases, name, groups)
        for cell in sorted(set(values.ravel())):
            yield name, str(cell), np.asarray(values == cell)
