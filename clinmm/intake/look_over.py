"""A cohort looked over: its files read once, its twins found, every check run."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clinmm.cohort.cohort import Cohort
from clinmm.cohort.splits import make_splits
from clinmm.config import StudyConfig
from clinmm.errors import InputError
from clinmm.intake.accept import accept
from clinmm.intake.context import Context
from clinmm.intake.duplicates.links import find_links
from clinmm.intake.finding import Finding
from clinmm.intake.images_read import read_images, readable
from clinmm.intake.run_checks import run_checks
from clinmm.progress import Tell, silent


@dataclass(frozen=True, eq=False)
class Looked:
    """What was found, and what it was found on.

    images: `schema.IMAGES`. links: `schema.LINKS`.
    """

    findings: list[Finding]
    images: pd.DataFrame
    links: pd.DataFrame


def look_over(cohort: Cohort, config: StudyConfig | None = None, tell: Tell = silent) -> Looked:
    """Runs every check; what the config accepts is marked.

    config: the study; without one nothing is divided, and every label may be looked at.
    """
    context = make_context(cohort, config, tell)
    images = context.images_of(cohort).facts
    found = run_checks(  # what cannot be read counts as absent, as in training
        readable(cohort, images), context, progress=lambda name, i, n: tell("check", i, n, name)
    )
    tell("check", 1, 1)
    if config:
        found = accept(found, config.intake.accept)
    assert context.links is not None
    return Looked(found, images, context.links)


def make_context(cohort: Cohort, config: StudyConfig | None, tell: Tell = silent) -> Context:
    """What the checks may know of the cohort."""
    images = read_images(cohort, lambda done, total: tell("read images", done, total))
    tell("read images", 1, 1)
    links = find_links(cohort, images, lambda done, total: tell("compare", done, total))
    tell("compare", 1, 1)
    if config is None:
        return Context(links=links, images=images)
    learns = non_test(cohort, config, links)
    return Context(config.split, learns, links, images, config.seed)


def non_test(cohort: Cohort, config: StudyConfig, links: pd.DataFrame) -> NDArray[np.bool_] | None:
    """(n_cases,) whose labels may decide something: those that the first fold learns from. Other
    cases of its test patients, left out of it where sites or times divide, are not among them.

    None where the cohort cannot be divided so; the check `splits` says why.
    """
    try:
        splits = make_splits(cohort, config.split, config.seed, links)
    except InputError:
        return None
    learns, _ = first_fold(cohort, splits)
    return learns


def first_fold(cohort: Cohort, splits: pd.DataFrame) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """(n_cases,) twice: which the first fold of the splits table learns from, and which it tests; a
    case that is left out of the fold is neither."""
    first = splits[(splits["repeat"] == 0) & (splits["fold"] == splits["fold"].min())]
    tested = first["split"] == "test"
    learns, test = (
        cohort.table["case_id"].isin(set(first["case_id"][rows])).to_numpy(bool)
        for rows in (~tested, tested)
    )
    return learns, test
