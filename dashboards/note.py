"""A note as HTML with coloured words. The note is hostile input: every character is escaped."""

import re
from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray

FOR = (230, 140, 0)
AGAINST = (40, 130, 200)
"""Orange for, blue against: told apart with any kind of colour vision (Okabe and Ito 2008)."""


def scores_by_character(
    length: int, start: NDArray[Any], end: NDArray[Any], score: NDArray[Any]
) -> NDArray[np.float64]:
    """(length,) the strongest score over each character; 0 where no span lies.

    Spans that overlap (phrases and their words) keep the stronger; ends outside are cut.
    """
    strongest = np.zeros(length)
    for begin, stop, value in zip(start, end, score, strict=True):
        part = strongest[max(int(begin), 0) : max(int(stop), 0)]
        part[np.abs(part) < abs(value)] = value
    return strongest


def coloured(
    text: str,
    start: NDArray[Any] | None = None,
    end: NDArray[Any] | None = None,
    score: NDArray[Any] | None = None,
    scale: float | None = None,
) -> str:
    """HTML of the note, words with a score in a span, stronger ones darker.

    Args:
        text: the note as written.
        start, end: (T,) character positions of the spans.
        score: (T,) attributions in logits; positive speaks for the class.
        scale: the score that gets the darkest colour; the strongest of the note without one.

    >>> coloured("a<b")
    '<div class="note">a&lt;b</div>'
    """
    if start is None or end is None or score is None or not len(score):
        return f'<div class="note">{_lines(text)}</div>'
    values = scores_by_character(len(text), start, end, score)
    largest = scale or float(np.abs(values).max()) or 1.0
    edges = np.flatnonzero(np.diff(values)) + 1
    parts = []
    for begin, stop in zip([0, *edges], [*edges, len(text)], strict=True):
        piece, value = _lines(text[begin:stop]), float(values[begin])
        if abs(value) < 0.04 * largest:
            parts.append(piece)
            continue
        red, green, blue = FOR if value > 0 else AGAINST
        kind = "for" if value > 0 else "against"
        shade = 0.10 + 0.50 * min(abs(value) / largest, 1.0)
        parts.append(
            f'<span class="word {kind}" title="{kind} {abs(value):.3f}" '
            f'style="background:rgba({red},{green},{blue},{shade:.2f})">{piece}</span>'
        )
    return f'<div class="note">{"".join(parts)}</div>'


def _lines(text: str) -> str:
    return escape(text).replace("\n", "<br>")


def excerpt(text: str, words: str, around: int = 90) -> str:
    """HTML of the first place where the words stand, what is beside them blurred.

    Args:
        text: the note as the run keeps it.
        words: a word or phrase, in any case.
        around: how many characters are shown to each side.

    >>> excerpt("Known effusion.", "effusion", around=3)  # doctest: +ELLIPSIS
    '<div class="note excerpt"><span class="blurred">wn </span><mark>effusion</mark>...
    """
    between = r"[\s\W_]+".join(re.escape(word) for word in words.split())
    found = re.search(rf"(?<!\w){between}(?!\w)", text, re.IGNORECASE) if between else None
    if found is None:
        return '<div class="note excerpt">Not in the note as the run keeps it.</div>'
    before = text[max(found.start() - around, 0) : found.start()]
    after = text[found.end() : found.end() + around]
    return (
        f'<div class="note excerpt"><span class="blurred">{_lines(before)}</span>'
        f"<mark>{_lines(found.group())}</mark>"
        f'<span class="blurred">{_lines(after)}</span></div>'
    )
