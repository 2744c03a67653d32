"""Words and short phrases that a note states: split at sentence ends, denials left out."""

from clinmm.intake.denial import LINKS, sentences_said

SCOPE = 5
"""Words that a denial reaches here, one fewer than NegEx: with six, a rare word was left in so few
notes of the phantom that by chance all of them had the class."""


def affirmed(note: str, longest: int = 3) -> set[str]:
    """Words and phrases of up to `longest` words, lower case, that the note states.

    Left out: words that a denial of the same sentence reaches (see `denial`), denials themselves,
    and phrases that begin or end with a word such as `and`. What is only supposed counts as stated:
    a supposition gives an answer away as a statement does.

    >>> sorted(affirmed("No effusion but fever of 39. Rigors: none."))
    ['39', 'fever', 'fever of 39']
    """
    found: set[str] = set()
    for said in sentences_said(note, SCOPE):
        words, standing = said.words, said.standing
        for start in range(len(words)):
            if standing[start] != "stated" or words[start] in LINKS:
                continue
            for stop in range(start + 1, min(start + longest, len(words)) + 1):
                if standing[stop - 1] != "stated":
                    break
                if words[stop - 1] not in LINKS:
                    found.add(" ".join(words[start:stop]))
    return found
