"""In a real browser: every page draws, and the story of a study from sign-in to decision."""

import re
import shutil
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from made_bias import with_bias
from made_explanations import with_explanations
from made_rules import with_rules
from made_run import CLASSES, HOSTILE
from own_page import PATIENCE, drawn, expect, started, watched
from own_page import browser as chromium
from reading_room import a_study, finish, room_of

from clinmm.runs import Run
from dashboards.reading import said
from pipelines.review import command

PAGES = {
    "": "Is fusion worth it?",
    "worklist": "Begin to read",
    "cases": "Begin to read",
    "reading_studies": "Reading stud",
    "performance": "By what was present",
    "calibration": "Before and after calibration",
    "decisions": "calling everybody",
    "sets": "wrong among the kept",
    "fairness": "Gap shown: sex. No gap shown: age.",
    "explanations": "explanations passed and may be drawn",
    "intake": "Look at a finding",
}


@dataclass(frozen=True)
class Served:
    """A dashboard that runs on a copy of the made run."""

    run: Run
    port: int
    browser: Any

    def page(self, path: str) -> Any:
        """A window of a browser of its own."""
        page = watched(self.browser.new_page(viewport={"width": 1366, "height": 768}))
        page.set_default_timeout(1000 * PATIENCE)
        page.goto(f"http://127.0.0.1:{self.port}/{path}")
        return page


@pytest.fixture(scope="module")
def served(
    finished: Run, tmp_path_factory: pytest.TempPathFactory, browser: Any
) -> Iterator[Served]:
    folder = Path(shutil.copytree(finished.folder, tmp_path_factory.mktemp("served") / "made"))
    with_bias(with_explanations(with_rules(Run(folder))))
    yield from _serve(Run(folder), browser, {})


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as context:
        yield context.browser


def _serve(run: Run, browser: Any, more: dict[str, str]) -> Iterator[Served]:
    named = {"CLINMM_RUN": str(run.folder), "CLINMM_DATABASE": "", "CLINMM_PEOPLE": "", **more}
    with started(command, named, run.folder / "server.log") as port:
        yield Served(run, port, browser)


@pytest.mark.parametrize("path", PAGES)
def test_every_page_draws_on_a_direct_link_and_asks_no_other_host(
    served: Served, path: str
) -> None:
    page = served.page(path)
    page.get_by_text(re.compile(PAGES[path])).first.wait_for()
    page.get_by_text("Not for use in patient care").wait_for()
    drawn(page)
    expect(page.get_by_text("Fairness", exact=True)).not_to_have_count(0)
    assert page.locator("[data-testid=stException]").count() == 0
    assert page.errors == []
    assert {url.split("/")[2] for url in page.asked if "://" in url} == {f"127.0.0.1:{served.port}"}
    page.close()


@pytest.mark.parametrize(
    ("path", "slider", "before", "after"),
    [
        ("sets", "Share kept", "most certain 80 %", "most certain 90 %"),
        ("decisions", "Threshold", "threshold of 20 %", "threshold of 30 %"),
    ],
)
def test_the_slider_moves_along_the_points_on_file(
    served: Served, path: str, slider: str, before: str, after: str
) -> None:
    page = served.page(path)
    page.get_by_text(before).wait_for()
    drawn(page)
    page.get_by_role("slider", name=re.compile(slider)).first.press("ArrowRight")
    page.get_by_text(after).wait_for()
    assert page.locator("[data-testid=stException]").count() == 0
    assert page.errors == []
    page.close()


def test_the_first_page_opens_with_fusion_and_unfolds_its_figures(served: Served) -> None:
    page = served.page("")
    page.get_by_text("Fusion is worth it: mean AUROC 0.871, better than the best other").wait_for()
    drawn(page)
    answers = page.locator(".answer h2")
    expect(answers.nth(0)).to_have_text("Is fusion worth it?")
    expect(answers.nth(1)).to_have_text("How far did each input train?")
    expect(page.locator(".twins table.forest")).to_have_count(4)
    colours = {
        name: page.locator(".twins tr", has_text=name)
        .first.locator(".dot")
        .evaluate("dot => getComputedStyle(dot).backgroundColor")
        for name in ("all inputs together", "image alone (best other)", "note alone")
    }
    assert len(set(colours.values())) == 3  # fused, its rival, and the rest stand apart
    page.get_by_text("All figures, by class").click()
    page.get_by_test_id("stDataFrame").first.wait_for()
    page.get_by_text("Dominant: image").wait_for()
    expect(page.locator(".js-plotly-plot .scatterlayer .trace")).to_have_count(6)
    assert page.locator("[data-testid=stException]").count() == 0
    assert page.errors == []
    page.close()


def _silent(page: Any) -> tuple[int, int]:
    """Waits until the page asks for nothing any more; requests and messages until then."""
    said = None
    while said != (said := (len(page.asked), len(page.told))) or page.loading:
        drawn(page)
        page.wait_for_timeout(500)
    return said


def _fits(page: Any) -> None:
    """Waits until the page is no wider than its window."""
    page.wait_for_function("document.body.scrollWidth <= window.innerWidth")


def _read_as(page: Any, reader: str) -> None:
    page.get_by_label("Reader", exact=True).fill(reader)
    page.keyboard.press("Enter")
    page.locator(".viewer[data-window]").wait_for()
    drawn(page)


def _rate(page: Any, label: str, nth: int) -> None:
    page.get_by_role("radiogroup", name=label).get_by_role("radio").nth(nth).click()
    drawn(page)


def _key(page: Any, key: str, label: str) -> None:
    """Strikes a key once the button that it stands for is there; waits for the next question."""
    before = page.locator(".ask").inner_text()
    page.get_by_role("button", name=re.compile(f"^{label}")).first.wait_for()
    drawn(page)
    page.locator("body").press(key)
    page.wait_for_function("was => document.querySelector('.ask').innerText !== was", arg=before)


def _answer(page: Any, keys: str = "4444", sure: str = "3") -> None:
    """Each question by its digit."""
    for key in keys:
        _key(page, key, said.RATINGS[int(key)])
    _key(page, sure, said.CONFIDENCES[int(sure)])
    page.get_by_text("All is answered").wait_for()
    drawn(page)


def _lock(page: Any, keys: str = "3333") -> None:
    _answer(page, keys)
    page.locator("body").press("l")
    page.get_by_role("button", name="Lock my final opinion").wait_for()
    drawn(page)


def _finish(page: Any) -> None:
    page.locator("body").press("l")
    page.get_by_role("button", name="Correct").wait_for()
    drawn(page)


def _reason(page: Any, reason: str) -> None:
    """Chooses a reason for a change, and leaves the field: a key in a text box is text."""
    page.get_by_text("at least one, for the change").wait_for()
    drawn(page)
    _pick(page, re.compile("^Reasons"), reason)
    page.keyboard.press("Escape")
    page.locator("h1.case").click()
    drawn(page)


def _kept(served: Served, reader: str, case_id: str, comment: str) -> None:
    """Waits until the comment is in the store."""
    desk = room_of(served.run).desk(reader)
    until = time.monotonic() + PATIENCE
    while desk.state(case_id).draft.comment != comment:
        assert time.monotonic() < until, f"what was typed was not kept in {PATIENCE} s"
        time.sleep(0.25)


def test_one_reading_from_opinion_to_the_final_one_survives_a_closed_browser(
    served: Served,
) -> None:
    page = served.page("cases?case=10")
    _read_as(page, "AB")
    expect(page.locator(".viewer")).to_have_attribute("data-map", "")
    assert page.get_by_text("such patients").count() == 0
    _key(page, "1", "definitely not")
    page.get_by_label("Comment", exact=True).press_sequentially("a fold of skin")
    _kept(served, "AB", "case_010", "a fold of skin")  # though the text box was not left
    assert page.errors == []
    page.close()

    page = served.page("cases?case=10")
    _read_as(page, "AB")
    page.get_by_text("Effusion?").wait_for()
    expect(page.get_by_label("Comment", exact=True)).to_have_value("a fold of skin")
    for key in "234":
        _key(page, key, said.RATINGS[int(key)])
    _key(page, "3", "high")
    page.get_by_text("All is answered").wait_for()
    drawn(page)
    page.locator("body").press("l")
    page.get_by_role("button", name="Lock my final opinion").wait_for()
    drawn(page)
    expect(page.get_by_text("of 100 such patients")).to_have_count(len(CLASSES))
    expect(page.get_by_text("you: probably not")).to_have_count(1)
    page.wait_for_function("document.querySelector('.note .word') !== null")
    expect(page.locator(".viewer")).to_have_attribute("data-image", "10 image")

    _rate(page, "Nodule", 0)
    _reason(page, "The model's estimate is plausible")
    page.get_by_role("button", name="Lock my final opinion").click()
    page.get_by_role("button", name="Correct").wait_for()
    expect(page.get_by_text("The model's estimate is plausible")).not_to_have_count(0)
    expect(page.get_by_role("button", name="Lock my opinion")).to_have_count(0)
    assert page.errors == []
    page.close()


def test_two_windows_with_one_reading_ask_which_one_counts(served: Served) -> None:
    first, second = served.page("cases?case=12"), served.page("cases?case=12")
    for page in (first, second):
        _read_as(page, "EF")
    _key(first, "4", "probably")
    second.get_by_label("Comment", exact=True).fill("typed in the second")
    second.get_by_text("changed in another window").wait_for()
    second.get_by_role("button", name="Keep mine").click()
    _kept(served, "EF", "case_012", "typed in the second")
    comment = first.get_by_label("Comment", exact=True)
    comment.fill("typed in the first")
    first.get_by_text("changed in another window").wait_for()
    first.get_by_role("button", name="Look at what is kept").click()
    expect(comment).to_have_value("typed in the second")
    with sqlite3.connect(served.run.folder / "review.sqlite") as store:
        every = [row[0] for row in store.execute("SELECT payload FROM events WHERE reader = 'EF'")]
    for typed in ("typed in the first", "typed in the second"):
        assert any(typed in one for one in every)
    for page in (first, second):
        assert page.errors == []
        page.close()


def _pick(page: Any, label: str | re.Pattern[str], option: str) -> None:
    """Chooses from a list; a page that scrolls closes it, so it is scrolled there first."""
    page.get_by_role("combobox", name=label).scroll_into_view_if_needed()
    drawn(page)
    page.get_by_role("combobox", name=label).click()
    page.get_by_role("option", name=option).first.click()
    drawn(page)


def test_a_withheld_map_is_replaced_by_its_reason_and_a_drawn_one_has_numbers(
    served: Served,
) -> None:
    page = served.page("cases?case=0")
    _read_as(page, "CD")
    _lock(page)
    _rate(page, "Show what spoke for and against", 1)
    page.locator(".viewer[data-map='0 image effusion integrated_gradients']").wait_for()
    page.get_by_text("logits per patch").wait_for()
    legend = page.locator(".viewer .highest").inner_text()
    assert re.fullmatch(r"\+\d+\.\d\d logits per patch", legend)
    _, told = _silent(page)
    page.get_by_label("Hide what is weaker").fill("50")
    largest = float(legend.split()[0])
    least = page.locator(".viewer").get_attribute("data-least")
    assert float(least) == pytest.approx(largest / 2, abs=0.011)
    own = page.get_by_role("button", name="Own scale")
    own.click()
    assert float(page.locator(".viewer .highest").inner_text().split()[0]) <= largest
    own.click()
    assert page.locator(".viewer .highest").inner_text() == legend
    assert _silent(page)[1] == told
    page.locator(".js-plotly-plot").first.wait_for()
    expect(page.locator("table.moved tbody tr")).to_have_count(3)
    expect(page.locator(".note mark")).to_have_count(1)

    _rate(page, "Show what spoke for and against", 3)
    page.get_by_text("Map of the image withheld").wait_for()
    shown = page.get_by_role("combobox", name="Method")
    expect(shown).to_have_value("Integrated gradients (1 withheld)")
    _rate(page, "Show what spoke for and against", 1)
    page.locator(".viewer[data-map='0 image effusion integrated_gradients']").wait_for()
    expect(shown).to_have_value("Integrated gradients")
    _rate(page, "Show what spoke for and against", 1)  # the choice cannot be taken back
    chosen = page.get_by_role("radiogroup", name="Show what spoke").get_by_role("radio").nth(1)
    expect(chosen).to_have_attribute("aria-checked", "true")

    _pick(page, "Rather than", "cardiomegaly")
    page.locator(".viewer[data-map$='integrated_gradients cardiomegaly']").wait_for()
    _pick(page, "Method", "Grad-CAM (withheld)")
    page.get_by_text("Map of the image withheld").wait_for()
    expect(page.locator(".viewer")).to_have_attribute("data-map", "")
    expect(page.locator(".viewer .mapbar")).to_be_hidden()
    expect(page.locator(".note .word")).to_have_count(0)
    _fits(page)
    assert page.errors == []
    page.close()


def test_the_audit_of_explanations_can_be_looked_through(served: Served) -> None:
    page = served.page("explanations")
    page.get_by_text("27 of 40 explanations passed").wait_for()
    drawn(page)
    colours = {
        name: page.locator(f"table.matrix .verdict.{name}").first.evaluate(
            "cell => getComputedStyle(cell).backgroundColor"
        )
        for name in ("pass", "weak", "fail")
    }
    assert len(set(colours.values())) == 3
    _pick(page, "Method", "Grad-CAM")
    page.get_by_text("✗ fail").first.wait_for()
    expect(page.locator("table.tests td.strip .good").nth(2)).to_be_attached()
    with page.expect_download() as got:
        page.get_by_role("button", name="Download the audit table").click()
    assert got.value.suggested_filename == "explanation_audit.csv"
    _fits(page)
    assert page.errors == []
    page.close()


def test_the_audit_of_bias_is_looked_through_from_the_verdict_to_a_case(served: Served) -> None:
    page = served.page("fairness")
    page.get_by_text("gap shown", exact=False).first.wait_for()
    drawn(page)
    colours = {
        name: page.locator(f".concluded .verdict.{name}").first.evaluate(
            "tag => getComputedStyle(tag).backgroundColor"
        )
        for name in ("fail", "plain", "unknown")
    }
    assert len(set(colours.values())) == 3
    hatched = page.locator("table.heat td.hatched").first
    assert "gradient" in hatched.evaluate("cell => getComputedStyle(cell).backgroundImage")
    for part, expected in (
        ("Gaps", "each group against everyone else"),
        ("Sources", "None of it proves a cause"),
        ("Mitigation", "Plain training is recommended"),
    ):
        page.get_by_role("tab", name=part).click()
        page.get_by_text(expected).first.wait_for()
        drawn(page)
        expect(page).to_have_url(re.compile(f"part={part}"))
        _fits(page)
    with page.expect_download() as got:
        page.get_by_role("button", name="Download this table").last.click()
    assert got.value.suggested_filename == "fairness_mitigation.csv"
    page.get_by_role("link", name="case_010").click()
    page.get_by_role("button", name="Begin to read").wait_for()
    expect(page).to_have_url(re.compile("/cases[?]case=10$"))
    _read_as(page, "GH")
    page.get_by_role("heading", name="Case case_010").wait_for()
    assert page.locator("[data-testid=stException]").count() == 0
    assert page.errors == []
    page.close()


def test_a_part_of_the_fairness_page_opens_on_a_direct_link(served: Served) -> None:
    page = served.page("fairness?part=Groups%20nobody%20named")
    page.get_by_text("on the other half: served worse, confirmed").wait_for()
    assert page.errors == []
    page.close()


def test_window_zoom_and_invert_happen_without_the_server(served: Served) -> None:
    page = served.page("cases?case=0")
    _read_as(page, "AB")
    viewer = page.locator(".viewer[data-window]")
    asked, told = _silent(page)
    assert told
    first = viewer.get_attribute("data-window")
    box = page.locator(".viewer .picture").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 60, y + 30, steps=3)
    page.mouse.up()
    expect(viewer).not_to_have_attribute("data-window", first)
    page.mouse.wheel(0, -200)
    page.locator(".viewer[data-zoom='1.15']").wait_for()
    page.mouse.dblclick(x, y)
    page.locator(f".viewer[data-window='{first}'][data-zoom='1.00']").wait_for()
    invert = page.get_by_role("button", name="Invert")
    invert.click()
    expect(invert).to_have_attribute("aria-pressed", "true")
    assert _silent(page) == (asked, told)
    page.close()


def test_next_by_key_shows_the_next_case(served: Served) -> None:
    page = served.page("cases?case=0")
    _read_as(page, "AB")
    page.locator(".viewer[data-image='0 image']").wait_for()
    page.get_by_role("button", name="Next", exact=False).first.wait_for()
    page.locator("body").press("n")
    page.locator(".viewer[data-image='1 image']").wait_for()
    drawn(page)
    page.locator("body").press("p")
    page.locator(".viewer[data-image='0 image']").wait_for()
    page.close()


def test_a_hostile_note_runs_nothing(served: Served) -> None:
    page = served.page(f"cases?case={int(HOSTILE.removeprefix('case_'))}")
    _read_as(page, "AB")
    page.wait_for_function(
        "[...document.querySelectorAll('.note')].some("
        "one => one.textContent.includes('<script>window.hacked = true</script>'))"
    )
    assert page.evaluate("window.hacked") is None
    assert page.locator(".note img, .note script").count() == 0
    page.close()


# --- a study, from sign-in to decision -------------------------------------------------------
PASSWORDS = {
    "Ana": "seven green kettles",
    "Ben": "a slow brass lantern",
    "Cy": "under two bridges",
    "Dee": "the north window",
}
STUDY = [f"case_{i:03}" for i in range(5)]


@pytest.fixture(scope="module")
def clinic(
    finished: Run, tmp_path_factory: pytest.TempPathFactory, browser: Any
) -> Iterator[Served]:
    """A server that asks for passwords, on a run with a study of five cases."""
    from argon2 import PasswordHasher

    from clinmm.review.people import People

    home = tmp_path_factory.mktemp("clinic")
    run = Run(Path(shutil.copytree(finished.folder, home / "made")))
    a_study(run, cases=STUDY).close()
    people = People(home / "people.json", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    for name, password in PASSWORDS.items():
        people.add(name, password)
    yield from _serve(run, browser, {"CLINMM_PEOPLE": str(people.path)})


def _sign_in(page: Any, name: str) -> None:
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("Password", exact=True).fill(PASSWORDS[name])
    page.keyboard.press("Enter")
    page.get_by_label("Password", exact=True).wait_for(state="detached")
    drawn(page)


def test_the_story_of_a_study(clinic: Served) -> None:
    ana = clinic.page("performance")  # a direct link shows nothing before signing in
    ana.get_by_label("Password", exact=True).wait_for()
    assert ana.get_by_text("By what was present").count() == 0
    _sign_in(ana, "Ana")
    ana.get_by_role("button", name="Read the next one").wait_for()  # that page is none for readers
    assert ana.get_by_text("By what was present").count() == 0
    assert ana.get_by_role("link", name="Overview").count() == 0
    urls = []
    drawn(ana)
    ana.locator("body").press("n")
    for number in range(len(STUDY)):
        ana.get_by_text(f"{number + 1} of 5").wait_for()
        drawn(ana)
        urls.append(ana.url)
        _lock(ana, "4421")
        if number == 1:
            _rate(ana, "Nodule", 4)
            _reason(ana, "I had overlooked something")
        _finish(ana)
        ana.locator("body").press("u")
    assert ana.errors == []

    room = room_of(clinic.run)
    desk = room.desk("Ana", "pilot")
    assert (desk.worklist()["status"] == "done").all()
    changed = desk.state("case_001")
    assert changed.final is not None
    assert (changed.final.ratings["nodule"], changed.final.reasons) == (5, ("overlooked",))
    assert changed.final.seconds > 0

    ben = room.desk("Ben", "pilot")  # the second reader, who disagrees on two cases
    for case in STUDY:
        finish(ben, case, 5 if case == "case_000" else 4)
    cy = clinic.page("adjudication")
    _sign_in(cy, "Cy")
    cy.get_by_text("5 cases wait for you").wait_for()
    drawn(cy)
    cy.locator(".listing button").first.click()
    cy.get_by_text("Reader 2").first.wait_for()
    drawn(cy)
    for name in ("Consolidation", "Nodule"):
        _rate(cy, name, 0)
    _rate(cy, "Confidence", 3)
    cy.get_by_role("button", name="Lock the decision").click()
    cy.get_by_text("4 cases wait for you").wait_for()
    assert len(room.desk("Cy", "pilot").disputes()) == 4
    assert cy.errors == []

    dee = clinic.page("reading_studies")  # the link holds through the sign-in
    _sign_in(dee, "Dee")
    dee.get_by_text("10 of 10 readings are done. 4 cases wait for an adjudicator.").wait_for()
    truth = clinic.run.read("predictions").query("case_id == 'case_001' and class_name == 'nodule'")
    right, wrong = (1, 0) if truth["target"].iloc[0] == 1 else (0, 1)
    readings = "reading" if right == 1 else "readings"
    told = f"nodule: Shown the model, {right} {readings} became right and {wrong} became wrong."
    dee.get_by_text(told).wait_for()
    assert dee.errors == []

    log = (clinic.run.folder / "server.log").read_text()
    for page in (ana, cy, dee):
        assert page.title() == "clinmm"
        urls += [url for url in page.asked if not url.startswith("data:")]
        page.close()
    for where in (log, *urls):
        assert "case_0" not in where
        assert "short of breath" not in where
