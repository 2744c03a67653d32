"""Puts a token of its kind where an identifier stood: [NAME], [DATE]."""

import re
from collections import Counter
from collections.abc import Collection, Sequence

from clinmm.deidentification.notes import Span, find_spans

TOKENS = {
    "name": "[NAME]",
    "date": "[DATE]",
    "phone": "[PHONE]",
    "email": "[EMAIL]",
    "url": "[URL]",
    "ssn": "[ID]",
    "record number": "[ID]",
    "address": "[ADDRESS]",
    "age over 90": "90",  # 45 CFR 164.514(b)(2)(i)(C): a single category of 90 or older
    "known": "[ID]",
}


def known_pattern(known: Collection[str]) -> re.Pattern[str] | None:
    """Matches what is known of one person, as whole words in any case; None for nothing."""
    words = sorted({word for word in known if len(word) > 2}, key=lambda word: (-len(word), word))
    if not words:
        return None
    return re.compile(
        rf"(?<!\w)(?:{'|'.join(re.escape(word) for word in words)})(?!\w)", re.IGNORECASE
    )


def mask_text(
    text: str, known: re.Pattern[str] | None = None, more: Sequence[Span] = ()
) -> tuple[str, Counter[str]]:
    """The text with tokens, and how many of each kind were put.

    Args:
        text: a note or a header's text.
        known: see `known_pattern`.
        more: spans of the text that something else found.

    >>> mask_text("Seen by Dr. Okafor on 3/14/2019, aged 93.")[0]
    'Seen by Dr. [NAME] on [DATE], aged 90.'
    """
    counts: Counter[str] = Counter()
    spans = find_spans(text)
    spans += [s for s in more if not _overlaps(s, spans)]
    text = _replace(text, spans, counts)
    if known is not None:
        text, n = known.subn(TOKENS["known"], text)
        counts["known"] += n
    # A token can bring the words around it closer together, so look until nothing is found.
    for _ in range(5):
        spans = find_spans(text)
        if not any(text[s.start : s.end] != TOKENS[s.kind] for s in spans):
            break
        text = _replace(text, spans, counts)
    return text, +counts


def _overlaps(span: Span, others: Sequence[Span]) -> bool:
    return any(span.start < other.end and other.start < span.end for other in others)


def _replace(text: str, spans: Sequence[Span], counts: Counter[str]) -> str:
    parts, at = [], 0
    for span in sorted(spans):
        parts += [text[at : span.start], TOKENS[span.kind]]
        at = span.end
        counts[span.kind] += 1
    return "".join([*parts, text[at:]])
