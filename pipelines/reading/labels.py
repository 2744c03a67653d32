"""The final labels of a reading study, as a cohort to train on.

Reads   the readings, the run's cohort          Writes   OUT/cohort.yaml, its table, labels, history
"""

from pathlib import Path

from clinmm.review.database import default_url
from clinmm.review.labelled_cohort import LabelledCohort, Others, export_labels
from clinmm.review.room import ReadingRoom, run_id
from clinmm.runs import Run


def main(
    folder: Path, study: str, out: Path, others: Others = "keep", database: str | None = None
) -> LabelledCohort:
    """Writes the cohort of a run with the labels that a reading study gave it.

    Args:
        folder: a run folder.
        study: name of the reading study; `open` of the room without one.
        out: a new or empty folder.
        others: what becomes of cases that are not in the study; see `export_labels`.
        database: URL of the readings; the run folder's own file without one.

    Raises:
        InputError: as `export_labels`, or there is no such study.
    """
    run = Run.open(folder)
    room = ReadingRoom(database or default_url(run.folder), run_id(run.facts))
    try:
        return export_labels(run, room, room.steward(study), out, others)
    finally:
        room.close()
