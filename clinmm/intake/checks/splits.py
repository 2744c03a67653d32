"""Whether the cohort can be divided as the config asks, and how even the parts come out."""

import numpy as np
import pandas as pd

from clinmm.cohort.cohort import Cohort
from clinmm.cohort.linked import units
from clinmm.cohort.split_config import PARTS
from clinmm.cohort.split_size import too_few_patients
from clinmm.cohort.splits import make_splits
from clinmm.errors import InputError
from clinmm.intake.context import Context
from clinmm.intake.finding import Finding

LARGE_UNIT = 0.05
"""A unit with more than this share of the cases cannot be spread evenly."""

SITE_PATIENTS = 5
"""A site with fewer patients says nothing about classes."""

DEVIATIONS = 3.0
"""So many standard errors, of a random division of patients, is a class's share in a part off."""


def check(cohort: Cohort, context: Context) -> list[Finding]:
    """Nothing without a config. An error per class with too few patients, saying how many are
    needed; the sizes of the parts for information; warnings for parts with another share of a
    class, sites of which nothing is learned, linked patients that make up a large part of the
    cohort, and sites where, of the cases whose labels may be looked at, all or none have a class
    that is otherwise mixed."""
    if context.split is None:
        return []
    problems = too_few_patients(cohort, context.split, context.links)
    if problems:
        return [
            Finding("splits", "error", "split", problem, advice) for problem, advice in problems
        ]
    try:
        splits = make_splits(cohort, context.split, context.seed, context.links)
    except InputError as error:
        return [
            Finding("splits", "error", "split", problem, "Change the split, or the cohort file.")
            for problem in error.problems
        ]
    first = splits[(splits["repeat"] == 0) & (splits["fold"] == splits["fold"].min())]
    part_of = cohort.table["case_id"].map(first.set_index("case_id")["split"])
    return [
        _parts(cohort, context, part_of),
        *_uneven_classes(cohort, context, part_of),
        *_sites_apart(cohort, context, part_of),
        *_large_units(cohort, context),
        *_one_sided_sites(cohort, context),
    ]


def _parts(cohort: Cohort, context: Context, part_of: pd.Series) -> Finding:
    """The sizes of the parts of the first fold. part_of: (n_cases,) absent where left out."""
    assert context.split is not None
    sizes = cohort.table["patient_id"].groupby(part_of).nunique()
    cases = part_of.value_counts()
    told = ", ".join(
        f"{part} {cases[part]} cases of {sizes[part]} {cohort.spec.unit_name}s"
        for part in PARTS
        if part in sizes
    )
    fold = " of the first fold" if context.split.with_folds else ""
    detail = f"The parts{fold}: {told}."
    return Finding("splits", "info", "split", detail, "Nothing.", count=int(cases.sum()))


def _uneven_classes(cohort: Cohort, context: Context, part_of: pd.Series) -> list[Finding]:
    """Warnings for classes whose share in a part is further from that in the cohort than if
    patients had been dealt out at random; linked ones that must stay together are why.

    The standard error of a part's share is that of a ratio estimated from a simple random sample
    of m of the M patients.

    Reference:
        Cochran. Sampling Techniques (1977), sections 2.11, 6.3.
    """
    assert context.split is not None
    if context.split.by != "patient":
        return []  # sites and times are meant to differ
    patients = cohort.table["patient_id"]
    findings = []
    for k, class_name in enumerate(cohort.class_names):
        target = pd.Series(cohort.sides()[:, k], index=cohort.table.index)
        known = target.notna() & part_of.notna()
        share = float(target[known].mean())
        excess = (target[known] - share).groupby(patients[known]).sum()
        per_patient = known.sum() / len(excess)
        told = []
        for part, rows in target[known].groupby(part_of[known]):
            m = patients[rows.index].nunique()
            error = excess.std() * np.sqrt((1 - m / len(excess)) / m) / per_patient
            if abs(rows.mean() - share) > DEVIATIONS * error:
                told.append(f"{part} {rows.mean():.3f}")
        if told:
            findings.append(
                Finding(
                    "splits",
                    "warning",
                    f"share of {class_name}",
                    f"The share of '{class_name}' is {share:.3f} in the cohort, but "
                    f"{', '.join(told)}: groups of linked {cohort.spec.unit_name}s are too large "
                    "to spread.",
                    "Look at what links them.",
                    count=len(told),
                )
            )
    return findings


def _sites_apart(cohort: Cohort, context: Context, part_of: pd.Series) -> list[Finding]:
    """A warning for sites of which every case is test, and, where nothing is tested in turn, for
    information sites of which none is."""
    assert context.split is not None
    if cohort.spec.site is None or context.split.by == "site":
        return []
    site = cohort.table[cohort.spec.site][part_of.notna()]
    test = part_of[site.index] == "test"
    enough = cohort.table["patient_id"][site.index].groupby(site).nunique() >= SITE_PATIENTS
    tested = test.groupby(site).mean()[enough]
    subject, findings = str(cohort.spec.site), []
    if n := int((tested == 1).sum()):
        cases = cohort.table["case_id"][
            cohort.table[cohort.spec.site].isin(tested.index[tested == 1])
        ]
        findings.append(
            Finding(
                "splits",
                "warning",
                subject,
                f"{n} sites stand only in the test: nothing is learned from them.",
                "Read the results there as those of a new site.",
                tuple(cases),
                n,
            )
        )
    if (n := int((tested == 0).sum())) and not context.split.with_folds:
        findings.append(
            Finding(
                "splits",
                "info",
                subject,
                f"{n} sites have no case in the test: nothing is known of results there.",
                "Nothing, or divide by folds.",
                count=n,
            )
        )
    return findings


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
        target = cohort.sides()[:, k]
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
