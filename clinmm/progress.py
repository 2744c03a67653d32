"""How long work says how far it is."""

from typing import Protocol


class Tell(Protocol):
    """Called with what is being done, how much of it is done, how much there is, and a note such
    as the last epoch's loss."""

    def __call__(self, what: str, done: float, total: float, note: str = "") -> None: ...


def silent(what: str, done: float, total: float, note: str = "") -> None:
    """Says nothing."""
