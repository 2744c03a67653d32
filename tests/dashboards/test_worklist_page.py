"""The worklist: what is listed for whom, filters, pages, and which pages a role may open."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
from made_run import CLASSES
from reading_room import (
    CASES,
    WHY,
    a_study,
    answer,
    button,
    finish,
    labels,
    open_case,
    press,
    room_of,
    sit,
    text,
)
from streamlit.testing.v1 import AppTest

from clinmm.review.events import Events
from clinmm.review.protocol import Protocol
from clinmm.review.room import ReadingRoom
from clinmm.runs import Run
from dashboards import worklist
from dashboards.reading import listing

Screen = Callable[[Run, str], AppTest]


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> list[listing.Line]:
    """The lines that the page's table was last given, and what a click on it gives back."""
    shown: list[listing.Line] = []
    real = listing.show

    def show(label: str, heads: list[str], rows: list[listing.Line], *rest: object, **more: object):
        shown[:] = rows
        return real(label, heads, rows, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(listing, "show", show)
    return shown


def ids(lines: list[listing.Line]) -> list[str]:
    return [line.cells[0] for line in lines]


def test_the_open_room_lists_held_out_cases_page_by_page(
    own_run: Run, screen: Screen, lines: list[listing.Line]
) -> None:
    finish(room_of(own_run).desk("AB"), "case_003")
    app = sit(screen(own_run, "worklist"), "AB")
    assert "Page 1 of 2, 30 cases" in text(app)
    assert len(lines) == worklist.PER_PAGE
    assert [line.status for line in lines[:5]] == ["new", "new", "new", "done", "new"]
    app.number_input(key="page of list").set_value(2).run()
    assert ids(lines) == [f"case_{i:03}" for i in range(25, 30)]
    assert "1 of 30 read" in str([one.proto.text for one in app.get("progress")])


def test_search_and_filters_leave_what_matches(
    own_run: Run, screen: Screen, lines: list[listing.Line]
) -> None:
    app = sit(screen(own_run, "worklist"), "AB")
    app.text_input(key="search").input("E_01").run()
    assert ids(lines) == [f"case_{i:03}" for i in range(10, 20)]
    app.multiselect(key="filter sex").select("F").run()
    cases = own_run.read("cases").set_index("case_id")
    assert ids(lines)
    assert set(cases.loc[ids(lines), "sex"]) == {"F"}
    app.text_input(key="search").input("(((").run()
    assert "No case matches" in text(app)


def test_n_opens_the_next_unread_case(own_run: Run, screen: Screen) -> None:
    desk = room_of(own_run).desk("AB")
    finish(desk, "case_000")
    app = sit(screen(own_run, "worklist"), "AB")
    assert button(app, "Read the next one").proto.shortcut == "n"
    press(app, "Read the next one")
    assert "Case case_001" in text(app)
    assert dict(app.query_params) == {"case": "1"}


def test_a_study_lists_what_is_assigned_in_its_order_and_why(
    own_run: Run, screen: Screen, lines: list[listing.Line]
) -> None:
    drawn = ("case_007", "case_000", "case_012")
    room = a_study(own_run, cases=drawn, again=drawn[:1])
    desk = room.desk("Ana", "pilot")
    desk.lock("case_007", 1, answer(seconds=100.0), 0)
    desk.lock("case_007", 1, answer(seconds=20.0), 1)
    sit(screen(own_run, "worklist"), "Ana")
    assert ids(lines) == [*drawn, "case_007"]
    assert all(line.cells[-1] == WHY for line in lines)
    assert [line.shut for line in lines] == [False, False, False, True]
    assert "not before 2" in lines[3].cells[1]
    assert lines[3].cells[-2] == "again"
    assert "probably" not in str([line.cells for line in lines])


def test_a_repeat_is_open_after_its_washout_and_says_nothing_of_before(
    own_run: Run, screen: Screen, lines: list[listing.Line]
) -> None:
    room = a_study(own_run, again=CASES[:1], washout_days=0.0)
    desk = room.desk("Ana", "pilot")
    for case in CASES:
        said = answer(5, comment="said before")
        desk.lock(case, 1, said, 0)
        desk.lock(case, 1, said, 1)
    app = sit(screen(own_run, "worklist"), "Ana")
    assert [line.shut for line in lines] == [False] * 4
    press(app, "Read the next one")
    assert "Case case_000 4 of 4" in text(app)
    assert "read before by you, to be read again" in text(app)
    assert "said before" not in text(app) + str([one.value for one in app.text_area])
    assert dict(app.query_params) == {"case": "0", "reading": "2"}
    assert "Cardiomegaly?" in text(app)


def a_trial(run: Run, arm: str) -> ReadingRoom:
    """CASES for Ana, each in this arm of several."""
    arms = ["blind_first", "model_first", "without_model"]
    asked = {"name": "trial", "readers": ["Ana"], "administrators": ["Dee"], "arms": arms}
    drawn = pd.DataFrame({"case_id": CASES, "stratum": "all", "weight": 10.0, "why": WHY})
    dealt = pd.DataFrame({"case_id": CASES, "position": range(len(CASES))})
    room = room_of(run)
    protocol = Protocol.model_validate({**asked, "classes": CLASSES})
    room.make(protocol, drawn, dealt.assign(reader="Ana", reading=1, arm=arm), "tests")
    return room


def everything(app: AppTest, lines: list[listing.Line]) -> str:
    """What the page says, and what can be chosen on it."""
    fields = [(one.label, one.options) for one in app.multiselect]
    return f"{text(app)} {labels(app)} {fields} {lines}"


def test_the_list_of_a_trial_tells_no_arm_and_a_case_tells_its_own_once_it_is_on_record(
    own_run: Run, screen: Screen, lines: list[listing.Line]
) -> None:
    told = []
    for arm in ("model_first", "without_model"):
        run = Run(Path(shutil.copytree(own_run.folder, own_run.folder.parent / arm)))
        room = a_trial(run, arm)
        app = sit(screen(run, "worklist"), "Ana")
        told.append([everything(app, lines)])
        press(app, "Read the next one")
        assert ("such patients" in text(app)) == (arm == "model_first")
        kept = Events(room.engine, room.study("trial").id).all()
        shown = ["explanations", "risk", "set"] if arm == "model_first" else []
        assert [(one.kind, one.case_id, one.payload) for one in kept] == [
            ("opened", "case_000", {"phase": "final", "shown": shown})
        ]
        press(app, "Worklist")
        told[-1].append(everything(app, lines))
        assert room.desk("Ana", "trial").worklist()["arm"].tolist() == [arm, "", ""]
        room.close()
    assert told[0] == told[1]


def test_a_list_of_a_hundred_thousand_is_filtered() -> None:
    n = 100_000
    listed = pd.DataFrame(
        {
            "case_id": [f"c{i:06}" for i in range(n)],
            "status": "new",
            "inputs": "image, note",
            "sex": ["F", "M"] * (n // 2),
        }
    )
    found = worklist.kept(listed, "C0999", ["new"], ["note"], {"sex": ["F"]})
    assert found["case_id"].tolist() == [f"c0999{i:02}" for i in range(0, 100, 2)]
    assert not len(worklist.kept(listed, "", [], ["record"], {}))


# --- who may open what -----------------------------------------------------------------------
@pytest.mark.parametrize(
    ("roles", "may", "may_not"),
    [
        ({"reader"}, {"worklist", "cases"}, {"overview", "performance", "adjudication"}),
        ({"adjudicator"}, {"worklist", "adjudication"}, {"overview", "cases"}),
        ({"administrator"}, {"overview", "performance", "worklist", "cases"}, {"adjudication"}),
    ],
)
def test_a_closed_study_leaves_each_role_its_pages(
    own_run: Run, screen: Screen, roles: set[str], may: set[str], may_not: set[str]
) -> None:
    who = {"reader": "Ana", "adjudicator": "Cy", "administrator": "Dee"}
    a_study(own_run)
    app = sit(screen(own_run, "worklist"), who[roles.pop()])
    for name in may - {"worklist"}:
        assert not app.switch_page(f"screens/{name}.py").run().exception
    for name in may_not:
        with pytest.raises(ValueError, match="Could not find a navigation page"):
            app.switch_page(f"screens/{name}.py")


def test_a_reader_of_a_study_has_no_open_room_to_see_the_model_in(
    own_run: Run, screen: Screen
) -> None:
    a_study(own_run)
    app = sit(screen(own_run, "worklist"), "Ana")
    assert "0 of 3 read" in str([one.proto.text for one in app.get("progress")])
    assert not [box for box in app.selectbox if box.label == "Reading study"]
    other = sit(screen(own_run, "worklist"), "Somebody")
    assert "0 of 30 read" in str([one.proto.text for one in other.get("progress")])


def test_of_two_studies_one_is_chosen(own_run: Run, screen: Screen) -> None:
    a_study(own_run)
    a_study(own_run, name="second", cases=CASES[:1])
    app = sit(screen(own_run, "worklist"), "Ana")
    field = next(box for box in app.selectbox if box.label == "Reading study")
    assert (field.value, field.options) == ("second", ["pilot", "second"])
    field.select("pilot").run()
    assert "0 of 3 read" in str([one.proto.text for one in app.get("progress")])


def test_a_case_of_another_reader_cannot_be_opened_by_its_number(
    own_run: Run, screen: Screen
) -> None:
    a_study(own_run, cases=CASES[:2])
    app = sit(screen(own_run, "worklist"), "Ana")
    app.switch_page("screens/cases.py").run()
    open_case(app, "case_009")
    assert "Case case_000" in text(app)


def test_an_administrator_sees_every_finished_reading_and_gives_none(
    own_run: Run, screen: Screen, lines: list[listing.Line]
) -> None:
    room = a_study(own_run)
    finish(room.desk("Ben", "pilot"), "case_001")
    app = sit(screen(own_run, "worklist"), "Dee")
    assert [list(line.cells[:4]) for line in lines] == [["case_001", "Ben", "1", "blind_first"]]
    app.switch_page("screens/cases.py").run()
    open_case(app, "case_001")
    assert "such patients" in text(app)
    assert "Ben" in text(app)
    assert not [one for one in labels(app) if one.startswith("Lock")]


# --- signing in ------------------------------------------------------------------------------
@pytest.fixture
def people(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    from argon2 import PasswordHasher

    from clinmm.review.people import People

    path = tmp_path / "people.json"
    quick = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    People(path, quick).add("Ana", "seven green kettles")
    monkeypatch.setenv("CLINMM_PEOPLE", str(path))
    return path


def sign_in(app: AppTest, name: str, password: str) -> AppTest:
    app.text_input(key="sign in name").input(name)
    app.text_input(key="sign in password").input(password)
    return press(app, "Sign in")


@pytest.mark.usefixtures("people")
def test_nothing_is_seen_before_signing_in_and_no_name_can_be_typed_after(
    own_run: Run, screen: Screen
) -> None:
    app = screen(own_run, "overview")
    assert "Is fusion worth it" not in text(app)
    for name in ("overview", "performance", "worklist", "cases"):
        with pytest.raises(ValueError, match="Could not find a navigation page"):
            app.switch_page(f"screens/{name}.py")
    assert "Name and password do not go together" in text(sign_in(app, "Ana", "wrong password"))
    sign_in(app, "Ana", "seven green kettles")
    app.switch_page("screens/worklist.py").run()
    assert "name field" not in [one.key for one in app.text_input]
    assert "Sign out" in labels(app)
    press(app, "Sign out")
    assert "sign in password" in [one.key for one in app.text_input]


@pytest.mark.usefixtures("people")
def test_whoever_does_nothing_for_half_an_hour_is_signed_out(
    own_run: Run, screen: Screen, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dashboards import seat

    app = sign_in(screen(own_run, "overview"), "Ana", "seven green kettles")
    now = seat.time.monotonic()
    clock = SimpleNamespace(monotonic=lambda: now + seat.IDLE_SECONDS + 60)
    monkeypatch.setattr(seat, "time", clock)
    app.run()
    assert "You were signed out after 30 minutes" in text(app)
    assert "sign in password" in [one.key for one in app.text_input]
    assert os.environ["CLINMM_PEOPLE"]


def test_a_name_is_text_in_every_label(own_run: Run, screen: Screen) -> None:
    app = sit(screen(own_run, "worklist"), "**x** <img src=y onerror=alert(1)> :red[z]")
    assert "<img" not in " ".join(one.body for one in app.get("html"))
    popover = app.get("popover")[0].proto.popover.label
    assert r"\*\*x\*\*" in popover
    assert r"\:red\[z\]" in popover


def test_a_name_that_cannot_be_used_is_refused_and_can_be_given_anew(
    own_run: Run, screen: Screen
) -> None:
    app = sit(screen(own_run, "worklist"), "all")
    assert "'all' means something else" in text(app)
    sit(press(app, "Somebody else reads"), "AB")
    assert "Read the next one" in labels(app)
