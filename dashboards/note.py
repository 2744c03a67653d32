"""A note as HTML with coloured words. The note is hostile input: every character is escaped."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clinmm.explain.figures.maps import AGAINST, FAINT, FOR, scores_by_character
from dashboards.language import t


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
    parts = [
        _span(_lines(text[one.start : one.end]), one)
        for one in pieces(text, start, end, score, scale, denied)
    ]
    return f'<div class="note">{"".join(parts)}</div>'


@dataclass(frozen=True)
class Piece:
    """A stretch of the note of one look, in characters; `end` is not in it.

    value: its attribution, 0 where too faint to be drawn. strength: |value| of the scale, up to 1.
    denied: whether the note denies it.
    """

    start: int
    end: int
    value: float
    strength: float
    denied: bool

    @property
    def kind(self) -> str:
        return "for" if self.value > 0 else "against" if self.value < 0 else ""

    @property
    def background(self) -> str:
        """Colour in CSS, empty without an attribution. The strongest leaves the words readable."""
        if not self.value:
            return ""
        red, green, blue = FOR if self.value > 0 else AGAINST
        return f"rgba({red},{green},{blue},{0.10 + 0.44 * self.strength:.2f})"

    @property
    def said(self) -> str:
        """What the colour and the line mean, in words."""
        if not self.value:
            return t("denied") if self.denied else ""
        value = f"{abs(self.value):.3f}"
        said = (
            t("for {value}", value=value) if self.value > 0 else t("against {value}", value=value)
        )
        return t("{said}, denied", said=said) if self.denied else said


def pieces(
    text: str,
    start: NDArray[Any] | None = None,
    end: NDArray[Any] | None = None,
    score: NDArray[Any] | None = None,
    scale: float | None = None,
    denied: Sequence[tuple[int, int]] = (),
) -> list[Piece]:
    """The whole note cut where its look changes; arguments as of `coloured`.

    >>> [(one.start, one.end, one.denied) for one in pieces("no fever", denied=[(3, 8)])]
    [(0, 3, False), (3, 8, True)]
    """
    values = np.zeros(len(text))
    if start is not None and end is not None and score is not None:
        values = scores_by_character(len(text), {"start": start, "end": end, "score": score})
    largest = scale or float(np.abs(values).max(initial=0.0)) or 1.0
    values[np.abs(values) < FAINT * largest] = 0.0
    negated = np.zeros(len(text), bool)
    for begin, stop in denied:
        negated[begin:stop] = True
    edges = (np.flatnonzero((np.diff(values) != 0) | np.diff(negated)) + 1).tolist()
    return [
        Piece(
            begin,
            stop,
            float(values[begin]),
            min(abs(float(values[begin])) / largest, 1.0),
            bool(negated[begin]),
        )
        for begin, stop in pairwise([0, *edges, len(text)])
        if begin < stop
    ]


def _span(escaped: str, piece: Piece) -> str:
    """A piece of the note, with its colour where it has a score and a line where it is denied."""
    if not piece.said:
        return escaped
    title, denied = escape(piece.said), " denied" * piece.denied
    if not piece.value:
        return f'<span class="denied" title="{title}">{escaped}</span>'
    return (
        f'<span class="word {piece.kind}{denied}" title="{title}" '
        f'style="background:{piece.background}">{escaped}</span>'
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
        absent = escape(t("Not in the note as the run keeps it."))
        return f'<div class="note excerpt">{absent}</div>'
    before = text[max(found.start() - around, 0) : found.start()]
    after = text[found.end() : found.end() + around]
    return (
        f'<div class="note excerpt"><span class="blurred">{_lines(before)}</span>'
        f"<mark>{_lines(found.group())}</mark>"
        f'<span class="blurred">{_lines(after)}</span></div>'
    )
