"""A reading study on a made run, read by scripted readers through the real room."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from clinmm.review.answers import Answer
from clinmm.review.database import default_url
from clinmm.review.making import make_study
from clinmm.review.protocol import Protocol
from clinmm.review.room import ReadingRoom, run_id
from clinmm.runs import Run

STUDY = "first"
READERS = ("Ann", "Bo", "Cy")
CHIEF = "Dee"
"""Administers the study and reads nothing."""


def with_readings(
    run: Run,
    n: int | None = 20,
    classes: Sequence[str] = ("effusion",),
    leave: int = 0,
    seed: int = 3,
) -> Run:
    """Makes the study STUDY in the run's own database, and has it read.

    Each reader sees the truth through noise, and then moves half way to the model.

    Args:
        n: cases that are drawn, half of each class; None reads all.
        classes: that are judged, of a multilabel run; none named takes all.
        leave: how many readings of the last reader are left open.
    """
    room = ReadingRoom(default_url(run.folder), run_id(run.facts))
    protocol = Protocol.model_validate(
        {
            "name": STUDY,
            "cases": {"n": n, "by": ["class"]} if n else {},
            "readers": READERS,
            "adjudicators": ["Eve"],
            "administrators": [CHIEF],
            "classes": classes,
        }
    )
    study = make_study(run, protocol, room, CHIEF)
    known = run.read("predictions").query("arm == 'fused'")
    known = known.groupby(["case_id", "class_name"])[["target", "probability"]].mean()
    rng = np.random.default_rng(seed)
    for reader in READERS:
        desk = room.desk(reader, STUDY)
        mine = desk.worklist()["case_id"].tolist()
        for case_id in mine[: len(mine) - leave] if reader == READERS[-1] else mine:
            rows = known.loc[case_id].loc[list(study.protocol.classes)]
            seen = rows["target"] + rng.normal(0, 0.6, len(rows))
            ratings = _ratings(seen)
            first = Answer(ratings=ratings, confidence=3, seconds=float(rng.uniform(20, 60)))
            state = desk.lock(case_id, 1, first, desk.state(case_id, 1).version)
            ratings = _ratings((seen + rows["probability"]) / 2)
            last = Answer(
                ratings=ratings,
                confidence=3,
                reasons=("model_plausible",) if ratings != first.ratings else (),
                seconds=float(rng.uniform(5, 30)),
            )
            desk.lock(case_id, 1, last, state.version)
    room.close()
    return run


def _ratings(seen: "pd.Series[float]") -> dict[str, int]:
    levels = np.digitize(seen, [0.1, 0.4, 0.6, 0.9]) + 1
    return {str(name): int(level) for name, level in zip(seen.index, levels, strict=True)}
