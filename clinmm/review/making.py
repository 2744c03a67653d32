"""Makes a reading study of a run: the protocol is held against it, cases are drawn and dealt."""

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from clinmm.errors import InputError, did_you_mean
from clinmm.review.assigning import assign
from clinmm.review.protocol import RESERVED, Protocol
from clinmm.review.room import ReadingRoom, ReadingStudy
from clinmm.review.sampling import sample, strata
from clinmm.runs import Run

LONGEST = {"stratum": 400, "case_id": 200}
"""Characters that the database keeps."""


@dataclass(frozen=True, eq=False)
class Plan:
    """A reading study before it is kept.

    protocol: as it will be kept. pool: the cases that may be read, from `sampling.strata`.
    cases: from `sampling.sample`. assignments: from `assigning.assign`.
    """

    protocol: Protocol
    pool: pd.DataFrame
    cases: pd.DataFrame
    assignments: pd.DataFrame


def plan_study(run: Run, protocol: Protocol, by: str) -> Plan:
    """What a protocol means for a run: all its classes where none are named, the cases, who reads
    them. Nothing is written.

    Args:
        run: with predictions.
        protocol: what is asked for.
        by: who makes the study, and administers it where the protocol names nobody and `by` is
            neither reader nor adjudicator.

    Raises:
        NotMadeYet: the run has no predictions.
        InputError: everything in which the protocol does not fit the run.
    """
    run.path("predictions.parquet")
    problems = list(_unfit(run, protocol))
    try:
        pool = strata(run, protocol)
        cases = sample(pool, protocol.cases, protocol.seed)
        problems += _too_long(cases)
    except InputError as error:
        problems += error.problems
    if problems:
        raise InputError(problems)
    filled = _filled(run, protocol, by)
    patients = dict(zip(pool["case_id"], pool["patient_id"], strict=True))
    dealt = assign(cases["case_id"].tolist(), filled, patients)
    return Plan(filled, pool, cases, dealt)


def make_study(run: Run, protocol: Protocol, room: ReadingRoom, by: str) -> ReadingStudy:
    """Plans a study and keeps it in the room; from then on it is not changed.

    Raises:
        NotMadeYet: the run has no predictions.
        InputError: everything in which the protocol does not fit the run, or the run has a study of
            this name.
    """
    plan = plan_study(run, protocol, by)
    return room.make(plan.protocol, plan.cases, plan.assignments, by)


def _unfit(run: Run, protocol: Protocol) -> Iterator[str]:
    target = run.facts["target"]
    if protocol.open:
        yield "open: of the room without a study; a study names its readers. Leave it out."
    for name in protocol.classes:
        if name not in target["classes"]:
            yield f"classes: the run has no class '{name}'. {did_you_mean(name, target['classes'])}"
    chosen = set(protocol.classes)
    if target["kind"] == "multiclass" and chosen and chosen < set(target["classes"]):
        yield "classes: a reader chooses one of all classes of this run. Leave it out."
    if protocol.adjudicate.tolerance and target["kind"] != "continuous":
        yield (
            f"adjudicate.tolerance: is of a value, and the run's target is {target['kind']}. "
            "Leave it out."
        )


def _too_long(cases: pd.DataFrame) -> Iterator[str]:
    for column, most in LONGEST.items():
        if (n := int((cases[column].str.len() > most).sum())) > 0:
            yield f"cases: {n} have a {column} of more than the {most} characters that are kept."


def _filled(run: Run, protocol: Protocol, by: str) -> Protocol:
    """The protocol with what was left to the run and to its maker."""
    filled: dict[str, tuple[str, ...]] = {}
    if not protocol.classes:
        filled["classes"] = tuple(run.facts["target"]["classes"])
    if not protocol.administrators and by not in (
        *protocol.readers,
        *protocol.adjudicators,
        *RESERVED,
    ):
        filled["administrators"] = (by,)
    return protocol.model_copy(update=filled)
