"""Largest gap between the groups of one attribute, by Fairlearn's MetricFrame."""

import numpy as np
from numpy.typing import NDArray

from clinmm.metrics.weighted import Array


def rates_by_group(
    y_true: Array, y_decision: Array, groups: NDArray[np.object_]
) -> dict[str, dict[str, float]]:
    """False positive and false negative rate of each group.

    Args:
        y_true, y_decision: (n,) in {0, 1}. groups: (n,) names.

    Returns:
        "fpr" and "fnr" -> group -> rate.
    """
    return {
        metric: {str(group): float(rate) for group, rate in by_group.items()}
        for metric, by_group in _frame(y_true, y_decision, groups).by_group.items()
    }


def largest_gaps(y_true: Array, y_decision: Array, groups: NDArray[np.object_]) -> dict[str, float]:
    """Largest minus smallest fpr and fnr among the groups.

    It grows with the number of groups and with their noise, even where nothing differs: a
    description, not evidence.

    Returns:
        "fpr" and "fnr" -> difference. The larger of the two is the equalised-odds difference.

    Reference:
        Hardt, Price, Srebro. NeurIPS 2016.
    """
    gaps = _frame(y_true, y_decision, groups).difference(method="between_groups")
    return {str(metric): float(gap) for metric, gap in gaps.items()}


def _frame(y_true: Array, y_decision: Array, groups: NDArray[np.object_]):  # type: ignore[no-untyped-def]
    from fairlearn.metrics import MetricFrame, false_negative_rate, false_positive_rate

    return MetricFrame(
        metrics={"fpr": false_positive_rate, "fnr": false_negative_rate},
        y_true=y_true,
        y_pred=y_decision,
        sensitive_features=groups.astype(str),
    )
