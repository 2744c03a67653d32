"""The events of a study: the one file that adds to them and looks them up. None is ever changed."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import func, insert, or_, select
from sqlalchemy.exc import DBAPIError, IntegrityError

from clinmm.review.adjudicating import Judgement
from clinmm.review.assigned import Key
from clinmm.review.database import OfStudy
from clinmm.review.refusals import NotSaved, Superseded
from clinmm.review.tables import LOCKED_ONCE, EventRow

LOCKED = ("opinion", "final", "correction")
"""Kinds of events that hold an answer that counts."""

KINDS = ("opened", "draft", *LOCKED, "adjudication")


class Event(NamedTuple):
    """Something that happened in a reading, or in an adjudication; see `tables.EventRow`."""

    reader: str
    case_id: str
    reading: int
    version: int | None
    kind: str
    by: str
    payload: dict[str, Any]
    created: datetime

    @property
    def key(self) -> Key:
        """Which reading it belongs to."""
        return self.reader, self.case_id, self.reading


COLUMNS = [getattr(EventRow, name) for name in Event._fields]


class Events(OfStudy):
    """The events of one study."""

    def add(self, event: Event) -> None:
        """Adds an event; it is on disk when this returns.

        Raises:
            Superseded: the reading has an event of this version already.
            NotSaved: the database did not take it.
        """
        row = {"study": self._study, **event._asdict()}
        try:
            with self._engine.begin() as connection:
                connection.execute(insert(EventRow), row)
        except IntegrityError as error:
            raise superseded(event.case_id) from error
        except DBAPIError as error:
            raise NotSaved(
                "the review database did not take what was to be saved "
                f"({str(error.orig).splitlines()[0]}). See what is kept now, and save it again."
            ) from error

    def of_reading(self, reader: str, case_id: str, reading: int) -> list[Event]:
        """The locked answers and the latest draft or answer of a reading, in their order."""
        mine = (
            EventRow.study == self._study,
            EventRow.reader == reader,
            EventRow.case_id == case_id,
            EventRow.reading == reading,
        )
        latest = select(func.max(EventRow.version)).where(*mine).scalar_subquery()
        counts = or_(EventRow.kind.in_(LOCKED), EventRow.version == latest)
        asked = select(*COLUMNS).where(*mine, EventRow.version.is_not(None), counts)
        return _events(self._rows(asked.order_by(EventRow.version)))

    def locked(self, reader: str | None = None) -> list[Event]:
        """Every locked answer, of one reader or of all, in the order in which they were given."""
        asked = select(*COLUMNS).where(self._here, EventRow.kind.in_(LOCKED))
        if reader is not None:
            asked = asked.where(EventRow.reader == reader)
        return _events(self._rows(asked.order_by(EventRow.id)))

    def seconds(self) -> list[tuple[Key, str, float]]:
        """(reading, kind, seconds) of every opinion and final answer; corrections aside."""
        row = EventRow
        asked = select(
            row.reader, row.case_id, row.reading, row.kind, row.payload["seconds"].as_float()
        ).where(self._here, LOCKED_ONCE)
        return [(tuple(key), kind, spent) for *key, kind, spent in self._rows(asked)]

    def n_begun(self) -> dict[str, int]:
        """Reader -> how many readings were begun, finished ones among them."""
        key = (EventRow.reader, EventRow.case_id, EventRow.reading)
        begun = select(*key).where(self._here).distinct().subquery()
        asked = select(begun.c.reader, func.count()).group_by(begun.c.reader)
        return {reader: n for reader, n in self._rows(asked)}

    def progress(self, reader: str) -> dict[tuple[str, int], tuple[str, datetime | None]]:
        """(case, reading) -> begun, opinion or done, and since when; in the order of beginning."""
        mine = (self._here, EventRow.reader == reader)
        key = (EventRow.case_id, EventRow.reading)
        begun = select(*key).where(*mine).group_by(*key).order_by(func.min(EventRow.id))
        found: dict[tuple[str, int], tuple[str, datetime | None]] = {
            (row.case_id, row.reading): ("begun", None) for row in self._rows(begun)
        }
        locked = select(*key, EventRow.kind, EventRow.created).where(*mine, LOCKED_ONCE)
        for row in self._rows(locked.order_by(EventRow.kind.desc())):  # final after opinion
            done = row.kind == "final"
            status = ("done", utc(row.created)) if done else ("opinion", None)
            found[row.case_id, row.reading] = status
        return found

    def opened(self, reader: str, case_id: str | None = None) -> set[tuple[str, int]]:
        """Case and reading of those that were put on the reader's screen, or answered: of all, or
        of one case."""
        asked = select(EventRow.case_id, EventRow.reading).where(
            self._here, EventRow.reader == reader, EventRow.kind.in_(("opened", *LOCKED))
        )
        if case_id is not None:
            asked = asked.where(EventRow.case_id == case_id)
        return {(row.case_id, row.reading) for row in self._rows(asked.distinct())}

    def finished_at(self, reader: str, case_id: str, reading: int) -> datetime | None:
        """When a reading was finished; None while it is not."""
        asked = select(EventRow.created).where(
            self._here,
            EventRow.reader == reader,
            EventRow.case_id == case_id,
            EventRow.reading == reading,
            EventRow.kind == "final",
        )
        rows = self._rows(asked)
        return utc(rows[0].created) if rows else None

    def finals(self, case_id: str | None = None) -> dict[str, dict[str, dict[str, Any]]]:
        """Case -> reader -> payload of the final answer of the first reading, as it counts now."""
        return self._as_it_counts(case_id, [EventRow.payload], lambda payload: payload)

    def judgements(self, case_id: str | None = None) -> dict[str, dict[str, Judgement]]:
        """Case -> reader -> what that answer judges, without all else it holds; quick for many."""
        parts = [EventRow.payload[name] for name in Judgement._fields]
        return self._as_it_counts(case_id, parts, Judgement)

    def decided(self) -> set[str]:
        """Cases on which an adjudicator has decided."""
        asked = select(EventRow.case_id).where(self._here, EventRow.kind == "adjudication")
        return {row.case_id for row in self._rows(asked)}

    def decisions(self) -> list[Event]:
        """Every decision, in the order in which they were made."""
        asked = select(*COLUMNS).where(self._here, EventRow.kind == "adjudication")
        return _events(self._rows(asked.order_by(EventRow.id)))

    def decision(self, case_id: str) -> Event | None:
        """The latest decision on a case."""
        asked = select(*COLUMNS).where(
            self._here, EventRow.case_id == case_id, EventRow.kind == "adjudication"
        )
        kept = _events(self._rows(asked.order_by(EventRow.version.desc()).limit(1)))
        return kept[0] if kept else None

    def all(self) -> list[Event]:
        """Everything, in the order in which it happened."""
        return _events(self._rows(select(*COLUMNS).where(self._here).order_by(EventRow.id)))

    def _as_it_counts(
        self, case_id: str | None, columns: Sequence[Any], made: Callable[..., Any]
    ) -> dict[str, dict[str, Any]]:
        asked = select(EventRow.case_id, EventRow.reader, *columns).where(
            self._here, EventRow.kind.in_(("final", "correction")), EventRow.reading == 1
        )
        if case_id is not None:
            asked = asked.where(EventRow.case_id == case_id)
        found: dict[str, dict[str, Any]] = {}
        for case, reader, *said in self._rows(asked.order_by(EventRow.version)):
            found.setdefault(case, {})[reader] = made(*said)
        return found

    @property
    def _here(self) -> Any:
        return EventRow.study == self._study


def superseded(case_id: str) -> Superseded:
    """The refusal to save over what somebody else has saved."""
    return Superseded(
        f"case {case_id} was changed in another window or by somebody else since you opened it. "
        "Nothing was overwritten and nothing of yours was saved: look at what is kept now, then "
        "save again."
    )


def utc(moment: datetime) -> datetime:
    """The moment in UTC; SQLite gives it back without its zone."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _events(rows: Sequence[Any]) -> list[Event]:
    return [Event._make((*row[:-1], utc(row[-1]))) for row in rows]
