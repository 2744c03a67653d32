"""What sets and deferral do on test cases, as rows of the tables of an evaluation."""

import pandas as pd

from clinmm.rules import FittedRules
from clinmm.uncertainty import deferral_measures, risk_coverage_measures, set_measures

OF_SETS = ("set_coverage", "set_recall", "set_size", "set_empty", "set_certain")
OF_DEFERRAL = (
    *("deferral_share", "retained_risk", "risk_without_deferral"),
    *("handed_back_per_1000", "misses_per_1000", "misses_per_1000_without_deferral"),
    *("aurc", "aurc_excess"),
)


def of_rules(table: pd.DataFrame) -> "pd.Series[bool]":
    """Which rows of a metrics, comparisons or curves table come from here."""
    if "rival" in table.columns:
        return table["rival"] == deferral_measures.RIVAL
    if "kind" in table.columns:
        return table["kind"] == risk_coverage_measures.KIND
    return table["metric"].isin([*OF_SETS, *OF_DEFERRAL])


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
        groups: index case_id, one text column per sensitive attribute; None: there are none.
    """
    test = predictions[predictions["split"] == "test"]
    sets = set_measures.measure(test, rules.prediction_sets, kind=kind, groups=groups)
    handed_back, comparisons = deferral_measures.measure(
        test, rules.deferral, rules.thresholds, groups=groups
    )
    areas, curves = risk_coverage_measures.measure(
        test, rules.thresholds, exclusive=kind == "multiclass", groups=groups
    )
    metrics = [table for table in (sets, handed_back, areas) if len(table)]
    return pd.concat(metrics, ignore_index=True), comparisons, curves
