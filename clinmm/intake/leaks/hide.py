"""Hides words of a note, and says where a place of the hidden note was in the note."""

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from clinmm.cohort.notes import TOKEN

Places = NDArray[np.int32]


def pattern_of(phrases: Sequence[str]) -> re.Pattern[str] | None:
    """One pattern for all phrases, the longest first; None where there is none.

    Between the words of a phrase any signs may stand, as `clinmm.intake.words` reads them.
    """
    if not phrases:
        return None
    ordered = sorted(phrases, key=lambda phrase: (-len(phrase), phrase))
    bodies = (r"[\W_]+".join(map(re.escape, phrase.split())) for phrase in ordered)
    return re.compile("|".join(rf"(?<![^\W_]){body}(?![^\W_])" for body in bodies), re.IGNORECASE)


def hide(note: str, phrases: Sequence[str]) -> str:
    """The note with every phrase, whole words in any case, replaced by `___`.

    >>> hide("Known COVID-19; covids", ["covid 19", "covid"])
    'Known ___; covids'
    """
    pattern = pattern_of(phrases)
    return pattern.sub(TOKEN, note) if pattern else note


def hide_all(notes: Sequence[str | None], phrases: Sequence[str]) -> list[str | None]:
    """Every note with the phrases hidden; None stays None."""
    pattern = pattern_of(phrases)
    if pattern is None:
        return list(notes)
    return [None if note is None else pattern.sub(TOKEN, note) for note in notes]


def places_in_note(
    note: str, phrases: Sequence[str], start: Places, end: Places
) -> tuple[Places, Places]:
    """Spans of the hidden note -> spans of the note; a blank becomes what it hides.

    Args:
        note: as it was.
        phrases: hidden in it by `hide`.
        start, end: (n,) characters of the hidden note, end exclusive.
    """
    pattern = pattern_of(phrases)
    first = [np.arange(0)]
    last = [np.arange(0)]
    done = 0
    for match in pattern.finditer(note) if pattern else ():
        kept = np.arange(done, match.start())
        blank = np.ones(len(TOKEN), dtype=int)
        first += [kept, blank * match.start()]
        last += [kept, blank * (match.end() - 1)]
        done = match.end()
    rest = np.arange(done, len(note))
    from_, to = np.concatenate([*first, rest]), np.concatenate([*last, rest])
    return from_[start].astype(np.int32), (to[end - 1] + 1).astype(np.int32)
