"""Reading studies. Former readings become events of the study `open` of their run.

An opinion becomes an opinion; the first verdict on it a final answer with the same judgement, and
later verdicts corrections. The verdict itself and a reason that has no code any more stand in the
comment. `reading_events` stays as it was, and is not read any more.
"""

from collections.abc import Iterator
from itertools import groupby
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

REASONS = {
    "wrong_evidence": "wrong_evidence",
    "image_quality": "image_quality",
    "record_error": "record_wrong",
    "out_of_scope": "out_of_scope",
}
"""Former code -> code; the others become `other`."""

COMMENT = 4000
"""Characters that a comment may have."""


def upgrade() -> None:
    make_tables()
    carry_over()


def make_tables() -> None:
    op.create_table(
        "studies",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("run", sa.String(64), nullable=False),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("protocol", sa.JSON, nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(80), nullable=False),
        sa.UniqueConstraint("run", "name"),
    )
    op.create_table(
        "members",
        _study(primary_key=True),
        sa.Column("person", sa.String(80), primary_key=True),
        sa.Column("role", sa.String(20), primary_key=True),
    )
    op.create_table(
        "study_cases",
        _study(primary_key=True),
        sa.Column("case_id", sa.String(200), primary_key=True),
        sa.Column("stratum", sa.String(400), nullable=False),
        sa.Column("weight", sa.Double, nullable=False),
        sa.Column("why", sa.String(400), nullable=False),
    )
    op.create_table(
        "assignments",
        _study(primary_key=True),
        sa.Column("reader", sa.String(80), primary_key=True),
        sa.Column("case_id", sa.String(200), primary_key=True),
        sa.Column("reading", sa.Integer, primary_key=True),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("arm", sa.String(80), nullable=False),
    )
    op.create_index("assignments_of_a_case", "assignments", ["study", "case_id"])
    op.create_table(
        "events",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        _study(nullable=False),
        sa.Column("reader", sa.String(80), nullable=False),
        sa.Column("case_id", sa.String(200), nullable=False),
        sa.Column("reading", sa.Integer, nullable=False),
        sa.Column("version", sa.Integer, nullable=True),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("by", sa.String(80), nullable=False),
        sa.Column("payload", sa.JSON, nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
    )
    reading = ["study", "reader", "case_id", "reading"]
    op.create_index("one_of_each_version", "events", [*reading, "version"], unique=True)
    op.create_index(
        "one_locked_answer_of_a_kind",
        "events",
        [*reading, "kind"],
        unique=True,
        sqlite_where=sa.text("kind IN ('opinion', 'final')"),
        postgresql_where=sa.text("kind IN ('opinion', 'final')"),
    )
    op.create_index("events_of_a_case", "events", ["study", "case_id", "kind"])


def carry_over() -> None:
    connection = op.get_bind()
    tables = sa.MetaData()
    tables.reflect(connection, only=["reading_events", "studies", "events"])
    former, studies, events = (
        tables.tables[name] for name in ("reading_events", "studies", "events")
    )
    asked = sa.select(former).order_by(former.c.run, former.c.reader, former.c.case_id, former.c.id)
    for run, said in groupby(connection.execute(asked).all(), key=lambda row: row.run):
        rows = list(said)
        study = {
            "run": run,
            "name": "open",
            "protocol": {"name": "open", "open": True},
            "created": min(row.created for row in rows),
            "created_by": "",
        }
        connection.execute(sa.insert(studies), study)
        number = connection.scalar(sa.select(studies.c.id).filter_by(run=run, name="open"))
        readings = groupby(rows, key=lambda row: (row.reader, row.case_id))
        carried = [
            {**event, "study": number} for _, reading in readings for event in _events(reading)
        ]
        connection.execute(sa.insert(events), sorted(carried, key=lambda one: one["created"]))


def _study(**more: Any) -> sa.Column[int]:
    return sa.Column("study", sa.Integer, sa.ForeignKey("studies.id"), **more)


def _events(reading: Iterator[Any]) -> Iterator[dict[str, Any]]:
    """The events of one reader on one case, from the former ones, the oldest first."""
    opinion: dict[str, Any] = {}
    for version, row in enumerate(reading, start=1):
        if row.kind == "opinion":
            kind, payload = "opinion", {**row.payload, "seconds": row.payload.get("seconds") or 0.0}
            opinion = payload
        else:
            kind = "final" if version == 2 else "correction"
            payload = {**opinion, "seconds": 0.0, **_why(row.payload)}
        yield {
            "reader": row.reader,
            "case_id": row.case_id,
            "reading": 1,
            "version": version,
            "kind": kind,
            "by": row.reader,
            "payload": payload,
            "created": row.created,
        }


def _why(verdict: dict[str, Any]) -> dict[str, Any]:
    """Reasons and comment of a verdict.

    >>> _why({"verdict": "disagree", "reason": "false_alarm", "comment": "a fold of skin"})
    {'reasons': ['other'], 'comment': 'disagree with the model (false alarm): a fold of skin'}
    """
    code, comment = verdict.get("reason"), verdict.get("comment") or ""
    said = f"{verdict['verdict']} with the model"
    if code:
        said += f" ({code.replace('_', ' ')})"
    return {
        "reasons": [REASONS.get(code, "other")] if code else [],
        "comment": (f"{said}: {comment}" if comment else said)[:COMMENT],
    }
