"""A reading study of three cases, put into a room without a run."""

from typing import Any

import pandas as pd

from clinmm.review.protocol import Protocol
from clinmm.review.room import ReadingRoom

CASES = ("case-1", "case-2", "case-3")


def make_study(room: ReadingRoom, name: str = "study", n_reads: int = 1, **protocol: Any) -> None:
    """A study in which AB and CD read CASES so many times; EF adjudicates, GH administers."""
    asked = Protocol.model_validate(
        {
            "name": name,
            "readers": ("AB", "CD"),
            "adjudicators": ("EF",),
            "administrators": ("GH",),
            "classes": ("effusion", "nodule"),
            **protocol,
        }
    )
    cases = pd.DataFrame({"case_id": CASES, "stratum": "enriched", "weight": 2.0, "why": "drawn"})
    arm = next(iter(asked.arms))
    assignments = pd.DataFrame(
        [
            (reader, case, reading, (reading - 1) * len(CASES) + i, arm)
            for reader in asked.readers
            for reading in range(1, n_reads + 1)
            for i, case in enumerate(CASES)
        ],
        columns=["reader", "case_id", "reading", "position", "arm"],
    )
    room.make(asked, cases, assignments, by="GH")
