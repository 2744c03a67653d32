"""Evaluate and audit anybody's predictions, without a model.

Reads   a predictions file          Writes   a run folder of kind audit: predictions, thresholds,
                                             cases, metrics, comparisons, curves
"""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from clinmm.errors import InputError
from clinmm.evaluation import Evaluation, evaluate
from clinmm.fairness.audit import Audit, audit, merged
from clinmm.outside_predictions import OutsidePredictions, facts_of, read
from clinmm.runs import Run
from clinmm.study import environment_facts


def main(
    file: Path,
    out: Path,
    *,
    group_by: Sequence[str] = (),
    threshold: str | None = None,
    n_bootstrap: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Scores a predictions file.

    Args:
        file: see `clinmm.outside_predictions`.
        out: a new or empty folder, or one that this command made.
        group_by: attributes and intersections, such as sex, age, sex*age.
        threshold: a number, or a CSV of class_name, threshold.
        n_bootstrap, seed: patient draws.

    Returns:
        The metrics table.

    Raises:
        InputError: every problem of the file; nothing is written then.
    """
    given = read(file, threshold=threshold, group_by=group_by)
    result = evaluate(
        given.predictions,
        given.thresholds,
        decisions=given.decisions,
        n_bootstrap=n_bootstrap,
        seed=seed,
    )
    tables = _tables(result)
    if given.groups is not None:
        by_group = _tables(
            audit(
                given.predictions,
                given.groups,
                given.thresholds,
                decisions=given.decisions,
                n_bootstrap=n_bootstrap,
                seed=seed,
            )
        )
    facts = {"seed": seed, **facts_of(given, Path(file)), **environment_facts()}
    run = Run.create(out, "audit", facts)
    if run.facts["cohort"] != facts["cohort"]:
        raise InputError(f"{out} holds the scores of another file. Name a new folder with --out.")
    with run.stage("evaluate"):
        run.write("predictions", given.predictions)
        run.write("cases", _cases(given))
        if given.thresholds is not None:
            run.write("thresholds", given.thresholds)
        for name, table in tables.items():
            run.write(name, table)
    if given.groups is not None:
        with run.stage("audit"):
            for name, table in by_group.items():
                run.write(name, merged(tables[name], table))
    return run.read("metrics")


def _tables(result: Evaluation | Audit) -> dict[str, pd.DataFrame]:
    return {
        "metrics": result.metrics,
        "comparisons": result.comparisons,
        "curves": result.curves,
    }


def _cases(given: OutsidePredictions) -> pd.DataFrame:
    cases = given.predictions[["case_id", "patient_id"]].drop_duplicates("case_id")
    return cases if given.groups is None else cases.join(given.groups, on="case_id")
