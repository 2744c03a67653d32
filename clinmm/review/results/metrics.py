"""What is estimated of readings: how good answers are, and what the model does to them.

A rating of 4 or 5 calls the class present. 3 (cannot say) calls nothing, and so counts with the
negative calls; `undecided` is the share of it.

Reference:
    switched: the switch percentage of Zhang, Liao, Bellamy. FAccT (2020). followed_right and
    followed_wrong: relative AI reliance, and 1 less relative self-reliance, of Schemmer, Kuehl,
    Benz, Bartos, Satzger. IUI (2023).
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from clinmm.metrics import auroc
from clinmm.metrics.weighted import Array, ratio
from clinmm.review.answers import UNDECIDED
from clinmm.review.results.jackknife import Compute
from clinmm.review.results.side_by_side import Readings

QUALITY = {
    "rating": ("sensitivity", "specificity", "auroc", "undecided"),
    "choice": ("sensitivity", "specificity"),
    "choices": ("accuracy", "confidence"),
    "value": ("mean_absolute_error", "confidence"),
    "reading": ("confidence",),
    "mean of ratings": ("sensitivity", "specificity", "auroc"),
    "mean of choices": ("sensitivity", "specificity"),
}
"""What can be scored -> metrics of a step. A choice has no AUROC: it ranks nothing."""

CHANGES = (
    "helped_share",
    "harmed_share",
    "changed_share",
    "switched",
    "followed_right",
    "followed_wrong",
)
"""Metrics of the way from alone to with the model."""

NET = "helped_less_harmed"
"""Readings that became right less those that became wrong, of all readings; unweighted."""

COUNTS = {"helped": "helped_share", "harmed": "harmed_share", "changed": "changed_share"}

WITHOUT_MODEL = ("undecided", "confidence")
"""What a model has none of."""


@dataclass(frozen=True, eq=False)
class Bound:
    """A metric of given readings.

    readings: that it is made of. compute: of their weights.
    scale: logit (between 0 and 1) or identity. share: a share of readings.
    conditions: words -> (n,) readings of which at least 5 patients are needed.
    reach: of a difference, how far from 0 it can lie.
    pooled: its base differs from reader to reader, so readings are pooled, not readers averaged.
    hits: (n,) of a share or of NET, what is counted.
    """

    readings: Readings
    compute: Compute
    scale: str = "logit"
    share: bool = True
    conditions: Mapping[str, NDArray[np.bool_]] = field(default_factory=dict)
    reach: float = math.inf
    pooled: bool = False
    hits: Array | None = None


def bound(metric: str, readings: Readings, step: str) -> Bound:
    """A metric of QUALITY for a step: alone, with_model, model, final, or gain (with_model less
    alone in the readings that have both)."""
    if step != "gain":
        return _quality(metric, readings, step)
    column = f"{_source(metric)}_"
    needed = [f"{column}alone", f"{column}with_model"]
    if metric not in WITHOUT_MODEL:
        needed.append("truth")
    both = readings.take(_known(readings, needed))
    alone, assisted = (_quality(metric, both, one) for one in ("alone", "with_model"))

    def compute(weights: Array) -> Array:
        return assisted.compute(weights) - alone.compute(weights)

    reach = 1.0 if assisted.scale == "logit" else math.inf
    return replace(assisted, readings=both, compute=compute, scale="identity", reach=reach)


def _source(metric: str) -> str:
    """Which column of a step a metric is made of."""
    if metric == "confidence":
        return "confidence"
    return "answer" if metric in ("auroc", "undecided", "mean_absolute_error") else "call"


def _known(readings: Readings, names: list[str]) -> NDArray[np.bool_]:
    """(n,) where every column of names has a value."""
    known = [~np.isnan(readings[name]) for name in names]
    return np.asarray(np.logical_and.reduce(known))


def _quality(metric: str, readings: Readings, step: str) -> Bound:
    column = f"{_source(metric)}_{step}"
    needed = [column] if metric in WITHOUT_MODEL else [column, "truth"]
    readings = readings.take(_known(readings, needed))
    x = readings[column]
    y, one = readings["truth"], np.ones(len(readings))
    positive = y == 1
    if metric == "auroc":
        return Bound(
            readings,
            lambda w: auroc.replicates(y, x, w),
            share=False,
            conditions={"positive": positive, "negative": ~positive},
        )
    if metric == "sensitivity":
        return _share(readings, x * y, y, {"positive": positive})
    if metric == "specificity":
        return _share(readings, (1 - x) * (1 - y), 1 - y, {"negative": ~positive})
    if metric == "undecided":
        return _share(readings, (x == UNDECIDED).astype(np.float64), one)
    if metric == "accuracy":
        return _share(readings, (x == y).astype(np.float64), one)
    values = x if metric == "confidence" else np.abs(x - y)
    return Bound(readings, _ratio(values, one), "identity", share=False)


def change(metric: str, readings: Readings) -> Bound:
    """A metric of CHANGES."""
    names = ["call_alone", "call_with_model"]
    if metric in ("helped_share", "harmed_share", "followed_right", "followed_wrong"):
        names.append("truth")
    if metric in ("switched", "followed_right", "followed_wrong"):
        names.append("call_model")
    readings = readings.take(_known(readings, names))
    before, after, model, truth = (
        readings[name] for name in ("call_alone", "call_with_model", "call_model", "truth")
    )
    everywhere = np.ones(len(readings), dtype=bool)
    changed = readings["answer_alone"] != readings["answer_with_model"]
    hits, base, words = {
        "helped_share": ((before != truth) & (after == truth), everywhere, ""),
        "harmed_share": ((before == truth) & (after != truth), everywhere, ""),
        "changed_share": (changed, everywhere, ""),
        "switched": (after == model, before != model, "differing"),
        "followed_right": (after == model, (model == truth) & (before != truth), "model-right"),
        "followed_wrong": (after == model, (model != truth) & (before == truth), "model-wrong"),
    }[metric]
    counted = (hits & base).astype(np.float64)
    compute = _ratio(counted, base.astype(np.float64))
    conditions = {words: base} if words else {}
    return Bound(readings, compute, conditions=conditions, pooled=bool(words), hits=counted)


def net_help(readings: Readings) -> Bound:
    """NET of the readings at hand: cases count once, whatever they stand for."""
    names = ["call_alone", "call_with_model", "truth"]
    readings = readings.take(_known(readings, names))
    before, after = (readings[name] == readings["truth"] for name in names[:2])
    net, one = after.astype(np.float64) - before, np.ones(len(readings))
    plain = replace(readings, values={**readings.values, "weight": one})
    return Bound(plain, _ratio(net, one), "identity", share=False, reach=1.0, hits=net)


def median(readings: Readings, column: str) -> Bound:
    """Weighted median of a column."""
    readings = readings.take(_known(readings, [column]))
    values = readings[column]
    order = np.argsort(values, kind="stable")

    def compute(weights: Array) -> Array:
        reached = np.cumsum(weights[order], axis=0)
        half = reached[-1] / 2
        lower = values[order][(reached >= half).argmax(axis=0)]
        upper = values[order][(reached > half).argmax(axis=0)]
        return np.asarray((lower + upper) / 2)

    return Bound(readings, compute, "identity", share=False)


def _share(
    readings: Readings,
    top: Array,
    bottom: Array,
    conditions: Mapping[str, NDArray[np.bool_]] | None = None,
) -> Bound:
    return Bound(readings, _ratio(top, bottom), conditions=conditions or {})


def _ratio(top: Array, bottom: Array) -> Callable[[Array], Array]:
    return lambda weights: ratio(top, bottom, weights)
