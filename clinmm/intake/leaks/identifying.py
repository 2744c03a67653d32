"""Whether a word that tells the label is part of somebody's name, date or number: then no finding
repeats it."""

from collections import Counter
from collections.abc import Iterable

from clinmm.deidentification.notes import find_spans
from clinmm.intake.leaks.hide import pattern_of

MOST_NOTES = 20
"""Notes that are looked at, the first ones."""


def kind_of_identifier(words: str, notes: Iterable[str | None]) -> str | None:
    """What the words are part of in at least half of the notes that hold them; None if of nothing
    that identifies a person.

    >>> kind_of_identifier("okafor", ["Seen by Dr. Okafor.", "Dr. Okafor again"])
    'name'
    >>> kind_of_identifier("seen", ["Seen by Dr. Okafor."]) is None
    True
    """
    pattern = pattern_of([words])
    assert pattern
    held = [note for note in notes if note is not None and pattern.search(note)][:MOST_NOTES]
    kinds: Counter[str] = Counter()
    for note in held:
        places = [match.span() for match in pattern.finditer(note)]
        kinds.update(
            {
                span.kind
                for span in find_spans(note)
                if any(span.start < end and start < span.end for start, end in places)
            }
        )
    if not kinds:
        return None
    kind, n = kinds.most_common(1)[0]
    return kind if 2 * n >= len(held) else None
