"""Whether the cohort can be divided as the config asks, and how even the parts come out."""

import numpy as np
import pandas as pd

from clinmm.cohort.cohort import Cohort
from clinmm.cohort.linked import units
from clinmm.cohort.split_size import too_few_patients
from clinmm.cohort.splits import make_splits
from clinmm.errors import InputError
from clinmm.intake.context import Context
from clinmm.intake.finding import Finding

LARGE_UNIT = 0.05
"""A unit with more than this share of the cases cannot be spread evenly."""

SITE_PATIENTS = 5
"""A site with fewer patients says nothing about classes."""

SEED = 0
"""Of the division that is looked at; sizes hardly depend on it."""


def check(cohort: Cohort, context: Context) -> list[Finding]:
    """Nothing without a config. An error per class with too few patients, saying how many are
    needed; the sizes of the parts for information; warnings for linked patients that make up a
    large part of the cohort, and for sites where, of the cases whose labels may be looked at, all
    or none have a class that is otherwise mixed."""
    if context.split is None:
        return []
    problems = too_few_patients(cohort, context.split, context.links)
    if problems:
        return [
            Finding("splits", "error", "split", problem, advice) for problem, advice in problems
        ]
    return [
        *_parts(cohort, context),
        *_large_units(cohort, context),
        *_one_sided_sites(cohort, context),
    ]


def _parts(cohort: Cohort, context: Context) -> list[Finding]:
    assert context.split is not None
    try:
        splits = make_splits(cohort, context.split, SEED, context.links)
    except InputError as error:
        return [
            Finding("splits", "error", "split", problem, "Change the split, or the cohort file.")
            for problem in error.problems
        ]
    first = splits[(splits["repeat"] == 0) & (splits["fold"] == splits["fold"].min())]
    sizes = first.groupby("split")["patient_id"].nunique()
    cases = first["split"].value_counts()
    told = ", ".join(
        f"{part} {cases[part]} cases of {sizes[part]} {cohort.spec.unit_name}s"
        for part in ("train", "validate", "calibrate", "test")
        if part in sizes
    )
    fold = " of the first fold" if context.split.with_folds else ""
    return [
        Finding(
            "splits", "info", "split", f"The parts{fold}: {told}.", "Nothing.", count=len(first)
        )
    ]


def _large_units(cohort: Cohort, context: Context) -> list[Finding]:
    assert context.split is not None
    unit = units(cohort, context.links if context.split.keep_linked_together else None)
    share = pd.Series(unit).value_counts(normalize=True)
    large = share[(share > LARGE_UNIT) & (share * cohort.n_cases > 10)]
    if large.empty:
        return []
    ids = cohort.table["case_id"][pd.Index(unit).isin(large.index)]
    return [
        Finding(
            "splits",
            "warning",
            "large groups",
            f"{len(large)} {cohort.spec.unit_name}s, with those they are linked to, have more than "
            f"{LARGE_UNIT:.0%} of the cases each, the largest {large.iloc[0]:.0%}: the parts come "
            "out uneven.",
            "Look at what links them; a picture that stands for 'no image' is better left empty.",
            tuple(ids),
            len(large),
            float(large.iloc[0]),
        )
    ]


def _one_sided_sites(cohort: Cohort, context: Context) -> list[Finding]:
    """Warnings for sites whose cases all have, or all lack, a class."""
    if cohort.spec.site is None:
        return []
    learnt = context.learnt(cohort)
    sites, patients = cohort.table[cohort.spec.site], cohort.table["patient_id"]
    findings = []
    for k, class_name in enumerate(cohort.class_names):
        target = cohort.targets()[:, k]
        known = learnt & ~np.isnan(target) & sites.notna().to_numpy(bool)
        base = float(target[known].mean()) if known.any() else 0.0
        one_sided = []
        for site, rows in sites[known].groupby(sites[known]):
            n, mean = patients[rows.index].nunique(), float(target[rows.index].mean())
            # so many patients on one side by chance alone: less than one in a thousand
            chance = base**n if mean == 1 else (1 - base) ** n
            if n >= SITE_PATIENTS and mean in (0.0, 1.0) and 0 < base < 1 and chance < 0.001:
                one_sided.append(str(site))
        if one_sided:
            of_sites = sites.isin(one_sided).to_numpy(bool)
            findings.append(
                Finding(
                    "splits",
                    "warning",
                    f"{cohort.spec.site} and {class_name}",
                    f"{len(one_sided)} sites have only cases with, or only cases without, "
                    f"'{class_name}': a model can learn the site instead.",
                    "Look at performance within sites, or split by site.",
                    tuple(cohort.table["case_id"][of_sites]),
                    len(one_sided),
                )
            )
    return findings
