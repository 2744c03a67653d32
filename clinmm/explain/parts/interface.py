"""What the parts of every kind of input offer."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from clinmm.cases import Prepared
from clinmm.encoders.interface import Located


class Parts(Protocol):
    """The parts of one input of one case.

    grid: how the parts lie, (rows, columns) of patches, (n,) of words, columns and stretches; its
        product is `n`. smooth: whether neighbours on the grid belong together (columns of a record
        do not). labels: what each part is, for a table; never the words of a note.
    """

    n: int
    grid: tuple[int, ...]
    smooth: bool
    labels: list[str]

    def without(self, removed: NDArray[np.bool_]) -> Prepared:
        """(S, n), what is taken away -> what the encoder's forward takes, S rows.

        A patch or stretch gives way to the reference, a word is cut out of the text, a column is
        not recorded.
        """

    def scores(self, located: Located) -> NDArray[np.float64]:
        """(n,) attributions summed over each part."""

    def located(self, scores: NDArray[np.float64]) -> Located:
        """(n,) scores of the parts -> where a person looks for them; the way back of `scores`."""
