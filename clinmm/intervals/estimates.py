"""A metric of a sample with its interval, and the mean of several over classes."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from clinmm.intervals import bootstrap, drawn
from clinmm.intervals.draws import Draws
from clinmm.intervals.influence import Influence, of_sample, per_patient, together
from clinmm.intervals.limits import END, NONE, Limits, limits, normal_quantile, quantiles
from clinmm.intervals.sample import Sample
from clinmm.intervals.standing import Counted, Standing, module_of, standing
from clinmm.metrics.weighted import Array

SHARES = ("decision", "outcome")
"""What a metric NEEDS that is a share of cases."""


@dataclass(frozen=True, eq=False)
class Estimate:
    """A metric of a sample, with either the influence of each patient or replicates.

    value: NaN unless status is "ok". per_repeat: repeat -> the metric on that repeat alone.
    replicates: (1 + n_bootstrap,), the first is the estimate; NaN where undefined.
    """

    metric: str
    value: float
    n_cases: int
    n_patients: int
    n_positive: int
    status: str = "ok"
    reason: str | None = None
    per_repeat: dict[int, float] = field(default_factory=dict)
    influence: Influence | None = None
    replicates: Array | None = None

    @property
    def se(self) -> float:
        """Standard error; NaN where there is no interval."""
        if self.influence is not None:
            return math.sqrt(self.influence.variance)
        if self.replicates is None or self.replicates.size < 3:
            return float("nan")
        return float(np.nanstd(self.replicates[1:], ddof=1))

    @property
    def method(self) -> str:
        """Name of the interval's method, for the `interval` column."""
        return self._limits[2]

    def interval(self) -> tuple[float, float]:
        """95 % limits; NaN where there are none."""
        return self._limits[:2]

    @cached_property
    def _limits(self) -> Limits:
        module = module_of(self.metric)
        if self.influence is not None:
            return limits(
                module.SCALE,
                self.value,
                self.influence.variance,
                self.influence.df,
                share=module.NEEDS in SHARES,
            )
        if self.replicates is None or self.replicates.size == 1 or math.isnan(self.value):
            return NONE
        centred = bool(getattr(module, "RECENTRE", False))
        low, high = quantiles(self.replicates[1:], self.value, centred=centred)
        low, high = min(low, self.value), max(high, self.value)
        way = "drawn means" if hasattr(module, "parts") else "patient bootstrap"
        method = f"{way} ({self.replicates.size - 1})" + (", centred" if centred else "")
        return low, high, method


def estimate(
    sample: Sample,
    wanted: Sequence[tuple[str, str]],
    draws: Draws,
    *,
    suppress: bool = True,
    given: Mapping[str, float] | None = None,
) -> dict[tuple[str, str], Estimate]:
    """Several metrics of one sample.

    Args:
        sample: the cases.
        wanted: (metric, column of the sample) pairs.
        draws: made for (at least) the patients of the sample.
        suppress: False only for choices between settings, where a poor number beats none and
            nothing is published.
        given: what a metric NEEDS beside the columns, by that name: prevalence, threshold.

    Returns:
        An estimate for each pair: suppressed with too few patients (fewer than 10, or fewer than
        5 in a class that the metric conditions on), withheld where a column holds NaN.
    """
    counted = Counted(sample)
    counts = counted.n_cases, counted.n_patients, counted.n_positive
    ranks: dict[Any, Any] = {}
    found = {}
    for metric, column in wanted:
        module = module_of(metric)
        at = standing(module, counted, column)
        if sample.y_true.size and not suppress:
            at = Standing("ok", None, max(at.n_behind, 2))
        one = Estimate(metric, float("nan"), *counts, at.status, at.reason)
        if at.status == "ok":
            more = {module.NEEDS: given[module.NEEDS]} if given and module.NEEDS in given else {}
            one = _filled(one, sample, column, draws, at.n_behind, more, ranks)
            if suppress and math.isnan(one.value):
                one = replace(one, status="withheld", reason="undefined in these cases")
        found[metric, column] = one
    return found


def _filled(
    one: Estimate,
    sample: Sample,
    column: str,
    draws: Draws,
    n_behind: int,
    given: dict[str, Any],
    ranks: dict[Any, Any],
) -> Estimate:
    """The estimate with its value and what its interval is made of."""
    module = module_of(one.metric)
    if hasattr(module, "influence"):
        per_repeat, by_case = of_sample(module, sample, column, given, ranks)
        value = float(np.mean(list(per_repeat.values())))
        influence = Influence(*per_patient(by_case, sample), df=n_behind - 1)
        if module.SCALE == "logit" and min(value, 1 - value) <= END:
            low, high, _ = limits("logit", value, 0.0, influence.df, share=True)
            influence = replace(influence, unseen=((high - low) / (2 * normal_quantile())) ** 2)
        return replace(one, value=value, per_repeat=per_repeat, influence=influence)
    if hasattr(module, "parts"):
        rows = drawn.replicates(module, sample, column, draws, given)
    else:
        rows = bootstrap.replicates(module, one.metric, sample, column, draws, given)
    numbers = [int(sample.repeat[block.start]) for block in sample.blocks(by_fold=False)]
    replicates = rows.mean(axis=0)
    return replace(
        one,
        value=float(replicates[0]),
        per_repeat=dict(zip(numbers, rows[:, 0].tolist(), strict=True)),
        replicates=replicates,
    )


def macro(parts: dict[str, Estimate]) -> Estimate:
    """Mean over classes, paired by patient. Suppressed when any class is: a mean over fewer classes
    is another number. n_positive counts (case, class) pairs.

    The degrees of freedom are Satterthwaite's, Biometrics Bulletin 2:110 (1946).

    Args:
        parts: class name -> its estimate of one metric.
    """
    each = list(parts.values())
    lacking = [name for name, one in parts.items() if one.status != "ok"]
    repeats = set.intersection(*(set(one.per_repeat) for one in each))
    mean = Estimate(
        each[0].metric,
        float(np.mean([one.value for one in each])),
        n_cases=max(one.n_cases for one in each),
        n_patients=max(one.n_patients for one in each),
        n_positive=sum(one.n_positive for one in each),
        status=parts[lacking[0]].status if lacking else "ok",
        reason=f"a mean needs every class; without: {', '.join(lacking)}" if lacking else None,
        per_repeat={r: float(np.mean([one.per_repeat[r] for one in each])) for r in repeats},
    )
    influences = [one.influence for one in each if one.influence is not None]
    replicates = [one.replicates for one in each if one.replicates is not None]
    if len(influences) == len(each):
        return replace(mean, influence=_mean_influence(influences))
    if len(replicates) == len(each):
        return replace(mean, replicates=np.mean(replicates, axis=0))
    return mean


def _mean_influence(parts: list[Influence]) -> Influence:
    patients, values = together(parts)
    variances = np.array([part.variance for part in parts])
    df = np.array([part.df for part in parts])
    bottom = float((variances**2 / df).sum())
    combined = float(variances.sum() ** 2 / bottom) if bottom > 0 else float(df.min())
    unseen = sum(part.unseen for part in parts) / len(parts) ** 2
    return Influence(patients, values.mean(axis=0), combined, unseen)
