"""Words that training notes do not have: another language, or another kind of text."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clinmm.uncertainty.outliers.readings import NoteNumbers

KIND, UNIT = "note", 0.02

MOST_WORDS = 20_000


def learn(readings: Sequence[NoteNumbers], patients: Sequence[str], spec: Any) -> dict[str, Any]:
    """Words in the notes of two patients or more: a name that stands in one note is not kept."""
    holders: dict[str, set[str]] = defaultdict(set)
    for one, patient in zip(readings, patients, strict=True):
        for word in one.words:
            holders[word].add(patient)
    shared = Counter({word: len(who) for word, who in holders.items() if len(who) > 1})
    ranked = sorted(shared.items(), key=lambda item: (-item[1], item[0]))
    return {"words": sorted(word for word, _ in ranked[:MOST_WORDS])}


def score(facts: dict[str, Any], readings: Sequence[NoteNumbers]) -> NDArray[np.float64]:
    """Share of the note's distinct words that are not known; 0 without words."""
    known = set(facts["words"])
    return np.array([_unknown(known, one) for one in readings])


def reason(facts: dict[str, Any], reading: NoteNumbers) -> str:
    share = _unknown(set(facts["words"]), reading)
    return (
        f"the note is not in the language of the training notes: {share:.0%} of its words are not "
        "among theirs"
    )


def _unknown(known: set[str], one: NoteNumbers) -> float:
    return len(one.words - known) / len(one.words) if one.words else 0.0
