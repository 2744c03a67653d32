"""Turn raw probabilities into calibrated ones, and choose where a probability becomes a call.

Reads   predictions          Writes   predictions, calibration, thresholds, calibrator.json (model)
"""

from pathlib import Path

import pandas as pd

from clinmm import thresholds
from clinmm.calibration import tables
from clinmm.cohort.manifest import read_spec
from clinmm.config import load_config
from clinmm.progress import Tell, silent
from clinmm.runs import Run


def main(folder: Path, tell: Tell = silent) -> pd.DataFrame:
    """Calibrates a trained run; doing it again gives the same.

    Args:
        folder: a run folder.
        tell: told how far it is.

    Returns:
        The calibration table: which calibrator, and why.

    Raises:
        NotMadeYet: the run has no predictions. InputError: they hold test rows only.
    """
    run = Run.open(folder)
    config = load_config(run.path("config.yaml"))
    exclusive = read_spec(run.path("cohort.yaml")).target.kind == "multiclass"
    tell("calibrate", 0, 1)
    with run.stage("calibrate"):
        predictions = run.read("predictions")
        calibrators, calibration = tables.fit(predictions, exclusive=exclusive)
        predictions = tables.apply(predictions, calibrators)
        chosen = thresholds.table(
            tables.calibration_rows(predictions), config.evaluate.operating_points
        )
        run.write("predictions", predictions)
        run.write("calibration", calibration)
        run.write("thresholds", chosen)
        for (arm, repeat, fold), by_class in calibrators.items():
            place = f"{run.model_folder(arm, repeat, fold)}/calibrator.json"
            run.write_json(place, tables.to_json(by_class))
    tell("calibrate", 1, 1)
    return calibration
