"""Score the test patients by sensitive group, and each group against everybody else.

Reads   predictions, thresholds, cases, metrics, comparisons, curves
Writes  metrics, comparisons, curves, with the rows by group added
"""

from pathlib import Path

import pandas as pd

from clinmm.cohort.cohort import Cohort
from clinmm.cohort.manifest import read_spec
from clinmm.config import load_config
from clinmm.fairness.audit import audit, merged
from clinmm.progress import Tell, silent
from clinmm.runs import Run


def main(folder: Path, tell: Tell = silent) -> pd.DataFrame:
    """Audits an evaluated run; an earlier audit's rows are replaced.

    Args:
        folder: a run folder whose cohort names sensitive columns. Without any, nothing is added.
        tell: told how far it is.

    Returns:
        The comparisons of groups with their complements.

    Raises:
        NotMadeYet: the run is not evaluated. InputError: an attribute that the cohort lacks.
    """
    run = Run.open(folder)
    config = load_config(run.path("config.yaml"))
    tell("audit", 0, 1)
    with run.stage("audit"):
        groups = groups_of(run)
        before = {name: run.read(name) for name in ("metrics", "comparisons", "curves")}
        if not len(groups.columns):
            return before["comparisons"].iloc[:0]
        result = audit(
            run.read("predictions"),
            groups,
            run.read("thresholds") if run.has("thresholds") else None,
            group_by=config.audit.group_by,
            n_bootstrap=config.evaluate.n_bootstrap,
            seed=config.seed,
        )
        run.write("metrics", merged(before["metrics"], result.metrics))
        run.write("comparisons", merged(before["comparisons"], result.comparisons))
        run.write("curves", merged(before["curves"], result.curves))
    tell("audit", 1, 1)
    return result.comparisons


def groups_of(run: Run) -> pd.DataFrame:
    """Index case_id, one text column per sensitive attribute of the run's cohort."""
    spec = read_spec(run.path("cohort.yaml"))
    return Cohort(spec, run.folder, run.read("cases"), {}).groups()
