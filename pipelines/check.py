"""Look the cohort over before anything is trained on it.

Reads   the cohort's table and files
Writes  intake, intake_examples, images, links, cases, images/
"""

from pathlib import Path

import pandas as pd

from clinmm.cohort.copies import cases_with_copies
from clinmm.cohort.manifest import load_cohort
from clinmm.config import find_config, load_config
from clinmm.intake.accept import refuse_errors, standing_errors
from clinmm.intake.finding import as_table, examples_table
from clinmm.intake.images_read import readable
from clinmm.intake.look_over import Looked, look_over
from clinmm.progress import Tell, silent
from clinmm.runs import Run
from clinmm.settings_file import read_settings
from clinmm.study import cohort_facts, cohort_yaml, open_study, start_study


def main(folder: Path, tell: Tell = silent) -> pd.DataFrame:
    """Checks a study; the findings are written first, so that they can be read where they stop it.

    Args:
        folder: a run folder of kind study.
        tell: told how far it is, in checks and in display copies.

    Returns:
        The intake table.

    Raises:
        FindingsStand: errors stand that the config does not accept; lists them.
    """
    study = open_study(folder, whole=True)
    run, config, cohort = study.run, study.config, study.cohort
    with run.stage("check"):
        looked = look_over(cohort, config, tell)
        _write(run, looked)
        cohort = readable(cohort, looked.images)
        run.write("cases", cases_with_copies(run, cohort, config.review.copy_images, tell))
        refuse_errors(looked.findings)
    return run.read("intake")


def check_file(
    file: Path | str, out: Path | None = None, tell: Tell = silent
) -> tuple[pd.DataFrame, bool]:
    """Checks a cohort file, or a study config (then also the split, and what it accepts).

    Args:
        file: a cohort file, a study config or the bare name of a shipped study.
        out: a run folder for the findings; with a config, the study's own folder.
        tell: told how far it is, in checks.

    Returns:
        The intake table, and whether an error stands.

    Raises:
        InputError: the file, or the cohort it names, is unusable, or the study cannot be trained
            as the config says.
    """
    path = Path(file) if Path(file).is_file() else find_config(file)
    config = load_config(path) if "cohort" in read_settings(path) else None
    cohort = load_cohort(config.cohort if config else path)
    if config:
        from clinmm.study_check import check_study  # loads torch

        check_study(config, cohort)
    looked = look_over(cohort, config, tell)
    if out is not None:
        if config:
            run = start_study(config, cohort, out).run
        else:
            run = Run.create(out, "audit", cohort_facts(cohort))
            run.write_text("cohort.yaml", cohort_yaml(cohort))
        _write(run, looked)
        run.write("cases", cases_with_copies(run, readable(cohort, looked.images), True, tell))
    return as_table(looked.findings), bool(standing_errors(looked.findings))


def _write(run: Run, looked: Looked) -> None:
    run.write("intake", as_table(looked.findings))
    run.write("intake_examples", examples_table(looked.findings))
    run.write("images", looked.images)
    run.write("links", looked.links)
