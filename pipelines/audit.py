"""Score the test patients by sensitive group, and each group against everybody else.

Reads   predictions, thresholds, cases, metrics, comparisons, curves
Writes  metrics, comparisons, curves, with the rows by group added
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from clinmm.config import load_config
from clinmm.continuous.audit import audit_values
from clinmm.errors import InputError
from clinmm.fairness.audit import audit, merged
from clinmm.progress import Tell, silent
from clinmm.runs import Run
from clinmm.study import groups_of

AGAIN = "Do it from the file: clinmm audit --predictions FILE --out NEW --group-by sex,age,sex*age"


def main(folder: Path, tell: Tell = silent, group_by: Sequence[str] | None = None) -> pd.DataFrame:
    """Audits an evaluated run; an earlier audit's rows are replaced.

    Args:
        folder: a run folder. Without any sensitive column in its cohort nothing is added.
        tell: told how far it is.
        group_by: attributes (`sex`) and intersections (`sex*age`); None: as the run's config or
            the call that made it says.

    Returns:
        The comparisons of groups with their complements.

    Raises:
        NotMadeYet: the run is not evaluated. InputError: an attribute that the run lacks, or calls
            that came with a predictions file, which a run does not keep.
    """
    run = Run.open(folder)
    before = {name: run.read(name) for name in ("metrics", "comparisons", "curves")}
    groups = groups_of(run)
    settings = _of_file(run, groups, group_by) if _from_file(run) else _of_config(run, group_by)
    tell("audit", 0, 1)
    with run.stage("audit"):
        if not len(groups.columns):
            return before["comparisons"].iloc[:0]
        predictions = run.read("predictions")
        if run.facts.get("target", {}).get("kind") == "continuous":
            result = audit_values(predictions, groups, group_by=settings["group_by"])
        else:
            thresholds = run.read("thresholds") if run.has("thresholds") else None
            result = audit(predictions, groups, thresholds, **settings)
        for name, table in before.items():
            run.write(name, merged(table, getattr(result, name)))
    tell("audit", 1, 1)
    return result.comparisons


def _from_file(run: Run) -> bool:
    """Whether the run was made from a predictions file, and so has no config."""
    return bool(run.facts["kind"] == "audit")


def _of_config(run: Run, group_by: Sequence[str] | None) -> dict[str, Any]:
    config = load_config(run.path("config.yaml"))
    return {
        "group_by": config.audit.group_by if group_by is None else group_by,
        "n_bootstrap": config.evaluate.n_bootstrap,
        "seed": config.seed,
    }


def _of_file(run: Run, groups: pd.DataFrame, group_by: Sequence[str] | None) -> dict[str, Any]:
    facts = run.facts
    asked = list(facts.get("group_by", groups.columns) if group_by is None else group_by)
    known = [str(column) for column in groups.columns]
    unknown = sorted({part for name in asked for part in name.split("*")} - set(known))
    if facts.get("decisions"):
        raise InputError(f"{run.folder} does not keep the decisions that its file holds. {AGAIN}")
    if unknown or not asked:
        lacking = f"has no column {unknown}" if unknown else "was made without groups"
        raise InputError(f"{run.folder} {lacking}; it keeps {known}. {AGAIN}")
    return {"group_by": asked, "n_bootstrap": facts["n_bootstrap"], "seed": facts["seed"]}
