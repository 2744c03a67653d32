"""What `evaluate` and `audit` do on the screen with a predictions file or another cohort."""

import json as notation
from pathlib import Path
from typing import Any

import pandas as pd

from clinmm.outside_predictions import options
from clinmm.runs import Run
from pipelines import outside
from pipelines.cli_options import names
from pipelines.screen import console, errors, progress, show_json


def score_file(asked: dict[str, Any], group_by: list[str]) -> None:
    """`--predictions`: everything, without a model."""
    with progress(asked["json"]) as tell:
        metrics = outside.main(
            asked["predictions"],
            asked["out"],
            group_by=group_by,
            depth=asked.get("depth") or 1,
            threshold=asked["threshold"],
            calibrate=asked["calibrate"],
            operating_points=options.operating_points(asked["operating_point"] or ()),
            rules=options.rules_of(asked["coverage"], asked["defer"]),
            prevalence=options.prevalences(asked["prevalence"] or ()),
            exclusive=asked["exclusive"],
            ordered=names(asked["ordered"]),
            seed=asked["seed"],
            tell=tell,
        )
    if asked["json"]:
        show_json(metrics)
    else:
        console.print(f"done, see {asked['out']}", soft_wrap=True)


def validate(run: Path, cohort: Path, out: Path, json: bool) -> None:
    """`--cohort`: external validation."""
    from pipelines import external  # with the models, which a file does not need

    with progress(json) as tell:
        found = external.main(run, cohort, out, tell)
    made = Run.open(out)
    if n_seen := made.facts["cases_seen_before"]:
        errors.print(
            f"Warning: {n_seen} cases have image files that the study learned from; "
            "the numbers are not those of unseen patients."
        )
    if json:
        show_json(
            {
                "verdict": found.verdict,
                "sentence": found.sentence,
                "comparison": _records(found.rows),
                "metrics": _records(made.read("metrics")),
            }
        )


def _records(table: pd.DataFrame) -> Any:
    """Rows as dictionaries; NaN as None, which JSON knows."""
    return notation.loads(table.to_json(orient="records"))
