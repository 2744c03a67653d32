"""Turn raw probabilities into calibrated ones, and fit every rule that acts on them; or
recalibrate values, and put intervals around them.

Reads   predictions, cases
Writes  predictions (probability, prediction_set, deferred), calibration, thresholds, delivered,
        prediction_sets, deferral, calibrator.json (model)
"""

from pathlib import Path

import pandas as pd

from clinmm.calibration import tables
from clinmm.config import StudyConfig, load_config
from clinmm.continuous.rules import fit_value_rules
from clinmm.progress import Tell, silent
from clinmm.rules import TABLES, fit_rules
from clinmm.runs import Run
from clinmm.study import groups_of


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
    tell("calibrate", 0, 1)
    with run.stage("calibrate"):
        continuous = run.facts["target"]["kind"] == "continuous"
        described = (_values if continuous else _probabilities)(run, config)
    tell("calibrate", 1, 1)
    return described


def _probabilities(run: Run, config: StudyConfig) -> pd.DataFrame:
    rules = fit_rules(
        run.read("predictions"),
        kind=run.facts["target"]["kind"],
        config=config.calibrate,
        points=config.evaluate.operating_points,
        groups=groups_of(run),
        seed=config.seed,
    )
    for name in ("predictions", *TABLES):
        run.write(name, getattr(rules, name))
    for (arm, repeat, fold), by_class in rules.calibrators.items():
        place = f"{run.model_folder(arm, repeat, fold)}/calibrator.json"
        run.write_json(place, tables.to_json(by_class))
    return rules.calibration


def _values(run: Run, config: StudyConfig) -> pd.DataFrame:
    limits = run.facts["target"].get("range")
    rules = fit_value_rules(
        run.read("predictions"),
        limits=tuple(limits) if limits else None,
        coverage=config.calibrate.sets.coverage,
        candidates=config.calibrate.candidates,
        seed=config.seed,
    )
    for name in ("predictions", "calibration", "prediction_sets"):
        run.write(name, getattr(rules, name))
    for (arm, repeat, fold), rule in rules.recalibrations.items():
        run.write_json(f"{run.model_folder(arm, repeat, fold)}/calibrator.json", rule.to_json())
    return rules.calibration
