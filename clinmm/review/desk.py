"""One person's place in a reading study. Every rule of who may see and do what is kept here.

A reader sees their own readings and, once the arm allows it, the model. Where a study has several
arms, a reader learns that of a reading on opening it, when what is shown has gone on record.
Readers never see the opinions of others; adjudicators see the final ones on a case that they are to
decide, without their arms, once every reading of it is done; administrators see all and give no
opinion.
"""

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pandas as pd
from sqlalchemy import Engine

from clinmm.errors import InputError
from clinmm.review.adjudicating import left_open
from clinmm.review.answers import Answer, Draft
from clinmm.review.assigned import Assigned, Key
from clinmm.review.concealment import Concealment
from clinmm.review.disputes import Disputes
from clinmm.review.events import LOCKED, Event, Events, superseded
from clinmm.review.protocol import EVERYTHING, RESERVED, Shown
from clinmm.review.refusals import NotAllowed, NotSaved, Superseded
from clinmm.review.repeats import Repeats
from clinmm.review.room import ReadingStudy
from clinmm.review.state import Phase, State, state_of
from clinmm.review.unfit import payload_of

if TYPE_CHECKING:
    from clinmm.review.output import Output

__all__ = ["ASSIGNED", "LOCKED", "Desk", "NotAllowed", "NotSaved", "Phase", "State", "Superseded"]

ASSIGNED = ["position", "case_id", "reading", "arm", "why", "status", "available_from"]
"""Columns of `Desk.worklist`. arm: empty while the reader may not know it. status: new, begun,
opinion or done."""

READINGS = ["reader", "case_id", "reading", "arm", "kind", "version", "answer", "created"]
"""Columns of `Desk.readings`."""


class Desk:
    """One person in one study. Made by `ReadingRoom.desk`.

    Raises:
        NotAllowed: the person has no role in the study.
        InputError: the name is empty, too long, or means something else in the results.
    """

    def __init__(
        self,
        engine: Engine,
        study: ReadingStudy,
        person: str,
        output: "Output | None" = None,
        roles: frozenset[str] | None = None,
    ) -> None:
        self.study = study
        self.person = _name(person)
        self._events = Events(engine, study.id)
        self._assigned = Assigned(engine, study.id)
        self._disputes = Disputes(self._events, self._assigned, study.protocol.adjudicate)
        self._repeats = Repeats(self._events, study.protocol.repeats.washout_days)
        self._concealment = Concealment(self._events, len(study.protocol.arms))
        self._output = output
        self.roles = self._find_roles() if roles is None else roles

    # What there is to do

    def worklist(self) -> pd.DataFrame:
        """This reader's assigned readings in their order, with the columns ASSIGNED.

        A repeat is available after the washout. The open room assigns nothing: only what was begun
        is listed. The arm stands there once it may be known.

        Raises:
            NotAllowed: the person is no reader.
        """
        self._need("reader")
        progress = self._events.progress(self.person)
        if self.study.protocol.open:
            assigned = [(i, *key, self._only_arm, "") for i, key in enumerate(progress)]
        else:
            assigned = self._assigned.worklist(self.person)
        hidden = self._concealment.hidden(self.person, [(row[1], row[2]) for row in assigned])
        rows = []
        for position, case_id, reading, arm, why in assigned:
            status, _ = progress.get((case_id, reading), ("new", None))
            _, before = progress.get((case_id, reading - 1), ("new", None))
            later = before + self._repeats.washout if before else None
            known = "" if (case_id, reading) in hidden else arm
            rows.append((position, case_id, reading, known, why, status, later))
        return pd.DataFrame(rows, columns=ASSIGNED)

    def state(self, case_id: str, reading: int = 1) -> State:
        """This reader's own reading of a case, as it is kept.

        Raises:
            NotAllowed: the reading is not assigned to this reader, or not before its washout, or
                the case is being read again, or it was not opened yet in a study of several arms.
        """
        state = self._own(case_id, reading)
        self._concealment.refuse(self.person, case_id, reading)
        return state

    # What a reader says

    def open(self, case_id: str, reading: int = 1) -> State:
        """The case is put on the screen: notes when, and what of the model may be seen from now on;
        then tells how far the reading has come.

        Raises:
            NotAllowed: the reading is not this reader's, or not now.
            NotSaved: the database did not take the note, and nothing is told.
        """
        state = self._own(case_id, reading)
        shown = sorted(self._shown_in(state))
        self._add(self._key(state), "opened", {"phase": state.phase, "shown": shown}, None)
        return state

    def save_draft(self, case_id: str, reading: int, draft: Draft, version: int) -> int:
        """Keeps what was said so far; returns the new version.

        Raises:
            Superseded: another window or machine has saved since `version`.
            NotAllowed: the reading is finished, or as `state`.
            InputError: the draft names classes that the study does not judge, or is too large.
        """
        state = self._latest(case_id, reading, version)
        if state.phase == "done":
            raise NotAllowed(f"the reading of case {case_id} is finished; correct it instead.")
        return self._save(self._key(state), "draft", draft, version)

    def lock(self, case_id: str, reading: int, answer: Answer, version: int) -> State:
        """Locks the answer of the phase that the reading is in; it cannot be taken back.

        Raises:
            Superseded: another window or machine has saved since `version`.
            NotAllowed: the reading is finished, or as `state`.
            InputError: the final opinion differs from the first and no reason is given, or the
                answer leaves out classes of the study, names others, or is too large.
        """
        state = self._latest(case_id, reading, version)
        if state.phase == "done":
            raise NotAllowed(f"the reading of case {case_id} is finished; correct it instead.")
        changed = state.opinion is not None and not answer.same_judgement(state.opinion)
        if changed and not answer.reasons:
            raise InputError(
                "the final opinion differs from your first one: choose at least one reason why."
            )
        self._save(self._key(state), state.phase, answer, version)
        return self._state(self._key(state), state.arm)

    def correct(self, case_id: str, reading: int, answer: Answer, version: int) -> State:
        """Adds a correction to a finished reading; what was locked before stays on record.

        Raises:
            Superseded: another window or machine has saved since `version`.
            NotAllowed: the reading is not finished, or as `state`.
            InputError: no reason is given, or as `lock`.
        """
        state = self._latest(case_id, reading, version)
        if state.phase != "done":
            raise NotAllowed(f"the reading of case {case_id} is not finished: nothing to correct.")
        if not answer.reasons:
            raise InputError("a correction needs at least one reason.")
        self._save(self._key(state), "correction", answer, version)
        return self._state(self._key(state), state.arm)

    # What may be seen

    def may_see(self, case_id: str, reading: int = 1) -> tuple[Shown, ...]:
        """What of the model this person may see of a case now. Adjudicators see what any arm shows,
        so that the labels of a study without the model do not rest on it.

        Raises:
            NotAllowed: as `state`.
        """
        if "reader" not in self.roles:
            if "administrator" in self.roles:
                return EVERYTHING
            arms = self.study.protocol.arms.values() if self._may_adjudicate(case_id) else ()
            return tuple(what for what in EVERYTHING if any(what in arm.show for arm in arms))
        return self._shown_in(self.state(case_id, reading))

    def risks(self, case_id: str, reading: int = 1) -> pd.DataFrame:
        """Rows of predictions.parquet of the case, without prediction sets where these are hidden
        and, but for administrators, without what the cohort records as the target.

        Raises:
            NotAllowed: the model may not be seen yet, or not at all.
        """
        allowed = self._need_to_see("risk", case_id, reading)
        hidden = set() if "administrator" in self.roles else {"target"}
        if "set" not in allowed:
            hidden |= {"prediction_set", "deferred"}
        rows = self._of_model().risks(case_id)
        return rows.drop(columns=[name for name in rows.columns if name in hidden])

    def explanations(self, case_id: str, reading: int = 1) -> pd.DataFrame:
        """Rows of explanations.parquet of the case.

        Raises:
            NotAllowed: explanations may not be seen yet, or not at all.
        """
        self._need_to_see("explanations", case_id, reading)
        return self._of_model().explanations(case_id)

    def others(self, case_id: str) -> list[tuple[str, State]]:
        """Every reader's finished first reading of a case, by name. To adjudicators as if there
        were one arm: neither its name nor a first opinion, which some arms do not ask for.

        Raises:
            NotAllowed: readers never; adjudicators before every reading of the case is done, and on
                cases that are not theirs to decide.
        """
        if "administrator" not in self.roles and not self._may_adjudicate(case_id):
            raise NotAllowed(
                f"the opinions of others on case {case_id} are shown to the adjudicator who "
                "decides it, once every reader has finished it."
            )
        arms, found = self._arms(case_id=case_id), []
        for reader in sorted(self._events.finals(case_id).get(case_id, {})):
            key = (reader, case_id, 1)
            state = self._state(key, arms.get(key, self._only_arm))
            if "administrator" not in self.roles:
                state = replace(state, arm="", opinion=None, opinion_at=None)
            found.append((reader, state))
        return found

    def readings(self) -> pd.DataFrame:
        """Every locked answer of the study, one row each, with the columns READINGS. Readers get
        their own alone, and not those on a case that they are reading again.

        Raises:
            NotAllowed: the person adjudicates only; use `others`, case by case.
        """
        whose = None
        if "administrator" not in self.roles:
            self._need("reader")
            whose = self.person
        arms = self._arms(whose)
        hidden = self._repeats.hidden(whose, arms) if whose else set()
        rows = [
            (*one.key, arms.get(one.key, self._only_arm), one.kind, one.version, *one[-2:])
            for one in self._events.locked(whose)
            if one.key[1:] not in hidden
        ]
        return pd.DataFrame(rows, columns=READINGS)

    def cases(self) -> pd.DataFrame:
        """The cases of the study: case_id, stratum, weight, why. None in the open room.

        Raises:
            NotAllowed: the person is no administrator.
        """
        self._need("administrator")
        return pd.DataFrame(self._assigned.cases(), columns=["case_id", "stratum", "weight", "why"])

    # Adjudication

    def disputes(self) -> dict[str, list[str]]:
        """case_id -> what is disputed, of the cases that wait for an adjudicator.

        Raises:
            NotAllowed: the person is no adjudicator.
        """
        self._need("adjudicator")
        return self._disputes.waiting()

    def adjudicate(self, case_id: str, answer: Answer, version: int) -> int:
        """Decides a case; returns the new version. A later decision is a further event.

        Args:
            answer: may rate the disputed classes alone.
            version: of the decision that was seen; 0 where there was none.

        Raises:
            NotAllowed: the person is no adjudicator, or the case is not to be decided, or not yet.
            Superseded: somebody has decided since `version`.
            InputError: the answer leaves open what is disputed, or as `lock`.
        """
        self._need("adjudicator")
        what = self._disputes.of_case(case_id)
        if what is None:
            raise NotAllowed(
                f"case {case_id} is not decided before every reader has finished it, nor where "
                "they agree."
            )
        if missing := left_open(answer, what):
            raise InputError(f"the decision leaves open: {', '.join(missing)}.")
        kept = self._events.decision(case_id)
        if version != ((kept.version or 0) if kept else 0):
            raise superseded(case_id)
        return self._save(("", case_id, 0), "adjudication", answer, version)

    def decision(self, case_id: str) -> tuple[Answer, str, int] | None:
        """The latest decision on a case: the answer, who gave it, and its version.

        Raises:
            NotAllowed: as `others`.
        """
        if "administrator" not in self.roles and not self._may_adjudicate(case_id):
            raise NotAllowed(f"the decision on case {case_id} is shown to its adjudicator.")
        kept = self._events.decision(case_id)
        return (Answer.model_validate(kept.payload), kept.by, kept.version or 0) if kept else None

    def decisions(self) -> list[Event]:
        """Every decision, the latest last; `payload` is the answer, `by` who gave it.

        Raises:
            NotAllowed: the person is no administrator.
        """
        self._need("administrator")
        return self._events.decisions()

    # Keeping

    def _save(self, key: Key, kind: str, said: Draft, version: int) -> int:
        """Keeps it as the next version; the database takes each version once."""
        partial = kind in ("draft", "adjudication")
        payload = payload_of(said, self.study.protocol.classes, partial)
        self._add(key, kind, payload, version + 1)
        return version + 1

    def _add(self, key: Key, kind: str, payload: dict[str, Any], version: int | None) -> None:
        now = datetime.now(UTC)
        self._events.add(Event(*key, version, kind, self.person, payload, now))

    # Asking

    def _state(self, key: Key, arm: str) -> State:
        steps = self.study.protocol.arms[arm].steps
        return state_of(*key[1:], arm, steps, self._events.of_reading(*key))

    def _own(self, case_id: str, reading: int) -> State:
        """The state of an own reading that may be looked at now, opened or not."""
        self._need("reader")
        return self._state((self.person, case_id, reading), self._arm_of(case_id, reading))

    def _key(self, state: State) -> Key:
        return self.person, state.case_id, state.reading

    def _latest(self, case_id: str, reading: int, version: int) -> State:
        """The state of an own reading that is still at the version on which a change rests."""
        state = self.state(case_id, reading)
        if version != state.version:
            raise superseded(case_id)
        return state

    def _shown_in(self, state: State) -> tuple[Shown, ...]:
        """What the arm shows of the model at this point of a reading."""
        return self.study.protocol.arms[state.arm].shows(state.opinion is not None)

    @property
    def _only_arm(self) -> str:
        return next(iter(self.study.protocol.arms))

    def _arms(self, reader: str | None = None, case_id: str | None = None) -> dict[Key, str]:
        return {} if self.study.protocol.open else self._assigned.arms(reader, case_id)

    def _arm_of(self, case_id: str, reading: int) -> str:
        """The arm of this reader's reading, if it may be looked at now."""
        if self.study.protocol.open:
            if reading != 1:
                raise NotAllowed("in the open room a case is read once; correct that reading.")
            return self._only_arm
        arms = self._assigned.arms(self.person, case_id)
        arm = arms.get((self.person, case_id, reading))
        if arm is None:
            raise NotAllowed(f"case {case_id} is not on the worklist of '{self.person}'.")
        for other in (reading - 1, reading + 1):
            if (self.person, case_id, other) in arms:
                self._repeats.refuse(self.person, case_id, reading, repeated=other > reading)
        return arm

    def _may_adjudicate(self, case_id: str) -> bool:
        return "adjudicator" in self.roles and self._disputes.of_case(case_id) is not None

    def _find_roles(self) -> frozenset[str]:
        if self.study.protocol.open:
            if self.person in RESERVED:
                raise InputError(f"'{self.person}' means something else. Give another name.")
            return frozenset({"reader"})
        roles = self._assigned.roles(self.person)
        if not roles:
            raise NotAllowed(
                f"'{self.person}' has no role in the reading study '{self.study.name}'."
            )
        return roles

    def _need(self, role: str) -> None:
        if role not in self.roles:
            raise NotAllowed(
                f"'{self.person}' is no {role} of the reading study '{self.study.name}'."
            )

    def _need_to_see(self, what: Shown, case_id: str, reading: int) -> tuple[Shown, ...]:
        allowed = self.may_see(case_id, reading)
        if what not in allowed:
            raise NotAllowed(
                f"the model's {what} on case {case_id} is not shown to '{self.person}' now: "
                "in this arm it is shown after the own opinion is locked, or not at all."
            )
        return allowed

    def _of_model(self) -> "Output":
        if self._output is None:
            raise InputError("this desk was opened without the model's output.")
        return self._output


def _name(person: str) -> str:
    name = person.strip()
    if not 0 < len(name) <= 80 or not name.isprintable():
        raise InputError(
            f"a name needs 1 to 80 characters without line breaks, got {len(name)} characters."
        )
    return name
