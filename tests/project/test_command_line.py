"""The command line answers at once and explains itself."""

import subprocess
import sys

import pytest
from pages import page, says
from typer.main import get_command
from typer.testing import CliRunner

from pipelines.cli import app

VERBS = sorted(get_command(app).commands)  # type: ignore[attr-defined]
HEAVY = ("torch", "monai", "transformers", "streamlit", "captum", "lightning_fabric", "sklearn")


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself(verb: str) -> None:
    shown = CliRunner().invoke(app, [verb, "--help"])
    assert shown.exit_code == 0
    assert "Usage" in shown.output


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_is_in_the_readme(verb: str) -> None:
    assert says(page("README.md"), verb)


@pytest.mark.parametrize("what", ["import clinmm", "import clinmm, pipelines.cli", "--help"])
def test_nothing_heavy_is_imported_before_it_is_needed(what: str) -> None:
    begin = what
    if what == "--help":
        begin = (
            "import sys; sys.argv = ['clinmm', '--help']\n"
            "from pipelines.cli import main\n"
            "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code, end.code"
        )
    script = f"{begin}\nimport sys\nprint('loaded:', *(m for m in {HEAVY} if m in sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "loaded:"


def test_an_unknown_verb_is_refused_with_code_2() -> None:
    assert CliRunner().invoke(app, ["diagnose"]).exit_code == 2
