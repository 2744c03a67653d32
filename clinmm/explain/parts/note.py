"""A note in words, or in sentences."""

import itertools
import re

import numpy as np
from numpy.typing import NDArray

from clinmm.cases import Prepared
from clinmm.encoders.interface import Located
from clinmm.explain.joint import Joint
from clinmm.explain.parts.sentences import sentences_of
from clinmm.explain.parts.spans import sums_over

MOST_SENTENCES = 64
"""Of a longer note neighbouring sentences make one part."""

_WORD = re.compile(
    "[\u3040-\u30ff\u3400-\u9fff]"  # a sign of a script without blanks
    r"|\b(?!_+\b)(?:\d+(?:[.,:/]\d+)+\w*|\w+(?:[-'’/]\w+)*)"
)
"""A word, a number with its decimals, a date; not the blank that a mask leaves: where words were
hidden must not be seen."""


class NoteParts:
    """spans: (n, 2) where each part stands in the note as the model reads it."""

    smooth = True

    def __init__(self, joint: Joint, name: str, *, sentences: bool = False) -> None:
        self.joint, self.name, self.text = joint, name, str(joint.raw[name])
        if sentences:
            spans = _at_most(MOST_SENTENCES, sentences_of(self.text))
        else:
            spans = [match.span() for match in _WORD.finditer(self.text)]
        self.spans = np.array(spans, dtype=np.int64).reshape(-1, 2)
        self.n = len(self.spans)
        self.grid: tuple[int, ...] = (self.n,)
        self.labels = [f"{start}:{end}" for start, end in self.spans]

    def without(self, removed: NDArray[np.bool_]) -> Prepared:
        return self.joint.prepared(self.name, [self._cut(row) for row in removed])

    def _cut(self, removed: NDArray[np.bool_]) -> str:
        kept, at = [], 0
        for start, end in self.spans[removed]:
            kept.append(self.text[at:start])
            at = end
        return "".join([*kept, self.text[at:]])

    def scores(self, located: Located) -> NDArray[np.float64]:
        return sums_over(self.spans, located)

    def located(self, scores: NDArray[np.float64]) -> Located:
        return {
            "start": self.spans[:, 0].astype(np.int32),
            "end": self.spans[:, 1].astype(np.int32),
            "score": scores.astype(np.float32),
        }


def _at_most(most: int, spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Neighbours joined where there are more."""
    edges = np.linspace(0, len(spans), min(most, len(spans)) + 1).astype(int).tolist()
    return [(spans[a][0], spans[b - 1][1]) for a, b in itertools.pairwise(edges)]
