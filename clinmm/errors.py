"""What goes wrong, as a family.

ClinmmError
├── InputError      the caller's files or settings are unusable (exit 2)
├── NotMadeYet      a stage was asked for what an earlier one writes (exit 2)
└── FindingsStand   intake found errors that the config does not accept (exit 1)

A message says what came, what was wanted and what to do. It names the study's own ids and
paths only: never a person, a hospital number or a word of a note.
"""

from collections.abc import Sequence
from difflib import get_close_matches


class ClinmmError(Exception):
    """Anything clinmm refuses; the command line prints the message, not a traceback."""

    exit_code = 2


class InputError(ClinmmError):
    """Unusable input. Holds every problem found, not the first one."""

    def __init__(self, problems: str | Sequence[str]) -> None:
        self.problems = [problems] if isinstance(problems, str) else list(problems)
        super().__init__("\n".join(self.problems))


class NotMadeYet(ClinmmError, FileNotFoundError):
    """A file of the run folder is missing; the message names the command that makes it."""


class FindingsStand(ClinmmError):
    """Intake findings of severity error that no `intake.accept` entry covers."""

    exit_code = 1


def did_you_mean(word: str, known: Sequence[str]) -> str:
    """' Did you mean 'lr'?' if something close is known, else the list of what is known.

    >>> did_you_mean("lrr", ["lr", "epochs"])
    "Did you mean 'lr'?"
    """
    close = get_close_matches(word, known, n=1)
    return f"Did you mean '{close[0]}'?" if close else f"Known: {', '.join(known)}."
