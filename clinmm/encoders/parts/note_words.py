"""From the pieces of a note back to its words, and whether a tokenizer knows its language."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from clinmm.encoders.interface import Located

LOOKED_AT = 200
"""Notes from which it is judged whether a tokenizer knows their language."""

HARDLY_COVERED = 0.4
"""Share of unknown and one-letter pieces from which it does not. In MiniLM's vocabulary English
clinical notes have 0.05, German and Spanish 0.1 to 0.2 (not told: their letters are known),
Russian, Greek, Arabic and Chinese above 0.85."""


def joined(score: Mapping[tuple[int, int], float], note: str) -> Located:
    """(start, end) of pieces -> score; pieces that overlap, or touch within a word, become one."""
    words: list[list[float]] = []
    for (start, end), value in sorted(score.items()):
        gap = start - words[-1][1] if words else 1
        if gap < 0 or (gap == 0 and note[start - 1 : start + 1].isalnum()):
            words[-1][1] = max(words[-1][1], end)
            words[-1][2] += value
        else:
            words.append([start, end, value])
    return {
        "start": np.array([w[0] for w in words], np.int32),
        "end": np.array([w[1] for w in words], np.int32),
        "score": np.array([w[2] for w in words], np.float32),
    }


def size_of(attributions: NDArray[np.float32]) -> NDArray[np.float32]:
    """(1,) sum of |attribution| over pieces that stand for no word, which no note can show."""
    return np.array([np.abs(attributions).sum()], np.float32)


def fragments(note: str, spans: Iterable[tuple[int, int]], unknown: Sequence[bool]) -> float:
    """Share of pieces with letters that are unknown, or one letter of a longer word."""
    broken = pieces = 0
    for (start, end), is_unknown in zip(spans, unknown, strict=True):
        if not note[start:end].isalpha():
            continue
        pieces += 1
        beside = note[max(0, start - 1) : start] + note[end : end + 1]
        lone = end - start == 1 and any(letter.isalpha() for letter in beside)
        broken += is_unknown or lone
    return broken / pieces if pieces else 0.0


def warning(shares: Sequence[float], what: str) -> dict[str, str]:
    """{"warning": sentence} where the notes' mean share of fragments is high, else {}."""
    mean = float(np.mean(shares)) if shares else 0.0
    if mean < HARDLY_COVERED:
        return {}
    return {
        "warning": f"{what} hardly knows the language of the notes: {100 * mean:.0f} % of its "
        "word pieces are unknown or single letters. Name a model of that language, or a "
        "multilingual one (weights: xlm_roberta), or use bag_of_words."
    }
