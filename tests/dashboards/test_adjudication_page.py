"""The adjudicator's page: who said what, without names; what is disputed is decided once."""

from collections.abc import Callable

import pytest
from made_run import CLASSES
from reading_room import a_study, answer, finish, group, open_case, press, raw, room_of, sit, text
from streamlit.testing.v1 import AppTest

from clinmm.review.answers import Answer, Draft
from clinmm.review.desk import Desk
from clinmm.review.room import ReadingRoom
from clinmm.runs import Run
from dashboards.reading import side_by_side

Screen = Callable[[Run, str], AppTest]


@pytest.fixture
def disputed(own_run: Run) -> ReadingRoom:
    """case_000: the nodule is disputed. case_001: agreed. case_002: one reader is missing."""
    room = a_study(own_run)
    ana, ben = room.desk("Ana", "pilot"), room.desk("Ben", "pilot")
    finish(ana, "case_000", 4, comment="<b>a fold</b> of skin")
    said = answer(5).model_copy(update={"ratings": {**dict.fromkeys(CLASSES, 5), "nodule": 1}})
    for version in (0, 1):
        ben.lock("case_000", 1, said, version)
    for desk in (ana, ben):
        finish(desk, "case_001")
    finish(ana, "case_002", 1)
    return room


def as_adjudicator(own_run: Run, screen: Screen) -> AppTest:
    app = sit(screen(own_run, "worklist"), "Cy")
    return app.switch_page("screens/adjudication.py").run()


def decision(room: ReadingRoom) -> tuple[Answer, str, int] | None:
    return room.desk("Cy", "pilot").decision("case_000")


def decide(app: AppTest, nodule: int) -> AppTest:
    group(app, "Nodule").set_value(nodule)
    group(app, "Confidence").set_value(4)
    return press(app, "Lock the decision")


def test_only_what_is_disputed_and_complete_waits(
    own_run: Run, screen: Screen, disputed: ReadingRoom
) -> None:
    app = as_adjudicator(own_run, screen)
    assert "1 case waits for you." in text(app)
    open_case(app, "case_001")
    assert "shown to the adjudicator" in text(app)
    assert "Reader 1" not in text(app)


def test_answers_stand_side_by_side_without_names_and_without_the_model(
    own_run: Run, screen: Screen, disputed: ReadingRoom
) -> None:
    app = open_case(as_adjudicator(own_run, screen), "case_000")
    said = text(app)
    assert "nodule (disputed) probably definitely not" in said
    assert "effusion probably definitely" in said
    assert "Reader 1: " in said
    assert "Ana" not in said
    assert "Ben" not in said
    assert "&lt;b&gt;a fold&lt;/b&gt;" in raw(app)
    assert "such patients" not in said
    app.toggle[0].set_value(True).run()
    assert "such patients" in text(app)


def test_an_open_case_is_judged_without_the_list_of_all_cases(
    own_run: Run, screen: Screen, disputed: ReadingRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = as_adjudicator(own_run, screen)
    monkeypatch.delattr(Desk, "disputes")
    assert "disputed: nodule" in text(open_case(app, "case_000"))


def test_what_is_agreed_is_filled_in_and_what_is_disputed_is_asked(
    own_run: Run, screen: Screen, disputed: ReadingRoom
) -> None:
    app = open_case(as_adjudicator(own_run, screen), "case_000")
    assert group(app, "Effusion").value == 4
    assert group(app, "Nodule").value is None
    press(app, "Lock the decision")
    assert "Still to answer: nodule, confidence." in text(app)
    decide(app, 2)
    assert "The decision is locked." in text(app)
    assert "No case waits for a decision." in text(app)
    found = decision(disputed)
    assert found is not None
    assert found[0].ratings == {**dict.fromkeys(CLASSES, 4), "nodule": 2}
    assert found[1] == "Cy"


def test_two_decisions_at_once_do_not_overwrite_each_other(
    own_run: Run, screen: Screen, disputed: ReadingRoom
) -> None:
    app = open_case(as_adjudicator(own_run, screen), "case_000")
    desk: Desk = disputed.desk("Cy", "pilot")
    desk.adjudicate("case_000", answer(5), 0)
    decide(app, 2)
    assert "Somebody has decided this case since you opened it" in text(app)
    found = decision(disputed)
    assert found is not None
    assert found[0].ratings["nodule"] == 5
    press(app, "Lock the decision")
    found = decision(disputed)
    assert found is not None
    assert (found[0].ratings["nodule"], found[2]) == (2, 2)


def test_a_reader_has_no_such_page(own_run: Run, screen: Screen, disputed: ReadingRoom) -> None:
    app = sit(screen(own_run, "worklist"), "Ana")
    with pytest.raises(ValueError, match="Could not find a navigation page"):
        app.switch_page("screens/adjudication.py")
    assert room_of(own_run).desk("Ana", "pilot").roles == {"reader"}


def test_choices_and_values_have_a_line_of_their_own() -> None:
    two = [Draft(choice="mass"), Draft(choice="a<b")]
    out = side_by_side.table(["A", "B"], two, [], {"kind": "multiclass"}, ["choice"])
    assert "Diagnosis (disputed)" in out
    assert "a&lt;b" in out
    values = [Draft(value=61.5), Draft()]
    target = {"kind": "continuous", "name": "age"}
    assert "<td>61.5</td><td></td>" in side_by_side.table(["A", "B"], values, [], target)
