"""Attribute the fused model's logits (values) to image, note and record together, case by case.

Reads   predictions, model/fused/..., the cohort          Writes   explanations, attributions/
"""

from pathlib import Path
from typing import Any

import pandas as pd

from clinmm import schema
from clinmm.arms import FUSED
from clinmm.continuous.choice import choose_value_cases
from clinmm.errors import InputError
from clinmm.explain.choice import choose_cases
from clinmm.explain.joint import Joint
from clinmm.explain.merge import merged
from clinmm.explain.rows import file_of, rows_of, save_arrays
from clinmm.folds import raw_values
from clinmm.model import MultimodalClassifier
from clinmm.progress import Tell, silent
from clinmm.stored_models import load_models
from clinmm.study import open_explainable


def main(folder: Path, tell: Tell = silent, cases: list[str] | None = None) -> pd.DataFrame:
    """Explains test cases by the models that predicted them.

    With folds, a study's case is explained by the models of repeat 0 and its own test fold; a new
    case by the mean over the folds of repeat 0.

    Args:
        folder: a run folder of kind study or prediction, with predictions.
        tell: told how far it is, in cases.
        cases: case ids; a choice of right, wrong and random ones if left out.

    Returns:
        The explanations table.
    """
    study, models_run, common_folds = open_explainable(folder)
    run, config, cohort = study.run, study.config, study.cohort
    predictions = run.read("predictions")
    choose = choose_value_cases if cohort.task == "continuous" else choose_cases
    chosen = cases or choose(predictions, config.explain.cases, config.seed)
    folds_of_case = _folds_of_case(predictions, common_folds)
    if unknown := [case_id for case_id in chosen if case_id not in folds_of_case]:
        raise InputError(f"{folder} has no test prediction of cases {', '.join(unknown[:5])}.")
    raw = {name: raw_values(cohort, name) for name in sorted(cohort.spec.inputs)}
    position = {case_id: i for i, case_id in enumerate(cohort.table["case_id"])}
    # Cases of one fold follow each other, so that its models are loaded once.
    ordered = sorted(chosen, key=lambda case_id: folds_of_case[case_id])
    rows: list[dict[str, Any]] = []
    loaded: dict[tuple[int, int], list[MultimodalClassifier]] = {}
    with run.stage("explain"), run.writing_folder("attributions") as arrays:
        for done, case_id in enumerate(ordered):
            case = {name: values[position[case_id]] for name, values in raw.items()}
            if folds_of_case[case_id] != list(loaded):
                loaded = {
                    at: load_models(models_run.folder / models_run.model_folder(FUSED, *at))[1]
                    for at in folds_of_case[case_id]
                }
            if any(value is not None for value in case.values()):
                joints = [Joint(models, case) for models in loaded.values()]
                for k, name in enumerate(cohort.class_names):
                    method, steps = config.explain.method, config.explain.steps
                    found = merged([joint.explain(k, method, steps) for joint in joints])
                    save_arrays(arrays / Path(file_of(FUSED, case_id, name)).name, found)
                    rows += rows_of(FUSED, case_id, name, method, found)
            tell("explain", done + 1, len(ordered))
        run.write("explanations", pd.DataFrame(rows) if rows else schema.EXPLANATIONS.empty())
    return run.read("explanations")


def _folds_of_case(
    predictions: pd.DataFrame, common: list[tuple[int, int]]
) -> dict[str, list[tuple[int, int]]]:
    """Case id -> the (repeat, fold) whose models predicted it."""
    tested = predictions[
        (predictions["arm"] == FUSED)
        & (predictions["repeat"] == 0)
        & (predictions["split"] == "test")
    ].drop_duplicates("case_id")
    return {
        case_id: common or [(0, int(fold))]
        for case_id, fold in zip(tested["case_id"], tested["fold"], strict=True)
    }
