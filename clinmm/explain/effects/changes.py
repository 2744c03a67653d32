"""Changes of the answers that one thing makes, gathered over the cases of all folds."""

from collections import defaultdict
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from clinmm.explain.effects.encoded import EncodedCases


class Part(NamedTuple):
    """kind, input, name: as kind, input and part in schema.EFFECTS."""

    kind: str
    input: str
    name: str


class FoldCases(NamedTuple):
    """The test cases of one fold and who answers for them.

    encoded: the cases. at: (n,) their positions in the cohort. training: positions of the cases
    that the models learned from. base: (n, K) the answers as they are.
    """

    encoded: EncodedCases
    at: NDArray[np.int_]
    training: NDArray[np.int_]
    base: NDArray[np.float64]

    def encoder(self, name: str) -> Any:
        return self.encoded.models[0].encoder(name)


class Changes:
    """Part -> (positions of cases in the cohort, (n, K) changes)."""

    def __init__(self) -> None:
        self._found: dict[Part, list[tuple[NDArray[np.int_], NDArray[np.float64]]]]
        self._found = defaultdict(list)

    def add(self, part: Part, cases: NDArray[np.int_], change: NDArray[np.float64]) -> None:
        self._found[part].append((cases, change))

    def all(self) -> dict[Part, tuple[NDArray[np.int_], NDArray[np.float64]]]:
        """In the order in which parts were first added."""
        return {
            part: (np.concatenate([c for c, _ in pieces]), np.concatenate([v for _, v in pieces]))
            for part, pieces in self._found.items()
        }
