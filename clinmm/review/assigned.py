"""Who reads what in a study: looks up the cases and assignments that were made with it."""

from typing import Any

from sqlalchemy import func, select

from clinmm.review.database import OfStudy
from clinmm.review.tables import AssignmentRow, CaseRow, MemberRow

Key = tuple[str, str, int]
"""Reader, case, number of the reading."""


class Assigned(OfStudy):
    """What is assigned in one study; nothing in the open room."""

    def roles(self, person: str) -> frozenset[str]:
        """Roles of a person; none where they have no part in the study."""
        asked = select(MemberRow.role).where(
            MemberRow.study == self._study, MemberRow.person == person
        )
        return frozenset(row.role for row in self._rows(asked))

    def worklist(self, reader: str) -> list[tuple[int, str, int, str, str]]:
        """position, case, number of the reading, arm, and why it was drawn; in reading order."""
        of_case = (CaseRow.study == AssignmentRow.study) & (
            CaseRow.case_id == AssignmentRow.case_id
        )
        row = AssignmentRow
        asked = (
            select(row.position, row.case_id, row.reading, row.arm, CaseRow.why)
            .join(CaseRow, of_case)
            .where(self._here, row.reader == reader)
            .order_by(row.position)
        )
        return [tuple(one) for one in self._rows(asked)]

    def cases(self) -> list[tuple[str, str, float, str]]:
        """case, stratum, weight, and why it was drawn."""
        row = CaseRow
        asked = select(row.case_id, row.stratum, row.weight, row.why)
        return [tuple(one) for one in self._rows(asked.where(row.study == self._study))]

    def arms(self, reader: str | None = None, case_id: str | None = None) -> dict[Key, str]:
        """Reader, case, reading -> arm; of one reader or one case where these are named."""
        row = AssignmentRow
        asked = select(row.reader, row.case_id, row.reading, row.arm).where(self._here)
        if reader is not None:
            asked = asked.where(row.reader == reader)
        if case_id is not None:
            asked = asked.where(row.case_id == case_id)
        return {(one.reader, one.case_id, one.reading): one.arm for one in self._rows(asked)}

    def n_readers(self) -> dict[str, int]:
        """Case -> how many are to read it; repeats do not count."""
        asked = (
            select(AssignmentRow.case_id, func.count())
            .where(self._here, AssignmentRow.reading == 1)
            .group_by(AssignmentRow.case_id)
        )
        return {case: n for case, n in self._rows(asked)}

    @property
    def _here(self) -> Any:
        return AssignmentRow.study == self._study
