"""What one reader has on the desk: the draft of one reading, kept in the store at each change."""

import time
from dataclasses import dataclass, field
from typing import Any, Literal

import streamlit as st
from pydantic import ValidationError

from clinmm.errors import InputError
from clinmm.review.answers import Answer, Draft
from clinmm.review.desk import Desk, State, Superseded
from dashboards import run_data, seat, selections

LONGEST_PAUSE = 120.0
"""Seconds that a pause counts at most."""


@dataclass
class Work:
    """One phase of one reading in this window.

    state: as it was last kept. draft: what stands on the screen. hand: the question keys answer.
    turn: rises when the screen takes what is kept; names the widgets, so that they begin anew.
    problem: why the last change was not kept. superseded: because another window was first.
    """

    desk: Desk
    state: State
    draft: Draft
    active: float = field(default_factory=lambda: time.monotonic())
    hand: str = ""
    turn: int = 0
    correcting: bool = False
    problem: str = ""
    superseded: bool = False

    @property
    def key(self) -> str:
        """Names the widgets of this phase of this reading."""
        number = run_data.case_number(self.state.case_id)
        phase = "correction" if self.correcting else self.state.phase
        return f"{number} {self.state.reading} {phase} {self.turn}"

    def change(self, **said: Any) -> None:
        """Takes up what the reader says, counts the time, and keeps it at once."""
        self.draft = Draft.model_validate({**self.draft.model_dump(), **said})
        self._count()
        if self.correcting or self.superseded:
            return  # kept when the correction, or the choice between two windows, is made
        self._try(lambda: self._keep(self.state.version))

    def lock(self) -> bool:
        """Locks the answer, or adds the correction; whether it was kept."""
        self._count()
        try:
            answer = Answer.model_validate(self.draft.model_dump())
        except ValidationError as error:
            said = (str(one["msg"]).removeprefix("Value error, ") for one in error.errors())
            self.problem = "; ".join(said)
            return False
        act = self.desk.correct if self.correcting else self.desk.lock
        case, reading, version = self.state.case_id, self.state.reading, self.state.version
        return self._try(lambda: self._begin(act(case, reading, answer, version)))

    @property
    def finished(self) -> bool:
        """Whether there is nothing to say, short of a correction."""
        return self.state.phase == "done" and not self.correcting

    @property
    def done_elsewhere(self) -> bool:
        """Whether another window has finished the reading."""
        return self._now().phase == "done"

    def take_kept(self) -> None:
        """Shows what is kept in place of what stands on the screen; of an unfinished reading, what
        stood there goes on record before it."""
        mine, now = self.draft, self._now()
        self._begin(now)
        if now.phase != "done" and mine != self.draft:
            kept, self.draft = self.draft, mine
            self._try(lambda: self._keep(now.version))
            self.draft = kept
            self._try(lambda: self._keep(self.state.version))

    def keep_mine(self) -> None:
        """Keeps what stands on the screen after what the other window kept; both are on record."""
        mine, now = self.draft, self._now()
        self._begin(now)
        self.draft = mine
        if now.phase == "done":
            self.correcting = True
        else:
            self._try(lambda: self._keep(now.version))

    def correct(self) -> None:
        """Begins a correction of a finished reading, from what was said last."""
        said = self.state.final or self.draft
        self.draft = Draft.model_validate({**said.model_dump(), "reasons": (), "seconds": 0.0})
        self.correcting, self.turn = True, self.turn + 1

    def _now(self) -> State:
        return self.desk.state(self.state.case_id, self.state.reading)

    def _keep(self, version: int) -> None:
        self.desk.save_draft(self.state.case_id, self.state.reading, self.draft, version)
        self.state = self._now()

    def _try(self, act: Any) -> bool:
        seat.touch()
        self.problem = ""
        try:
            act()
        except Superseded:
            self.superseded = True
        except InputError as refused:
            self.problem = str(refused)
        return not (self.problem or self.superseded)

    def _begin(self, state: State) -> None:
        self.state, self.draft = state, state.draft
        self.turn, self.hand = self.turn + 1, ""
        self.correcting = self.superseded = False
        self.problem = ""
        self.active = time.monotonic()

    def _count(self) -> None:
        now = time.monotonic()
        spent = self.draft.seconds + min(max(now - self.active, 0.0), LONGEST_PAUSE)
        self.draft = self.draft.model_copy(update={"seconds": round(spent, 1)})
        self.active = now


def on_desk(desk: Desk, case_id: str, reading: int) -> Work:
    """The work on this reading in this window, which goes on record as opened; what another window
    kept since is taken up.

    Raises:
        NotAllowed: the reading is not on this person's list, or not yet.
    """
    state = _opened(desk, case_id, reading)
    name = (desk.study.id, desk.person, case_id, reading)
    kept = st.session_state.get("work")
    if not isinstance(kept, tuple) or kept[0] != name:
        kept = st.session_state["work"] = (name, Work(desk, state, state.draft))
    work: Work = kept[1]
    work.desk = desk
    ours = work.superseded or work.correcting
    if state.version != work.state.version and not ours:
        work._begin(state)
    return work


def classes_of(desk: Desk) -> list[str]:
    """Those that this study judges."""
    return list(desk.study.protocol.classes) or selections.classes(run_data.facts())


def _opened(desk: Desk, case_id: str, reading: int) -> State:
    """The reading as it is kept. Once a phase and window it goes on record first that the case is
    on the screen, and with what of the model."""
    noted: dict[object, str] = st.session_state.setdefault("opened", {})
    name = (desk.study.id, case_id, reading)
    state = desk.state(case_id, reading) if name in noted else None
    if state is None or state.phase != noted[name]:
        state = desk.open(case_id, reading)
        noted[name] = state.phase
    return state


Question = Literal["rating", "choice", "value", "confidence"]


@dataclass(frozen=True)
class Asked:
    """One question of the form. name: the class of a rating, else empty."""

    kind: Question
    name: str = ""

    @property
    def key(self) -> str:
        return f"{self.kind} {self.name}".strip()


def questions(kind: str, classes: list[str]) -> list[Asked]:
    """What is asked of a case, in order.

    kind: of the target. classes: those judged.

    >>> [one.key for one in questions("binary", ["nodule"])]
    ['rating nodule', 'confidence']
    """
    of_kind = {"multiclass": [Asked("choice")], "continuous": [Asked("value")]}
    judged = of_kind.get(kind) or [Asked("rating", name) for name in classes]
    return [*judged, Asked("confidence")]


def answered(draft: Draft, one: Asked) -> bool:
    """Whether the question has an answer.

    >>> answered(Draft(ratings={"nodule": 2}), Asked("rating", "nodule"))
    True
    """
    if one.kind == "rating":
        return one.name in draft.ratings
    return getattr(draft, one.kind) is not None


def in_hand(draft: Draft, asked: list[Asked], chosen: str) -> Asked | None:
    """The question that keys answer: the one chosen, else the first that is open, else none."""
    by_key = {one.key: one for one in asked}
    return by_key.get(chosen) or next((one for one in asked if not answered(draft, one)), None)


def step(asked: list[Asked], now: Asked | None) -> str:
    """The question after the one in hand; the first after the last.

    >>> two = questions("binary", ["nodule"])
    >>> step(two, two[0]), step(two, None)
    ('confidence', 'rating nodule')
    """
    at = asked.index(now) if now in asked else -1
    return asked[(at + 1) % len(asked)].key
