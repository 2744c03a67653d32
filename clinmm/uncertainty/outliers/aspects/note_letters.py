"""Letters that follow each other otherwise than in training: another language, or no prose.

Reference:
    Dunning. Statistical identification of language. NMSU CRL MCCS-94-273 (1994).
"""

from collections import Counter
from collections.abc import Sequence
from math import log
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clinmm.uncertainty.outliers.readings import NoteNumbers

KIND, UNIT = "note", 0.1

MOST_TRIPLES, LEARNED_FROM = 5000, 2000


def learn(readings: Sequence[NoteNumbers], patients: Any, spec: Any) -> dict[str, Any]:
    """Triples of letters and how often the training notes have them."""
    counts: Counter[str] = Counter()
    for at in np.linspace(0, len(readings) - 1, min(len(readings), LEARNED_FROM)).astype(int):
        counts.update(readings[at].triples)
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return {"counts": dict(ranked[:MOST_TRIPLES]), "n": sum(counts.values())}


def score(facts: dict[str, Any], readings: Sequence[NoteNumbers]) -> NDArray[np.float64]:
    """Mean surprise of a triple, in nats, with one half added to every count; 0 without words."""
    n = log(facts["n"] + 0.5 * MOST_TRIPLES)
    surprise = {triple: n - log(count + 0.5) for triple, count in facts["counts"].items()}
    new = n - log(0.5)
    return np.array([_mean_surprise(surprise, new, one.triples) for one in readings])


def reason(facts: dict[str, Any], reading: NoteNumbers) -> str:
    return (
        "the note is not written in the language of the training notes: its letters follow each "
        f"other otherwise ({score(facts, [reading])[0]:.1f} nats a letter)"
    )


def _mean_surprise(surprise: dict[str, float], new: float, triples: Counter[str]) -> float:
    total = sum(count * surprise.get(triple, new) for triple, count in triples.items())
    return total / triples.total() if triples else 0.0
