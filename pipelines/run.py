"""Every stage of a study, in order, going on where an earlier call stopped.

Reads   a study config          Writes   a run folder
"""

from collections.abc import Callable
from pathlib import Path

from clinmm.cohort.manifest import load_cohort
from clinmm.config import StudyConfig
from clinmm.progress import Tell, silent
from clinmm.runs import STAGES, Run
from clinmm.study import start_study
from clinmm.study_check import check_study
from pipelines import audit, calibrate, check, evaluate, explain, report, train

STAGE_MAINS: dict[str, Callable[[Path, Tell], object]] = {
    "check": check.main,
    "train": train.main,
    "calibrate": calibrate.main,
    "evaluate": evaluate.main,
    "audit": audit.main,
    "explain": explain.main,
    "report": report.main,
}


def main(
    config: StudyConfig,
    folder: Path,
    tell: Tell = silent,
    began: Callable[[str], None] = lambda stage: None,
) -> Run:
    """Runs what is not finished yet.

    Args:
        config: the study; its cohort's path absolute.
        folder: the run folder, new or left unfinished by the same study.
        tell: told how far a stage is.
        began: told the name of each stage that is begun.

    Raises:
        ClinmmError: what a stage refuses; the stages before it stay finished.
    """
    tell("read cohort", 0, 1)
    cohort = load_cohort(Path(config.cohort))
    check_study(config, cohort)
    study = start_study(config, cohort, folder)
    tell("read cohort", 1, 1)
    for stage in STAGES:
        if not study.run.finished(stage):
            began(stage)
            STAGE_MAINS[stage](folder, tell)
    return study.run
