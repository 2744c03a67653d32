"""Blindness and roles hold in the store, whatever a page asks for."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest
from made_study import CASES, make_study
from sqlalchemy import create_engine, text

from clinmm.errors import InputError
from clinmm.review.answers import Answer, Draft
from clinmm.review.desk import Desk, NotAllowed
from clinmm.review.room import ReadingRoom

NO = Answer(ratings={"effusion": 2, "nodule": 1}, confidence=3, seconds=41.5)
YES = Answer(ratings={"effusion": 4, "nodule": 1}, confidence=2, reasons=("overlooked",))


class Model:
    """The output of a model that says the same of every case."""

    def risks(self, case_id: str) -> pd.DataFrame:
        row = {"case_id": case_id, "target": 1.0, "probability": 0.9, "prediction_set": ["a"]}
        return pd.DataFrame([{**row, "deferred": False}])

    def explanations(self, case_id: str) -> pd.DataFrame:
        return pd.DataFrame({"case_id": [case_id]})


def desk(room: ReadingRoom, person: str, study: str = "study") -> Desk:
    return room.desk(person, study, Model())


def finish(room: ReadingRoom, person: str, answer: Answer, case_id: str = "case-1") -> None:
    mine = desk(room, person)
    while (state := mine.state(case_id)).phase != "done":
        mine.lock(case_id, 1, answer, state.version)


def refused(*calls: Callable[[], object]) -> None:
    for call in calls:
        with pytest.raises(NotAllowed):
            call()


def test_a_reader_sees_nothing_before_locking_and_never_the_others(room: ReadingRoom) -> None:
    make_study(room)
    finish(room, "CD", YES)
    mine = desk(room, "AB")

    def all_that_belongs_to_others() -> None:
        refused(
            lambda: mine.others("case-1"),
            lambda: mine.decision("case-1"),
            lambda: mine.disputes(),
            lambda: mine.adjudicate("case-1", YES, 0),
            lambda: mine.state("case-1", 2),
            lambda: mine.state("case-of-nobody"),
            lambda: mine.save_draft("case-of-nobody", 1, Draft(), 0),
            lambda: mine.open("case-of-nobody"),
            lambda: mine.may_see("case-of-nobody"),
            lambda: mine.risks("case-of-nobody"),
        )
        assert set(mine.readings()["reader"]) <= {"AB"}
        assert "CD" not in mine.worklist().to_string()

    assert mine.may_see("case-1") == ()
    refused(lambda: mine.risks("case-1"), lambda: mine.explanations("case-1"))
    all_that_belongs_to_others()
    mine.save_draft("case-1", 1, NO, 0)
    refused(lambda: mine.risks("case-1"), lambda: mine.explanations("case-1"))
    mine.lock("case-1", 1, NO, 1)
    assert mine.may_see("case-1") == ("risk", "set", "explanations")
    assert list(mine.risks("case-1")["probability"]) == [0.9]
    refused(lambda: mine.risks("case-2"), lambda: mine.explanations("case-2"))
    all_that_belongs_to_others()
    mine.lock("case-1", 1, NO, 2)
    all_that_belongs_to_others()


def test_what_the_cohort_records_is_not_handed_to_readers_nor_adjudicators(
    room: ReadingRoom,
) -> None:
    make_study(room)
    finish(room, "AB", NO)
    finish(room, "CD", YES)
    for person in ("AB", "EF"):
        assert "target" not in desk(room, person).risks("case-1")
    assert "target" in desk(room, "GH").risks("case-1")


@pytest.mark.parametrize(
    ("mode", "before", "after"),
    [
        ("blind_first", (), ("risk", "set", "explanations")),
        ("model_first", ("risk", "set", "explanations"), ("risk", "set", "explanations")),
        ("without_explanation", (), ("risk", "set")),
        ("without_model", (), ()),
        ({"mode": "blind_first", "show": ["risk"]}, (), ("risk",)),
    ],
)
def test_an_arm_shows_what_it_says_and_when(
    room: ReadingRoom, mode: object, before: tuple, after: tuple
) -> None:
    make_study(room, arms={"the arm": mode})
    mine = desk(room, "AB")
    assert mine.may_see("case-1") == before
    mine.lock("case-1", 1, NO, 0)
    assert mine.may_see("case-1") == after
    if "risk" in after:
        assert ("prediction_set" in mine.risks("case-1")) == ("set" in after)
    if "explanations" not in after:
        refused(lambda: mine.explanations("case-1"))


def test_an_adjudicator_sees_a_case_when_all_have_finished_and_disagree(room: ReadingRoom) -> None:
    make_study(room)
    judge = desk(room, "EF")

    def nothing_yet() -> None:
        assert judge.disputes() == {}
        assert judge.may_see("case-1") == ()
        refused(
            lambda: judge.others("case-1"),
            lambda: judge.decision("case-1"),
            lambda: judge.risks("case-1"),
            lambda: judge.adjudicate("case-1", YES, 0),
        )

    nothing_yet()
    finish(room, "AB", NO)
    nothing_yet()
    desk(room, "CD").lock("case-1", 1, YES, 0)
    nothing_yet()
    finish(room, "CD", YES)
    assert judge.disputes() == {"case-1": ["effusion"]}
    assert [(name, state.final) for name, state in judge.others("case-1")] == [
        ("AB", NO),
        ("CD", YES),
    ]
    assert judge.decision("case-1") is None
    refused(
        judge.worklist,
        judge.readings,
        lambda: judge.state("case-1"),
        lambda: judge.save_draft("case-1", 1, NO, 0),
        lambda: judge.lock("case-1", 1, NO, 0),
        lambda: judge.correct("case-1", 1, YES, 0),
        lambda: judge.open("case-1"),
        lambda: judge.others("case-2"),
    )
    with pytest.raises(InputError, match="leaves open: effusion"):
        judge.adjudicate("case-1", Answer(ratings={"nodule": 1}, confidence=4), 0)
    for beside in ({"value": 1.0}, {"choice": "nodule"}):
        with pytest.raises(InputError, match="leaves open: effusion"):
            judge.adjudicate("case-1", Answer.model_validate({**beside, "confidence": 4}), 0)
    assert judge.adjudicate("case-1", Answer(ratings={"effusion": 5}, confidence=4), 0) == 1
    assert judge.disputes() == {}
    desk(room, "AB").correct("case-1", 1, YES, 2)  # now they agree; what was decided stays
    assert judge.decision("case-1") is not None
    assert len(judge.others("case-1")) == 2


def test_where_readers_agree_there_is_nothing_to_decide_unless_all_is(room: ReadingRoom) -> None:
    make_study(room)
    make_study(room, "every", adjudicate={"when": "all"})
    make_study(room, "none", adjudicate={"when": "none"})
    for study in ("study", "every", "none"):
        for person in ("AB", "CD"):
            for version in (0, 1):
                desk(room, person, study).lock("case-1", 1, NO, version)
    assert desk(room, "EF").disputes() == desk(room, "EF", "none").disputes() == {}
    refused(lambda: desk(room, "EF").others("case-1"))
    assert desk(room, "EF", "every").disputes() == {"case-1": []}


def test_an_administrator_sees_all_and_says_nothing(room: ReadingRoom) -> None:
    make_study(room)
    finish(room, "AB", NO)
    desk(room, "CD").lock("case-1", 1, YES, 0)
    for boss in (desk(room, "GH"), room.steward("study", Model())):
        assert boss.may_see("case-2") == ("risk", "set", "explanations")
        assert [name for name, _ in boss.others("case-1")] == ["AB"]
        assert boss.readings()["reader"].tolist() == ["AB", "AB", "CD"]
        refused(
            boss.worklist,
            boss.disputes,
            lambda b=boss: b.state("case-1"),
            lambda b=boss: b.save_draft("case-2", 1, NO, 0),
            lambda b=boss: b.lock("case-2", 1, NO, 0),
            lambda b=boss: b.correct("case-1", 1, YES, 2),
            lambda b=boss: b.adjudicate("case-1", YES, 0),
            lambda b=boss: b.open("case-2"),
        )


def test_in_the_open_room_everybody_is_a_reader(room: ReadingRoom) -> None:
    finish_open = desk(room, "CD", "open")
    for version in (0, 1):
        finish_open.lock("case-1", 1, YES, version)
    mine = desk(room, "AB", "open")
    assert mine.may_see("case-1") == ()
    refused(
        lambda: mine.risks("case-1"),
        lambda: mine.others("case-1"),
        lambda: mine.decision("case-1"),
        mine.disputes,
        lambda: mine.adjudicate("case-1", NO, 0),
    )
    assert mine.readings().empty
    assert [name for name, _ in room.steward().others("case-1")] == ["CD"]


def test_a_repeat_waits_for_its_washout_and_then_hides_the_first_reading(
    room: ReadingRoom, url: str
) -> None:
    make_study(room, n_reads=2, repeats={"share": 1, "washout_days": 14})
    mine = desk(room, "AB")
    with pytest.raises(NotAllowed, match="before its first reading is done"):
        mine.state("case-1", 2)
    finish(room, "AB", NO)
    with pytest.raises(NotAllowed, match="not read again until"):
        mine.state("case-1", 2)
    assert mine.may_see("case-1") != ()
    later = mine.worklist().query("reading == 2 and case_id == 'case-1'")["available_from"].item()
    assert timedelta(days=13) < later - datetime.now(UTC) <= timedelta(days=14)

    with create_engine(url).begin() as connection:  # as if it had been read a year ago
        connection.execute(text("UPDATE events SET created = '2025-01-01 00:00:00.000000'"))
    with pytest.raises(NotAllowed, match="is locked and kept"):
        mine.state("case-1", 1)
    refused(lambda: mine.may_see("case-1", 1), lambda: mine.risks("case-1", 1))
    refused(lambda: mine.risks("case-1", 2), lambda: mine.correct("case-1", 1, YES, 2))
    assert mine.readings().empty
    for version in (0, 1):
        mine.lock("case-1", 2, YES, version)
    assert mine.state("case-1", 1).final == NO
    assert mine.readings()["reading"].tolist() == [1, 1, 2, 2]


def test_without_the_models_output_there_is_nothing_to_hand_out(room: ReadingRoom) -> None:
    with pytest.raises(InputError, match="without the model's output"):
        room.steward().risks(CASES[0])


def test_who_reads_or_adjudicates_in_a_study_is_kept_out_of_the_open_room(
    room: ReadingRoom,
) -> None:
    make_study(room)
    for person in ("AB", "CD", "EF"):
        with pytest.raises(NotAllowed, match="takes part in the reading study"):
            room.desk(f" {person} ")
    assert room.desk("somebody else").roles == {"reader"}
