"""A note in sections: its headings, its pieces, and in a real browser finding and marking words."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from own_page import browser, drawn, expect, served, watched

from clinmm.errors import InputError
from clinmm.review.answers import Span
from dashboards import note_view
from dashboards.note_view import sections

NOTE = Path(__file__).with_name("hostile_note.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("text", "titles"),
    [
        (
            "History: cough.\nFINDINGS: clear.\n\nIMPRESSION: none.",
            ["History", "FINDINGS", "IMPRESSION"],
        ),
        (
            "CHEST X-RAY\nLungs clear.\nPAST MEDICAL HISTORY\nnone",
            ["CHEST X-RAY", "PAST MEDICAL HISTORY"],
        ),
        ("Cough. PMH: asthma. Current medication: none.", ["", "PMH", "Current medication"]),
        ("lungs clear IMPRESSION: normal", ["", "IMPRESSION"]),
        ("seen at 10:30, ratio 1:2, he said: no. No ECG", [""]),
        ("The film was shown to a colleague of ours: normal.", [""]),
        ("", []),
    ],
)
def test_headings_are_found_where_they_stand(text: str, titles: list[str]) -> None:
    assert [one.title for one in sections(text)] == titles


@pytest.mark.parametrize(
    "text", [NOTE, "A:\nB:\nC: d", "\n\nFINDINGS:\n", "x" * 50, "\U0001f600: a"]
)
def test_sections_hold_every_character_once(text: str) -> None:
    found = sections(text)
    assert "".join(text[one.start : one.end] for one in found) == text
    assert all(one.start <= one.body <= one.end for one in found)


def test_a_long_note_without_headings_is_cut_in_no_time() -> None:
    assert len(sections("A word and another " * 20_000)) == 1
    assert len(sections("A" * 100_000)) == 1
    assert len(sections("AB " * 50_000)) <= 1


SPAN = {"start": 1, "end": 4, "class_name": "a"}


def test_what_the_browser_sends_becomes_spans_of_the_note() -> None:
    found = note_view.received([SPAN], "report", ["a"], 4)
    assert found == (Span(input="report", start=1, end=4, class_name="a"),)


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ([{**SPAN, "end": 1}], "no spans"),
        ([{**SPAN, "text": "fever"}], "no spans"),
        ([5], "no spans"),
        ([{**SPAN, "end": 5}], "not in this note"),
        ([{**SPAN, "class_name": "b"}], "not in this note"),
    ],
)
def test_what_is_no_span_of_the_note_is_refused(sent: list[Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        note_view.received(sent, "report", ["a"], 4)


# ---- in the browser


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with browser() as found:
        yield found


@pytest.fixture(scope="module")
def address(chromium: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    page = Path(__file__).with_name("viewer_app.py")
    with served(page, tmp_path_factory.mktemp("note") / "server.log") as found:
        yield found


@pytest.fixture
def page(address: str, chromium: Any) -> Iterator[Any]:
    page = watched(chromium.new_page())
    page.goto(address)
    page.locator(".note section").nth(2).wait_for()
    page.locator(".spans").wait_for()
    drawn(page)
    yield page
    assert page.errors == []
    page.close()


def _select(page: Any, words: str) -> None:
    """Selects words that stand within one piece of the note."""
    page.evaluate(
        """(words) => {
          const walker = document.createTreeWalker(document.querySelector(".note"), 4);
          for (let node; (node = walker.nextNode());) {
            const at = node.data.indexOf(words);
            if (at < 0 || node.parentElement.closest("button")) continue;
            getSelection().setBaseAndExtent(node, at, node, at + words.length);
            return;
          }
          throw new Error("not there");
        }""",
        words,
    )


def test_a_span_after_an_emoji_has_the_characters_of_python(page: Any) -> None:
    _select(page, " fever")
    page.get_by_role("button", name="nodule").click()
    start = NOTE.index("fever")
    page.locator(".spans", has_text=f"[({start}, {start + 5}, 'nodule')]").wait_for()
    mark = page.locator(".note .span")
    expect(mark).to_have_text("fever")
    expect(mark).to_have_attribute("data-label", "nodule")
    mark.click()
    page.locator(".spans", has_text="spans: []").wait_for()
    page.get_by_role("button", name="Put it back").click()
    page.locator(".spans", has_text="'nodule'").wait_for()
    mark.press("Delete")
    page.locator(".spans", has_text="spans: []").wait_for()


def test_a_span_over_several_pieces_is_whole(page: Any) -> None:
    page.evaluate(
        """() => {
          const words = [...document.querySelectorAll(".note span")];
          const from = words.find((one) => one.textContent.startsWith(" Small")).firstChild;
          const to = words.find((one) => one.textContent.startsWith(" on the left")).firstChild;
          getSelection().setBaseAndExtent(to, 12, from, 1);
        }"""
    )
    page.get_by_role("button", name="no class").click()
    start = NOTE.index("Small")
    end = start + len("Small effusion on the left")
    page.locator(".spans", has_text=f"[({start}, {end}, None)]").wait_for()


def test_a_hostile_note_stays_text(page: Any) -> None:
    assert page.evaluate("window.hacked") is None
    assert page.locator(".note script, .note img").count() == 0
    said = page.locator(".note").evaluate(
        """(note) => [...note.querySelectorAll(".heading, .body")]
          .map((one) => one.textContent).join("")"""
    )
    assert said == NOTE
    control = page.locator(".note .control").first
    assert control.evaluate("(one) => getComputedStyle(one).unicodeBidi") == "isolate"
    assert "changes the direction" in control.get_attribute("title")


def test_find_counts_steps_and_opens_what_is_folded(page: Any) -> None:
    page.get_by_role("button", name="Fold IMPRESSION").click()
    expect(page.get_by_text("no nodule")).to_be_hidden()
    page.locator("body").press("/")
    find = page.get_by_role("searchbox")
    find.press_sequentially("EFFUSION")
    count = page.locator(".note-bar .count")
    expect(count).to_have_text("1 of 2")
    expect(page.locator(".note mark")).to_have_text(["effusion", "Effusion"])
    find.press("Enter")
    expect(count).to_have_text("2 of 2")
    expect(page.locator(".note mark.current")).to_have_text("Effusion")
    expect(page.get_by_text("no nodule")).to_be_visible()
    find.press("Enter")
    expect(count).to_have_text("1 of 2")
    find.fill("(.*)")
    expect(count).to_have_text("not found")
    find.press("Escape")
    expect(page.locator(".note mark")).to_have_count(0)
    expect(page.locator(".note .word.for")).to_have_text("effusion")


def test_the_contents_lead_to_a_section(page: Any) -> None:
    contents = page.get_by_role("navigation", name="Sections of the note")
    expect(contents.get_by_role("button")).to_have_text(["History", "FINDINGS", "IMPRESSION"])
    page.get_by_role("button", name="Fold all", exact=True).click()
    expect(page.locator(".note .body:visible")).to_have_count(0)
    contents.get_by_role("button", name="FINDINGS").click()
    expect(page.get_by_text("Small")).to_be_visible()
    expect(page.locator(".note .body:visible")).to_have_count(1)
