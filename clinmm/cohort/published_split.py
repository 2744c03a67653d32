"""A split that came with the data, so that figures can be set beside published ones."""

import numpy as np
import pandas as pd

from clinmm.cohort.cohort import Cohort
from clinmm.errors import InputError

MEANINGS = {
    "train": "train", "training": "train",
    "val": "validate", "valid": "validate", "validate": "validate", "validation": "validate",
    "dev": "validate",
    "calibrate": "calibrate", "calibration": "calibrate",
    "test": "test", "testing": "test",
}  # fmt: skip
"""Cells of the column, any case -> part of the study."""

NEEDED = ("train", "validate", "test")
MOST_QUOTED = 5


def split_problems(cohort: Cohort) -> list[tuple[str, str]]:
    """(problem, what to do) where the published split cannot be used; [] if it can."""
    if cohort.spec.split is None:
        return [("split by column: the cohort file names no split.", "Add split: COLUMN.")]
    cells = cohort.published_split()
    parts = _parts(cells)
    problems = []
    if n_empty := int(cells.isna().sum()):
        problems.append(
            (f"split by column: {n_empty} cases have no part.", "Leave them out with keep.")
        )
    if odd := sorted(set(cells[parts.isna() & cells.notna()]))[:MOST_QUOTED]:
        problems.append(
            (
                f"split by column: '{cohort.spec.split}' holds {', '.join(map(repr, odd))}.",
                f"Known: {', '.join(MEANINGS)}.",
            )
        )
    if absent := [part for part in NEEDED if not (parts == part).any()]:
        problems.append(
            (f"split by column: no case is in {' or '.join(absent)}.", "Name a case for each.")
        )
    each = parts.groupby(cohort.table["patient_id"]).nunique()
    if n_torn := int((each > 1).sum()):
        problems.append(
            (
                f"split by column: {n_torn} {cohort.spec.unit_name}s are in more than one part.",
                "Split by patient: what is learned of a patient must not be tested on it.",
            )
        )
    for k, name in enumerate(cohort.class_names):
        known = cohort.targets()[:, k]
        for part in NEEDED:
            if len(set(known[(parts == part).to_numpy() & ~np.isnan(known)])) < 2:
                problems.append(
                    (f"split by column: {part} has one outcome of '{name}' only.", "Leave it out.")
                )
    return problems


def published_parts(cohort: Cohort) -> pd.Series:
    """Per case train, validate, calibrate or test.

    Raises:
        InputError: see `split_problems`.
    """
    if problems := split_problems(cohort):
        raise InputError([f"{problem} {advice}" for problem, advice in problems])
    return _parts(cohort.published_split())


def _parts(cells: pd.Series) -> pd.Series:
    return cells.map(lambda cell: MEANINGS.get(str(cell).strip().lower()), na_action="ignore")
