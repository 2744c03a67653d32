"""Words and short phrases that a note states: split at sentence ends, denials left out.

A denial reaches five words ahead ("no", "denies", "negative for") or, where it comes after what it
denies ("effusion: none", "COVID was ruled out", "PCR negative"), five words back. What is only
supposed ("suspected COVID", "? effusion") counts as stated: NegEx, too, keeps *possible* apart from
*negated*, and a supposition gives an answer away as a statement does.

Reference:
    NegEx: Chapman, Bridewell, Hanbury, Cooper, Buchanan. J Biomed Inform 34:301 (2001); what
    comes after and where it ends, ConText: Harkema, Dowling, Thornblade, Chapman. J Biomed Inform
    42:839 (2009).
"""

import re

SCOPE = 5
"""A denial reaches so many words, as in NegEx."""

_AHEAD = {"no", "not", "denies", "denied", "deny", "without", "never", "nor", "neither"}
"""Deny what follows."""

_BACK = (
    ("ruled", "out"), ("was", "excluded"), ("were", "excluded"), ("been", "excluded"), ("none",),
    ("nil",), ("absent",), ("not", "detected"), ("not", "seen"), ("not", "found"),
    ("not", "identified"), ("not", "present"), ("not", "demonstrated"), ("not", "confirmed"),
)  # fmt: skip
"""Deny what stands before."""

_EITHER = {"negative", "neg"}
"""Deny what follows at the beginning of a clause or before `for`, else what stands before."""

_LINKS = {
    "a", "an", "and", "are", "as", "at", "be", "been", "but", "by", "for", "from", "had", "has",
    "have", "he", "her", "his", "in", "is", "it", "its", "of", "on", "or", "she", "that", "the",
    "their", "there", "they", "this", "to", "was", "were", "which", "who", "with",
}  # fmt: skip
_ENDS = {"but", "however", "although", "except"}
_ANSWER = re.compile(r"[:?]\s+(?=(?:no|none|nil|neg|negative|absent|not \w+)\s*(?:[.;,\n]|$))")
"""`effusion: none` is one statement."""
_SENTENCE = re.compile(r"[.;:!?\n]+\s|[.;:!?]+$|\n|_{2,}|[()\[\]]")
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*", re.UNICODE)


def affirmed(note: str, longest: int = 3) -> set[str]:
    """Words and phrases of up to `longest` words, lower case, that the note states.

    Left out: words that a denial of the same sentence reaches (up to a `but`; backwards up to a
    comma), denials themselves, and phrases that begin or end with a word such as `and`.

    >>> sorted(affirmed("No effusion but fever of 39. Rigors: none."))
    ['39', 'fever', 'fever of 39']
    """
    found: set[str] = set()
    for sentence in _SENTENCE.split(_ANSWER.sub(" ", note.lower())):
        matches = list(_WORD.finditer(sentence))
        words = [match.group() for match in matches]
        begins = [
            i == 0 or "," in sentence[matches[i - 1].end() : match.start()]
            for i, match in enumerate(matches)
        ]
        stated = _stated(words, begins)
        for start in range(len(words)):
            if not stated[start] or words[start] in _LINKS:
                continue
            for stop in range(start + 1, min(start + longest, len(words)) + 1):
                if not stated[stop - 1]:
                    break
                if words[stop - 1] not in _LINKS:
                    found.add(" ".join(words[start:stop]))
    return found


def _stated(words: list[str], begins: list[bool]) -> list[bool]:
    """Which words of a sentence no denial reaches. begins: whether a clause begins there."""
    stated = [True] * len(words)
    reach, i = 0, 0
    while i < len(words):
        back = _length_of_denial_back(words, begins, i)
        if back:
            _deny_back(stated, words, begins, i, back)
            i += back
        elif words[i] in _AHEAD or words[i] in _EITHER:
            reach, stated[i] = SCOPE, False
            i += 1
        else:
            if words[i] in _ENDS:
                reach = 0
            stated[i] = stated[i] and reach == 0
            reach = max(0, reach - 1)
            i += 1
    return stated


def _length_of_denial_back(words: list[str], begins: list[bool], i: int) -> int:
    """How many words from i on deny what stands before them; 0: none."""
    for denial in _BACK:
        if tuple(words[i : i + len(denial)]) == denial:
            return len(denial)
    last = i + 1 == len(words)
    if words[i] == "no" and last and i > 0:
        return 1
    ahead = begins[i] or words[i - 1] in _LINKS - {"is", "was", "were", "are", "be", "been"}
    for_it = not last and words[i + 1] in ("for", "of")
    return int(words[i] in _EITHER and not ahead and not for_it)


def _deny_back(
    stated: list[bool], words: list[str], begins: list[bool], at: int, length: int
) -> None:
    stated[at : at + length] = [False] * length
    for i in range(at - 1, max(at - 1 - SCOPE, -1), -1):
        if begins[i + 1] or words[i] in _ENDS:
            break
        stated[i] = False
