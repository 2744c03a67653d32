"""Explain cases by every method, audit the explanations, and withhold what does not pass.

Reads   predictions, metrics, splits, model/fused/..., the cohort
Writes  explanations, attributions/, what_if; of a study also explanation_audit,
        explanation_readings, effects; of chosen cases figures/
"""

from pathlib import Path
from typing import Any

import pandas as pd

from clinmm import __version__, schema
from clinmm.continuous.choice import choose_value_cases
from clinmm.explain.audit.parts.study import audit
from clinmm.explain.cases import Cases
from clinmm.explain.choice import choose_cases
from clinmm.explain.display import Asked, explain_cases
from clinmm.explain.effects import effects_table
from clinmm.explain.figures import write_figures
from clinmm.explain.kept import Kept
from clinmm.explain.stored import as_table, not_audited, stored_verdicts, write_all, write_beside
from clinmm.explain.withhold import withhold
from clinmm.progress import Tell, silent
from clinmm.runs import STAGES, Run


def main(
    folder: Path, tell: Tell = silent, cases: list[str] | None = None, asked: Asked | None = None
) -> pd.DataFrame:
    """Explains test cases by the models that predicted them; goes on where it stopped.

    A study's explanations are audited on a sample of its test cases. New cases, and cases that are
    named, stand on the verdicts that the study has.

    Args:
        folder: a run folder of kind study or prediction, with predictions.
        tell: told how far it is, in cases.
        cases: case ids, whose explanations are put beside those that are there, with the stage
            neither begun nor finished; a choice of right, wrong and random ones, in place of all
            that are there, if left out.
        asked: methods and classes, if not those of the config.

    Returns:
        The explanations table, of the cases that were named its rows.
    """
    of_run, named = Cases(folder), list(dict.fromkeys(cases or []))
    run, config = of_run.run, of_run.config
    asked = (asked or Asked()).of(of_run)
    of_run.check(named)
    kept = Kept(
        run,
        "chosen" if named else "all",
        {
            "clinmm": __version__,
            "config": config.model_dump(mode="json", exclude={"cohort"}),
            "cohort": of_run.cohort.fingerprint,
        },
        of_run.model_files(),
    )
    if named:
        explained, otherwise = explain_cases(of_run, named, asked, kept, tell)
        rows = _judged(of_run, explained, stored_verdicts(of_run))
        write_beside(run, rows, otherwise, kept)
        _to_be_reported_again(run)
    else:
        with run.stage("explain"):
            verdicts = _audit(of_run, kept, tell) if of_run.is_study else stored_verdicts(of_run)
            choose = choose_value_cases if of_run.cohort.task == "continuous" else choose_cases
            chosen = choose(of_run.predictions, config.explain.cases, config.seed)
            explained, otherwise = explain_cases(of_run, chosen, asked, kept, tell)
            write_all(run, _judged(of_run, explained, verdicts), otherwise, kept)
    kept.remove()
    table = run.read("explanations")
    return table[table["case_id"].isin(named)] if named else table


def _audit(of_run: Cases, kept: Kept, tell: Tell) -> pd.DataFrame:
    """Writes the readings, verdicts and effects of a study; returns the verdicts."""
    readings, verdicts = audit(of_run, kept, tell)
    of_run.run.write("explanation_readings", readings)
    of_run.run.write("explanation_audit", verdicts)
    moved = kept.piece(
        "effects",
        make=lambda: effects_table(of_run.study, of_run.models, tell).to_dict("records"),
    )
    of_run.run.write("effects", as_table(schema.EFFECTS, moved))
    return of_run.run.read("explanation_audit")


def _judged(
    of_run: Cases, explained: list[dict[str, Any]], verdicts: pd.DataFrame | None
) -> list[dict[str, Any]]:
    rules = of_run.config.explain.audit.all_rules
    return withhold(explained, verdicts, rules, not_audited(of_run, verdicts))


def _to_be_reported_again(run: Run) -> None:
    """The audit stays as it was made; what comes after `explain` may show what was added."""
    later = STAGES[STAGES.index("explain") + 1 :]
    run.add_facts(stages={k: v for k, v in run.facts["stages"].items() if k not in later})


def figures(folder: Path, cases: list[str], asked: Asked) -> list[Path]:
    """A PNG and an HTML page of each case, for papers, in FOLDER/figures."""
    run = Run.open(folder)
    if not cases:
        return []
    return [
        file
        for class_name in asked.classes or (None,)
        for file in write_figures(
            run,
            cases,
            run.folder / "figures",
            class_name=class_name,
            rather_than=asked.rather_than,
            methods=asked.methods or None,
        )
    ]
