"""A made run for the report, and a reader of its page."""

import importlib.util
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest

from clinmm.runs import Run

_MADE = Path(__file__).parents[1] / "dashboards" / "made_run.py"
sys.path.insert(0, str(_MADE.parent))


@dataclass
class Page:
    """What a browser would make of the page: tags with attributes, all text, and its tables."""

    tags: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    text: str = ""
    tables: dict[str, list[list[str]]] = field(default_factory=dict)

    def row(self, caption: str, *begin: str) -> list[str]:
        """The one row of a table whose first cells are these."""
        (found,) = (row for row in self.tables[caption] if tuple(row[: len(begin)]) == begin)
        return found


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.page, self.open, self.caption = Page(), [], ""

    def handle_starttag(self, tag, attrs):
        self.page.tags.append((tag, dict(attrs)))
        if tag in ("meta", "img", "br"):
            return
        self.open.append(tag)
        if tag == "caption":
            self.caption = ""
        elif tag == "table":
            self.caption, self.rows = "", []
        elif tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_startendtag(self, tag, attrs):
        self.page.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, "every element is closed in its turn"
        if tag == "table":
            self.page.tables[self.caption] = self.rows

    def handle_data(self, data):
        if "style" in self.open or "title" in self.open:
            return
        self.page.text += data
        if "caption" in self.open:
            self.caption += data
        elif ("td" in self.open or "th" in self.open) and "svg" not in self.open:
            self.rows[-1][-1] += data


def read_page(html: str) -> Page:
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader.page


@pytest.fixture
def read() -> Callable[[str], Page]:
    return read_page


@pytest.fixture(scope="session")
def made():
    """The module that invents a run."""
    spec = importlib.util.spec_from_file_location("made_run_for_report", _MADE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def finished(made, tmp_path_factory) -> Run:
    run = made.made_run(tmp_path_factory.mktemp("run") / "made")
    run.add_facts(best_single_arm="image")
    run.write(
        "thresholds",
        pd.DataFrame(
            [("fused", 0, 0, name, "high_sensitivity", 0.6) for name in made.CLASSES],
            columns=["arm", "repeat", "fold", "class_name", "operating_point", "threshold"],
        ),
    )
    return run


@pytest.fixture
def own_run(finished: Run, tmp_path: Path) -> Run:
    """A copy that the test may change."""
    return Run(Path(shutil.copytree(finished.folder, tmp_path / "made")))
