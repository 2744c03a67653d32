"""Export a reading study to a folder, and import it into another database of the same run.

Reads   the run's reading room        Writes  study.json, cases, assignments, events (a new folder)
"""

from contextlib import closing
from pathlib import Path

from clinmm.review.database import default_url
from clinmm.review.exchange import export_study, import_study
from clinmm.review.protocol import OPEN
from clinmm.review.room import ReadingRoom, ReadingStudy, run_id
from clinmm.runs import Run


def export_main(run: Path, study: str | None, out: Path, database: str | None) -> Path:
    """Writes a study, or without a name the readings of the open room; returns the folder."""
    with closing(_room(run, database)) as room:
        return export_study(room, OPEN.name if study is None else study, out)


def import_main(folder: Path, run: Path, database: str | None) -> ReadingStudy:
    """Brings a study from a folder into the run's reading room."""
    with closing(_room(run, database)) as room:
        return import_study(folder, room)


def _room(run: Path, database: str | None) -> ReadingRoom:
    opened = Run.open(run)
    return ReadingRoom(database or default_url(opened.folder), run_id(opened.facts))
