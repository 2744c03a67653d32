"""In a study of several arms nobody knows which arm a coming case has before opening it."""

from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest
from made_study import CASES, TRIAL, make_study
from sqlalchemy import event
from sqlalchemy.exc import OperationalError
from test_desk_contract import CALLS, Model

from clinmm.errors import InputError
from clinmm.review.answers import Answer, Draft
from clinmm.review.desk import Desk, NotAllowed, NotSaved
from clinmm.review.events import Event, Events
from clinmm.review.exchange import export_study, import_study
from clinmm.review.room import ReadingRoom

NO = Answer(ratings={"effusion": 2, "nodule": 1}, confidence=3, reasons=("overlooked",))
YES = Answer(ratings={"effusion": 4, "nodule": 1}, confidence=3, reasons=("overlooked",))


def trial(room: ReadingRoom, arm: str = "ARM-FIRST", **protocol: object) -> Desk:
    make_study(room, arms=TRIAL, arm=arm, **protocol)
    return room.desk("AB", "study", Model())


def known(desk: Desk) -> list[str]:
    """The arms on a reader's worklist."""
    return desk.worklist()["arm"].tolist()


def outcome(call: Callable[[], object]) -> str:
    """All that a caller gets to see: what is given back, or the words of the refusal."""
    try:
        found = call()
    except InputError as refused:
        return f"{type(refused).__name__}: {refused}"
    return found.to_csv() if isinstance(found, pd.DataFrame) else repr(found)


@pytest.mark.parametrize("name", [name for name in CALLS if name != "open"])
def test_before_a_case_is_opened_no_answer_depends_on_its_arm(url: str, name: str) -> None:
    told = []
    for arm in TRIAL:
        with closing(ReadingRoom(url, f"run of {arm}")) as room:
            desk = trial(room, arm)
            desk.open("case-2")
            told.append(outcome(lambda d=desk: CALLS[name](d, "case-1")).replace(arm, "OPENED"))
    assert len(set(told)) == 1


@pytest.mark.parametrize("arm", TRIAL)
def test_a_worklist_tells_the_arms_of_the_cases_that_were_opened(
    room: ReadingRoom, arm: str
) -> None:
    desk = trial(room, arm)
    assert known(desk) == ["", "", ""]
    assert desk.open("case-2").arm == arm
    assert known(desk) == ["", arm, ""]
    assert known(room.desk("CD", "study")) == ["", "", ""]
    assert desk.worklist()["case_id"].tolist() == list(CASES)


def test_of_a_single_arm_there_is_nothing_to_conceal(room: ReadingRoom) -> None:
    make_study(room)
    desk = room.desk("AB", "study")
    assert known(desk) == ["blind_first"] * 3
    assert desk.state("case-1").phase == "opinion"


def test_nothing_is_said_of_a_case_before_it_was_opened(room: ReadingRoom) -> None:
    desk = trial(room)
    for early in (
        lambda: desk.save_draft("case-1", 1, Draft(), 0),
        lambda: desk.lock("case-1", 1, NO, 0),
        lambda: desk.correct("case-1", 1, NO, 0),
    ):
        with pytest.raises(NotAllowed, match="was not opened yet"):
            early()
    assert Events(room.engine, desk.study.id).all() == []


def test_what_is_shown_is_on_record_before_anything_is_told(room: ReadingRoom) -> None:
    desk = trial(room)

    def refuse(*said: object) -> None:
        if "INSERT INTO events" in str(said[2]):
            raise OperationalError("", {}, Exception("disk full"))

    event.listen(room.engine, "before_cursor_execute", refuse)
    with pytest.raises(NotSaved):
        desk.open("case-1")
    event.remove(room.engine, "before_cursor_execute", refuse)
    assert known(desk) == ["", "", ""]
    with pytest.raises(NotAllowed):
        desk.risks("case-1")
    desk.open("case-1")
    kept = Events(room.engine, desk.study.id).all()
    assert [(one.kind, one.payload) for one in kept] == [
        ("opened", {"phase": "final", "shown": ["explanations", "risk", "set"]})
    ]
    assert len(desk.risks("case-1")) == 1


def test_a_second_window_and_a_new_program_know_what_was_opened(
    room: ReadingRoom, url: str
) -> None:
    first, second = trial(room), room.desk("AB", "study")
    first.open("case-1")
    assert known(second) == ["ARM-FIRST", "", ""]
    assert second.open("case-1") == first.state("case-1")
    first.save_draft("case-1", 1, Draft(comment="half"), 0)
    with closing(ReadingRoom(url, "run-1")) as again:
        resumed = again.desk("AB", "study")
        assert resumed.state("case-1").draft.comment == "half"
        assert known(resumed) == ["ARM-FIRST", "", ""]


def test_an_arm_is_known_after_locking_though_nobody_noted_the_opening(room: ReadingRoom) -> None:
    """As of answers that were brought from elsewhere."""
    desk = trial(room)
    kept = Event("AB", "case-1", 1, 1, "final", "AB", NO.model_dump(mode="json"), datetime.now(UTC))
    Events(room.engine, desk.study.id).add(kept)
    assert desk.state("case-1").phase == "done"
    assert known(desk) == ["ARM-FIRST", "", ""]
    assert desk.readings()["arm"].tolist() == ["ARM-FIRST"]


def test_a_study_that_is_carried_elsewhere_tells_no_more(
    room: ReadingRoom, url: str, tmp_path: Path
) -> None:
    trial(room).open("case-2")
    folder = export_study(room, "study", tmp_path / "out")
    with closing(ReadingRoom(url + "2", "run-1")) as elsewhere:
        import_study(folder, elsewhere)
        desk = elsewhere.desk("AB", "study")
        assert known(desk) == ["", "ARM-FIRST", ""]
        with pytest.raises(NotAllowed, match="was not opened yet"):
            desk.state("case-1")


def test_a_repeat_is_concealed_until_it_is_opened_itself(room: ReadingRoom) -> None:
    desk = trial(room, "ARM-NONE", n_reads=2, repeats={"share": 1, "washout_days": 0})
    desk.open("case-1")
    desk.lock("case-1", 1, NO, 0)
    assert known(desk) == ["ARM-NONE", "", "", "", "", ""]
    with pytest.raises(NotAllowed, match="was not opened yet"):
        desk.state("case-1", 2)
    with pytest.raises(NotAllowed, match="is to be read again now"):
        desk.open("case-1", 1)
    desk.open("case-1", 2)
    assert known(desk) == ["ARM-NONE", "", "", "ARM-NONE", "", ""]


def test_an_adjudicator_cannot_tell_the_arms(url: str) -> None:
    told = []
    for arm, steps in (("ARM-BLIND", 2), ("ARM-FIRST", 1), ("ARM-NONE", 1)):
        with closing(ReadingRoom(url, f"run of {arm}")) as room:
            trial(room, arm)
            for reader, answer in (("AB", NO), ("CD", YES)):
                desk = room.desk(reader, "study")
                desk.open("case-1")
                for version in range(steps):
                    desk.lock("case-1", 1, answer, version)
            judge, chief = (room.desk(name, "study") for name in ("EF", "GH"))
            told.append(
                [(who, one.arm, one.opinion, one.final) for who, one in judge.others("case-1")]
            )
            assert {one.arm for _, one in chief.others("case-1")} == {arm}
            assert set(chief.readings()["arm"]) == {arm}
    assert told[0] == told[1] == told[2] == [("AB", "", None, NO), ("CD", "", None, YES)]


def test_what_is_asked_of_one_case_stays_cheap(room: ReadingRoom) -> None:
    desk = trial(room)
    desk.open("case-1")
    asked: list[str] = []
    event.listen(room.engine, "before_cursor_execute", lambda *said: asked.append(said[2]))
    desk.state("case-1")
    assert len(asked) == 3
