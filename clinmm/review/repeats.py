"""When a case that is read twice may be looked at: not from the washout to the second reading."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from clinmm.review.assigned import Key
from clinmm.review.events import Events
from clinmm.review.refusals import NotAllowed


class Repeats:
    """Repeated readings of one study.

    Args:
        events: of the study.
        washout_days: after the first reading, before the second.
    """

    def __init__(self, events: Events, washout_days: float) -> None:
        self._events = events
        self.washout = timedelta(days=washout_days)

    def refuse(self, reader: str, case_id: str, reading: int, repeated: bool) -> None:
        """Refuses a reading that cannot be looked at now.

        Args:
            repeated: the reading is repeated later; otherwise it is itself a repeat.

        Raises:
            NotAllowed: the repeat is not due yet, or the first reading is hidden by one that is.
        """
        first, second = (reading, reading + 1) if repeated else (reading - 1, reading)
        done = self._events.finished_at(reader, case_id, first)
        if repeated:
            again = self._events.finished_at(reader, case_id, second)
            if done and not again and self._due(done):
                raise NotAllowed(
                    f"Your first reading of case {case_id} is locked and kept. It is to be read "
                    "again now; the first reading, and the model, are shown once that is done."
                )
        elif done is None:
            raise NotAllowed(f"case {case_id} is not read again before its first reading is done.")
        elif not self._due(done):
            raise NotAllowed(
                f"case {case_id} is not read again until {done + self.washout:%Y-%m-%d}."
            )

    def hidden(self, reader: str, assigned: Iterable[Key]) -> set[tuple[str, int]]:
        """Case and reading of those that are hidden now, of the reader's assigned ones."""
        progress = self._events.progress(reader)
        done = {key: since for key, (_, since) in progress.items() if since}
        return {
            (case_id, reading - 1)
            for _, case_id, reading in assigned
            if (case_id, reading) not in done
            and (case_id, reading - 1) in done
            and self._due(done[case_id, reading - 1])
        }

    def _due(self, done: datetime) -> bool:
        return datetime.now(UTC) >= done + self.washout
