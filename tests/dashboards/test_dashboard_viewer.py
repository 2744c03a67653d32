"""The viewer: what it sends and takes, and in a real browser what a reader does with it."""

import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from own_page import browser, drawn, expect, served, watched
from PIL import Image

from clinmm.errors import InputError
from clinmm.review.answers import Mark
from clinmm.review.protocol import Protocol
from clinmm.runs import Run
from dashboards import case_images, viewer
from dashboards.case_images import When

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


def priors(run: Run, row: int, cohort: dict[str, Any] = COHORT, **shown: Any) -> list[Any]:
    cases = cases_of(run)
    found = case_images.priors_of(run, cases, cohort, cases.iloc[row], **shown)
    return [(one.case_id, one.when) for one in found]


def test_priors_are_of_the_same_patient_in_the_order_of_time(run: Run) -> None:
    every: dict[str, Any] = {"shown": case_images.EVERY}
    assert priors(run, 0, **every) == [("c2", "earlier"), ("c3", "another")]
    assert priors(run, 1, **every) == [("c1", "later"), ("c3", "another")]
    assert priors(run, 2, **every) == [("c2", "another"), ("c1", "another")]
    assert priors(run, 3, **every) == []
    timeless = {"inputs": COHORT["inputs"]}
    assert priors(run, 0, timeless, **every) == [("c2", "another"), ("c3", "another")]


def test_only_earlier_images_are_shown_unless_more_is_asked_for(run: Run) -> None:
    assert priors(run, 0) == [("c2", "earlier")]
    assert priors(run, 1) == []
    assert priors(run, 1, shown=["later"]) == [("c1", "later")]
    assert priors(run, 1, shown=["earlier", "another"]) == [("c3", "another")]
    assert priors(run, 0, {"inputs": COHORT["inputs"]}) == []


@pytest.mark.parametrize(
    ("seen", "when"),
    [
        (["03/2020", "02/2020"], "earlier"),
        (["03/2020", "2020"], "another"),  # some day of that year
        (["2020", "03/2020"], "another"),
        (["2020", "2021"], "later"),
        (["01.03.2020", "01.03.2020"], "another"),  # some hour of that day
        (["", "2021"], "another"),
    ],
)
def test_an_order_that_the_times_leave_open_is_not_guessed(
    run: Run, seen: list[str], when: str
) -> None:
    cases = cases_of(run).head(2).assign(seen=seen)
    times = {"column": "seen", "formats": ["%d.%m.%Y", "%m/%Y", "%Y"]}
    cohort = {"inputs": COHORT["inputs"], "index_time": times}
    (found,) = case_images.priors_of(run, cases, cohort, cases.iloc[0], case_images.EVERY)
    assert found.when == when


def sits(*roles: str, **protocol: bool) -> Any:
    """What is asked of a desk."""
    made = Protocol(name="pilot", readers=("Ana",), **protocol)
    return SimpleNamespace(roles=frozenset(roles), study=SimpleNamespace(protocol=made))


def test_who_judges_a_case_is_shown_no_image_of_what_came_after(run: Run) -> None:
    for role in ("reader", "adjudicator"):
        assert case_images.allowed(sits(role)) == ("earlier",)
        assert case_images.allowed(sits(role, later_images=True)) == case_images.EVERY
    assert case_images.allowed(sits("reader", open=True)) == ("earlier", "another")
    assert case_images.allowed(sits("administrator")) == case_images.EVERY


def test_what_is_withheld_is_said_alike_whether_there_is_any(run: Run) -> None:
    timeless: dict[str, Any] = {"inputs": {}}
    reader: tuple[When, ...] = ("earlier",)
    guest: tuple[When, ...] = ("earlier", "another")
    assert "only those known to be earlier" in case_images.in_words(reader, COHORT)
    assert "known to be later are withheld" in case_images.in_words(guest, COHORT)
    assert "later ones too" in case_images.in_words(case_images.EVERY, COHORT)
    assert "are withheld: nothing tells" in case_images.in_words(reader, timeless)
    for shown in (guest, case_images.EVERY):
        assert "earlier or later unknown" in case_images.in_words(shown, timeless)


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
    page = watched(chromium.new_page())
    page.goto(address)
    page.locator(".viewer[data-map='map 1']").wait_for()
    page.locator(".viewer[data-image='beside']").wait_for()
    page.locator(".spans").wait_for()
    drawn(page)
    yield page
    assert page.errors == []
    page.close()


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
    expect(first).to_have_attribute("data-shapes", re.compile(r"^[\d.]+ mm$"))
    shown = first.get_attribute("data-shapes")
    assert float(shown.split()[0]) == pytest.approx(np.hypot(20, 25), abs=0.5)
    for end in ((200, 200), (240, 200)):  # two clicks do the same
        page.mouse.click(*Canvas(page).at(*end))
    expect(first).to_have_attribute("data-shapes", re.compile("; .* mm$"))
    assert float(first.get_attribute("data-shapes").split("; ")[1].split()[0]) == pytest.approx(
        10, abs=0.5
    )
    page.keyboard.press("Delete")
    expect(first).to_have_attribute("data-shapes", shown)
    drawn(page)
    assert len(page.told) == told


def test_without_a_scale_a_measure_is_in_pixels_and_says_so(page: Any) -> None:
    beside = page.locator(".viewer").nth(1)
    beside.get_by_role("button", name="Measure").click()
    assert not page.locator(".viewer").first.get_attribute("data-tool")
    Canvas(page, 1).drag((100, 100), (160, 180))
    expect(beside).to_have_attribute("data-shapes", re.compile("pixels, not calibrated$"))
    shown = beside.get_attribute("data-shapes")
    assert float(shown.split()[0]) == pytest.approx(100, abs=2)
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
    drawn(page)
    assert len(page.told) == told + 1
    found = re.search(r"'box', ([\d.]+), ([\d.]+), ([\d.]+), ([\d.]+), 'nodule'", _kept(page))
    assert found
    np.testing.assert_allclose([float(one) for one in found.groups()], [150, 120, 80, 70], atol=1.2)
    first.get_by_label("Class of the mark").select_option("effusion")
    page.locator(".kept", has_text="'effusion'").wait_for()
    first.get_by_role("button", name="Point", exact=True).click()
    page.mouse.click(*Canvas(page).at(250, 200))
    page.locator(".kept", has_text="marks 3").wait_for()
    expect(first).to_have_attribute("data-shapes", "1 effusion; 2 effusion")
    first.get_by_role("button", name="Point", exact=True).click()
    page.mouse.click(*Canvas(page).at(190, 155))  # into the box, which is so chosen
    page.keyboard.press("Delete")
    page.locator(".kept", has_text="marks 2").wait_for()
    assert "'point'" in _kept(page)
    drawn(page)
    expect(first).to_have_attribute("data-shapes", "1 effusion")


def _kept(page: Any) -> str:
    return str(page.locator(".kept").inner_text())


def test_the_window_is_dragged_without_the_server_and_each_viewer_alone(page: Any) -> None:
    first, beside = page.locator(".viewer").first, page.locator(".viewer").nth(1)
    told, before = len(page.told), first.get_attribute("data-window")
    Canvas(page, 1).drag((100, 100), (200, 150))
    expect(beside).not_to_have_attribute("data-window", before)
    expect(first).to_have_attribute("data-window", before)
    drawn(page)
    assert len(page.told) == told


def test_o_toggles_the_overlay_but_not_while_somebody_types(page: Any) -> None:
    overlay = page.get_by_role("button", name="Overlay")
    page.locator("body").press("o")
    expect(overlay).to_have_attribute("aria-pressed", "false")
    page.locator("body").press("o")
    expect(overlay).to_have_attribute("aria-pressed", "true")
    page.get_by_label("Comment").press_sequentially("moi 0")
    expect(overlay).to_have_attribute("aria-pressed", "true")
    assert not page.locator(".viewer").first.get_attribute("data-tool")
    invert = page.get_by_role("button", name="Invert")
    page.locator(".viewer .picture").nth(1).press("i")  # the key goes to the viewer in use
    for n, pressed in enumerate(("false", "true")):
        expect(invert.nth(n)).to_have_attribute("aria-pressed", pressed)


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
        drawn(page)
        box = page.locator(".viewer .picture").first.bounding_box()
        side = min(box["width"], box["height"])
        middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        page.mouse.move(middle[0], middle[1] - side / 4)
        under = page.locator(".viewer .right").first
        expect(under).to_have_text(re.compile(f"value {1000 * number}$"))
        page.get_by_role("button", name="Turn").click()
