"""A reading study of three cases, put into a room without a run."""

from typing import Any

import pandas as pd

from clinmm.review.protocol import Protocol
from clinmm.review.room import ReadingRoom

CASES = ("case-1", "case-2", "case-3")
TRIAL = {
    "ARM-BLIND": "blind_first",
    "ARM-RISK": "without_explanation",
    "ARM-FIRST": "model_first",
    "ARM-NONE": "without_model",
}
"""Arms whose names can be recognised wherever they turn up."""


def make_study(
    room: ReadingRoom,
    name: str = "study",
    n_reads: int = 1,
    arm: str | None = None,
    **protocol: Any,
) -> None:
    """A study in which AB and CD read CASES so many times; EF adjudicates, GH administers.

    arm: of every reading; the protocol's first one if left out.
    """
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
    arm = arm or next(iter(asked.arms))
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
