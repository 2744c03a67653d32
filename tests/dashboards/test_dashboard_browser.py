"""In a real browser: every page draws, and the story of one reading from opinion to verdict."""

import os
import re
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from made_bias import with_bias
from made_explanations import with_explanations
from made_rules import with_rules
from made_run import CLASSES, HOSTILE

from clinmm.runs import Run
from pipelines.review import command

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium (package chromium)")
sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PAGES = {
    "": "Is fusion worth it?",
    "cases": "Lock my opinion|Write your name",
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
        page = self.browser.new_page(viewport={"width": 1366, "height": 768})
        page.set_default_timeout(45_000)
        page.errors = []
        page.on("pageerror", lambda error: page.errors.append(str(error)))
        page.elsewhere = []
        page.on("request", lambda sent: page.elsewhere.append(sent.url))
        page.told = []
        page.on(
            "websocket",
            lambda line: line.on("framesent", lambda frame: page.told.append(len(frame))),
        )
        page.goto(f"http://127.0.0.1:{self.port}/{path}")
        return page


@pytest.fixture(scope="module")
def served(finished: Run, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = Path(shutil.copytree(finished.folder, tmp_path_factory.mktemp("served") / "made"))
    with_bias(with_explanations(with_rules(Run(folder))))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "CLINMM_RUN": str(folder), "CLINMM_DATABASE": ""}
    with (folder / "server.log").open("w") as log:
        server = subprocess.Popen(command(port), env=environment, stdout=log, stderr=log)
    try:
        _wait(port, server)
        with sync_api.sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
            yield Served(Run(folder), port, browser)
            browser.close()
    finally:
        server.terminate()
        server.wait(timeout=10)


def _wait(port: int, server: subprocess.Popen[bytes]) -> None:
    for _ in range(120):
        assert server.poll() is None, "the dashboard's server ended"
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=1):
                return
        except OSError:
            time.sleep(0.25)
    raise AssertionError("the dashboard's server did not answer in 30 s")


@pytest.mark.parametrize("path", PAGES)
def test_every_page_draws_on_a_direct_link_and_asks_no_other_host(
    served: Served, path: str
) -> None:
    page = served.page(path)
    page.get_by_text(re.compile(PAGES[path])).first.wait_for()
    page.get_by_text("Not for use in patient care").wait_for()
    assert page.get_by_text("Fairness", exact=True).count() >= 1
    assert page.locator("[data-testid=stException]").count() == 0
    assert page.errors == []
    assert {url.split("/")[2] for url in page.elsewhere if "://" in url} == {
        f"127.0.0.1:{served.port}"
    }
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
    _drawn(page)
    page.locator(".js-plotly-plot").first.wait_for()
    page.get_by_role("slider", name=re.compile(slider)).first.press("ArrowRight")
    page.get_by_text(after).wait_for()
    assert page.locator("[data-testid=stException]").count() == 0
    assert page.errors == []
    page.close()


def test_the_first_page_opens_with_fusion_and_unfolds_its_figures(served: Served) -> None:
    page = served.page("")
    page.get_by_text("Fusion is worth it: mean AUROC 0.871, better than the best other").wait_for()
    _drawn(page)
    answers = page.locator(".answer h2").all_inner_texts()
    assert answers[:2] == ["Is fusion worth it?", "How far did each input train?"]
    assert page.locator(".twins table.forest").count() == 4
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
    assert page.locator(".js-plotly-plot .scatterlayer .trace").count() == 6
    assert page.locator("[data-testid=stException]").count() == 0
    assert page.errors == []
    page.close()


def _drawn(page: Any) -> None:
    """Waits until the script has ended: what is clicked while it draws is lost."""
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()


def _read_as(page: Any, reader: str) -> None:
    page.get_by_label("Reader", exact=True).fill(reader)
    page.keyboard.press("Enter")
    page.get_by_text("Write your name").wait_for(state="detached")
    _drawn(page)


def _rate(page: Any, label: str, nth: int) -> None:
    page.get_by_role("radiogroup", name=label).get_by_role("radio").nth(nth).click()


def test_the_story_of_one_reading(served: Served) -> None:
    page = served.page("cases?case=case_010")
    _read_as(page, "AB")
    page.get_by_text("Your opinion first").wait_for()
    viewer = page.locator(".viewer")
    assert viewer.get_attribute("data-map") == ""
    assert page.get_by_text("such patients").count() == 0
    for i, name in enumerate(CLASSES):
        _rate(page, name.capitalize(), i)
    _rate(page, "How confident are you?", 2)
    page.get_by_role("button", name="Lock my opinion").click()

    page.get_by_text("Your opinion is locked").wait_for()
    _drawn(page)
    assert page.get_by_text("of 100 such patients").count() == len(CLASSES)
    assert page.get_by_text("you: probably not").count() == 1
    page.wait_for_function("document.querySelector('.note .word') !== null")
    viewer.and_(page.locator("[data-map^='case_010 image']")).wait_for()
    assert page.locator(".score").first.inner_text()

    _drawn(page)
    _rate(page, "Verdict", 2)
    # in view before the list opens: it closes where the page scrolls
    page.get_by_role("button", name="Save verdict").scroll_into_view_if_needed()
    page.wait_for_timeout(300)
    page.get_by_role("combobox", name="Reason (needed unless you agree)").click()
    listed = page.get_by_role("listbox")
    listed.wait_for()
    page.get_by_role("option", name="The model sees something that is not there").click()
    listed.wait_for(state="detached")
    page.get_by_label("Comment", exact=True).fill("a fold of skin")
    page.get_by_role("button", name="Save verdict").click()
    page.get_by_role("button", name="Save a new verdict").wait_for()

    page.reload()
    _read_as(page, "AB")
    page.get_by_text("Your opinion is locked").wait_for()
    assert page.get_by_label("Comment", exact=True).input_value() == "a fold of skin"
    reason = page.get_by_role("combobox", name="Reason (needed unless you agree)")
    assert reason.input_value() == "The model sees something that is not there"
    assert page.get_by_role("button", name="Lock my opinion").count() == 0
    assert page.errors == []
    page.close()


def _lock(page: Any) -> None:
    for name in CLASSES:
        _rate(page, name.capitalize(), 2)
    _rate(page, "How confident are you?", 2)
    page.get_by_role("button", name="Lock my opinion").click()
    page.get_by_text("Your opinion is locked").wait_for()
    _drawn(page)


def _pick(page: Any, label: str, option: str) -> None:
    page.get_by_role("combobox", name=label).scroll_into_view_if_needed()
    page.wait_for_timeout(200)
    page.get_by_role("combobox", name=label).click()
    page.get_by_role("option", name=option).first.click()
    _drawn(page)


def test_a_withheld_map_is_replaced_by_its_reason_and_a_drawn_one_has_numbers(
    served: Served,
) -> None:
    page = served.page("cases?case=case_000")
    _read_as(page, "CD")
    _lock(page)
    _rate(page, "Show what spoke for and against", 1)
    page.locator(".viewer[data-map='case_000 image effusion integrated_gradients']").wait_for()
    page.get_by_text("logits per patch").wait_for()
    legend = page.locator(".viewer .highest").inner_text()
    assert re.fullmatch(r"\+\d+\.\d\d logits per patch", legend)
    told = len(page.told)
    page.get_by_label("Hide what is weaker").fill("50")
    largest = float(legend.split()[0])
    least = page.locator(".viewer").get_attribute("data-least")
    assert float(least) == pytest.approx(largest / 2, abs=0.011)
    own = page.get_by_role("button", name="Own scale")
    own.click()
    assert float(page.locator(".viewer .highest").inner_text().split()[0]) <= largest
    own.click()
    assert page.locator(".viewer .highest").inner_text() == legend
    page.wait_for_timeout(300)
    assert len(page.told) == told
    page.locator(".js-plotly-plot").first.wait_for()
    assert page.locator("table.moved tbody tr").count() == 3
    assert page.locator(".note mark").count() == 1

    _rate(page, "Show what spoke for and against", 3)
    page.get_by_text("Map of the image withheld").wait_for()
    shown = page.get_by_role("combobox", name="Method")
    assert shown.input_value() == "Integrated gradients (1 withheld)"
    _rate(page, "Show what spoke for and against", 1)
    page.locator(".viewer[data-map='case_000 image effusion integrated_gradients']").wait_for()
    assert shown.input_value() == "Integrated gradients"
    _rate(page, "Show what spoke for and against", 1)  # the choice cannot be taken back
    page.wait_for_timeout(300)
    chosen = page.get_by_role("radiogroup", name="Show what spoke").get_by_role("radio").nth(1)
    assert chosen.get_attribute("aria-checked") == "true"

    _pick(page, "Rather than", "cardiomegaly")
    page.locator(".viewer[data-map$='integrated_gradients cardiomegaly']").wait_for()
    _pick(page, "Method", "Grad-CAM (withheld)")
    page.get_by_text("Map of the image withheld").wait_for()
    assert page.locator(".viewer").get_attribute("data-map") == ""
    assert not page.locator(".viewer .mapbar").is_visible()
    assert page.locator(".note .word").count() == 0
    assert page.evaluate("document.body.scrollWidth <= window.innerWidth")
    assert page.errors == []
    page.close()


def test_the_audit_of_explanations_can_be_looked_through(served: Served) -> None:
    page = served.page("explanations")
    page.get_by_text("27 of 40 explanations passed").wait_for()
    _drawn(page)
    colours = {
        name: page.locator(f"table.matrix .verdict.{name}").first.evaluate(
            "cell => getComputedStyle(cell).backgroundColor"
        )
        for name in ("pass", "weak", "fail")
    }
    assert len(set(colours.values())) == 3
    _pick(page, "Method", "Grad-CAM")
    page.get_by_text("✗ fail").first.wait_for()
    assert page.locator("table.tests td.strip .good").count() >= 3
    with page.expect_download() as got:
        page.get_by_role("button", name="Download the audit table").click()
    assert got.value.suggested_filename == "explanation_audit.csv"
    assert page.evaluate("document.body.scrollWidth <= window.innerWidth")
    assert page.errors == []
    page.close()


def test_the_audit_of_bias_is_looked_through_from_the_verdict_to_a_case(served: Served) -> None:
    page = served.page("fairness")
    page.get_by_text("gap shown", exact=False).first.wait_for()
    _drawn(page)
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
        _drawn(page)
        assert f"part={part}" in page.url
        assert page.evaluate("document.body.scrollWidth <= window.innerWidth")
    with page.expect_download() as got:
        page.get_by_role("button", name="Download this table").last.click()
    assert got.value.suggested_filename == "fairness_mitigation.csv"
    page.get_by_role("link", name="case_010").click()
    page.get_by_text("Write your name").wait_for()
    _drawn(page)
    assert "/cases?" in page.url
    assert "case=case_010" in page.url
    assert "case_010" in page.get_by_role("combobox", name=re.compile("Case")).input_value()
    assert page.locator("[data-testid=stException]").count() == 0
    assert page.errors == []
    page.close()


def test_a_part_of_the_fairness_page_opens_on_a_direct_link(served: Served) -> None:
    page = served.page("fairness?part=Groups%20nobody%20named")
    page.get_by_text("on the other half: served worse, confirmed").wait_for()
    assert page.errors == []
    page.close()


def test_window_zoom_and_invert_happen_without_the_server(served: Served) -> None:
    page = served.page("cases?case=case_000")
    viewer = page.locator(".viewer[data-window]")
    viewer.wait_for()
    page.get_by_text("Write your name").wait_for()
    page.wait_for_timeout(300)
    asked, told = len(page.elsewhere), len(page.told)
    assert told
    first = viewer.get_attribute("data-window")
    box = page.locator(".viewer .picture").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 60, y + 30, steps=3)
    page.mouse.up()
    assert viewer.get_attribute("data-window") != first
    page.mouse.wheel(0, -200)
    page.locator(".viewer[data-zoom='1.15']").wait_for()
    page.mouse.dblclick(x, y)
    page.locator(f".viewer[data-window='{first}'][data-zoom='1.00']").wait_for()
    invert = page.get_by_role("button", name="Invert")
    invert.click()
    assert invert.get_attribute("aria-pressed") == "true"
    page.wait_for_timeout(300)
    assert (len(page.elsewhere), len(page.told)) == (asked, told)
    page.close()


def test_next_by_key_shows_the_next_case(served: Served) -> None:
    page = served.page("cases?case=case_000")
    page.locator(".viewer[data-image='case_000 image']").wait_for()
    page.get_by_role("button", name="Next", exact=False).first.wait_for()
    page.locator("body").press("n")
    page.locator(".viewer[data-image='case_001 image']").wait_for()
    page.locator("body").press("p")
    page.locator(".viewer[data-image='case_000 image']").wait_for()
    page.close()


def test_a_hostile_note_runs_nothing(served: Served) -> None:
    page = served.page(f"cases?case={HOSTILE}")
    page.get_by_text("<script>window.hacked = true</script>").wait_for()
    assert page.evaluate("window.hacked") is None
    assert page.locator(".note img, .note script").count() == 0
    page.close()
