"""The contract of a desk as one table: who may call what, at each point of a reading.

`test_reading_roles.py` says why; this says that nothing was forgotten: every public method of a
desk is here, no answer holds what is not for its reader, and nobody writes as somebody else.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import pandas as pd
import pytest
from made_study import TRIAL, make_study

from clinmm.errors import InputError
from clinmm.review.answers import Answer, Draft
from clinmm.review.desk import Desk, NotAllowed
from clinmm.review.events import Events
from clinmm.review.protocol import EVERYTHING
from clinmm.review.room import ReadingRoom

LABEL, RISK, WHY = "LABEL-OF-THE-COHORT", "RISK-OF-THE-MODEL", "REASON-OF-THE-MODEL"
OTHERS, STRATUM, ARM = "COMMENT-OF-CD", "enriched", "ARM-"
REASONS = ("overlooked",)
NO = Answer(ratings={"effusion": 1, "nodule": 1}, confidence=3, reasons=REASONS)
YES = Answer(ratings={"effusion": 5, "nodule": 1}, confidence=2, reasons=REASONS, comment=OTHERS)


class Model:
    """The output of a model that can be recognised wherever it turns up."""

    def risks(self, case_id: str) -> pd.DataFrame:
        return pd.DataFrame({"case_id": [case_id], "target": [LABEL], "probability": [RISK]})

    def explanations(self, case_id: str) -> pd.DataFrame:
        return pd.DataFrame({"case_id": [case_id], "reason": [WHY]})


def _version(desk: Desk, case: str) -> int:
    try:
        return desk.state(case).version
    except NotAllowed:
        return 0


CALLS: dict[str, Callable[[Desk, str], object]] = {
    "worklist": lambda desk, case: desk.worklist(),
    "state": lambda desk, case: desk.state(case),
    "may_see": lambda desk, case: desk.may_see(case),
    "risks": lambda desk, case: desk.risks(case),
    "explanations": lambda desk, case: desk.explanations(case),
    "others": lambda desk, case: desk.others(case),
    "readings": lambda desk, case: desk.readings(),
    "cases": lambda desk, case: desk.cases(),
    "disputes": lambda desk, case: desk.disputes(),
    "decision": lambda desk, case: desk.decision(case),
    "decisions": lambda desk, case: desk.decisions(),
    # what writes comes last, what ends a phase after what does not, and what may tell the arm at
    # the very end
    "correct": lambda desk, case: desk.correct(case, 1, NO, _version(desk, case)),
    "adjudicate": lambda desk, case: desk.adjudicate(case, NO, 0),
    "save_draft": lambda desk, case: desk.save_draft(case, 1, Draft(), _version(desk, case)),
    "lock": lambda desk, case: desk.lock(case, 1, NO, _version(desk, case)),
    "open": lambda desk, case: desk.open(case),
}
"""Every public method, in the order of the test."""

OWN = {"worklist", "state", "may_see", "readings", "open"}
READING = OWN | {"save_draft", "lock"}
MODEL = {"risks", "explanations"}
ALL_SEEN = MODEL | {"may_see", "others", "decision"}
ALL_TOLD = ALL_SEEN | {"readings", "cases", "decisions"}


@dataclass(frozen=True)
class Situation:
    """Who calls at which point of a reading, and what may come of it.

    arm: of every reading, by its mode, the only one; or one of TRIAL, in a study of several.
    by_ab, by_cd: answers that they have locked. opened: whether AB has opened the case; AB locks
    nothing before. allowed: methods. told: what can be recognised in their answers.
    """

    person: str
    arm: str
    by_ab: int
    by_cd: int
    allowed: set[str]
    told: set[str] = field(default_factory=set)
    opened: bool = True


SITUATIONS = {
    "reader, nothing said": Situation("AB", "blind_first", 0, 2, READING),
    "reader, nothing opened": Situation("AB", "blind_first", 0, 2, READING, opened=False),
    "reader, opinion locked": Situation("AB", "blind_first", 1, 2, READING | MODEL, {RISK, WHY}),
    "reader, done": Situation("AB", "blind_first", 2, 2, OWN | MODEL | {"correct"}, {RISK, WHY}),
    "reader, model first": Situation("AB", "model_first", 0, 1, READING | MODEL, {RISK, WHY}),
    "reader, no explanation": Situation(
        "AB", "without_explanation", 1, 2, READING | {"risks"}, {RISK}
    ),
    "reader, no model": Situation("AB", "without_model", 0, 1, READING),
    "reader, no model, done": Situation("AB", "without_model", 1, 1, OWN | {"correct"}),
    **{
        # only what opens it tells the arm
        f"reader of a trial, nothing opened, {arm}": Situation(
            "AB", arm, 0, 1, {"worklist", "readings", "open"}, {ARM}, opened=False
        )
        for arm in TRIAL
    },
    "reader of a trial, opened": Situation("AB", "ARM-BLIND", 0, 2, READING, {ARM}),
    "reader of a trial, opinion locked": Situation(
        "AB", "ARM-RISK", 1, 2, READING | {"risks"}, {ARM, RISK}
    ),
    "reader of a trial, model first": Situation(
        "AB", "ARM-FIRST", 0, 1, READING | MODEL, {ARM, RISK, WHY}
    ),
    "reader of a trial, no model": Situation("AB", "ARM-NONE", 0, 1, READING, {ARM}),
    "reader of a trial, done": Situation(
        "AB", "ARM-BLIND", 2, 2, OWN | MODEL | {"correct"}, {ARM, RISK, WHY}
    ),
    "adjudicator, one reads": Situation("EF", "blind_first", 1, 2, {"may_see", "disputes"}),
    "adjudicator, all agree": Situation("EF", "agree", 2, 2, {"may_see", "disputes"}),
    "adjudicator, disputed": Situation(
        *("EF", "blind_first", 2, 2, ALL_SEEN | {"disputes", "adjudicate"}), {RISK, WHY, OTHERS}
    ),
    "adjudicator, no model": Situation(
        *("EF", "without_model", 1, 1),
        {"may_see", "others", "decision", "disputes", "adjudicate"},
        {OTHERS},
    ),
    **{
        f"adjudicator of a trial, {arm}": Situation(
            *("EF", arm, n, n, ALL_SEEN | {"disputes", "adjudicate"}), {RISK, WHY, OTHERS}
        )
        for arm, n in (("ARM-BLIND", 2), ("ARM-FIRST", 1), ("ARM-NONE", 1))
    },
    "administrator": Situation(
        "GH", "blind_first", 0, 2, ALL_TOLD, {RISK, WHY, OTHERS, LABEL, STRATUM}
    ),
    "administrator of a trial": Situation(
        *("GH", "ARM-BLIND", 0, 2, ALL_TOLD), {RISK, WHY, OTHERS, LABEL, STRATUM, ARM}
    ),
    "steward": Situation(
        "steward", "blind_first", 0, 2, ALL_TOLD, {RISK, WHY, OTHERS, LABEL, STRATUM}
    ),
}


def test_every_method_of_a_desk_has_its_place_here() -> None:
    assert set(CALLS) == {name for name in vars(Desk) if not name.startswith("_")}


@pytest.mark.parametrize("situation", SITUATIONS)
def test_a_desk_allows_what_the_table_says_and_no_more(room: ReadingRoom, situation: str) -> None:
    now = SITUATIONS[situation]
    if now.arm in TRIAL:
        make_study(room, arms=TRIAL, arm=now.arm)
    else:
        make_study(room, arms=["blind_first" if now.arm == "agree" else now.arm])
    alike = YES.model_copy(update={"comment": ""})
    answers = {"AB": alike if now.arm == "agree" else NO, "CD": YES}
    for reader, n_locked in (("AB", now.by_ab), ("CD", now.by_cd)):
        if reader == "CD" or now.opened:
            room.desk(reader, "study").open("case-1")
        for version in range(n_locked):
            room.desk(reader, "study").lock("case-1", 1, answers[reader], version)
    events = Events(room.engine, room.study("study").id)
    before = len(events.all())
    steward = now.person == "steward"
    desk = room.steward("study", Model()) if steward else room.desk(now.person, "study", Model())
    done, said = set(), ""
    for name, call in CALLS.items():
        try:
            found = call(desk, "case-1")
        except NotAllowed:
            continue
        done.add(name)
        said += found.to_csv() if isinstance(found, pd.DataFrame) else repr(found)
    assert done == now.allowed
    secrets = {LABEL, RISK, WHY, OTHERS, STRATUM, ARM}
    assert {secret for secret in secrets if secret in said} == now.told
    written = events.all()[before:]
    assert {event.by for event in written} <= {now.person}
    assert {event.reader for event in written} <= {"" if now.person == "EF" else now.person}
    assert {event.case_id for event in written} <= {"case-1"}


@pytest.mark.parametrize("name", [name for name in CALLS if name not in ("worklist", "readings")])
def test_a_case_that_was_not_drawn_is_nobodys(room: ReadingRoom, name: str) -> None:
    make_study(room)
    with pytest.raises(NotAllowed):
        CALLS[name](room.desk("AB", "study", Model()), "case-of-nobody")


@pytest.mark.parametrize("person", ["AB", "EF", "GH", "stranger"])
def test_a_person_of_another_study_has_no_desk(room: ReadingRoom, person: str) -> None:
    names = {"readers": ("x", "y"), "adjudicators": (), "administrators": ()}
    make_study(room, "theirs", **names)
    make_study(room)
    with pytest.raises(NotAllowed, match="has no role"):
        room.desk(person, "theirs")


def test_what_may_be_seen_goes_on_record_whenever_a_case_is_opened(room: ReadingRoom) -> None:
    make_study(room)
    desk = room.desk("AB", "study")
    events = Events(room.engine, desk.study.id)
    desk.open("case-1")
    assert events.all()[-1].payload == {"phase": "opinion", "shown": []}
    desk.lock("case-1", 1, NO, 0)
    desk.open("case-1")
    assert events.all()[-1].payload == {"phase": "final", "shown": sorted(EVERYTHING)}


@pytest.mark.parametrize("name", ["all", "model", "steward"])
def test_nobody_reads_under_a_name_of_the_results(room: ReadingRoom, name: str) -> None:
    with pytest.raises(InputError, match="means something else"):
        room.desk(name)
