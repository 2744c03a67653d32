"""Where the sentences of a clinical note begin and end, and what each adds.

A sentence ends at a full stop, question mark, exclamation mark or semicolon that blanks follow,
at an empty line, and at a line break before what looks like a new beginning; a line that goes on
in lower case was broken by its width alone. Abbreviations, initials, decimals and the numbers of a
list end nothing. A heading such as `IMPRESSION:` stands for itself.
"""

import re

import numpy as np

from clinmm.encoders.interface import Located
from clinmm.explain.parts.spans import sums_over

_NO_END = re.compile(
    r"abb|abt|approx|art|bzgl|bzw|ca|cf|cp|dept|diff|dr|ehem|etwa|evtl|excl|fig|ggf|hrs?|incl?|inkl"
    r"|lat|li|lt|max|min|mrs?|ms|neg|nr|obs|op|pat|pos|pp|prof|pts?|rd|re|resp|rt|sog|st|tab|tbl"
    r"|vgl|vs|z[.]b|d[.]h|u[.]a|e[.]g|i[.]e|a[.]k[.]a",
    re.IGNORECASE,
)
"""Abbreviations, without their last full stop, after which a sentence goes on."""

_HEADING = r"[A-ZÀ-Þ][A-ZÀ-Þ /&()'-]{3,40}:"
_CANDIDATE = re.compile(
    rf"(?P<stop>[.!?;…]+[\"'”’)\]]*)(?=\s|$)|(?P<full>[。！？؟।])|(?P<blank>\n[ \t\r]*\n)"
    rf"|(?P<line>\r?\n)|(?:(?<=\n)|(?<![\w\s])|^)[ \t]*(?P<heading>{_HEADING})(?=\s)"
)
_LIST_MARK = re.compile(r"\s*(?:\d{1,2}|[a-zA-Z])[.)]?$")
_INITIAL = re.compile(r"(?:^\s*|\b(?:[A-Z][a-z]*[.]?|by|with|from|per)\s+)[A-Z]$")
"""Of a name, but not the unit in `98.6 F.`."""
_LAST_WORD = re.compile(r"[\w.]+$")
_GOES_ON = re.compile(r"[ \t]*(?![a-z][.)]\s)[a-zà-ÿ(,]")


def sentences_of(text: str) -> list[tuple[int, int]]:
    """(start, end) of each sentence, without the blanks around it; pieces without letters or
    digits are none.

    >>> note = "Seen by Dr. Li: 38.5 C, approx. 3 days.\\n1. No effusion; heart enlarged"
    >>> [note[start:end] for start, end in sentences_of(note)]
    ['Seen by Dr. Li: 38.5 C, approx. 3 days.', '1. No effusion;', 'heart enlarged']
    """
    spans: list[tuple[int, int]] = []
    start = 0
    for end in [*_ends(text), len(text)]:
        piece = text[start:end]
        if any(letter.isalnum() for letter in piece):
            lead = len(piece) - len(piece.lstrip())
            spans.append((start + lead, start + len(piece.rstrip())))
        start = end
    return spans


def by_sentence(text: str, located: Located) -> list[tuple[int, int, float]]:
    """(start, end, sum of its words' scores) of each sentence of a note, in order.

    Args:
        text: the note, with the characters that `start` and `end` count.
        located: `start`, `end`, `score` of its words.

    >>> text = "No effusion. Heart enlarged."
    >>> words = {"start": np.array([3, 13, 19]), "end": np.array([11, 18, 27])}
    >>> by_sentence(text, words | {"score": np.array([-0.5, 0.25, 1.0])})
    [(0, 12, -0.5), (13, 28, 1.25)]
    """
    spans = sentences_of(text)
    sums = sums_over(np.array(spans, dtype=np.int64).reshape(-1, 2), located)
    return [(start, end, float(sum_)) for (start, end), sum_ in zip(spans, sums, strict=True)]


def _ends(text: str) -> list[int]:
    """Where a sentence ends, in rising order."""
    ends, start = [], 0
    for found in _CANDIDATE.finditer(text):
        if _is_end(text, start, found):
            start = found.end()
            ends.append(start)
    return ends


def _is_end(text: str, start: int, found: re.Match[str]) -> bool:
    """Whether what was found ends the sentence that begins at `start`."""
    if found["line"]:
        return not _GOES_ON.match(text, found.end())
    if not found["stop"] or found["stop"][0] != ".":
        return True
    before = text[start : found.start()]
    word = _LAST_WORD.search(before)
    if word is None or _LIST_MARK.fullmatch(before):
        return word is None
    last, following = word.group(), text[found.end() :].lstrip()[:1]
    if _NO_END.fullmatch(last) or _INITIAL.search(before):
        return False
    if last.lower() == "no":  # "No. 3", but "she said no."
        return not following.isdigit()
    dotted = "." in last and last.replace(".", "").isalpha()  # b.i.d., p.m.
    return not dotted or not following or following.isupper()
