"""Gradient-boosted trees on the columns of a record; what was not measured is a branch of its own.

Source: Friedman, Annals of Statistics 29 (2001); histograms as in Ke et al., LightGBM, NeurIPS
2017, by scikit-learn.
"""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from clinmm.baselines.columns import Row, columns_of
from clinmm.baselines.interface import Answers, Features, Index, Path, Values
from clinmm.baselines.linear import as_labelled, measured_from, nothing
from clinmm.baselines.logistic_regression import MOST_COLUMNS

ROUNDS = (15, 40, 100)
"""Numbers of trees to choose from."""
LEAVES, LEARNING_RATE, SMALLEST_LEAF = 8, 0.1, 10


class Baseline:
    kind: ClassVar[str] = "record"

    @staticmethod
    def serves(source: Any) -> bool:
        return len(source.numeric) + len(source.categorical) <= MOST_COLUMNS

    @staticmethod
    def features(raw: Sequence[Row | None], learned: Index, source: Any, given: Any) -> Features:
        """(N, F) as recorded, NaN where not measured."""
        return columns_of(raw, learned, source)

    @staticmethod
    def path(x: Features, target: Values, task: str, balanced: bool) -> Path:
        from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

        settings = {
            "max_iter": ROUNDS[-1],
            "max_leaf_nodes": LEAVES,
            "learning_rate": LEARNING_RATE,
            "min_samples_leaf": SMALLEST_LEAF,
            "early_stopping": False,
            "random_state": 0,
        }
        n_classes = target.shape[1]
        if len(target) == 0:
            return {f"{n} trees": nothing(n_classes) for n in ROUNDS}
        # scikit-learn cannot cut a column in which nothing was measured
        x = np.where(np.isnan(x).all(0), 0.0, x)
        if task == "continuous":
            mean = float(target.mean())
            model = HistGradientBoostingRegressor(**settings).fit(x, target[:, 0] - mean)
            return {f"{n} trees": _after(model.staged_predict, n) for n in ROUNDS}
        row, label, weight = as_labelled(target, balanced)
        if len(np.unique(label)) < 2:
            return {f"{n} trees": nothing(n_classes) for n in ROUNDS}
        model = HistGradientBoostingClassifier(**settings).fit(x[row], label, sample_weight=weight)
        start = measured_from(target, balanced)
        staged = model.staged_decision_function
        return {f"{n} trees": _after(staged, n, model.classes_, start) for n in ROUNDS}


def _after(
    staged: Any, n_trees: int, classes: Index | None = None, start: Values | None = None
) -> Answers:
    """The evidence of the first trees. staged: scikit-learn's method, which gives the answers after
    each tree, one column for two classes; start: (K,) what they begin at."""

    def answers(x: Features) -> Values:
        raw = next(out for i, out in enumerate(staged(x), 1) if i == n_trees)
        raw = np.asarray(raw, dtype=np.float64).reshape(len(x), -1)
        if classes is None or start is None:
            return raw
        if len(start) == 1:
            return raw - start
        evidence = np.zeros((len(x), len(start)))
        evidence[:, classes[1:] if raw.shape[1] == 1 else classes] = raw
        evidence[:, classes] -= start[classes]
        return evidence

    return answers
