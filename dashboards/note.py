"""A note as HTML with coloured words. The note is hostile input: every character is escaped."""

import re
from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clinmm.explain.figures.maps import AGAINST, FAINT, FOR, scores_by_character


def coloured(
    text: str,
    start: NDArray[Any] | None = None,
    end: NDArray[Any] | None = None,
    score: NDArray[Any] | None = None,
    scale: float | None = None,
    denied: Sequence[tuple[int, int]] = (),
) -> str:
    """HTML of the note, words with a score in a span, stronger ones darker.

    Args:
        text: the note as written.
        start, end: (T,) character positions of the spans.
        score: (T,) attributions in logits; positive speaks for the class.
        scale: the score that gets the darkest colour; the strongest of the note without one.
        denied: (start, end) of what the note denies, underlined.

    >>> coloured("a<b")
    '<div class="note">a&lt;b</div>'
    >>> coloured("no fever", denied=[(3, 8)])
    '<div class="note">no <span class="denied" title="denied">fever</span></div>'
    """
    values = np.zeros(len(text))
    if start is not None and end is not None and score is not None:
        values = scores_by_character(len(text), {"start": start, "end": end, "score": score})
    largest = scale or float(np.abs(values).max(initial=0.0)) or 1.0
    values[np.abs(values) < FAINT * largest] = 0.0
    negated = np.zeros(len(text), bool)
    for begin, stop in denied:
        negated[begin:stop] = True
    edges = np.flatnonzero((np.diff(values) != 0) | np.diff(negated)) + 1
    parts = [
        _span(
            _lines(text[begin:stop]), values[begin] / largest, values[begin], bool(negated[begin])
        )
        for begin, stop in zip([0, *edges], [*edges, len(text)], strict=True)
        if begin < stop
    ]
    return f'<div class="note">{"".join(parts)}</div>'


def _span(piece: str, strength: float, value: float, denied: bool) -> str:
    """A piece of the note, with its colour where it has a score and a line where it is denied."""
    if not value:
        return f'<span class="denied" title="denied">{piece}</span>' if denied else piece
    kind = "for" if value > 0 else "against"
    red, green, blue = FOR if value > 0 else AGAINST
    shade = 0.10 + 0.50 * min(abs(strength), 1.0)
    said = f"{kind} {abs(value):.3f}" + ", denied" * denied
    return (
        f'<span class="word {kind}{" denied" * denied}" title="{said}" '
        f'style="background:rgba({red},{green},{blue},{shade:.2f})">{piece}</span>'
    )


def marked(text: str, start: int, end: int, around: int = 120) -> str:
    """HTML of a stretch of the note, such as a sentence, marked between what stands around it.

    >>> marked("No fever. Cough.", 10, 16)
    '<div class="note excerpt">No fever. <mark>Cough.</mark></div>'
    """
    before, after = text[max(start - around, 0) : start], text[end : end + around]
    before = "…" * (start > around) + before
    after += "…" * (end + around < len(text))
    return (
        f'<div class="note excerpt">{_lines(before)}<mark>{_lines(text[start:end])}</mark>'
        f"{_lines(after)}</div>"
    )


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
