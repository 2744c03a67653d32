"""Scores the values of test patients: errors, order, calibration, intervals; arms compared.

Declared families, in which Holm's adjustment is made and a verdict is given:
    fusion       the headline arm against its rival, mean absolute error
    calibration  recalibrated against raw values of the headline arm, root mean squared error
Every other comparison is exploratory and gets no verdict.
"""

from collections.abc import Iterable, Iterator, Mapping

import numpy as np
import pandas as pd

from clinmm import schema
from clinmm.comparisons import difference
from clinmm.continuous.intervals import of_intervals
from clinmm.continuous.samples import METRICS, build_values
from clinmm.evaluation.arms import MIN_PATIENTS_FOR_CALIBRATORS
from clinmm.evaluation.evaluate import Evaluation
from clinmm.evaluation.paired import paired
from clinmm.evaluation.rows import Found, Row, comparison_row, curve_rows, judge, metric_rows
from clinmm.intervals import MIN_PATIENTS, Sample, estimate, mean_interval
from clinmm.intervals.standing import n_distinct
from clinmm.metrics.ece_debiased import equal_mass_bins
from clinmm.rivals import headline_arm
from clinmm.samples import CALIBRATED, RAW, Samples
from clinmm.subgroups import ANY, Subset, by_pattern, everyone

COMPARED = ("mae", "rmse", "r2", "concordance")
PRIMARY = "mae"
KIND = "observed_value"
"""Of the curve: mean observed value (y) at the mean predicted one (x)."""
N_BINS = 10
KEYS = [(metric, column) for metric in METRICS for column in (RAW, CALIBRATED)]


def evaluate_values(
    predictions: pd.DataFrame,
    prediction_sets: pd.DataFrame | None = None,
    *,
    rival: str | None = None,
    margins: Mapping[str, float] | None = None,
    seed: int = 0,
) -> Evaluation:
    """Scores the test rows of a predictions table of values.

    Args:
        predictions: schema.PREDICTIONS with value_raw, value and the interval.
        prediction_sets: what the intervals promise, schema.PREDICTION_SETS.
        rival: of the declared comparison, chosen on other rows than test (`rivals.best_rival`).
        margins: metric -> how much worse than its rival the headline arm may be and still count as
            as good.
        seed: of the samples; nothing is drawn.

    Raises:
        InputError: as `samples.build_values`.
    """
    samples = build_values(predictions, seed=seed)
    rows: list[Row] = []
    pooled: dict[str, Found] = {}
    for (arm, name), scored in samples.parts.items():
        for subset in (everyone(scored.case_ids.size), *by_pattern(scored.patterns)):
            found = estimate(scored.sample.take(subset.keep), KEYS, samples.draws)
            rows += value_rows(arm, name, subset, found)
            if subset.pattern == ANY:
                pooled[arm] = found
    rows += of_intervals(predictions, prediction_sets)
    return Evaluation(
        metrics=_table(schema.METRICS, rows),
        comparisons=_table(schema.COMPARISONS, _comparisons(samples, pooled, rival, margins or {})),
        curves=_table(schema.CURVES, _curves(samples)),
        validation_size=schema.VALIDATION_SIZE.empty(),
    )


def value_rows(arm: str, name: str, subset: Subset, found: Found) -> list[Row]:
    """Rows of schema.METRICS; there are no positive cases."""
    return [{**row, "n_positive": 0} for row in metric_rows(arm, name, subset, found)]


def observed(sample: Sample) -> list[dict[str, float]]:
    """Mean observed value (y) with its interval at the mean predicted value (x) of at most ten
    groups of equal size, of 10 patients or more each; none below 10 patients."""
    y, v = sample.y_true, sample.columns[CALIBRATED]
    if n_distinct(sample.patient) < MIN_PATIENTS:
        return []
    for k in range(N_BINS, 0, -1):
        bin_of = equal_mass_bins(v, k)
        members = [np.flatnonzero(bin_of == b) for b in np.unique(bin_of)]
        if min(n_distinct(sample.patient[m]) for m in members) >= MIN_PATIENTS:
            break
    points = []
    for m in members:
        mean = mean_interval(y[m], sample.patient[m])
        point = {"x": float(v[m].mean()), "y": mean.value, "low": mean.low, "high": mean.high}
        points.append({**point, "n_cases": float(n_distinct(sample.case[m]))})
    return points


def _curves(samples: Samples) -> Iterator[Row]:
    for (arm, name), scored in samples.parts.items():
        for subset in (everyone(scored.case_ids.size), *by_pattern(scored.patterns)):
            points = observed(scored.sample.take(subset.keep))
            yield from curve_rows(KIND, arm, name, subset, points)


def _comparisons(
    samples: Samples, pooled: dict[str, Found], rival: str | None, margins: Mapping[str, float]
) -> Iterator[Row]:
    headline = headline_arm(samples.arms)
    (name,) = samples.classes
    mine = samples.parts[headline, name].sample
    keys = [(metric, CALIBRATED) for metric in COMPARED]
    for arm in samples.arms:
        if arm == headline:
            continue
        theirs = samples.parts[arm, name].sample
        first, second = paired(mine, theirs, (pooled[headline], pooled[arm]), keys, samples.draws)
        for key in keys:
            of = difference(first[key], second[key])
            declared = arm == rival and key[0] == PRIMARY
            family, margin = "fusion" if declared else None, margins.get(key[0])
            row = comparison_row(headline, arm, name, everyone(0), of, family, margin=margin)
            if declared:
                judge([row], [of], [True])
            yield row
    if np.array_equal(mine.columns[RAW], mine.columns[CALIBRATED]):
        return
    for metric in ("rmse", "mae"):
        of = difference(pooled[headline][metric, CALIBRATED], pooled[headline][metric, RAW])
        family = "calibration" if metric == "rmse" else None
        row = comparison_row(headline, "uncalibrated", name, everyone(0), of, family)
        if family:
            judge([row], [of], [n_distinct(mine.patient) >= MIN_PATIENTS_FOR_CALIBRATORS])
        yield row


def _table(of: schema.Table, rows: Iterable[Row]) -> pd.DataFrame:
    return of.fill(pd.DataFrame(list(rows), columns=of.names))
