"""Write the study down in one file that can be mailed, printed and archived.

Reads   every table that is there          Writes   report.html
"""

from pathlib import Path

from clinmm.progress import Tell, silent
from clinmm.report.page import page
from clinmm.runs import Run


def main(folder: Path, tell: Tell = silent) -> Path:
    """Writes report.html, whatever kind the run is and however far it has come.

    Args:
        folder: a run folder of any kind.
        tell: told how far it is.

    Returns:
        Where the report is.

    Raises:
        InputError: the folder is no run.
    """
    run = Run.open(folder)
    tell("report", 0, 1)
    with run.stage("report"):
        run.write_text("report.html", page(run))
    tell("report", 1, 1)
    return run.folder / "report.html"
