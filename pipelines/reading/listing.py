"""The reading studies of a run, and how far each reader has come.

Reads   the review database, which is made where there is none
"""

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import pandas as pd

from clinmm.review.database import default_url
from clinmm.review.progress import progress, waiting
from clinmm.review.protocol import OPEN
from clinmm.review.room import ReadingRoom, ReadingStudy, run_id
from clinmm.runs import Run
from pipelines.screen import console, show, show_json


def main(run: Path, database: str | None = None, json: bool = False) -> None:
    """Prints a table for each study; or one JSON document.

    Args:
        run: a run folder.
        database: URL; None: `review.sqlite` in the run folder.
        json: a list of studies, each with `readers`, a list of who has done how much.

    Raises:
        InputError: no run at `run`, or the database does not answer.
    """
    folder = Run.open(Path(run).resolve())
    room = ReadingRoom(database or default_url(folder.folder), run_id(folder.facts))
    try:
        found = [_told(room, study) for study in [*room.studies(), room.study(OPEN.name)]]
    finally:
        room.close()
    found = [one for one in found if one["name"] != OPEN.name or len(one["readers"])]
    if json:
        show_json([{**one, "readers": _records(one["readers"])} for one in found])
        return
    for one in found:
        made = f"made {one['created']} by {one['by']}" if one["by"] else "without a study"
        table = one["readers"].rename(columns={"seconds": "median seconds"})
        table["median seconds"] = [f"{s:.0f}" if s == s else "" for s in table["median seconds"]]
        left = f"Wait for the adjudicator: {one['waiting']} cases." if one["waiting"] else None
        show(table, f"{one['name']} ({', '.join(one['arms'])}), {made}", left)
    if not found:
        console.print(
            f"No reading study yet. Make one: clinmm reading new {folder.folder} PROTOCOL.yaml",
            highlight=False,
            soft_wrap=True,
        )


def _records(readers: pd.DataFrame) -> list[dict[Hashable, Any]]:
    """NaN, which JSON has no word for, becomes null."""
    return readers.astype(object).where(readers.notna(), None).to_dict("records")


def _told(room: ReadingRoom, study: ReadingStudy) -> dict[str, Any]:
    desk = room.steward(study.name)
    return {
        "name": study.name,
        "created": f"{study.created:%Y-%m-%d %H:%M} UTC",
        "by": study.created_by,
        "arms": list(study.protocol.arms),
        "waiting": waiting(room, desk),
        "readers": progress(room, desk),
    }
