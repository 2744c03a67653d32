"""The table of opinions and verdicts, as clinmm 0.1 to 0.6 made it."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "reading_events",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("run", sa.String(64), nullable=False),
        sa.Column("reader", sa.String(80), nullable=False),
        sa.Column("case_id", sa.String(200), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("payload", sa.JSON, nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index(
        "one_opinion_per_reader_and_case",
        "reading_events",
        ["run", "reader", "case_id"],
        unique=True,
        sqlite_where=sa.text("kind = 'opinion'"),
        postgresql_where=sa.text("kind = 'opinion'"),
    )
    op.create_index("events_of_a_run", "reading_events", ["run", "case_id"])
