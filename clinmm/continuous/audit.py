"""Errors of values by sensitive group, and each group against everybody else.

Declared family `gaps`, one for each arm: the mean absolute error and the mean error of every group
against everybody else of whom the attribute is recorded; Holm over all of them. With two groups the
two tests are one test seen from either side and count once. A mean error has no better side: a gap
that is shown is `worse`.
"""

from collections.abc import Sequence

import pandas as pd

from clinmm import schema
from clinmm.comparisons import ALPHA
from clinmm.continuous.evaluate import KIND, observed, value_rows
from clinmm.continuous.intervals import of_intervals
from clinmm.continuous.samples import METRICS, build_values
from clinmm.evaluation.rows import Row, curve_rows
from clinmm.fairness import gaps
from clinmm.fairness.audit import Audit
from clinmm.intervals import estimate
from clinmm.samples import CALIBRATED
from clinmm.subgroups import by_group, grouping

JUDGED = ("mae", "mean_error")
KEYS = [(metric, CALIBRATED) for metric in METRICS]
JUDGED_KEYS = [(metric, CALIBRATED) for metric in JUDGED]


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
        tests: list[gaps.Test] = []
        for attribute in asked.columns:
            sides = []
            for subset in by_group(asked[[attribute]], scored.case_ids):
                inside, outside = (
                    estimate(scored.sample.take(keep), KEYS, samples.draws)
                    for keep in (subset.keep, subset.rest)
                )
                both = frozenset((subset.keep.tobytes(), subset.rest.tobytes()))
                sides.append(gaps.Side(subset, inside, outside, both))
                rows += value_rows(arm, name, subset, inside)
                points = observed(scored.sample.take(subset.keep))
                curves += curve_rows(KIND, arm, name, subset, points)
            for side in sides:
                more, of_family = gaps.against_complement(arm, name, side, JUDGED_KEYS, set(JUDGED))
                compared += more
                tests += of_family
            compared += gaps.against_best(arm, name, sides, JUDGED_KEYS)
        _judge(tests)
    rows += of_intervals(predictions, groups=asked)
    return Audit(
        schema.METRICS.fill(pd.DataFrame(rows, columns=schema.METRICS.names)),
        schema.COMPARISONS.fill(pd.DataFrame(compared, columns=schema.COMPARISONS.names)),
        schema.CURVES.fill(pd.DataFrame(curves, columns=schema.CURVES.names)),
    )


def _judge(tests: list[gaps.Test]) -> None:
    """Holm, in place. A mean error has no better side: a gap that is shown is `worse`."""
    gaps.judge(tests)
    for test in tests:
        row, of = test.row, test.of
        if of.metric == "mean_error" and of.p == of.p:  # NaN where it could not be estimated
            shown = row["p_holm"] < ALPHA and (of.low > 0 or of.high < 0)
            row["verdict"] = "worse" if shown else "not_shown"
