"""Scores the test rows of a predictions table, over all cases and by pattern of inputs present."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from clinmm import registry, schema
from clinmm.evaluation.arms import Pooled, comparisons
from clinmm.evaluation.drawn import drawn
from clinmm.evaluation.of_rules import both, measured
from clinmm.evaluation.rows import Found, Row, metric_rows, per_subset, wanted_of
from clinmm.evaluation.stated_prevalence import at_stated_prevalence
from clinmm.evaluation.whole_cases import micro_rows, of_exclusive_classes
from clinmm.rules import FittedRules
from clinmm.samples import CALIBRATED, RAW, Samples, Scored, build
from clinmm.subgroups import ANY, Subset, by_pattern, everyone
from clinmm.validation_size import validation_size


@dataclass(frozen=True, eq=False)
class Evaluation:
    """The tables of these names in schema."""

    metrics: pd.DataFrame
    comparisons: pd.DataFrame
    curves: pd.DataFrame
    validation_size: pd.DataFrame


def evaluate(
    predictions: pd.DataFrame,
    thresholds: pd.DataFrame | None = None,
    *,
    rival: str | None = None,
    decisions: pd.DataFrame | None = None,
    arms: Sequence[str] | None = None,
    metrics: Sequence[str] | None = None,
    rules: FittedRules | None = None,
    kind: str = "multilabel",
    ordered: Sequence[str] | None = None,
    prevalence: Mapping[str, float] | None = None,
    margins: Mapping[str, float] | None = None,
    n_bootstrap: int = 1000,
    seed: int = 0,
) -> Evaluation:
    """Scores the test rows of a predictions table.

    Args:
        predictions: schema.PREDICTIONS, calibrated.
        thresholds: schema.THRESHOLDS.
        rival: of the declared comparison, chosen on other rows than test (`rivals.best_rival`).
            None: no such comparison.
        decisions: calls already made, see `samples.build`.
        arms: None for all.
        metrics: names; None for every metric there is.
        rules: sets and deferral that the predictions carry; None: they carry none.
        kind: binary, multiclass or multilabel.
        ordered: exclusive classes from lowest to highest, where they have an order.
        prevalence: class -> prevalence in the place of use, for PPV and NPV there.
        margins: metric -> how much worse than its rival the headline arm may be and still count as
            as good.
        n_bootstrap: patient draws, for metrics without an influence function.
        seed: of the draws.

    Raises:
        InputError: as `samples.build`, an unknown metric, or a prevalence for an unknown class.
    """
    samples = build(
        predictions,
        thresholds,
        decisions=decisions,
        arms=arms,
        n_bootstrap=n_bootstrap,
        seed=seed,
    )
    names = registry.available("metrics") if metrics is None else list(metrics)
    rows, pooled = _scores(samples, names)
    rows += micro_rows(samples, names)
    rows += at_stated_prevalence(samples, names, prevalence or {})
    if kind == "multiclass":
        rows += of_exclusive_classes(samples, names, ordered)
    compared = comparisons(samples, pooled, rival, margins or {})
    scores = _table(schema.METRICS, rows)
    differences = _table(schema.COMPARISONS, compared)
    points = _table(schema.CURVES, drawn(samples))
    if rules is not None:
        more = measured(predictions, rules, kind=kind)
        scores, differences, points = map(both, (scores, differences, points), more)
    size = validation_size(predictions, scores, thresholds)
    return Evaluation(scores, differences, points, size)


def _table(of: schema.Table, rows: Iterable[Row]) -> pd.DataFrame:
    return of.fill(pd.DataFrame(list(rows), columns=of.names))


def _scores(samples: Samples, names: Sequence[str]) -> tuple[list[Row], Pooled]:
    wanted = wanted_of(names, samples.points)
    rows: list[Row] = []
    pooled: Pooled = {}
    for arm in samples.arms:
        for subset, class_name, found in per_subset(samples, arm, wanted, _any_and_patterns):
            rows += metric_rows(arm, class_name, subset, found)
            if subset.pattern == ANY:
                pooled[arm, class_name] = found
                rows += _repeat_rows(arm, class_name, found)
    return rows, pooled


def _any_and_patterns(scored: Scored) -> Iterator[Subset]:
    yield everyone(scored.case_ids.size)
    yield from by_pattern(scored.patterns)


def _repeat_rows(arm: str, class_name: str, found: Found) -> list[Row]:
    """AUROC of each repeat alone, so that the variance of refitting shows; no interval."""
    rows = []
    for key in (("auroc", RAW), ("auroc", CALIBRATED)):
        one = found.get(key)
        if one is None or one.status != "ok" or len(one.per_repeat) < 2:
            continue
        subset = everyone(0)
        (pooled,) = metric_rows(arm, class_name, subset, {key: one})
        for repeat, value in sorted(one.per_repeat.items()):
            alone = {"repeat": str(repeat), "value": value, "low": np.nan, "high": np.nan}
            rows.append({**pooled, **alone, "interval": "none"})
    return rows
