"""Work out what a reading study found: readers alone, with the model, and how far they agree.

Reads   the review database, cases, predictions, thresholds
Writes  readings, reading_results, reading_agreement
"""

from pathlib import Path

import pandas as pd

from clinmm.errors import InputError
from clinmm.review.database import default_url
from clinmm.review.results import study_results
from clinmm.review.results.summary import sentences
from clinmm.review.room import ReadingRoom, run_id
from clinmm.runs import Run
from pipelines.screen import console, progress


def main(run: Path, study: str | None = None, database: str | None = None) -> None:
    """Writes the results of a study, or of every study of the run, and prints the main ones.

    Rows of other studies that are on file stay there.

    Args:
        run: a run folder.
        study: name of a reading study; None: all, and the open room if anybody read there.
        database: URL; None: `review.sqlite` in the run folder.

    Raises:
        InputError: no run at `run`, no such study, or nothing was answered yet.
    """
    folder = Run.open(Path(run).resolve())
    room = ReadingRoom(database or default_url(folder.folder), run_id(folder.facts))
    try:
        names = [study] if study else [*(one.name for one in room.studies()), "open"]
        with progress() as tell:
            found = {name: study_results(folder, room.steward(name), tell=tell) for name in names}
    finally:
        room.close()
    answered = {name: tables for name, tables in found.items() if len(tables["readings"])}
    if not answered:
        what = f"the reading study '{study}'" if study else "any reading study of this run"
        raise InputError(
            f"nothing was answered yet in {what}. Read first: clinmm review {folder.folder}"
        )
    for table in ("readings", "reading_results", "reading_agreement"):
        rows = [tables[table] for tables in answered.values()]
        _write(folder, table, pd.concat(rows, ignore_index=True), list(answered))
    for name, tables in answered.items():
        console.print(f"[bold]{name}[/bold]")
        for sentence in sentences(tables["reading_results"], tables["reading_agreement"]):
            console.print(f"  {sentence}", highlight=False, markup=False, soft_wrap=True)


def _write(run: Run, table: str, rows: pd.DataFrame, studies: list[str]) -> None:
    """The rows in place of what the file holds of these studies."""
    if run.has(table):
        kept = run.read(table)
        rows = pd.concat([kept[~kept["study"].isin(studies)], rows], ignore_index=True)
    run.write(table, rows)
