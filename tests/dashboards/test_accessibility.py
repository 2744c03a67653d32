"""axe-core finds nothing serious on any page, in light and in dark.

One room that asks for passwords, with a study in it: the administrator looks through every page,
a reader judges a case phase by phase, the adjudicator decides one.
"""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from made_bias import with_bias
from made_explanations import with_explanations
from made_readings import CHIEF, READERS, with_readings
from made_rules import with_rules
from own_page import browser, drawn, served, watched

from clinmm.runs import Run

axe_core = pytest.importorskip("axe_playwright_python.base", reason="axe-core is not installed")

APP = Path(__file__).parents[2] / "dashboards" / "app.py"
PASSWORD = "seven green kettles"
READER, ADJUDICATOR = READERS[-1], "Eve"
PAGES = {
    "": "Is fusion worth it?",
    "worklist": "Finished, UTC",
    "reading_studies": "Does the model help its readers?",
    "performance": "By what was present",
    "calibration": "Before and after calibration",
    "decisions": "calling everybody",
    "sets": "wrong among the kept",
    "fairness": "Gap shown: sex. No gap shown: age.",
    "explanations": "explanations passed and may be drawn",
    "intake": "Look at a finding",
}
"""Address of a page -> what it says. The case page and adjudication have tests of their own."""

N_EXPLAINED = 20
"""Cases of the made run whose words and pixels are explained."""

SCANS = {"light": {}, "dark": {"runOnly": ["color-contrast"]}}
"""Scheme -> what axe looks for. Colours alone differ between the two."""


@pytest.fixture(scope="module")
def room(finished: Run, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Any]]:
    """The address of the room and a browser. The reader has left some cases of the study."""
    from argon2 import PasswordHasher

    from clinmm.review.people import People

    home = tmp_path_factory.mktemp("accessible")
    run = Run(Path(shutil.copytree(finished.folder, home / "made")))
    with_readings(with_bias(with_explanations(with_rules(run))), classes=(), leave=4)
    people = People(home / "people.json", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    for name in (READER, ADJUDICATOR, CHIEF):
        people.add(name, PASSWORD)
    with pytest.MonkeyPatch.context() as patch, browser() as opened:
        patch.setenv("CLINMM_RUN", str(run.folder))
        patch.setenv("CLINMM_DATABASE", "")
        patch.setenv("CLINMM_PEOPLE", str(people.path))
        with served(APP, home / "server.log") as address:
            yield address, opened


@pytest.fixture(scope="module")
def chief(room: tuple[str, Any]) -> Iterator[Any]:
    """The administrator's window."""
    page = _window(room)
    _sign_in(page, CHIEF)
    yield page
    page.close()


def _window(room: tuple[str, Any]) -> Any:
    address, opened = room
    page = watched(opened.new_page())
    page.goto(address)
    page.get_by_label("Password", exact=True).wait_for()
    page.evaluate(axe_core.AXE_SCRIPT)
    return page


def _sign_in(page: Any, name: str) -> None:
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Worklist").first.wait_for()
    drawn(page)


def _serious(page: Any, part: str = "html") -> list[str]:
    """A line for each serious finding in a part of the page as it stands."""
    found = []
    for scheme, options in SCANS.items():
        page.emulate_media(color_scheme=scheme)
        page.wait_for_function(
            "scheme => getComputedStyle(document.querySelector('[data-testid=stApp]')).colorScheme"
            " === scheme",
            arg=scheme,
        )
        drawn(page)
        page.wait_for_function(  # a colour on its way to another one is neither
            "!document.getAnimations().some(one => one instanceof CSSTransition)"
        )
        told = page.evaluate("([part, options]) => axe.run(part, options)", [part, options])
        found += [
            f"{scheme}, {one['id']}: {node['target']} {node['html'][:200]} {node['failureSummary']}"
            for one in told["violations"]
            if one["impact"] in ("serious", "critical")
            for node in one["nodes"]
        ]
    page.emulate_media(color_scheme="light")
    return found


@pytest.mark.parametrize("name", PAGES)
def test_a_page_of_the_administrator_with_each_of_its_tabs(chief: Any, name: str) -> None:
    chief.locator(f"a[href$='/{name}']").first.click()
    chief.get_by_text(PAGES[name]).first.wait_for()
    drawn(chief)
    found = _serious(chief)
    for tab in reversed(chief.get_by_role("tab").all()[1:]):  # those within a tab before it closes
        tab.click()
        drawn(chief)
        found += _serious(chief, "[data-testid=stTabs]")
    assert found == []


def test_a_case_as_the_administrator_sees_it(chief: Any) -> None:
    chief.locator("a[href$='/worklist']").first.click()
    chief.get_by_text(PAGES["worklist"]).first.wait_for()
    drawn(chief)
    chief.locator(".listing button").first.click()
    chief.locator(".viewer[data-window]").wait_for()
    drawn(chief)
    assert _serious(chief) == []


def test_a_reader_from_sign_in_to_a_finished_case(room: tuple[str, Any]) -> None:
    page = _window(room)
    found = {"sign in": _serious(page)}
    _sign_in(page, READER)
    found["worklist"] = _serious(page)
    page.locator("body").press("n")
    page.locator(".ask").wait_for()
    drawn(page)
    while _number(page) >= N_EXPLAINED:
        was = page.url
        page.locator("body").press("u")
        page.wait_for_url(lambda url, was=was: url != was)
        drawn(page)
    page.locator(".viewer[data-window]").wait_for()
    found["blind"] = _serious(page)
    while not page.get_by_text("All is answered").count():
        before = page.locator(".ask").inner_text()
        page.locator("body").press("3")
        page.wait_for_function(
            "was => document.querySelector('.ask').innerText !== was", arg=before
        )
        drawn(page)
    for phase, then in (("beside the model", "Lock my final opinion"), ("finished", "Correct")):
        page.locator("body").press("l")
        page.get_by_role("button", name=then).wait_for()
        drawn(page)
        found[phase] = _serious(page)
    page.locator(".note .word").first.wait_for()
    page.close()
    assert not any(found.values()), found


def _number(page: Any) -> int:
    """Of the open case."""
    page.wait_for_url(re.compile("case="))
    return int(page.url.split("case=")[1].split("&")[0])


def test_what_the_adjudicator_decides(room: tuple[str, Any]) -> None:
    page = _window(room)
    _sign_in(page, ADJUDICATOR)
    page.get_by_role("link", name="Adjudication").click()
    page.locator(".listing button").first.wait_for()
    drawn(page)
    found = {"list": _serious(page)}
    page.locator(".listing button").first.click()
    page.locator("table.answers").wait_for()
    drawn(page)
    found["case"] = _serious(page)
    page.close()
    assert not any(found.values()), found
