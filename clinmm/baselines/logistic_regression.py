"""Logistic regression on the columns of a record, with a mark for what was not measured.

Ridge regression for a continuous target.
"""

from collections.abc import Sequence
from typing import Any, ClassVar

from clinmm.baselines.columns import Row, columns_of, with_marks
from clinmm.baselines.interface import Features, Index, Path, Values
from clinmm.baselines.linear import linear_path

PENALTIES = (0.003, 0.03, 0.3, 3.0)
MOST_COLUMNS = 300
"""Records of more columns are for `wide_logistic`."""


class Baseline:
    kind: ClassVar[str] = "record"

    @staticmethod
    def serves(source: Any) -> bool:
        return len(source.numeric) + len(source.categorical) <= MOST_COLUMNS

    @staticmethod
    def features(raw: Sequence[Row | None], learned: Index, source: Any, given: Any) -> Features:
        """(N, F) z-scores, 0 where not measured, and marks."""
        return with_marks(columns_of(raw, learned, source), learned)

    @staticmethod
    def path(x: Features, target: Values, task: str, balanced: bool) -> Path:
        return linear_path(x, target, task, balanced, PENALTIES)
