"""Words and short phrases that a note affirms: split at sentence ends, denials left out."""

import re

SCOPE = 5
"""A denial reaches so many words ahead, as in NegEx (Chapman et al., J Biomed Inform 2001)."""

_DENIALS = {
    "no",
    "not",
    "denies",
    "denied",
    "deny",
    "without",
    "negative",
    "never",
    "nor",
    "neither",
}
_LINKS = {
    "a", "an", "and", "are", "as", "at", "be", "been", "but", "by", "for", "from", "had", "has",
    "have", "he", "her", "his", "in", "is", "it", "its", "of", "on", "or", "she", "that", "the",
    "their", "there", "they", "this", "to", "was", "were", "which", "who", "with",
}  # fmt: skip
_ENDS = {"but", "however", "although", "except"}
_SENTENCE = re.compile(r"[.;:!?\n]+\s|[.;:!?]+$|\n|_{2,}|[()\[\]]")
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*", re.UNICODE)


def affirmed(note: str, longest: int = 3) -> set[str]:
    """Words and phrases of up to `longest` words, lower case, that the note states.

    Left out: words within five of a denial before them in the same sentence (up to a `but`), and
    phrases that hold a denial or that begin or end with a word such as `and`.

    >>> sorted(affirmed("No effusion but fever of 39."))
    ['39', 'fever', 'fever of 39']
    """
    found: set[str] = set()
    for sentence in _SENTENCE.split(note.lower()):
        words = _WORD.findall(sentence)
        stated = _stated(words)
        for start in range(len(words)):
            for length in range(1, longest + 1):
                span = range(start, start + length)
                if span.stop > len(words) or not all(stated[i] for i in span):
                    break
                if words[start] not in _LINKS and words[span[-1]] not in _LINKS:
                    found.add(" ".join(words[i] for i in span))
    return found


def _stated(words: list[str]) -> list[bool]:
    reach = 0
    stated = []
    for word in words:
        if word in _DENIALS:
            reach = SCOPE
            stated.append(False)
            continue
        if word in _ENDS:
            reach = 0
        stated.append(reach == 0)
        reach = max(0, reach - 1)
    return stated
