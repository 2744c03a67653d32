"""The contract of a desk as one table: who may call what, at each point of a reading.

`test_reading_roles.py` says why; this says that nothing was forgotten: every public method of a
desk is here, no answer holds what is not for its reader, and nobody writes as somebody else.
"""

from collections.abc import Callable

import pandas as pd
import pytest
from made_study import make_study

from clinmm.errors import InputError
from clinmm.review.answers import Answer, Draft
from clinmm.review.desk import Desk, NotAllowed
from clinmm.review.events import Events
from clinmm.review.protocol import EVERYTHING
from clinmm.review.room import ReadingRoom

LABEL, RISK, WHY = "LABEL-OF-THE-COHORT", "RISK-OF-THE-MODEL", "REASON-OF-THE-MODEL"
OTHERS, STRATUM = "COMMENT-OF-CD", "enriched"
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
    # what writes comes last, and what ends a phase after what does not
    "opened": lambda desk, case: desk.opened(case, 1, ()),
    "correct": lambda desk, case: desk.correct(case, 1, NO, _version(desk, case)),
    "adjudicate": lambda desk, case: desk.adjudicate(case, NO, 0),
    "save_draft": lambda desk, case: desk.save_draft(case, 1, Draft(), _version(desk, case)),
    "lock": lambda desk, case: desk.lock(case, 1, NO, _version(desk, case)),
}
"""Every public method, in the order of the test."""

OWN = {"worklist", "state", "may_see", "readings", "opened"}
READING = OWN | {"save_draft", "lock"}
MODEL = {"risks", "explanations"}
ALL_SEEN = MODEL | {"may_see", "others", "decision"}

Situation = tuple[str, str, int, int, set[str], set[str]]
SITUATIONS: dict[str, Situation] = {
    # who, mode, answers locked by AB, by CD: what is allowed, what can be recognised in the answers
    "reader, nothing said": ("AB", "blind_first", 0, 2, READING, set()),
    "reader, opinion locked": ("AB", "blind_first", 1, 2, READING | MODEL, {RISK, WHY}),
    "reader, done": ("AB", "blind_first", 2, 2, OWN | MODEL | {"correct"}, {RISK, WHY}),
    "reader, model first": ("AB", "model_first", 0, 1, READING | MODEL, {RISK, WHY}),
    "reader, no explanation": ("AB", "without_explanation", 1, 2, READING | {"risks"}, {RISK}),
    "reader, no model": ("AB", "without_model", 0, 1, READING, set()),
    "reader, no model, done": ("AB", "without_model", 1, 1, OWN | {"correct"}, set()),
    "adjudicator, one reads": ("EF", "blind_first", 1, 2, {"may_see", "disputes"}, set()),
    "adjudicator, all agree": ("EF", "agree", 2, 2, {"may_see", "disputes"}, set()),
    "adjudicator, disputed": (
        *("EF", "blind_first", 2, 2),
        ALL_SEEN | {"disputes", "adjudicate"},
        {RISK, WHY, OTHERS},
    ),
    "adjudicator, no model": (
        *("EF", "without_model", 1, 1),
        {"may_see", "others", "decision", "disputes", "adjudicate"},
        {OTHERS},
    ),
    "administrator": (
        *("GH", "blind_first", 0, 2),
        ALL_SEEN | {"readings", "cases", "decisions"},
        {RISK, WHY, OTHERS, LABEL, STRATUM},
    ),
    "steward": (
        *("steward", "blind_first", 0, 2),
        ALL_SEEN | {"readings", "cases", "decisions"},
        {RISK, WHY, OTHERS, LABEL, STRATUM},
    ),
}


def test_every_method_of_a_desk_has_its_place_here() -> None:
    assert set(CALLS) == {name for name in vars(Desk) if not name.startswith("_")}


@pytest.mark.parametrize("situation", SITUATIONS)
def test_a_desk_allows_what_the_table_says_and_no_more(room: ReadingRoom, situation: str) -> None:
    person, mode, by_ab, by_cd, allowed, recognised = SITUATIONS[situation]
    make_study(room, arms=["blind_first" if mode == "agree" else mode])
    for reader, n_locked, answer in (
        ("AB", by_ab, YES.model_copy(update={"comment": ""}) if mode == "agree" else NO),
        ("CD", by_cd, YES),
    ):
        for version in range(n_locked):
            room.desk(reader, "study").lock("case-1", 1, answer, version)
    events = Events(room.engine, room.study("study").id)
    before = len(events.all())
    steward = person == "steward"
    desk = room.steward("study", Model()) if steward else room.desk(person, "study", Model())
    done, said = set(), ""
    for name, call in CALLS.items():
        try:
            found = call(desk, "case-1")
        except NotAllowed:
            continue
        done.add(name)
        said += found.to_csv() if isinstance(found, pd.DataFrame) else repr(found)
    assert done == allowed
    secrets = {LABEL, RISK, WHY, OTHERS, STRATUM}
    assert {secret for secret in secrets if secret in said} == recognised
    written = events.all()[before:]
    assert {event.by for event in written} <= {person}
    assert {event.reader for event in written} <= {"" if person == "EF" else person}
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


def test_what_could_not_be_seen_was_not_shown(room: ReadingRoom) -> None:
    make_study(room)
    desk = room.desk("AB", "study")
    for showing in (["risk"], EVERYTHING, ["a word of the note"]):
        with pytest.raises(NotAllowed, match="may not be seen"):
            desk.opened("case-1", 1, showing)
    desk.lock("case-1", 1, NO, 0)
    desk.opened("case-1", 1, EVERYTHING)
    kept = Events(room.engine, desk.study.id).all()[-1]
    assert kept.payload == {"phase": "final", "shown": sorted(EVERYTHING)}


@pytest.mark.parametrize("name", ["all", "model", "steward"])
def test_nobody_reads_under_a_name_of_the_results(room: ReadingRoom, name: str) -> None:
    with pytest.raises(InputError, match="means something else"):
        room.desk(name)
