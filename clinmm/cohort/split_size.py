"""How many patients a split takes, and which classes have fewer."""

from math import ceil

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clinmm.cohort.cohort import Cohort
from clinmm.cohort.linked import units
from clinmm.cohort.published_split import split_problems
from clinmm.cohort.split_config import SplitConfig

SITE_PATIENTS, SITE_PATIENTS_PER_CLASS = 10, 5
"""A site is held out only where an estimate on it would be shown."""

MOST_LISTED = 5


def patients_needed(config: SplitConfig) -> int:
    """Least number of patients with a class (and without it) so that no part lacks it.

    >>> patients_needed(SplitConfig(folds=5, inner_folds=4))
    5
    """
    if not config.with_folds:
        return ceil(1 / min(config.shares.values()) - 1e-9)
    inner = max(config.inner_folds, 2)
    if config.inner_folds == 1:
        inner = ceil(1 / config.validate_share - 1e-9)
    if not config.folds:
        return inner
    needed = max(config.folds, inner)
    while needed - ceil(needed / config.folds) < inner:
        needed += 1
    return needed


def count_folds(cohort: Cohort, config: SplitConfig) -> int:
    """Folds per repeat; 0 where the split has none."""
    return config.folds or (len(large_sites(cohort)) if config.by == "site" else 0)


def class_patients(cohort: Cohort, unit: NDArray[np.object_] | None = None) -> pd.DataFrame:
    """One row per class: class_name, n_with, n_without, n_unknown (patients), n_positive (cases).

    A patient with both kinds of cases counts in both; unknown means in every case. With a value, of
    a continuous target, is above its median.

    unit: (n_cases,) what counts as one; by default the patient.
    """
    targets = cohort.sides()
    patients = cohort.table["patient_id"].to_numpy() if unit is None else unit
    rows = []
    for k, name in enumerate(cohort.class_names):
        known = ~np.isnan(targets[:, k])
        rows.append(
            {
                "class_name": name,
                "n_with": len(set(patients[targets[:, k] == 1])),
                "n_without": len(set(patients[targets[:, k] == 0])),
                "n_unknown": len(set(patients) - set(patients[known])),
                "n_positive": int((targets[:, k] == 1).sum()),
                "share_unknown": float(1 - known.mean()),
            }
        )
    return pd.DataFrame(rows)


def too_few_patients(
    cohort: Cohort, config: SplitConfig, links: pd.DataFrame | None = None
) -> list[tuple[str, str]]:
    """(problem, what to do) per class with too few patients, or about the sites; [] if none.

    Patients that `links` (`schema.LINKS`) connect count once, where the split keeps them together.
    """
    if config.by == "site" and cohort.spec.site is None:
        return [("split by site: the cohort file names no site.", "Add site: COLUMN.")]
    if config.by == "time" and cohort.spec.index_time is None:
        return [("split by time: the cohort file names no index_time.", "Add index_time.")]
    if config.by == "site" and len(large_sites(cohort)) < 2:
        return [
            (
                f"split by site needs at least 2 sites with {SITE_PATIENTS} patients, "
                f"{SITE_PATIENTS_PER_CLASS} of them in each class; "
                f"{len(large_sites(cohort))} have so many.",
                "Split by patient.",
            )
        ]
    if config.by == "column":
        return split_problems(cohort)
    needed = patients_needed(config)
    name = cohort.spec.unit_name
    unit = units(cohort, links if config.keep_linked_together else None)
    counted_once = ""
    if (n_joined := cohort.n_patients - len(set(unit))) > 0:
        counted_once = f" ({n_joined} are counted with the {name} they are linked to)"
    problems = []
    words = ("above the median of", "up to the median of")
    for row in class_patients(cohort, unit).itertuples():
        with_word, without = words if cohort.task == "continuous" else ("with", "without")
        sides = [(with_word, int(str(row.n_with)))]
        if cohort.task != "multiclass":
            sides.append((without, int(str(row.n_without))))
        problems += [
            (
                f"{n} {name}s {side} '{row.class_name}'{counted_once}, "
                f"this split needs at least {needed}.",
                "Ask for fewer folds or larger parts, or leave the class out.",
            )
            for side, n in sides
            if n < needed
        ]
    return problems


def large_sites(cohort: Cohort) -> list[str]:
    """Sites on which an estimate would be shown, in alphabetical order; the others, and cases
    without a site, stay in training. None where the cohort file names no site.
    """
    if cohort.spec.site is None:
        return []
    cells = cohort.table[cohort.spec.site]
    large = []
    for site in sorted(cells.dropna().unique()):
        there = cohort.subset(np.flatnonzero((cells == site).to_numpy(bool)))
        counts = class_patients(there)
        enough = counts[["n_with", "n_without"]].to_numpy() >= SITE_PATIENTS_PER_CLASS
        if there.n_patients >= SITE_PATIENTS and (enough.all(axis=1).any() or enough.all()):
            large.append(str(site))
    return large
