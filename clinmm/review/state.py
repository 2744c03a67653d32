"""How far a reading has come, from its events."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from clinmm.review.answers import Answer, Draft
from clinmm.review.events import LOCKED, Event

Phase = Literal["opinion", "final", "done"]


@dataclass(frozen=True)
class State:
    """How far a reading has come.

    version: of the latest draft or answer; 0 before the first. Give it back when saving.
    phase: the answer that comes next, or done.
    draft: what the answer that comes next starts from: the latest draft, or after a locked answer
        its judgement and marks, without its reasons, comment and time.
    """

    case_id: str
    reading: int
    arm: str
    version: int
    phase: Phase
    draft: Draft
    opinion: Answer | None = None
    opinion_at: datetime | None = None
    final: Answer | None = None
    final_at: datetime | None = None
    corrections: int = 0
    saved_at: datetime | None = None


def state_of(
    case_id: str, reading: int, arm: str, steps: Sequence[str], kept: Sequence[Event]
) -> State:
    """The state of a reading.

    Args:
        arm: name of its arm.
        steps: answers that are locked in this arm, in order.
        kept: locked answers and the latest draft or answer, by version; from `Events.of_reading`.
    """
    answers = {one.kind: one for one in kept if one.kind in LOCKED}
    latest = kept[-1] if kept else None
    opinion, final = answers.get("opinion"), answers.get("final")
    counts = answers.get("correction", final)
    phase: Any = next((step for step in steps if step not in answers), "done")
    return State(
        case_id,
        reading,
        arm,
        version=(latest.version or 0) if latest else 0,
        phase=phase,
        draft=_start(latest) if latest else Draft(),
        opinion=Answer.model_validate(opinion.payload) if opinion else None,
        opinion_at=opinion.created if opinion else None,
        final=Answer.model_validate(counts.payload) if counts else None,
        final_at=final.created if final else None,
        corrections=sum(one.kind == "correction" for one in kept),
        saved_at=latest.created if latest else None,
    )


def _start(latest: Event) -> Draft:
    if latest.kind == "draft":
        return Draft.model_validate(latest.payload)
    fresh = {"reasons": (), "comment": "", "seconds": 0.0}
    return Draft.model_validate({**latest.payload, **fresh})
