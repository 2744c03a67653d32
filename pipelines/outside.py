"""Calibrate, evaluate and audit anybody's predictions, without a model.

Reads   a predictions file
Writes  a run folder of kind audit: what calibrate, evaluate and audit write for a study; calibrate
        only where some patients are for calibration, audit only where groups are asked for
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from clinmm.config import CalibrateConfig
from clinmm.errors import InputError
from clinmm.evaluation import evaluate
from clinmm.fairness.auditing import SCORES, Asked, audit_run
from clinmm.outside_predictions import OutsidePredictions, facts_of, read
from clinmm.progress import Tell, silent
from clinmm.rules import TABLES as RULES
from clinmm.rules import Rules, fit_rules
from clinmm.runs import Run
from clinmm.study import environment_facts
from clinmm.subgroups import intersections
from clinmm.thresholds import DEFAULT, OperatingPoint


def main(
    file: Path,
    out: Path,
    *,
    group_by: Sequence[str] = (),
    depth: int = 1,
    threshold: str | None = None,
    calibrate: float | None = None,
    operating_points: Mapping[str, OperatingPoint] | None = None,
    rules: CalibrateConfig | None = None,
    prevalence: Mapping[str, float] | None = None,
    exclusive: bool | None = None,
    ordered: Sequence[str] = (),
    n_bootstrap: int = 1000,
    seed: int = 0,
    permutations: int = 1000,
    slices: bool = True,
    tell: Tell = silent,
) -> pd.DataFrame:
    """Scores a predictions file.

    Args:
        file, group_by, threshold, calibrate, exclusive, ordered: see
            `clinmm.outside_predictions.read`.
        out: a new or empty folder, or one that this command made.
        depth: also every intersection of up to so many of the columns that are grouped by.
        operating_points: name -> how its threshold is chosen on the calibration patients.
        rules: calibrators, prediction sets and deferral to fit on them.
        prevalence: class -> prevalence in the place of use.
        n_bootstrap: patient draws, for metrics without an influence function.
        seed: of every draw.
        permutations: of the test whether some group is served worse; 0 leaves it out.
        slices: look for groups that nobody named.
        tell: told how far it is.

    Returns:
        The metrics table.

    Raises:
        InputError: every problem of the file and of the options; nothing is written then.
    """
    tell("read", 0, 1)
    given = read(
        file,
        group_by=group_by,
        threshold=threshold,
        operating_points=operating_points or {},
        calibrate=calibrate,
        exclusive=exclusive,
        ordered=ordered,
        prevalence=prevalence or {},
        seed=seed,
    )
    tell("read", 1, 1)
    run = _create(
        out, given, Path(file), {"seed": seed, "n_bootstrap": n_bootstrap, "depth": depth}
    )
    given, fitted = _calibrated(run, given, rules, operating_points, seed, tell)
    drawn: dict[str, Any] = {"n_bootstrap": n_bootstrap, "seed": seed}
    _evaluated(run, given, fitted, prevalence, drawn, tell)
    if given.group_by:
        asked = Asked(
            intersections(given.group_by, depth),
            permutations=permutations,
            slices=slices,
            **drawn,
        )
        with run.stage("audit"):
            audit_run(run, given.groups, asked, tell, decisions=given.decisions)
    return run.read("metrics")


def _calibrated(
    run: Run,
    given: OutsidePredictions,
    rules: CalibrateConfig | None,
    operating_points: Mapping[str, OperatingPoint] | None,
    seed: int,
    tell: Tell,
) -> tuple[OutsidePredictions, Rules | None]:
    """What is scored, and the rules fitted where some patients are for calibration; written."""
    if not given.calibrated_on:
        run.write("predictions", given.predictions)
        if given.thresholds is not None:
            run.write("thresholds", given.thresholds)
        return given, None
    tell("calibrate", 0, 1)
    with run.stage("calibrate"):
        fitted = fit_rules(
            given.predictions,
            kind=given.kind,
            config=rules or CalibrateConfig(),
            points=operating_points or DEFAULT,
            groups=given.groups,
            seed=seed,
        )
        for name in ("predictions", *RULES):
            run.write(name, getattr(fitted, name))
    tell("calibrate", 1, 1)
    return replace(given, predictions=fitted.predictions, thresholds=fitted.thresholds), fitted


def _evaluated(
    run: Run,
    given: OutsidePredictions,
    fitted: Rules | None,
    prevalence: Mapping[str, float] | None,
    drawn: dict[str, Any],
    tell: Tell,
) -> None:
    """Writes what `evaluate` says."""
    tell("evaluate", 0, 1)
    with run.stage("evaluate"):
        result = evaluate(
            given.predictions,
            given.thresholds,
            rules=fitted,
            kind=given.kind,
            decisions=given.decisions,
            ordered=given.classes if given.ordered else None,
            prevalence=prevalence,
            **drawn,
        )
        for name in (*SCORES, "validation_size"):
            run.write(name, getattr(result, name))
    tell("evaluate", 1, 1)


def _create(out: Path, given: OutsidePredictions, file: Path, asked: dict[str, int]) -> Run:
    """The run folder with its facts and cases.

    Raises:
        InputError: it holds another file's scores, or rules that this call would not replace.
    """
    facts = {**asked, **facts_of(given, file), **environment_facts()}
    run = Run.create(out, "audit", facts)
    if run.facts["cohort"] != facts["cohort"]:
        raise InputError(f"{out} holds the scores of another file. Name a new folder with --out.")
    replaced = RULES if given.calibrated_on else ("thresholds",) * (given.thresholds is not None)
    if stale := [name for name in RULES if run.has(name) and name not in replaced]:
        raise InputError(
            f"{out} holds {', '.join(stale)} of an earlier call with other options. "
            "Name a new folder with --out."
        )
    run.add_facts(**facts)
    cases = given.predictions[["case_id", "patient_id"]].drop_duplicates("case_id")
    run.write("cases", cases.join(given.groups, on="case_id"))
    return run
