"""Every table of a reading study's results."""

import pandas as pd

from clinmm.progress import Tell, silent
from clinmm.review.desk import Desk
from clinmm.review.results.agreement_rows import agreement_rows
from clinmm.review.results.reading_rows import reading_rows
from clinmm.review.results.result_rows import result_rows
from clinmm.runs import Run
from clinmm.study import groups_of


def study_results(
    run: Run, desk: Desk, seed: int = 0, tell: Tell = silent
) -> dict[str, pd.DataFrame]:
    """readings, reading_results and reading_agreement of a study, as `schema.reading` has them.

    Args:
        run: the run that was read.
        desk: of the study; an administrator's, or the room's steward.
        seed: of the bootstraps.
        tell: how far it has come.

    Returns:
        Empty tables where nothing was answered yet.

    Raises:
        NotAllowed: the desk is no administrator's. NotMadeYet: the run has no predictions.
    """
    readings = reading_rows(run, desk)
    kind, study = run.facts["target"]["kind"], desk.study.name
    groups = groups_of(run)
    return {
        "readings": readings,
        "reading_results": result_rows(study, readings, kind, groups, seed, tell),
        "reading_agreement": agreement_rows(study, readings, kind, seed),
    }
