"""Score the test patients of a calibrated run: every arm, class and pattern of inputs present.

Reads   predictions, thresholds, prediction_sets, deferral, splits, robustness, intake
Writes  metrics, comparisons, curves, worth_it, validation_size, intake_test
"""

from pathlib import Path

import pandas as pd

from clinmm.config import EvaluateConfig, load_config
from clinmm.continuous.evaluate import evaluate_values
from clinmm.evaluation import Evaluation, evaluate
from clinmm.intake.context import Context
from clinmm.intake.finding import from_tables
from clinmm.intake.images_read import ImagesRead
from clinmm.intake.look_over import first_fold
from clinmm.intake.rates_on_test import rates_on_test
from clinmm.progress import Tell, silent
from clinmm.rivals import best_rival, best_single_arm
from clinmm.robustness.curves import robustness_curves
from clinmm.runs import Run
from clinmm.study import stored_cohort, stored_rules
from clinmm.worth_it import rows_of, training_prevalence, with_the_same_verdict, worth_it


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
    tell("evaluate", 0, 1)
    with run.stage("evaluate"):
        predictions = run.read("predictions")
        continuous = run.facts["target"]["kind"] == "continuous"
        rival = best_rival(predictions)
        result = (_values if continuous else _probabilities)(run, predictions, rival)
        comparisons, curves = result.comparisons, result.curves
        if rival is not None and run.has("splits"):
            table = rows_of(predictions, _prevalence(run), rival, continuous=continuous)
            comparisons = with_the_same_verdict(comparisons, table)
            run.write("worth_it", table)
            said = worth_it(
                table,
                rival,
                what="fusion" if len(run.facts["inputs"]) > 1 else "the model",
                unit=run.facts["unit_name"],
                best_single=best_single_arm(predictions),
                fell_back=run.facts.get("fall_back", {}).get("sentence", ""),
            )
            run.add_facts(worth_it=said)
        if run.has("robustness"):
            changed = robustness_curves(predictions, run.read("robustness"), seed=_settings(run)[1])
            curves = pd.concat([curves, changed], ignore_index=True)
        run.write("metrics", result.metrics)
        run.write("comparisons", comparisons)
        run.write("curves", curves)
        run.write("validation_size", result.validation_size)
        if run.has("intake_examples") and run.has("splits"):
            run.write("intake_test", _findings_on_test(run))
        run.add_facts(rival=rival, best_single_arm=best_single_arm(predictions))
    tell("evaluate", 1, 1)
    return result.metrics


def _probabilities(run: Run, predictions: pd.DataFrame, rival: str | None) -> Evaluation:
    settings, seed = _settings(run)
    target = run.facts["target"]
    return evaluate(
        predictions,
        _if_there(run, "thresholds"),
        rules=stored_rules(run),
        rival=rival,
        kind=target["kind"],
        ordered=target["classes"] if target.get("ordered") else None,
        prevalence=settings.prevalence,
        margins=settings.non_inferiority,
        n_bootstrap=settings.n_bootstrap,
        seed=seed,
    )


def _values(run: Run, predictions: pd.DataFrame, rival: str | None) -> Evaluation:
    settings, seed = _settings(run)
    return evaluate_values(
        predictions,
        _if_there(run, "prediction_sets"),
        rival=rival,
        margins=settings.non_inferiority,
        seed=seed,
    )


def _prevalence(run: Run) -> pd.DataFrame:
    """What each fold's training patients say of a case of which nothing is known."""
    cohort = stored_cohort(run)
    ids = cohort.table["case_id"]
    targets = pd.DataFrame(cohort.targets(), index=ids, columns=cohort.class_names)
    return training_prevalence(run.read("splits"), targets)


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


def _settings(run: Run) -> tuple[EvaluateConfig, int]:
    """The run's own settings; the defaults where it was made without a config."""
    if not (run.folder / "config.yaml").is_file():
        return EvaluateConfig(), int(run.facts.get("seed", 0))
    config = load_config(run.path("config.yaml"))
    return config.evaluate, config.seed
