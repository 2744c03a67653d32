"""Errors of values by sensitive group, and each group against everybody else.

Declared family `gaps`, one for each arm: the mean absolute error and the mean error of every group
against everybody else of whom the attribute is recorded; Holm over all of them. With two groups the
two tests are one test seen from either side and count once. A mean error has no better side: a gap
that is shown is `worse`.
"""

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from clinmm import schema
from clinmm.comparisons import ALPHA, Difference, difference, holm, verdict
from clinmm.continuous.evaluate import KIND, observed, value_rows
from clinmm.continuous.intervals import of_intervals
from clinmm.continuous.samples import METRICS, build_values
from clinmm.evaluation.rows import Row, comparison_row, curve_rows
from clinmm.fairness.audit import FAMILY, Audit
from clinmm.intervals import estimate
from clinmm.samples import CALIBRATED
from clinmm.subgroups import by_group, grouping

JUDGED = ("mae", "mean_error")
KEYS = [(metric, CALIBRATED) for metric in METRICS]


def audit_values(
    predictions: pd.DataFrame,
    groups: pd.DataFrame,
    *,
    group_by: Sequence[str] | None = None,
    seed: int = 0,
) -> Audit:
    """Scores the test rows of a predictions table of values by group.

    Args:
        predictions: schema.PREDICTIONS with value and its interval.
        groups: index case_id, one text column per sensitive attribute; empty is `not recorded`.
        group_by: attributes (`sex`) and intersections (`sex*age`); None for every attribute.
        seed: of the samples; nothing is drawn.

    Raises:
        InputError: as `samples.build_values` and `subgroups.grouping`.
    """
    asked = grouping(groups, group_by)
    samples = build_values(predictions, seed=seed)
    rows: list[Row] = []
    compared: list[Row] = []
    curves: list[Row] = []
    for (arm, name), scored in samples.parts.items():
        tests: list[tuple[Row, Difference, tuple[object, ...]]] = []
        for subset in by_group(asked, scored.case_ids):
            inside, outside = (
                estimate(scored.sample.take(keep), KEYS, samples.draws)
                for keep in (subset.keep, subset.rest)
            )
            rows += value_rows(arm, name, subset, inside)
            points = observed(scored.sample.take(subset.keep))
            curves += curve_rows(KIND, arm, name, subset, points)
            sides = frozenset((subset.keep.tobytes(), subset.rest.tobytes()))
            for metric in JUDGED:
                key = metric, CALIBRATED
                of = difference(inside[key], outside[key])
                of = replace(of, n_patients=inside[key].n_patients)
                row = comparison_row(arm, "complement", name, subset, of, FAMILY)
                compared.append(row)
                tests.append((row, of, (metric, sides)))
        _judge(tests)
    rows += of_intervals(predictions, groups=asked)
    return Audit(
        schema.METRICS.fill(pd.DataFrame(rows, columns=schema.METRICS.names)),
        schema.COMPARISONS.fill(pd.DataFrame(compared, columns=schema.COMPARISONS.names)),
        schema.CURVES.fill(pd.DataFrame(curves, columns=schema.CURVES.names)),
    )


def _judge(tests: list[tuple[Row, Difference, tuple[object, ...]]]) -> None:
    """Holm over distinct tests; both sides of a mirrored one get the same."""
    p_of = {about: of.p for _, of, about in tests}
    adjusted = dict(zip(p_of, holm(list(p_of.values())), strict=True))
    for row, of, about in tests:
        row["p_holm"] = p_holm = float(adjusted[about])
        row["verdict"] = verdict(of, p_holm)
        shown = p_holm < ALPHA and (of.low > 0 or of.high < 0)
        if of.metric == "mean_error" and of.p == of.p:  # NaN where it could not be estimated
            row["verdict"] = "worse" if shown else "not_shown"
