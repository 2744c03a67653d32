"""Predict new cases with a finished study, targets known or not.

Reads   a study's models and calibrators, a cohort
Writes  a run folder of kind prediction: images, cases, images/, predictions, thresholds,
        prediction_sets, deferral, exchangeability, outliers
"""

from pathlib import Path

import pandas as pd

from clinmm.arms import FUSED
from clinmm.calibration import tables
from clinmm.cohort.cohort import Cohort
from clinmm.cohort.copies import cases_with_copies
from clinmm.cohort.manifest import load_cohort
from clinmm.continuous.recalibration import Recalibration
from clinmm.continuous.rules import apply_value_rules, mean_value_rules
from clinmm.errors import InputError
from clinmm.folds import Fold, Preparer
from clinmm.intake.images_read import readable
from clinmm.new_cases import (
    cases_seen_before,
    check_readable,
    check_same_inputs,
    mean_over_models,
    whole_as_test,
)
from clinmm.predict import fold_logits, prediction_rows
from clinmm.progress import Tell, silent
from clinmm.rules import cells_of
from clinmm.runs import Run
from clinmm.stored_models import load_models
from clinmm.study import (
    Study,
    cohort_facts,
    cohort_yaml,
    environment_facts,
    open_study,
)
from clinmm.uncertainty.new_place import carry_over
from clinmm.uncertainty.outliers.fold import judge_new
from clinmm.uncertainty.outliers.readings import Readings, read_inputs
from clinmm.uncertainty.outliers.rows import median_over_models
from clinmm.uncertainty.outliers.stored import load_detectors


def main(folder: Path, cohort_file: Path, out: Path, tell: Tell = silent) -> Run:
    """Predicts every case of a cohort with the fused model.

    With folds, the mean of the calibrated probabilities over all repeats' and folds' models, and
    the median over them of how odd a case is.

    Args:
        folder: a study whose calibrate stage is done.
        cohort_file: a cohort file with the study's inputs; its targets may be empty.
        out: a new or empty folder.

    Raises:
        InputError: the cohort lacks an input or a column, or the classes differ.
    """
    study = open_study(folder)
    study.run.require("calibrate")
    cohort = load_cohort(cohort_file, for_prediction=True)
    check_same_inputs(study.cohort, cohort)
    images = check_readable(cohort, study.config.intake.accept)
    facts = _facts(study, cohort)
    run = Run.create(out, "prediction", facts)
    if any(run.facts[key] != facts[key] for key in ("study", "cohort")):
        raise InputError(
            f"{out} holds predictions of other cases or by another study. "
            "Name a new or empty folder with --out."
        )
    run.write_text("cohort.yaml", cohort_yaml(cohort))
    run.write_text("config.yaml", study.run.path("config.yaml").read_text(encoding="utf-8"))
    with run.stage("predict"):
        run.write("images", images)
        cohort = readable(cohort, images)
        run.write("cases", cases_with_copies(run, cohort, study.config.review.copy_images, tell))
        preparer = Preparer(
            cohort, study.config.encoders, lambda name, i, n: tell(f"read {name}", i, n)
        )
        readings = read_inputs(cohort)
        each: list[pd.DataFrame] = []
        odd: list[pd.DataFrame] = []
        for repeat, fold in study.model_places():
            tell("predict", len(each), len(study.model_places()))
            place = whole_as_test(cohort, repeat, fold)
            predicted, judged = _by_one_fold(study, cohort, preparer, readings, place)
            each.append(predicted)
            odd.append(judged)
        if cohort.task == "continuous":
            run.write("predictions", mean_over_models(each))
            run.write("prediction_sets", mean_value_rules(study.run.read("prediction_sets")))
        else:
            _write_with_rules(run, study, cohort, each)
        run.write("outliers", median_over_models(odd))
    return run


def _write_with_rules(run: Run, study: Study, cohort: Cohort, each: list[pd.DataFrame]) -> None:
    """Predictions of classes, and what of the study's rules holds for them."""
    thresholds = _mean_thresholds(study.run.read("thresholds"))
    carried = carry_over(
        study.run,
        mean_over_models(each),
        [table for table in each if (table["repeat"] == 0).all()],
        thresholds,
        kind=cohort.task,
        config=study.config.calibrate.sets,
        groups=cohort.groups(),
        seed=study.config.seed,
    )
    for name in ("predictions", "prediction_sets", "deferral", "exchangeability"):
        run.write(name, getattr(carried, name))
    run.write("thresholds", thresholds)


def _by_one_fold(
    study: Study, cohort: Cohort, preparer: Preparer, readings: Readings, fold: Fold
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Calibrated predictions by the models of one fold, and how odd the cases are."""
    place = study.run.model_folder(FUSED, fold.repeat, fold.fold)
    description, models = load_models(study.run.folder / place)
    batch = preparer.batch(description.facts)
    rows = prediction_rows(
        cohort, FUSED, description.inputs, fold, fold_logits(models, batch, fold)
    )
    detectors = load_detectors(study.run, place)
    odd = judge_new(detectors, cohort, readings, models, batch, fold)
    stored = study.run.read_json(f"{place}/calibrator.json")
    if cohort.task == "continuous":
        rule = {(FUSED, fold.repeat, fold.fold): Recalibration.from_json(stored)}
        return apply_value_rules(rows, rule), odd
    calibrator = tables.read_json(stored)
    cells = cells_of(study.config.calibrate.by, cohort.groups())
    return rows.assign(probability=tables.apply_to(rows, calibrator, cells=cells)), odd


def _mean_thresholds(thresholds: pd.DataFrame) -> pd.DataFrame:
    """The study's thresholds for the fused arm, averaged over repeats and folds."""
    fused = thresholds[thresholds["arm"] == FUSED]
    mean = fused.groupby(["arm", "class_name", "operating_point"])["threshold"].mean()
    return mean.reset_index().assign(repeat=0, fold=0)


def _facts(study: Study, cohort: Cohort) -> dict[str, object]:
    made = study.run.facts
    return {
        "seed": study.config.seed,
        **cohort_facts(cohort),
        "study": {
            "folder": str(study.run.folder.resolve()),
            "config_hash": made["config_hash"],
            "cohort": made["cohort"],
        },
        "n_folds": 0,
        "n_repeats": 0,
        "cases_seen_before": cases_seen_before(study.cohort, cohort),
        "config_hash": made["config_hash"],
        "device": "cpu",
        "predicted_by": (
            f"the mean of {len(study.model_places())} calibrated models"
            if made["n_folds"]
            else "the study's calibrated model"
        ),
        "arms": [FUSED],
        **environment_facts(),
    }
