"""A note to read and to mark in: sections, find, words in colour, spans of the reader.

The note is hostile input: it reaches the browser as data and the page as text nodes, never as HTML.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from numpy.typing import NDArray
from pydantic import ValidationError

from clinmm.errors import InputError
from clinmm.review.answers import Span
from dashboards.language import t
from dashboards.marking import component, draw
from dashboards.note import pieces

_TEXTS = {
    "find": t("Find"),
    "find_title": t("Find in the note (/)"),
    "previous": t("Previous place"),
    "next": t("Next place"),
    "sections": t("Sections of the note"),
    "fold_all": t("Fold all"),
    "note": t("Note"),
    "mark": t("Mark words"),
}
_WORDS = {
    "none": t("not found"),
    "of": t("{at} of {all}"),
    "fold": t("Fold {section}"),
    "unfold": t("Unfold {section}"),
    "fold_all": t("Fold all"),
    "unfold_all": t("Unfold all"),
    "select": t("Select words to mark them; click a mark to remove it."),
    "mark_as": t("Mark the words as"),
    "no_class": t("no class"),
    "removed": t("Mark removed."),
    "undo": t("Put it back"),
    "remove": t("marked: {class_name}. A click removes the mark."),
    "marked": t("marked: {class_name}"),
    "control": t("invisible character that changes the direction of the text"),
}
_FILES = ("note_view.html", "note_view.css", "note_view.js")
# a selection within a shadow root is not told in the same way by every browser
_mount = component("clinmm_note", _FILES, _TEXTS, isolate_styles=False)

HEADINGS = re.compile(
    r"""(?:
        ^[^\S\n]*(?P<line>[A-Z][A-Z0-9 /&(),-]{2,58}[A-Z)])[^\S\n]*$    # a line in capitals
      | (?:^[^\S\n]*|(?<=[.!?;)]\s))                                    # or at a start
        (?P<start>[A-Z][\w/&-]*(?:\x20(?:[\w&-]|/)+){0,3}):(?=\s|$)      # a few words and a colon
      | (?<!\S)(?P<capitals>[A-Z][A-Z/&-]{3,}(?:\x20[A-Z/&-]+){0,3}):(?=\s|$)
    )""",
    re.VERBOSE | re.MULTILINE,
)


@dataclass(frozen=True)
class Section:
    """A heading and what stands below it, in characters. The first may have no heading.

    start to body is the heading, with its colon; body to end is the text.
    """

    start: int
    body: int
    end: int
    title: str


def sections(text: str) -> list[Section]:
    """The note cut at its headings; every character is in one section.

    A heading is a line in capitals, up to four words before a colon where a line or a sentence
    starts, or capitals before a colon anywhere.

    >>> found = sections("Film of 2 May. FINDINGS: Heart large. Impression: failure")
    >>> [(one.title, one.end) for one in found]
    [('', 15), ('FINDINGS', 38), ('Impression', 57)]
    """
    found = [(one, one.lastgroup or "line") for one in HEADINGS.finditer(text)]
    starts = [one.start(group) for one, group in found]
    ends = [*starts[1:], len(text)] if starts else []
    named = [
        Section(start, one.end(), end, one.group(group))
        for (one, group), start, end in zip(found, starts, ends, strict=True)
    ]
    first = starts[0] if starts else len(text)
    return [Section(0, 0, first, ""), *named] if first else named


def show(
    text: str,
    start: NDArray[Any] | None = None,
    end: NDArray[Any] | None = None,
    score: NDArray[Any] | None = None,
    scale: float | None = None,
    denied: Sequence[tuple[int, int]] = (),
    *,
    spans: Sequence[Span] = (),
    marking: bool = False,
    classes: Sequence[str] = (),
    name: str = "note",
    note_id: str = "",
    height: int = 340,
    key: str = "note",
) -> tuple[Span, ...] | None:
    """Draws the note, with what is found, coloured and marked in it.

    Args:
        text: the note as the run keeps it.
        start, end, score, scale, denied: as of `note.coloured`.
        spans: of the reader, of any note; those of `name` are drawn.
        marking: whether spans may be made and removed.
        classes: that a span may have.
        name: of the note input, which new spans belong to.
        note_id: names the note; what is folded and found is kept while it stays the same.
        height: of the note, in pixels, at most.
        key: of the component; differs between notes of a page.

    Returns:
        All spans after the reader changed one, else None. A change is returned once.

    Raises:
        InputError: the browser sent something else than spans of this note and these classes.
    """
    looks = pieces(text, start, end, score, scale, denied)
    data = {
        "id": note_id,
        "name": name,
        "text": text,
        "sections": [[one.start, one.body, one.end, one.title] for one in sections(text)],
        "pieces": [
            [one.start, one.end, one.kind, one.background, one.denied, one.said]
            for one in looks
            if one.said
        ],
        "height": height,
        "words": _WORDS,
    }
    read = partial(received, name=name, classes=classes, length=len(text)) if marking else None
    return draw(_mount, key, data, spans, name, classes, read)


def received(
    sent: Sequence[Any], name: str, classes: Sequence[str], length: int
) -> tuple[Span, ...]:
    """What a browser sent, as spans of a note of so many characters.

    Raises:
        InputError: it is no list of spans, or of classes that are not asked for, or beyond the end.
    """
    try:
        found = tuple(Span.model_validate({**one, "input": name}) for one in sent)
    except (ValidationError, TypeError) as error:
        raise InputError("the browser sent no spans. Reload the page.") from error
    if any(one.class_name not in (None, *classes) or one.end > length for one in found):
        raise InputError("a mark is not in this note or of no class asked for. Reload the page.")
    return found
