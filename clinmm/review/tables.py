"""Tables of the reading room's database. `events` is only ever added to.

A change here needs a further file in `migrations/versions`.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, DateTime, Double, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

LOCKED_ONCE = text("kind IN ('opinion', 'final')")
"""Kinds of which a reading has one at most. Literal, so that SQLite sees that the index serves."""


class Base(DeclarativeBase):
    pass


class StudyRow(Base):
    """A reading study of a run: its protocol, as it was when the study was made."""

    __tablename__ = "studies"
    __table_args__ = (UniqueConstraint("run", "name"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    run: Mapped[str] = mapped_column(String(64))
    name: Mapped[str] = mapped_column(String(80))
    protocol: Mapped[dict[str, Any]] = mapped_column(JSON)
    created: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    created_by: Mapped[str] = mapped_column(String(80))


class MemberRow(Base):
    """Who may do what in a study. role: reader, adjudicator or administrator."""

    __tablename__ = "members"

    study: Mapped[int] = mapped_column(ForeignKey("studies.id"), primary_key=True)
    person: Mapped[str] = mapped_column(String(80), primary_key=True)
    role: Mapped[str] = mapped_column(String(20), primary_key=True)


class CaseRow(Base):
    """A case of a study. weight: how many cases of the run it stands for. why: it was drawn."""

    __tablename__ = "study_cases"

    study: Mapped[int] = mapped_column(ForeignKey("studies.id"), primary_key=True)
    case_id: Mapped[str] = mapped_column(String(200), primary_key=True)
    stratum: Mapped[str] = mapped_column(String(400))
    weight: Mapped[float] = mapped_column(Double)
    why: Mapped[str] = mapped_column(String(400))


class AssignmentRow(Base):
    """A case that a reader is to read. reading: 1, or 2 of a repeat. position: from 0."""

    __tablename__ = "assignments"
    __table_args__ = (Index("assignments_of_a_case", "study", "case_id"),)

    study: Mapped[int] = mapped_column(ForeignKey("studies.id"), primary_key=True)
    reader: Mapped[str] = mapped_column(String(80), primary_key=True)
    case_id: Mapped[str] = mapped_column(String(200), primary_key=True)
    reading: Mapped[int] = mapped_column(primary_key=True)
    position: Mapped[int]
    arm: Mapped[str] = mapped_column(String(80))


class EventRow(Base):
    """Something that happened in a reading, or in an adjudication (`reader` empty, `reading` 0).

    kind: opened, draft, opinion, final, correction or adjudication. by: who did it. version: rises
    by one with each draft and answer, and no two are alike; none of `opened`. created: UTC.
    """

    __tablename__ = "events"
    __table_args__ = (
        Index(
            "one_of_each_version", "study", "reader", "case_id", "reading", "version", unique=True
        ),
        Index(
            "one_locked_answer_of_a_kind",
            "study",
            "reader",
            "case_id",
            "reading",
            "kind",
            unique=True,
            sqlite_where=LOCKED_ONCE,
            postgresql_where=LOCKED_ONCE,
        ),
        Index("events_of_a_case", "study", "case_id", "kind"),
    )

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    study: Mapped[int] = mapped_column(ForeignKey("studies.id"))
    reader: Mapped[str] = mapped_column(String(80))
    case_id: Mapped[str] = mapped_column(String(200))
    reading: Mapped[int]
    version: Mapped[int | None]
    kind: Mapped[str] = mapped_column(String(20))
    by: Mapped[str] = mapped_column(String(80))
    payload: Mapped[dict[str, Any]] = mapped_column(JSON)
    created: Mapped[datetime] = mapped_column(DateTime(timezone=True))
