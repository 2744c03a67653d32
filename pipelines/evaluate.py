"""Score the test patients of a calibrated run: every arm, class and pattern of inputs present.

Reads   predictions, thresholds, prediction_sets, deferral, intake
Writes  metrics, comparisons, curves, validation_size, intake_test
"""

from pathlib import Path

import pandas as pd

from clinmm.config import EvaluateConfig, load_config
from clinmm.evaluation import evaluate
from clinmm.intake.context import Context
from clinmm.intake.finding import from_tables
from clinmm.intake.images_read import ImagesRead
from clinmm.intake.look_over import first_fold
from clinmm.intake.rates_on_test import rates_on_test
from clinmm.progress import Tell, silent
from clinmm.rivals import best_single_arm
from clinmm.rules import FittedRules
from clinmm.runs import Run
from clinmm.study import groups_of, stored_cohort


def main(folder: Path, tell: Tell = silent) -> pd.DataFrame:
    """Evaluates a run; this is where its test patients are looked at.

    Args:
        folder: a run folder of kind study, or of kind prediction whose cases have targets.
        tell: told how far it is.

    Returns:
        The metrics table.

    Raises:
        NotMadeYet: the run has no predictions. InputError: they cannot be scored.
    """
    run = Run.open(folder)
    if run.facts["kind"] == "study":
        run.require("calibrate")
    settings, seed = _settings(run)
    target = run.facts["target"]
    tell("evaluate", 0, 1)
    with run.stage("evaluate"):
        predictions = run.read("predictions")
        rival = best_single_arm(predictions)
        result = evaluate(
            predictions,
            _if_there(run, "thresholds"),
            rules=_rules(run),
            groups=groups_of(run),
            best_single=rival,
            kind=target["kind"],
            ordered=target["classes"] if target.get("ordered") else None,
            prevalence=settings.prevalence,
            margins=settings.non_inferiority,
            n_bootstrap=settings.n_bootstrap,
            seed=seed,
        )
        for name in ("metrics", "comparisons", "curves", "validation_size"):
            run.write(name, getattr(result, name))
        if run.has("intake_examples") and run.has("splits"):
            run.write("intake_test", _findings_on_test(run))
        run.add_facts(best_single_arm=rival)
    tell("evaluate", 1, 1)
    return result.metrics


def _findings_on_test(run: Run) -> pd.DataFrame:
    """What intake found on the other patients, measured on those that the first fold tests."""
    cohort = stored_cohort(run)
    learns, test = first_fold(cohort, run.read("splits"))
    context = Context(
        learns=learns,
        links=run.read("links"),
        images=ImagesRead(run.read("images"), {}),
    )
    found = from_tables(run.read("intake"), run.read("intake_examples"))
    return rates_on_test(cohort, context, found, test)


def _if_there(run: Run, table: str) -> pd.DataFrame | None:
    return run.read(table) if run.has(table) else None


def _rules(run: Run) -> FittedRules | None:
    names = ("thresholds", "prediction_sets", "deferral")
    return FittedRules(*map(run.read, names)) if all(map(run.has, names)) else None


def _settings(run: Run) -> tuple[EvaluateConfig, int]:
    """The run's own settings; the defaults where it was made without a config."""
    if not (run.folder / "config.yaml").is_file():
        return EvaluateConfig(), int(run.facts.get("seed", 0))
    config = load_config(run.path("config.yaml"))
    return config.evaluate, config.seed
