"""A reading study in a made run, and what a reader does on its pages."""

import json
import re
from collections.abc import Mapping, Sequence

import pandas as pd
from made_run import CLASSES
from streamlit.testing.v1 import AppTest

from clinmm.review.answers import Answer
from clinmm.review.database import default_url
from clinmm.review.desk import Desk
from clinmm.review.protocol import Protocol
from clinmm.review.room import ReadingRoom, run_id
from clinmm.runs import Run

WHY = "drawn at random, 3 of 30 test cases"
CASES = ("case_000", "case_001", "case_002")
READERS = ("Ana", "Ben")


def room_of(run: Run) -> ReadingRoom:
    return ReadingRoom(default_url(run.folder), run_id(run.facts))


def a_study(
    run: Run,
    mode: str = "blind_first",
    cases: Sequence[str] = CASES,
    again: Sequence[str] = (),
    washout_days: float = 14.0,
    name: str = "pilot",
    arm: Mapping[str, object] | None = None,
) -> ReadingRoom:
    """Two readers, an adjudicator and an administrator; all cases for each, in their order."""
    protocol = Protocol.model_validate(
        {
            "name": name,
            "readers": READERS,
            "adjudicators": ["Cy"],
            "administrators": ["Dee"],
            "classes": CLASSES,
            "repeats": {"washout_days": washout_days},
            **({"arms": {mode: arm}} if arm else {"mode": mode}),
        }
    )
    drawn = pd.DataFrame({"case_id": cases, "stratum": "all", "weight": 10.0, "why": WHY})
    order = [(case, 1) for case in cases] + [(case, 2) for case in again]
    assigned = pd.DataFrame(
        [
            {"reader": who, "case_id": case, "reading": n, "position": i, "arm": mode}
            for who in READERS
            for i, (case, n) in enumerate(order)
        ]
    )
    room = room_of(run)
    room.make(protocol, drawn, assigned, "tests")
    return room


def answer(rating: int = 4, **other: object) -> Answer:
    return Answer.model_validate(
        {"ratings": dict.fromkeys(CLASSES, rating), "confidence": 3, **other}
    )


def finish(desk: Desk, case_id: str, rating: int = 4, **other: object) -> None:
    """Every phase of a reading, with the same answer."""
    while (state := desk.state(case_id)).phase != "done":
        desk.lock(case_id, 1, answer(rating, **other), state.version)


def raw(app: AppTest) -> str:
    assert not app.exception, [one.stack_trace for one in app.exception]
    parts = [e.body for e in app.get("html")]
    for kind in ("markdown", "caption", "info", "error", "warning", "success", "title"):
        parts += [e.value for e in app.get(kind)]
    return " ".join(parts)


def text(app: AppTest) -> str:
    plain = re.sub(r"<style.*?</style>", " ", raw(app), flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", plain))


def coloured(app: AppTest) -> bool:
    """Whether words of a note carry a colour."""
    found = [getattr(one.proto, "bidi_component", one.proto) for one in app.get("bidi_component")]
    notes = [json.loads(one.json) for one in found if one.component_name == "clinmm_note"]
    return any(note["pieces"] for note in notes)


def button(app: AppTest, label: str) -> "AppTest":
    return next(b for b in app.button if b.label == label)


def press(app: AppTest, label: str) -> AppTest:
    return button(app, label).click().run()


def labels(app: AppTest) -> list[str]:
    return [b.label for b in app.button]


def group(app: AppTest, label: str) -> "AppTest":
    return next(g for g in app.get("button_group") if g.label == label)


def sit(app: AppTest, reader: str) -> AppTest:
    """On the worklist or the case page, without sign-in."""
    app.text_input(key="name field").input(reader)
    return press(app, "Begin to read")


def open_case(app: AppTest, case_id: str) -> AppTest:
    app.query_params["case"] = str(int(case_id.removeprefix("case_")))
    return app.run()


def rate(app: AppTest, said: str = "probably", confidence: str = "high") -> AppTest:
    """Answers question after question as the digits do."""
    for _ in CLASSES:
        press(app, said)
    return press(app, confidence)
