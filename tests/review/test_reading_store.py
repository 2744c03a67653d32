"""What is said at a desk is kept once and in order; windows do not overwrite each other."""

import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
from made_study import CASES, make_study
from sqlalchemy import create_engine, event, text

from clinmm.errors import InputError
from clinmm.review.answers import Answer, Draft, Mark
from clinmm.review.desk import ASSIGNED, Desk, NotAllowed, NotSaved, Superseded
from clinmm.review.protocol import Protocol
from clinmm.review.room import ReadingRoom, run_id

NO = Answer(ratings={"effusion": 2, "nodule": 1}, confidence=3, seconds=41.5)
YES = Answer(ratings={"effusion": 4, "nodule": 1}, confidence=2, reasons=("overlooked",))


@pytest.fixture
def desk(room: ReadingRoom) -> Desk:
    make_study(room)
    return room.desk("AB", "study")


def test_a_reading_goes_from_opinion_to_final_and_outlives_the_program(
    desk: Desk, url: str
) -> None:
    assert desk.state("case-1").phase == "opinion"
    version = desk.save_draft("case-1", 1, Draft(ratings={"effusion": 2}), 0)
    assert desk.lock("case-1", 1, NO, version).phase == "final"
    state = desk.lock("case-1", 1, YES, 2)
    assert (state.phase, state.version) == ("done", 3)
    with closing(ReadingRoom(url, "run-1")) as again:
        kept = again.desk(" AB ", "study").state("case-1")
    assert kept == state
    assert (kept.opinion, kept.final) == (NO, YES)
    assert kept.opinion_at is not None
    assert kept.opinion_at.tzinfo == UTC
    assert abs(datetime.now(UTC) - kept.opinion_at) < timedelta(minutes=1)


def test_a_draft_survives_and_the_next_phase_starts_from_the_judgement_alone(desk: Desk) -> None:
    draft = Draft(ratings={"effusion": 5}, comment="half a thought", seconds=12)
    desk.save_draft("case-1", 1, draft, 0)
    assert desk.state("case-1").draft == draft
    said = NO.model_copy(update={"reasons": ("image_quality",), "comment": "dark"})
    after = desk.lock("case-1", 1, said, 1).draft
    assert (after.ratings, after.confidence) == (NO.ratings, 3)
    assert (after.reasons, after.comment, after.seconds) == ((), "", 0)


def test_two_windows_do_not_overwrite_each_other(desk: Desk) -> None:
    desk.save_draft("case-1", 1, Draft(comment="first window"), 0)
    for late in (
        lambda: desk.save_draft("case-1", 1, Draft(comment="second window"), 0),
        lambda: desk.lock("case-1", 1, NO, 0),
        lambda: desk.save_draft("case-1", 1, Draft(comment="from the future"), 2),
    ):
        with pytest.raises(Superseded, match="changed in another window"):
            late()
    assert desk.state("case-1").draft.comment == "first window"


def test_a_second_click_on_lock_does_not_lock_the_next_phase(desk: Desk) -> None:
    desk.lock("case-1", 1, NO, 0)
    with pytest.raises(Superseded):
        desk.lock("case-1", 1, NO, 0)
    assert desk.state("case-1").phase == "final"


def test_what_is_finished_is_corrected_and_not_changed(desk: Desk) -> None:
    with pytest.raises(NotAllowed, match="not finished: nothing to correct"):
        desk.correct("case-1", 1, YES, 0)
    desk.lock("case-1", 1, NO, 0)
    done = desk.lock("case-1", 1, NO, 1)
    for late in (
        lambda: desk.lock("case-1", 1, YES, 2),
        lambda: desk.save_draft("case-1", 1, YES, 2),
    ):
        with pytest.raises(NotAllowed, match="correct it instead"):
            late()
    with pytest.raises(InputError, match="at least one reason"):
        desk.correct("case-1", 1, NO, 2)
    corrected = desk.correct("case-1", 1, YES, 2)
    assert (corrected.final, corrected.corrections) == (YES, 1)
    assert corrected.final_at == done.final_at
    assert desk.readings()["kind"].tolist() == ["opinion", "final", "correction"]


def test_a_changed_mind_needs_a_reason(desk: Desk) -> None:
    desk.lock("case-1", 1, NO, 0)
    with pytest.raises(InputError, match="at least one reason why"):
        desk.lock("case-1", 1, YES.model_copy(update={"reasons": ()}), 1)
    assert desk.lock("case-1", 1, YES, 1).phase == "done"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"ratings": {"effusion": 1}, "confidence": 1}, "does not rate 'nodule'"),
        (
            {"ratings": {"effusion": 1, "nodule": 1, "mass": 5}, "confidence": 1},
            "does not judge 'mass'; it judges 'effusion', 'nodule'",
        ),
        ({"choice": "mass", "confidence": 1}, "does not judge 'mass'"),
        (
            {
                "choice": "nodule",
                "confidence": 1,
                "marks": [Mark(kind="point", input="image", x=float("inf"), y=0)],
            },
            "not a number",
        ),
        (
            {
                "choice": "nodule",
                "confidence": 1,
                "marks": [Mark(kind="point", input="i" * 90, x=1, y=1)] * 2000,
            },
            "200000 are kept at most",
        ),
        (
            {
                "choice": "nodule",
                "confidence": 1,
                "marks": [Mark(kind="point", input="i\x00", x=1, y=1)],
            },
            "holds the character NUL",
        ),
    ],
)
def test_an_answer_unfit_for_the_study_is_refused(desk: Desk, answer: dict, said: str) -> None:
    with pytest.raises(InputError, match=said):
        desk.lock("case-1", 1, Answer.model_validate(answer), 0)
    assert desk.state("case-1").version == 0


def test_a_nul_in_a_comment_is_left_out_and_its_spelling_kept(desk: Desk) -> None:
    said = r"typed \u0000, and "
    desk.save_draft("case-1", 1, Draft(comment=said + "\x00"), 0)
    assert desk.state("case-1").draft.comment == said


def test_the_worklist_shows_order_and_progress(desk: Desk) -> None:
    desk.open("case-3")
    desk.lock("case-1", 1, NO, 0)
    for version in (0, 1):
        desk.lock("case-2", 1, NO, version)
    listed = desk.worklist()
    assert list(listed.columns) == ASSIGNED
    assert listed["case_id"].tolist() == list(CASES)
    assert listed["status"].tolist() == ["opinion", "done", "begun"]
    assert set(listed["why"]) == {"drawn"}


def test_runs_and_studies_are_apart(desk: Desk, url: str, room: ReadingRoom) -> None:
    desk.lock("case-1", 1, NO, 0)
    make_study(room, "other")
    assert room.desk("AB", "other").state("case-1").version == 0
    assert [one.name for one in room.studies()] == ["study", "other"]
    with closing(ReadingRoom(url, "run-2")) as elsewhere:
        assert elsewhere.studies() == []
        with pytest.raises(InputError, match="has no reading study 'study'"):
            elsewhere.desk("AB", "study")


def test_a_study_is_made_once_and_whole(room: ReadingRoom) -> None:
    make_study(room)
    with pytest.raises(InputError, match="has a reading study 'study' already"):
        make_study(room)
    study = room.study("study")
    assert (study.created_by, study.protocol.readers) == ("GH", ("AB", "CD"))


def test_the_open_room_lists_what_was_begun(room: ReadingRoom) -> None:
    desk = room.desk("anybody")
    assert desk.worklist().empty
    desk.lock("case-9", 1, NO, 0)
    desk.save_draft("case-2", 1, Draft(), 0)
    assert desk.worklist()["case_id"].tolist() == ["case-9", "case-2"]
    with pytest.raises(NotAllowed, match="read once"):
        desk.state("case-9", 2)


def test_every_save_is_one_event_and_none_is_changed(desk: Desk, url: str) -> None:
    desk.open("case-1")
    desk.save_draft("case-1", 1, Draft(), 0)
    desk.lock("case-1", 1, NO, 1)
    with create_engine(url).connect() as connection:
        rows = connection.execute(text("SELECT kind, version FROM events ORDER BY id")).all()
    assert rows == [("opened", None), ("draft", 1), ("opinion", 2)]


@pytest.mark.parametrize("name", ["", "   ", "x" * 81, "two\nlines"])
def test_a_reader_needs_a_name_of_1_to_80_characters(room: ReadingRoom, name: str) -> None:
    with pytest.raises(InputError, match="1 to 80 characters"):
        room.desk(name)


def test_what_the_database_does_not_take_is_said_and_not_lost_in_silence(
    desk: Desk, room: ReadingRoom, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clinmm.review.database.PATIENCE", 0.05)
    room.close()  # its next connection is a new one
    with create_engine(url).connect() as other:
        other.exec_driver_sql("BEGIN IMMEDIATE")
        with pytest.raises(NotSaved, match="database is locked"):
            desk.save_draft("case-1", 1, Draft(), 0)
        other.rollback()
    assert desk.save_draft("case-1", 1, Draft(), 0) == 1


@pytest.fixture(params=["sqlite", "postgresql"])
def any_room(request: pytest.FixtureRequest) -> Iterator[ReadingRoom]:
    """A room in each kind of database."""
    name = "url" if request.param == "sqlite" else "postgresql"
    with closing(ReadingRoom(request.getfixturevalue(name), "run-1")) as opened:
        yield opened


def race(tries: list) -> list[bool]:
    """Calls all at once; which of them were not superseded."""
    ready = threading.Barrier(len(tries))
    won = [False] * len(tries)

    def run(i: int) -> None:
        ready.wait()
        try:
            tries[i]()
            won[i] = True
        except Superseded:
            pass

    threads = [threading.Thread(target=run, args=(i,)) for i in range(len(tries))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return won


def test_of_windows_that_lock_at_once_one_wins(any_room: ReadingRoom) -> None:
    make_study(any_room)
    desks = [any_room.desk("AB", "study") for _ in range(8)]
    for version in (0, 1):
        won = race([lambda d=desk, v=version: d.lock("case-1", 1, NO, v) for desk in desks])
        assert sum(won) == 1
    assert desks[0].readings()["version"].tolist() == [1, 2]


def test_of_adjudicators_who_decide_at_once_one_wins(any_room: ReadingRoom) -> None:
    make_study(any_room, adjudicators=("EF", "IJ"))
    for reader, answer in (("AB", NO), ("CD", YES)):
        desk = any_room.desk(reader, "study")
        for version in (0, 1):
            desk.lock("case-1", 1, answer, version)
    both = [any_room.desk(name, "study") for name in ("EF", "IJ")] * 3
    won = race([lambda d=desk: d.adjudicate("case-1", YES, 0) for desk in both])
    assert sum(won) == 1
    decided = both[0].decision("case-1")
    assert decided is not None
    assert decided[0] == YES
    assert decided[2] == 1
    with pytest.raises(Superseded):
        both[0].adjudicate("case-1", NO, 7)
    assert both[1].adjudicate("case-1", NO, 1) == 2


def test_desks_that_open_the_open_room_at_once_share_it(any_room: ReadingRoom) -> None:
    made: list[int] = []
    assert all(race([lambda: made.append(any_room.desk("AB").study.id)] * 6))
    assert len(set(made)) == 1


def test_a_reading_stays_cheap_with_many_drafts(desk: Desk, room: ReadingRoom) -> None:
    for version in range(60):
        desk.save_draft("case-1", 1, Draft(comment=f"{version}"), version)
    asked: list[str] = []
    event.listen(room.engine, "before_cursor_execute", lambda *said: asked.append(said[2]))
    assert desk.state("case-1").draft.comment == "59"
    assert len(asked) == 2


def test_a_run_keeps_its_id_when_stages_are_added() -> None:
    facts = {"created": "2026-01-01", "seed": 1, "cohort": {"name": "a", "fingerprint": "f"}}
    assert run_id({**facts, "stages": {"train": {}}}) == run_id(facts)
    assert run_id({**facts, "seed": 2}) != run_id(facts)


def test_a_study_without_assignments_of_a_name_lets_nobody_in(room: ReadingRoom) -> None:
    make_study(room)
    with pytest.raises(NotAllowed, match="'ZZ' has no role in the reading study 'study'"):
        room.desk("ZZ", "study")
    assert isinstance(room.study("study").protocol, Protocol)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("review.sqlite", "the database URL cannot be read; wanted something like sqlite"),
        ("postgresql://u:secret@host:port/db", "the database URL cannot be read"),
        ("oracl://u:secret@host/db", "of no kind of database that is known"),
        ("sqlite://", "names no file, and would keep nothing"),
        ("sqlite:///:memory:", "names no file, and would keep nothing"),
    ],
)
def test_what_is_no_place_to_keep_readings_is_refused(url: str, said: str) -> None:
    with pytest.raises(InputError, match=said) as refused:
        ReadingRoom(url, "run")
    assert "secret" not in str(refused.value)
