"""Which words of a note are denied, sentence by sentence.

A denial reaches six words ahead ("no", "denies", "negative for"), to the end of its sentence or to
a `but`; or, where it comes after what it denies ("effusion: none", "COVID was ruled out",
"pneumonia is unlikely"), six words back, to a comma. Phrases that only look like denials ("no
increase", "not only", "cannot be ruled out") deny nothing. What is only supposed ("suspected
COVID", "? effusion") is not denied: NegEx, too, keeps *possible* apart from *negated*. English.

Reference:
    NegEx: Chapman, Bridewell, Hanbury, Cooper, Buchanan. J Biomed Inform 34:301 (2001): a finding
    and at most five words between it and the phrase; what comes after and where it ends, ConText:
    Harkema, Dowling, Thornblade, Chapman. J Biomed Inform 42:839 (2009).
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

SCOPE = 6
"""A denial reaches so many words: the finding, and in NegEx five between the two."""

Standing = Literal["stated", "denied", "denial"]
Phrases = tuple[tuple[str, ...], ...]


def _phrases(*said: str) -> Phrases:
    """Split into words, the longest first."""
    return tuple(sorted((tuple(one.split()) for one in said), key=lambda one: -len(one)))


_AHEAD = _phrases(
    "no", "not", "denies", "denied", "deny", "denying", "without", "never", "nor", "neither",
    "no evidence of", "no evidence for", "no evidence to suggest", "no sign of", "no signs of",
    "no suggestion of", "no longer", "not demonstrate", "not have", "without evidence of",
    "without any", "without signs of", "without sign of", "free of", "absence of", "lack of",
    "rules out", "ruled out for", "fails to reveal", "rather than",
)  # fmt: skip
"""Deny what follows."""

_BACK = _phrases(
    "ruled out", "was excluded", "were excluded", "been excluded", "none", "nil", "absent",
    "not detected", "not seen", "not found", "not identified", "not present", "not demonstrated",
    "not confirmed", "not visualised", "not visualized", "not appreciated",
)  # fmt: skip
"""Deny what stands before."""

_EITHER = {"negative": ("for", "of"), "neg": ("for", "of"), "unlikely": ("to", "that")}
"""Deny what follows at the beginning of a clause or before these words, else what stands before."""

_NO_DENIAL = _phrases(
    "no increase", "no increased", "no change", "no significant change", "no interval change",
    "no significant interval change", "no definite change", "no suspicious change", "no further",
    "no longer than", "not only", "not just", "not certain if", "not certain whether",
    "not necessarily", "not cause", "not drain", "not extend", "gram negative",
    "without difficulty", "without change", "not ruled out", "not been ruled out",
    "not be ruled out", "cannot be ruled out", "not excluded", "not been excluded",
    "not be excluded",
)  # fmt: skip
"""Look like denials, and deny nothing."""

LINKS = {
    "a", "an", "and", "are", "as", "at", "be", "been", "but", "by", "for", "from", "had", "has",
    "have", "he", "her", "his", "in", "is", "it", "its", "of", "on", "or", "she", "that", "the",
    "their", "there", "they", "this", "to", "was", "were", "which", "who", "with",
}  # fmt: skip
"""Words that say nothing by themselves."""

_BE = {"is", "was", "were", "are", "be", "been"}
_ENDS = {"but", "however", "although", "though", "except", "nevertheless", "yet"}
_ANSWER = re.compile(
    r"[:?]\s+(?=(?:no|none|nil|neg|negative|absent|unlikely|not \w+)\s*(?:[.;,\n]|$))",
    re.IGNORECASE,
)
"""`effusion: none` is one statement."""
_SENTENCE = re.compile(r"[.;:!?\n]+\s|[.;:!?]+$|\n|_{2,}|[()\[\]]")
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*", re.UNICODE)


@dataclass(frozen=True)
class Said:
    """One sentence. words: lower case; spans: (start, end) of each in the note; standing: whether
    each is stated, denied, or part of a denial itself."""

    words: list[str]
    spans: list[tuple[int, int]]
    standing: list[Standing]


def sentences_said(note: str, scope: int = SCOPE) -> Iterator[Said]:
    """The sentences of a note with what they state and what they deny, `scope` words ahead."""
    text = _ANSWER.sub(lambda match: " " * len(match.group()), note)
    start = 0
    for stop, following in [*(m.span() for m in _SENTENCE.finditer(text)), (len(text), len(text))]:
        matches = list(_WORD.finditer(text, start, stop))
        start = following
        if matches:
            words = [match.group().lower() for match in matches]
            begins = [
                i == 0 or "," in text[matches[i - 1].end() : match.start()]
                for i, match in enumerate(matches)
            ]
            yield Said(words, [match.span() for match in matches], _standing(words, begins, scope))


def _standing(words: list[str], begins: list[bool], scope: int) -> list[Standing]:
    """begins: whether a clause begins at the word."""
    standing: list[Standing] = ["stated"] * len(words)
    reach, i = 0, 0
    while i < len(words):
        length, way = _denial_at(words, begins, i)
        if length:
            standing[i : i + length] = ["denial"] * length
            if way == "ahead":
                reach = scope
            elif way == "back":
                _deny_back(standing, words, begins, i)
            i += length
            continue
        if words[i] in _ENDS:
            reach = 0
        if reach:
            standing[i] = "denied"
            reach -= 1
        i += 1
    return standing


def _denial_at(words: list[str], begins: list[bool], i: int) -> tuple[int, str]:
    """How many words from i on are a denial (0: none) and its way: ahead, back, or neither."""
    if length := _starts_with(words, i, _NO_DENIAL):
        return length, "neither"
    back, ahead = _starts_with(words, i, _BACK), _starts_with(words, i, _AHEAD)
    last = i + 1 == len(words)
    if words[i : i + 2] == ["ruled", "out"] and not ahead:
        asked = i > 0 and words[i - 1] in _BE  # "was ruled out", but "CT ruled out embolism"
        return 2, "back" if asked or i + 2 == len(words) else "ahead"
    if back and back > ahead - 1:
        return back, "back"
    if words[i] in _EITHER:
        begun = begins[i] or words[i - 1] in LINKS - _BE
        of_it = not last and words[i + 1] in _EITHER[words[i]]
        return 1 + (of_it and words[i + 1] != "that"), "ahead" if begun or of_it else "back"
    if words[i] == "no" and last and i > 0:
        return 1, "back"
    return ahead, "ahead"


def _starts_with(words: list[str], i: int, phrases: Sequence[tuple[str, ...]]) -> int:
    """Length of the longest of the phrases that stands at word i; 0: none does."""
    return next((len(p) for p in phrases if tuple(words[i : i + len(p)]) == p), 0)


def _deny_back(standing: list[Standing], words: list[str], begins: list[bool], at: int) -> None:
    for i in range(at - 1, max(at - 1 - SCOPE, -1), -1):
        if begins[i + 1] or words[i] in _ENDS:
            break
        if standing[i] == "stated":
            standing[i] = "denied"
