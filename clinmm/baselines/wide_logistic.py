"""Ridge logistic regression on thousands of columns, such as the expression of genes.

Source: Hastie & Tibshirani, Efficient quadratic regularization for expression arrays,
Biostatistics 5 (2004).
"""

from collections.abc import Sequence
from typing import Any, ClassVar

from clinmm.baselines.columns import Row, columns_of, principal, with_marks
from clinmm.baselines.interface import Features, Index, Path, Values
from clinmm.baselines.linear import linear_path
from clinmm.baselines.logistic_regression import MOST_COLUMNS

PENALTIES = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1)


class Baseline:
    kind: ClassVar[str] = "record"

    @staticmethod
    def serves(source: Any) -> bool:
        return len(source.numeric) + len(source.categorical) > MOST_COLUMNS

    @staticmethod
    def features(raw: Sequence[Row | None], learned: Index, source: Any, given: Any) -> Features:
        """(N, r) coordinates of the z-scores along all principal axes of the learned cases."""
        return principal(with_marks(columns_of(raw, learned, source), learned), learned)

    @staticmethod
    def path(x: Features, target: Values, task: str, balanced: bool) -> Path:
        return linear_path(x, target, task, balanced, PENALTIES)
