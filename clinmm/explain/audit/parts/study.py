"""The audit of a study's explanations: a sample of its test cases, every method, every test."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import pandas as pd

from clinmm import schema
from clinmm.arms import FUSED
from clinmm.explain.audit.parts.gate import gates_of
from clinmm.explain.audit.parts.groups import group_rows
from clinmm.explain.audit.parts.look import Retrained
from clinmm.explain.audit.parts.masks import masks_of_case
from clinmm.explain.audit.parts.reading import ask, readings_of
from clinmm.explain.audit.parts.retrained import retrained_models
from clinmm.explain.audit.parts.sample import Audited, audit_sample
from clinmm.explain.audit.parts.verdicts import verdict_rows
from clinmm.explain.cases import Cases, seed_of
from clinmm.explain.kept import Kept
from clinmm.explain.stored import as_table
from clinmm.progress import Tell

TOLD = "audit of explanations"


def audit(
    cases: Cases, kept: Kept, tell: Tell, families: Sequence[str] | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(schema.EXPLANATION_READINGS, schema.EXPLANATION_AUDIT), both empty where no case is audited.

    Cases that a stopped call has finished are not looked at again.

    Args:
        families: files of clinmm/explain/audit, all by default; without some of them nothing can
            pass.
    """
    settings = cases.config.explain.audit
    gates = _gates(cases)
    sample = audit_sample(
        cases.predictions,
        settings.cases,
        settings.folds,
        cases.config.seed,
        outlined=lambda case_id, name: bool(masks_of_case(cases.cohort, case_id, name)),
    )
    rows: list[dict[str, Any]] = []
    refused: dict[str, str] = {}
    fold: int | None = None
    retrained: list[Retrained] = []
    for done, one in enumerate(sample):
        tell(TOLD, done, len(sample))
        if one.fold != fold:
            fold, retrained = one.fold, _retrained(cases, one.fold, kept, tell)
        found = kept.piece(
            "audit",
            one.case_id,
            one.class_name,
            make=partial(_look_at, cases, one, retrained, families),
        )
        rows += found["readings"]
        refused |= found["refused"]
    tell(TOLD, len(sample), len(sample))
    readings = as_table(schema.EXPLANATION_READINGS, rows)
    return readings, _judged(cases, readings, refused, gates)


def _retrained(cases: Cases, fold: int, kept: Kept, tell: Tell) -> list[Retrained]:
    folder = kept.folder / f"retrained_{fold}"
    return [
        retrained_models(cases.study, cases.fold((0, fold)), folder, pair, tell)
        for pair in range(cases.config.explain.audit.retrain)
    ]


def _look_at(
    cases: Cases, one: Audited, retrained: Sequence[Retrained], families: Sequence[str] | None
) -> dict[str, Any]:
    """Readings of one case and class, and the methods that refused it."""
    steps = cases.config.explain.steps
    joint, target = cases.joints(one.case_id)[0], cases.target(one.class_name)
    seed = seed_of(cases.config.seed, one.case_id, one.class_name)
    said = ask(joint, cases.config.explain.methods, target, steps, seed)
    rows = readings_of(
        one.case_id,
        one.class_name,
        joint,
        target,
        said,
        steps=steps,
        seed=seed,
        retrained=retrained,
        masks=masks_of_case(cases.cohort, one.case_id, one.class_name),
        families=families,
    )
    at = {
        "arm": FUSED,
        "case_id": one.case_id,
        "patient_id": one.patient_id,
        "class_name": one.class_name,
    }
    return {"readings": [{**at, **row} for row in rows], "refused": said.refused}


def _gates(cases: Cases) -> dict[str, Any] | None:
    if not cases.config.explain.audit.gate or not cases.config.explain.audit.cases:
        return None
    continuous = cases.cohort.task == "continuous"
    return gates_of(cases.run.read("metrics"), cases.cohort.class_names, continuous=continuous)


def _judged(
    cases: Cases,
    readings: pd.DataFrame,
    refused: dict[str, str],
    gates: dict[str, Any] | None,
) -> pd.DataFrame:
    settings = cases.config.explain.audit
    rows = verdict_rows(
        readings,
        settings.all_rules,
        kinds={name: source.kind for name, source in cases.cohort.spec.inputs.items()},
        retrained=settings.retrain > 0,
        gates=gates,
        refused={m: why for m, why in refused.items() if m not in set(readings["method"])},
        classes=cases.cohort.class_names,
    )
    rows += group_rows(readings, cases.cohort.groups(), settings.all_rules)
    return as_table(schema.EXPLANATION_AUDIT, rows)
