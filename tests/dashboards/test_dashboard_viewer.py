"""The viewer: what it sends and takes, and in a real browser what a reader does with it."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from own_page import browser, served
from PIL import Image

from clinmm.errors import InputError
from clinmm.review.answers import Mark
from clinmm.runs import Run
from dashboards import case_images, viewer

BOX = {"kind": "box", "x": 1.0, "y": 2, "width": 3, "height": 4, "slice": 0, "class_name": "a"}


def test_what_the_browser_sends_becomes_marks_of_the_image() -> None:
    (mark,) = viewer.received([BOX], "frontal", ["a"])
    assert mark == Mark(
        kind="box", input="frontal", x=1, y=2, width=3, height=4, slice=0, class_name="a"
    )


@pytest.mark.parametrize(
    "sent",
    [
        [{**BOX, "kind": "circle"}],
        [{**BOX, "x": -1}],
        [{**BOX, "x": float("nan")}],
        ["box"],
        [None],
    ],
)
def test_what_is_no_mark_is_refused(sent: list[Any]) -> None:
    with pytest.raises(InputError, match="no marks"):
        viewer.received(sent, "frontal", ["a"])


def test_a_mark_of_another_class_is_refused() -> None:
    with pytest.raises(InputError, match="not asked for"):
        viewer.received([BOX], "frontal", ["b"])


# ---- scale and priors


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Three cases of one patient and one of another; copies half as large as the files."""
    (tmp_path / "images").mkdir()
    ids = ["c1", "c2", "c3", "c4"]
    for case in ids:
        Image.fromarray(np.zeros((50, 100), np.uint16)).save(tmp_path / f"images/{case}.png")
    said = ["0.2 x 0.3 mm, PixelSpacing", "1 x 0.5 x 0.5 mm", "0.2 x 0.3 mm, ImagerPixelSpacing"]
    pd.DataFrame(
        {
            "case_id": ids,
            "patient_id": ["p", "p", "p", "q"],
            "image": ids,
            "image_display": [f"images/{case}.png" for case in ids],
            "seen": ["2020-03-01", "2020-01-01", "", "2020-02-01"],
        }
    ).to_parquet(tmp_path / "cases.parquet")
    pd.DataFrame(
        {
            "case_id": ids,
            "input": "image",
            "height": 100,
            "width": 200,
            "spacing": [*said, None],
        }
    ).to_parquet(tmp_path / "images.parquet")
    (tmp_path / "run.json").write_text("{}")
    return Run(tmp_path)


COHORT = {
    "inputs": {"image": {"kind": "image", "column": "image"}, "note": {"kind": "note"}},
    "index_time": {"column": "seen", "formats": ["%Y-%m-%d"]},
}


def cases_of(run: Run) -> pd.DataFrame:
    return pd.read_parquet(run.folder / "cases.parquet")


def test_the_spacing_is_that_of_the_copys_pixels(run: Run) -> None:
    found = [case_images.images_of(run, COHORT, case)[0] for _, case in cases_of(run).iterrows()]
    assert found[0].spacing == pytest.approx((0.4, 0.6))
    assert found[1].spacing == pytest.approx((1.0, 1.0))  # a volume's slices are of square pixels
    assert [one.on_detector for one in found] == [False, False, True, False]
    assert found[3].spacing is None


def test_priors_are_of_the_same_patient_in_the_order_of_time(run: Run) -> None:
    cases = cases_of(run)

    def said(row: int, cohort: dict[str, Any] = COHORT) -> list[tuple[str, str]]:
        found = case_images.priors_of(run, cases, cohort, cases.iloc[row])
        return [(one.case_id, one.when) for one in found]

    assert said(0) == [("c2", "earlier"), ("c3", "another")]
    assert said(1) == [("c1", "later"), ("c3", "another")]
    assert said(3) == []
    timeless = {"inputs": COHORT["inputs"]}
    assert said(0, timeless) == [("c2", "another"), ("c3", "another")]


def test_a_copy_out_of_the_run_is_refused(run: Run) -> None:
    case = cases_of(run).iloc[0].copy()
    case["image_display"] = "../outside.png"
    with pytest.raises(InputError, match="leads out"):
        case_images.images_of(run, COHORT, case)


# ---- in the browser


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    page = Path(__file__).with_name("viewer_app.py")
    with served(page, tmp_path_factory.mktemp("viewer") / "server.log") as found:
        yield found


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with browser() as found:
        yield found


@pytest.fixture
def page(address: str, chromium: Any) -> Iterator[Any]:
    page = chromium.new_page()
    page.set_default_timeout(30_000)
    page.errors, page.told = [], []
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    page.on("websocket", lambda line: line.on("framesent", lambda _: page.told.append(1)))
    page.goto(address)
    page.locator(".viewer[data-map='map 1']").wait_for()
    page.locator(".viewer[data-image='beside']").wait_for()
    page.locator(".spans").wait_for()
    _quiet(page)
    yield page
    assert page.errors == []
    page.close()


def _quiet(page: Any) -> None:
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
    page.wait_for_timeout(200)


class Canvas:
    """Where a pixel of the 400 x 300 picture lies on the screen."""

    def __init__(self, page: Any, nth: int = 0) -> None:
        self.page = page
        self.box = page.locator(".viewer .picture").nth(nth).bounding_box()
        self.zoom = float(page.locator(".viewer").nth(nth).get_attribute("data-zoom"))

    def at(self, x: float, y: float) -> tuple[float, float]:
        box = self.box
        scale = min(box["width"] / 400, box["height"] / 300) * self.zoom
        middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        return middle[0] + scale * (x - 200), middle[1] + scale * (y - 150)

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        self.page.mouse.move(*self.at(*start))
        self.page.mouse.down()
        self.page.mouse.move(*self.at(*end), steps=5)
        self.page.mouse.up()


def test_a_measure_is_in_mm_of_both_directions_and_stays_in_the_browser(page: Any) -> None:
    first = page.locator(".viewer").first
    told = len(page.told)
    page.keyboard.press("m")
    Canvas(page).drag((100, 100), (180, 150))  # 80 x .25 mm across, 50 x .5 mm down
    shown = first.get_attribute("data-shapes")
    assert float(shown.split()[0]) == pytest.approx(np.hypot(20, 25), abs=0.5)
    assert shown.endswith(" mm")
    for end in ((200, 200), (240, 200)):  # two clicks do the same
        page.mouse.click(*Canvas(page).at(*end))
    assert float(first.get_attribute("data-shapes").split("; ")[1].split()[0]) == pytest.approx(
        10, abs=0.5
    )
    page.keyboard.press("Delete")
    assert first.get_attribute("data-shapes") == shown
    page.wait_for_timeout(200)
    assert len(page.told) == told


def test_without_a_scale_a_measure_is_in_pixels_and_says_so(page: Any) -> None:
    beside = page.locator(".viewer").nth(1)
    beside.get_by_role("button", name="Measure").click()
    assert not page.locator(".viewer").first.get_attribute("data-tool")
    Canvas(page, 1).drag((100, 100), (160, 180))
    shown = beside.get_attribute("data-shapes")
    assert float(shown.split()[0]) == pytest.approx(100, abs=2)
    assert shown.endswith("pixels, not calibrated")
    assert not beside.get_by_role("button", name="Box").is_visible()


def test_a_box_under_zoom_becomes_a_mark_with_the_right_pixels(page: Any) -> None:
    first = page.locator(".viewer").first
    first.get_by_role("button", name="Zoom in").click()
    first.get_by_role("button", name="Zoom in").click()
    page.locator(".viewer[data-zoom='1.56']").wait_for()
    first.get_by_label("Class of the mark").select_option("nodule")
    first.get_by_role("button", name="Box", exact=True).click()
    told = len(page.told)
    Canvas(page).drag((230, 190), (150, 120))  # from the lower right to the upper left
    page.locator(".kept", has_text="marks 2").wait_for()
    _quiet(page)
    assert len(page.told) == told + 1
    found = re.search(r"'box', ([\d.]+), ([\d.]+), ([\d.]+), ([\d.]+), 'nodule'", _kept(page))
    assert found
    np.testing.assert_allclose([float(one) for one in found.groups()], [150, 120, 80, 70], atol=1.2)
    first.get_by_label("Class of the mark").select_option("effusion")
    page.locator(".kept", has_text="'effusion'").wait_for()
    first.get_by_role("button", name="Point", exact=True).click()
    page.mouse.click(*Canvas(page).at(250, 200))
    page.locator(".kept", has_text="marks 3").wait_for()
    assert first.get_attribute("data-shapes") == "1 effusion; 2 effusion"
    first.get_by_role("button", name="Point", exact=True).click()
    page.mouse.click(*Canvas(page).at(190, 155))  # into the box, which is so chosen
    page.keyboard.press("Delete")
    page.locator(".kept", has_text="marks 2").wait_for()
    assert "'point'" in _kept(page)
    _quiet(page)
    assert first.get_attribute("data-shapes") == "1 effusion"


def _kept(page: Any) -> str:
    return str(page.locator(".kept").inner_text())


def test_the_window_is_dragged_without_the_server_and_each_viewer_alone(page: Any) -> None:
    first, beside = page.locator(".viewer").first, page.locator(".viewer").nth(1)
    told, before = len(page.told), first.get_attribute("data-window")
    Canvas(page, 1).drag((100, 100), (200, 150))
    assert beside.get_attribute("data-window") != first.get_attribute("data-window")
    assert first.get_attribute("data-window") == before
    page.wait_for_timeout(300)
    assert len(page.told) == told


def test_o_toggles_the_overlay_but_not_while_somebody_types(page: Any) -> None:
    overlay = page.get_by_role("button", name="Overlay")
    page.locator("body").press("o")
    assert overlay.get_attribute("aria-pressed") == "false"
    page.locator("body").press("o")
    assert overlay.get_attribute("aria-pressed") == "true"
    page.get_by_label("Comment").press_sequentially("moi 0")
    assert overlay.get_attribute("aria-pressed") == "true"
    assert not page.locator(".viewer").first.get_attribute("data-tool")
    invert = page.get_by_role("button", name="Invert")
    page.locator(".viewer .picture").nth(1).press("i")  # the key goes to the viewer in use
    assert [invert.nth(n).get_attribute("aria-pressed") for n in (0, 1)] == ["false", "true"]


def test_two_fingers_zoom(page: Any) -> None:
    x, y = Canvas(page).at(200, 150)
    page.evaluate(
        """([x, y]) => {
          const picture = document.querySelectorAll("*"), canvas = [...picture]
            .map((one) => one.shadowRoot?.querySelector(".picture")).find(Boolean);
          canvas.setPointerCapture = () => {};
          const send = (type, pointerId, at) => canvas.dispatchEvent(new PointerEvent(type, {
            pointerId, clientX: at, clientY: y, pointerType: "touch", bubbles: true }));
          send("pointerdown", 1, x - 40); send("pointerdown", 2, x + 40);
          send("pointermove", 2, x + 120);
          send("pointerup", 1, x - 40); send("pointerup", 2, x + 120);
        }""",
        [x, y],
    )
    page.locator(".viewer[data-zoom='2.00']").wait_for()


def test_two_pictures_that_differ_in_a_few_rows_are_told_apart(address: str, page: Any) -> None:
    page.goto(f"{address}/?side=1000")
    for number in (1, 2):
        page.locator(f".viewer[data-image='case {number}'][data-map='map {number}']").wait_for()
        _quiet(page)
        box = page.locator(".viewer .picture").first.bounding_box()
        side = min(box["width"], box["height"])
        middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        page.mouse.move(middle[0], middle[1] - side / 4)
        assert page.locator(".viewer .right").first.inner_text().endswith(f"value {1000 * number}")
        page.get_by_role("button", name="Turn").click()
