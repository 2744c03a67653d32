"""The reading room of one run: its reading studies, and a desk for each person who sits down."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pandas as pd
from sqlalchemy import Engine, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from clinmm.errors import InputError
from clinmm.review.database import connect
from clinmm.review.events import utc
from clinmm.review.protocol import OPEN, Protocol
from clinmm.review.refusals import NotAllowed
from clinmm.review.tables import AssignmentRow, CaseRow, MemberRow, StudyRow

if TYPE_CHECKING:
    from clinmm.review.desk import Desk
    from clinmm.review.output import Output

ROLES = {"readers": "reader", "adjudicators": "adjudicator", "administrators": "administrator"}
"""Key of a protocol -> role."""


@dataclass(frozen=True)
class ReadingStudy:
    """A reading study as it is kept."""

    id: int
    name: str
    protocol: Protocol
    created: datetime
    created_by: str


def run_id(facts: Mapping[str, Any]) -> str:
    """A short id of a run: the same folder copied elsewhere keeps it, another study has another.

    Args:
        facts: content of run.json.
    """
    said = {name: facts.get(name) for name in ("created", "seed", "cohort", "config_hash", "kind")}
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:16]


class ReadingRoom:
    """The reading studies of one run in one database.

    Args:
        url: a database URL of SQLAlchemy, such as `sqlite:////data/review.sqlite` or
            `postgresql://host/database`. Tables are made where they are absent.
        run: the run's id, from `run_id`; a team's database holds many runs.

    Raises:
        InputError: the URL cannot be read, its driver is not installed, or nothing answers there.
    """

    def __init__(self, url: str, run: str) -> None:
        self.run = run
        self.engine: Engine = connect(url)

    def make(
        self, protocol: Protocol, cases: pd.DataFrame, assignments: pd.DataFrame, by: str
    ) -> ReadingStudy:
        """Makes a study: protocol, cases and assignments in one transaction.

        Args:
            protocol: what was asked for.
            cases: case_id, stratum, weight, why; from `sampling.sample`.
            assignments: reader, case_id, reading, position, arm; from `assigning.assign`.
            by: who makes it.

        Raises:
            InputError: the run has a study of this name.
        """
        row = StudyRow(
            run=self.run,
            name=protocol.name,
            protocol=protocol.model_dump(mode="json"),
            created=datetime.now(UTC),
            created_by=by,
        )
        try:
            with Session(self.engine) as session, session.begin():
                session.add(row)
                session.flush()
                members = [
                    {"study": row.id, "person": name, "role": role}
                    for key, role in ROLES.items()
                    for name in getattr(protocol, key)
                ]
                for table, rows in (
                    (MemberRow, members),
                    (CaseRow, _rows(cases, row.id)),
                    (AssignmentRow, _rows(assignments, row.id)),
                ):
                    if rows:
                        session.execute(insert(table), rows)
        except IntegrityError as error:
            if self._row(protocol.name) is None:
                raise
            raise InputError(
                f"this run has a reading study '{protocol.name}' already. Give the new one another "
                "name; a study that was made is not changed."
            ) from error
        return self.study(protocol.name)

    def studies(self) -> list[ReadingStudy]:
        """Every study of the run that was made, the oldest first."""
        asked = select(StudyRow).filter_by(run=self.run).order_by(StudyRow.id)
        with Session(self.engine) as session:
            return [_study(row) for row in session.scalars(asked) if row.name != OPEN.name]

    def study(self, name: str = OPEN.name) -> ReadingStudy:
        """A study by name; the open room, which needs no protocol, where none is named.

        Raises:
            InputError: the run has no such study.
        """
        row = self._row(name)
        if row is not None:
            return _study(row)
        if name == OPEN.name:
            return self._open()
        known = ", ".join(f"'{one.name}'" for one in self.studies()) or "none"
        raise InputError(f"this run has no reading study '{name}'. It has: {known}.")

    def desk(self, person: str, study: str = OPEN.name, output: "Output | None" = None) -> "Desk":
        """Where one person works in one study; what they may do there depends on their roles.

        Args:
            output: what the model says of a case; without it nothing of the model can be asked for.

        Raises:
            InputError: the name is empty, too long or reserved, or there is no such study.
            NotAllowed: the person has no role in the study, or asks for the open room, where the
                model of any case can be seen, and reads or adjudicates in another study of the run.
        """
        from clinmm.review.desk import Desk

        found = self.study(study)
        if found.protocol.open:
            self._keep_blind(person.strip())
        return Desk(self.engine, found, person, output)

    def steward(self, study: str = OPEN.name, output: "Output | None" = None) -> "Desk":
        """The desk of whoever holds the database itself, such as the command line: sees everything
        that an administrator sees, and gives no opinion.

        Raises:
            InputError: there is no such study.
        """
        from clinmm.review.desk import Desk

        roles = frozenset({"administrator"})
        return Desk(self.engine, self.study(study), "steward", output, roles)

    def close(self) -> None:
        """Lets go of the database's connections."""
        self.engine.dispose()

    def _keep_blind(self, person: str) -> None:
        for one in self.studies():
            if person in (*one.protocol.readers, *one.protocol.adjudicators):
                raise NotAllowed(
                    f"'{person}' takes part in the reading study '{one.name}', and the open room "
                    "would show the model before its time. Work in that study."
                )

    def _row(self, name: str) -> StudyRow | None:
        with Session(self.engine) as session:
            return session.scalar(select(StudyRow).filter_by(run=self.run, name=name))

    def _open(self) -> ReadingStudy:
        nothing = pd.DataFrame()
        try:
            return self.make(OPEN, nothing, nothing, "")
        except InputError:  # another process has just opened it
            return self.study(OPEN.name)


def _rows(frame: pd.DataFrame, study: int) -> list[dict[str, Any]]:
    return [
        {"study": study, **{str(k): v for k, v in row.items()}} for row in frame.to_dict("records")
    ]


def _study(row: StudyRow) -> ReadingStudy:
    protocol = Protocol.model_validate(row.protocol)
    return ReadingStudy(row.id, row.name, protocol, utc(row.created), row.created_by)
