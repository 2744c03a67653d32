"""What sets and deferral do on test cases, as rows of the tables of an evaluation."""

import pandas as pd

from clinmm.rules import FittedRules
from clinmm.uncertainty import deferral_measures, risk_coverage_measures, set_measures


def both(first: pd.DataFrame, second: pd.DataFrame) -> pd.DataFrame:
    """One table under the other; an empty one has no say in the types of columns."""
    filled = [table for table in (first, second) if len(table)]
    return pd.concat(filled, ignore_index=True) if filled else first


def measured(
    predictions: pd.DataFrame,
    rules: FittedRules,
    *,
    kind: str,
    groups: pd.DataFrame | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Rows of schema.METRICS, schema.COMPARISONS and schema.CURVES.

    Args:
        predictions: schema.PREDICTIONS with sets and deferral; rows that are not test are left out.
        rules: what they were made by.
        kind: binary, multiclass or multilabel.
        groups: as from `subgroups.grouping`: rows by group, in place of those of everybody, by
            class and by pattern.
    """
    test = predictions[predictions["split"] == "test"]
    sets = set_measures.measure(test, rules.prediction_sets, kind=kind, groups=groups)
    handed_back, comparisons = deferral_measures.measure(
        test, rules.deferral, rules.thresholds, groups=groups
    )
    areas, curves = risk_coverage_measures.measure(
        test, rules.thresholds, exclusive=kind == "multiclass", groups=groups
    )
    return both(both(sets, handed_back), areas), comparisons, curves
