"""Audit the test patients by group: who is there, every metric, the gaps, where they come from.

Reads   predictions, thresholds, cases, splits, metrics, comparisons, curves; the models and the
        cohort's files for where gaps come from
Writes  groups, gap_sources, bias_verdicts, slices; metrics, comparisons, curves with the rows by
        group added
"""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from clinmm.config import load_config
from clinmm.errors import InputError
from clinmm.fairness.auditing import SCORES, Asked, audit_run
from clinmm.progress import Tell, silent
from clinmm.runs import Run
from clinmm.study import audited_groups
from clinmm.subgroups import intersections

AGAIN = "Do it from the file: clinmm audit --predictions FILE --out NEW --group-by sex,age,sex*age"


def main(
    folder: Path,
    tell: Tell = silent,
    group_by: Sequence[str] | None = None,
    depth: int | None = None,
) -> pd.DataFrame:
    """Audits an evaluated run; an earlier audit's rows are replaced.

    Args:
        folder: a run folder. Without any sensitive column in its cohort nothing is added.
        tell: told how far it is.
        group_by: attributes (`sex`) and intersections (`sex*age`); None: as the run's config or
            the call that made it says.
        depth: also every intersection of up to so many of the attributes; None: likewise.

    Returns:
        The comparisons of groups with others.

    Raises:
        NotMadeYet: the run is not evaluated. InputError: an attribute that the run lacks, or calls
            that came with a predictions file, which a run does not keep.
    """
    run = Run.open(folder)
    for name in SCORES:
        run.path(f"{name}.parquet")
    groups = audited_groups(run)
    of_file = run.facts["kind"] == "audit"  # made from a predictions file, and so without a config
    asked = (_of_file if of_file else _of_config)(run, groups, group_by, depth)
    with run.stage("audit"):
        return audit_run(run, groups, asked, tell)


def _of_config(
    run: Run, groups: pd.DataFrame, group_by: Sequence[str] | None, depth: int | None
) -> Asked:
    config = load_config(run.path("config.yaml"))
    settings = config.audit
    names = settings.group_by if group_by is None else group_by
    if names is None or (group_by is None and groups.columns.empty):
        names = [str(column) for column in groups.columns]
    of_study = run.facts["kind"] == "study"
    return Asked(
        intersections(names, settings.depth if depth is None else depth),
        settings.primary,
        settings.permutations,
        settings.slices,
        settings.sources if of_study else "they are asked of the study that has the models",
        config.evaluate.n_bootstrap,
        config.seed,
        settings.exclude,
    )


def _of_file(
    run: Run, groups: pd.DataFrame, group_by: Sequence[str] | None, depth: int | None
) -> Asked:
    facts = run.facts
    names = list(facts.get("group_by", groups.columns) if group_by is None else group_by)
    known = [str(column) for column in groups.columns]
    unknown = sorted({part for name in names for part in name.split("*")} - set(known))
    if facts.get("decisions"):
        raise InputError(f"{run.folder} does not keep the decisions that its file holds. {AGAIN}")
    if unknown or not names:
        lacking = f"has no column {unknown}" if unknown else "was made without groups"
        raise InputError(f"{run.folder} {lacking}; it keeps {known}. {AGAIN}")
    return Asked(
        intersections(names, facts.get("depth", 1) if depth is None else depth),
        n_bootstrap=facts["n_bootstrap"],
        seed=facts["seed"],
    )
