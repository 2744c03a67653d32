"""Train mitigations beside plain training, and recommend one only if it is shown to help.

Reads   the cohort, splits, model/fused/..., predictions, thresholds
Writes  mitigation
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from clinmm.config import load_config
from clinmm.fairness.mitigating.asked import settle
from clinmm.fairness.mitigating.compare import compare
from clinmm.fairness.mitigating.trained import Trainings
from clinmm.progress import Tell, silent
from clinmm.runs import Run
from clinmm.study import open_study


def main(
    folder: Path, tell: Tell = silent, options: Mapping[str, Any] | None = None
) -> pd.DataFrame:
    """Compares mitigations in every fold of repeat 0; goes on where it stopped.

    Args:
        folder: a calibrated study.
        tell: told how far it is, in trainings.
        options: keys of `mitigate` in the config that are changed for this call.

    Returns:
        The mitigation table.

    Raises:
        InputError: with every problem of the run and of what is asked for.
    """
    run = Run.open(folder)
    asked = settle(run, load_config(run.path("config.yaml")).mitigate, options or {})
    study = open_study(folder)
    trainings = Trainings(study, asked, tell)
    with run.stage("mitigate"):
        run.write("mitigation", compare(study, asked, trainings, tell))
    trainings.remove()
    return run.read("mitigation")
