"""Words and phrases of a note with the places where they stand."""

import re
from collections.abc import Collection, Iterator

WORD = re.compile(r"\b(?!_+\b)\w\w+\b")
"""Two or more word characters, as in scikit-learn's TfidfVectorizer, but not the blank that a mask
leaves: where words were hidden must not be seen either."""


def phrases_of(
    note: str, longest: int, without: Collection[str]
) -> Iterator[tuple[str, list[tuple[int, int]]]]:
    """(phrase in lower case, [(start, end) of each of its words]) of 1 to `longest` words.

    Words of `without` are passed over, so a phrase may span them, as in scikit-learn.

    >>> [p for p, _ in phrases_of("Fever of 3 days", 2, {"of"})]
    ['fever', 'days', 'fever days']
    """
    words = [(m.group().lower(), m.span()) for m in WORD.finditer(note)]
    words = [(word, span) for word, span in words if word not in without]
    for length in range(1, longest + 1):
        for first in range(len(words) - length + 1):
            part = words[first : first + length]
            yield " ".join(word for word, _ in part), [span for _, span in part]
