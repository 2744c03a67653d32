"""Which arm a coming case has: its reader is told on opening it, and not before.

Reference:
    Moher, Hopewell, Schulz et al. CONSORT 2010 explanation and elaboration: updated guidelines for
    reporting parallel group randomised trials. BMJ 2010;340:c869. Item 9, allocation concealment.
"""

from collections.abc import Iterable

from clinmm.review.events import Events
from clinmm.review.refusals import NotAllowed


class Concealment:
    """The readings of one study whose arm their reader does not know yet.

    Args:
        events: of the study.
        n_arms: of its protocol; of a single arm there is nothing to conceal.
    """

    def __init__(self, events: Events, n_arms: int) -> None:
        self._events = events
        self._applies = n_arms > 1

    def refuse(self, reader: str, case_id: str, reading: int) -> None:
        """Refuses to tell of a reading that was never opened.

        Raises:
            NotAllowed: it has no event that says what was shown, and no answer is locked.
        """
        if self._applies and (case_id, reading) not in self._events.opened(reader, case_id):
            raise NotAllowed(
                f"case {case_id} was not opened yet: in a study of several arms nothing is told of "
                "a reading before, since it would tell the arm."
            )

    def hidden(self, reader: str, assigned: Iterable[tuple[str, int]]) -> set[tuple[str, int]]:
        """Of the reader's cases and readings, those that were never opened."""
        return set(assigned) - self._events.opened(reader) if self._applies else set()
