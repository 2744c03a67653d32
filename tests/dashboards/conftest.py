"""One made run for the whole session; tests that write get a copy of their own."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from made_run import made_run
from streamlit.testing.v1 import AppTest

from clinmm.runs import Run

APP = Path(__file__).parents[2] / "dashboards" / "app.py"


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run that nobody may change."""
    return made_run(tmp_path_factory.mktemp("run") / "made")


@pytest.fixture
def own_run(finished: Run, tmp_path: Path) -> Run:
    """A copy that the test may change."""
    return Run(Path(shutil.copytree(finished.folder, tmp_path / "made")))


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Callable[[Run, str], AppTest]:
    """Opens a page of the dashboard on a run: `screen(run, "fairness")`."""
    monkeypatch.delenv("CLINMM_DATABASE", raising=False)

    def open_page(run: Run, page: str) -> AppTest:
        monkeypatch.setenv("CLINMM_RUN", str(run.folder))
        app = AppTest.from_file(str(APP), default_timeout=120)
        app.run()
        if page != "overview":
            app.switch_page(f"screens/{page}.py").run()
        return app

    return open_page
