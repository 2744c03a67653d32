"""From a predictions table to the metrics, comparisons and curves tables: `evaluate`."""

from clinmm.evaluation.evaluate import Evaluation, evaluate

__all__ = ["Evaluation", "evaluate"]
