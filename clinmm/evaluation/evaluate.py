"""The metrics, comparisons and curves tables of a predictions table.

Declared families, in which Holm's adjustment is made and a verdict is given:
    fusion       the headline arm against the best single arm, AUROC of the macro mean (of the one
                 class, if there is one)
    calibration  calibrated against uncalibrated log loss of the headline arm, every class
Every other comparison is exploratory and gets no verdict.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from clinmm import curves, registry, schema
from clinmm.comparisons import Difference, difference
from clinmm.evaluation_rows import (
    MACRO,
    Found,
    Key,
    Row,
    comparison_row,
    curve_rows,
    judge,
    metric_rows,
    per_subset,
    wanted_of,
)
from clinmm.intervals import Draws, Sample, estimate, macro
from clinmm.rivals import headline_arm
from clinmm.samples import CALIBRATED, RAW, Samples, Scored, build
from clinmm.subgroups import ALL, ANY, Subset, by_pattern, everyone

MIN_PATIENTS_FOR_CALIBRATORS = 50
"""Patients of each class below which no difference between calibrations is claimed."""

Pooled = dict[tuple[str, str], Found]
"""(arm, class name) -> its estimates over all cases."""


@dataclass(frozen=True, eq=False)
class Evaluation:
    """The three tables, as schema.METRICS, schema.COMPARISONS and schema.CURVES."""

    metrics: pd.DataFrame
    comparisons: pd.DataFrame
    curves: pd.DataFrame


def evaluate(
    predictions: pd.DataFrame,
    thresholds: pd.DataFrame | None = None,
    *,
    best_single: str | None = None,
    decisions: pd.DataFrame | None = None,
    arms: Sequence[str] | None = None,
    metrics: Sequence[str] | None = None,
    n_bootstrap: int = 1000,
    seed: int = 0,
) -> Evaluation:
    """Scores the test rows of a predictions table.

    Args:
        predictions: schema.PREDICTIONS, calibrated.
        thresholds: schema.THRESHOLDS.
        best_single: the rival of the declared comparison, chosen on other rows than test
            (`rivals.best_single_arm`). None: no such comparison.
        decisions: calls already made, see `samples.build`.
        arms: None for all.
        metrics: names; None for every metric there is.
        n_bootstrap: patient draws.
        seed: of the draws.

    Raises:
        InputError: as `samples.build`, or an unknown metric.
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
    wanted = wanted_of(names, samples.points)
    rows: list[Row] = []
    pooled: Pooled = {}
    for arm in samples.arms:
        for subset, class_name, found in per_subset(samples, arm, wanted, _any_and_patterns):
            rows += metric_rows(arm, class_name, subset, found)
            if subset.pattern == ANY:
                pooled[arm, class_name] = found
                rows += _repeat_rows(arm, class_name, found)
    compared = _comparisons(samples, pooled, best_single)
    return Evaluation(
        schema.METRICS.fill(pd.DataFrame(rows, columns=schema.METRICS.names)),
        schema.COMPARISONS.fill(pd.DataFrame(compared, columns=schema.COMPARISONS.names)),
        schema.CURVES.fill(pd.DataFrame(_curves(samples), columns=schema.CURVES.names)),
    )


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
        subset = Subset(ALL, ALL, ANY, np.ones(0, dtype=bool))
        (pooled,) = metric_rows(arm, class_name, subset, {key: one})
        for repeat, value in sorted(one.per_repeat.items()):
            alone = {"repeat": str(repeat), "value": value, "low": np.nan, "high": np.nan}
            rows.append({**pooled, **alone, "interval": "none"})
    return rows


def _comparisons(samples: Samples, pooled: Pooled, best: str | None) -> list[Row]:
    arm = headline_arm(samples.arms)
    rows: list[Row] = []
    for rival in samples.arms:
        if rival != arm:
            rows += _against(samples, pooled, arm, rival, declared=rival == best)
    return rows + _against_uncalibrated(samples, pooled, arm)


def _against(
    samples: Samples,
    pooled: Pooled,
    arm: str,
    rival: str,
    declared: bool,
) -> list[Row]:
    """The headline arm against another arm, on the cases that both have."""
    classes = [name for name in samples.classes if (rival, name) in samples.parts]
    metrics = [
        m for m in ("auroc", "auprc", "brier", "log_loss") if (m, CALIBRATED) in _any(pooled)
    ]
    keys = [(metric, CALIBRATED) for metric in metrics]
    both: dict[str, tuple[Found, Found]] = {}
    for name in classes:
        mine, theirs = samples.parts[arm, name].sample, samples.parts[rival, name].sample
        if _same_rows(mine, theirs):
            both[name] = pooled[arm, name], pooled[rival, name]
        else:
            both[name] = _on_common_rows(mine, theirs, keys, samples.draws)
    if len(classes) > 1:
        means = [{k: macro({n: both[n][i][k] for n in classes}) for k in keys} for i in (0, 1)]
        both[MACRO] = means[0], means[1]
    primary = MACRO if MACRO in both else (classes[0] if classes else None)
    rows = []
    for name, (first, second) in both.items():
        for key in keys:
            of = difference(first[key], second[key])
            in_family = declared and name == primary and key[0] == "auroc"
            row = comparison_row(arm, rival, name, everyone(0), of, "fusion" if in_family else None)
            if in_family:
                judge([row], [of], [True])
            rows.append(row)
    return rows


def _against_uncalibrated(samples: Samples, pooled: Pooled, arm: str) -> list[Row]:
    """Calibrated against raw probabilities of one arm; nothing where they are the same."""
    parts = {name: scored.sample for (of, name), scored in samples.parts.items() if of == arm}
    if all(np.array_equal(s.columns[RAW], s.columns[CALIBRATED]) for s in parts.values()):
        return []
    rows: list[Row] = []
    family: list[tuple[Row, Difference, bool]] = []
    for name, sample in parts.items():
        for metric in ("log_loss", "brier", "ece"):
            found = pooled[arm, name]
            if (metric, RAW) not in found:
                continue
            of = difference(found[metric, CALIBRATED], found[metric, RAW])
            declared = metric == "log_loss"
            row = comparison_row(
                arm, "uncalibrated", name, everyone(0), of, "calibration" if declared else None
            )
            rows.append(row)
            if declared:
                family.append((row, of, _enough_for_calibrators(sample)))
    if family:
        judge([f[0] for f in family], [f[1] for f in family], [f[2] for f in family])
    return rows


def _enough_for_calibrators(sample: Sample) -> bool:
    each = [np.unique(sample.patient[sample.y_true == c]).size for c in (0, 1)]
    return min(each) >= MIN_PATIENTS_FOR_CALIBRATORS


def _any(pooled: Pooled) -> Found:
    return next(iter(pooled.values()))


def _same_rows(a: Sample, b: Sample) -> bool:
    return all(
        np.array_equal(x, y) for x, y in ((a.case, b.case), (a.repeat, b.repeat), (a.fold, b.fold))
    )


def _on_common_rows(a: Sample, b: Sample, keys: list[Key], draws: Draws) -> tuple[Found, Found]:
    def rows(s: Sample) -> list[tuple[int, int, int]]:
        return list(zip(s.repeat.tolist(), s.fold.tolist(), s.case.tolist(), strict=True))

    common = set(rows(a)) & set(rows(b))
    kept = [s.take(np.array([row in common for row in rows(s)], dtype=bool)) for s in (a, b)]
    return estimate(kept[0], keys, draws), estimate(kept[1], keys, draws)


def _curves(samples: Samples) -> list[Row]:
    rows = []
    for (arm, class_name), scored in samples.parts.items():
        sample, whole = scored.sample, everyone(scored.case_ids.size)
        for kind, points in (
            ("roc", curves.roc(sample, CALIBRATED, samples.draws)),
            ("precision_recall", curves.precision_recall(sample, CALIBRATED, samples.draws)),
            ("reliability", curves.reliability(sample, CALIBRATED)),
            ("reliability_raw", curves.reliability(sample, RAW)),
        ):
            rows += curve_rows(kind, arm, class_name, whole, points)
    return rows
