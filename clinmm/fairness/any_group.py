"""Whether some group is served worse, tested as a whole by permuting groups among patients.

The statistic is the largest gap of a group to everybody else, toward worse, in its own standard
errors; of two groups that is the gap between them, whichever is worse. It is one-sided because the
question is whom the model fails: the group that the test names is the group that the verdict is
about. A group that alone is served better shows in its own comparison.

Groups change hands between patients of the same outcome only (`units.py`), so that a disease that
is more frequent in one group raises no alarm. Dividing each gap by its standard error, anew in each
permutation, keeps the test right in large samples even where groups differ in what is not asked
about, such as the number of cases of a patient or the spread of scores.

Reference:
    Chung, Romano. Ann Stat 41:484 (2013): studentised permutation tests.
    Phipson, Smyth. Stat Appl Genet Mol Biol 9:39 (2010): p = (1 + count) / (1 + permutations).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from clinmm.comparisons import Difference, difference
from clinmm.evaluation.rows import Key
from clinmm.fairness.many_groupings import Side, studentised, terms_of
from clinmm.fairness.over_classes import Pair, judged, means
from clinmm.fairness.units import Units
from clinmm.intervals import Estimate, estimate, module_of
from clinmm.metrics.weighted import Array
from clinmm.samples import Samples, Scored
from clinmm.subgroups import by_group

AT_ONCE = 500_000
"""Units times permutations that are worked on at a time."""

Advance = Callable[[float], None]
"""Told how far a long step is."""


def nowhere(done: float) -> None:
    """Says nothing."""


@dataclass(frozen=True, eq=False)
class AnyGroup:
    """The test of one attribute and metric.

    gaps: group -> group minus everybody else, of those that can be judged. suppressed: the others.
    group: the one with the largest gap toward worse, and statistic: that gap in standard errors;
        empty and NaN with fewer than two groups.
    permuted: (permutations,) the statistic of each.
    """

    gaps: dict[str, Difference]
    suppressed: list[str]
    group: str
    statistic: float
    permuted: Array

    @property
    def p(self) -> float:
        """NaN where nothing was permuted."""
        if not self.permuted.size:
            return float("nan")
        # equal up to rounding counts as equally far
        at_least = self.statistic
        if math.isfinite(at_least):
            at_least -= 1e-9 * max(1.0, abs(at_least))
        return (1 + int((self.permuted >= at_least).sum())) / (1 + self.permuted.size)

    def critical(self, level: float) -> float:
        """What the statistic must exceed for p to lie below level; infinite where nothing would.

        >>> AnyGroup({}, [], "", 0.0, np.arange(39.0)).critical(0.05)  # 1 / 40 is below, 2 / 40 not
        38.0
        """
        allowed = math.ceil(level * (1 + self.permuted.size)) - 2
        if not self.permuted.size or allowed < 0:
            return math.inf
        return float(np.sort(self.permuted)[::-1][allowed])


def any_group(
    samples: Samples,
    arm: str,
    groups: pd.Series,
    key: Key,
    *,
    permutations: int = 1000,
    seed: int = 0,
    advance: Advance = nowhere,
) -> AnyGroup:
    """Tests one attribute in one arm; of several classes, the mean over those that can be judged.

    Args:
        samples: of the test cases.
        arm: one of its arms.
        groups: a column of `subgroups.grouping`, index case_id.
        key: (metric, column of the samples); to permute, a metric of many_groupings.OFFERED.
        permutations: how many; 0 estimates the gaps and tests nothing.
        seed: of the permutations. What groups and attributes are called does not matter.
        advance: told which part of the permutations is done.

    Raises:
        InputError: a metric that cannot be permuted within outcome.
    """
    parts = [scored for (of, _), scored in samples.parts.items() if of == arm]
    pairs = _pairs(samples, parts, groups, key)
    gaps = {n: difference(*means(of)) for n, of in pairs.items() if len(of) == len(parts)}
    shown = sorted(name for name, of in gaps.items() if not math.isnan(of.se))
    gaps = {name: gaps[name] for name in shown}
    suppressed = sorted(set(pairs) - set(shown))
    if len(shown) < 2:
        return AnyGroup(gaps, suppressed, "", math.nan, np.empty(0))
    sign = -1 if module_of(key[0]).HIGHER_IS_BETTER else 1
    worse = sign * _in_errors(
        np.array([of.difference for of in gaps.values()]), np.array([of.se for of in gaps.values()])
    )
    worst = int(np.argmax(worse))
    permuted = np.empty(0)
    if permutations:
        of_shown = {name: pairs[name] for name in shown}
        permuted = _permuted(parts, groups, key, of_shown, sign, permutations, seed, advance)
    return AnyGroup(gaps, suppressed, shown[worst], float(worse[worst]), permuted)


def _pairs(
    samples: Samples, parts: list[Scored], groups: pd.Series, key: Key
) -> dict[str, list[Pair]]:
    """Group -> the estimates of it and of everybody else, in each class that has the group."""
    found: dict[str, list[Pair]] = {}
    for scored in parts:
        for subset in by_group(groups.to_frame(), scored.case_ids):
            inside, outside = (
                estimate(scored.sample.take(rows), [key], samples.draws)[key]
                for rows in (subset.keep, subset.rest)
            )
            found.setdefault(subset.group, []).append((inside, outside))
    return found


def _permuted(
    parts: list[Scored],
    groups: pd.Series,
    key: Key,
    of_shown: dict[str, list[Pair]],
    sign: int,
    permutations: int,
    seed: int,
    advance: Advance,
) -> Array:
    """(permutations,) the statistic of each. Degrees of freedom are those of the groups as they
    are: who has which outcome stays the same within each group."""
    units = Units.of(parts, groups)
    terms = [
        terms_of(key[0], scored.sample, key[1], unit, units.label.size)
        for scored, unit in zip(parts, units.of_case, strict=True)
    ]
    sides = {
        units.names.index(name): [
            [Side(*terms[place], df=_df(pairs[place][side])) for place in judged(pairs)]
            for side in (0, 1)
        ]
        for name, pairs in of_shown.items()
    }
    mirrored = len(sides) == len(units.names) == 2
    rng = np.random.default_rng(seed)
    width = max(1, AT_ONCE // units.label.size)
    found = []
    for start in range(0, permutations, width):
        advance(start / permutations)
        label = units.shuffled(rng, min(width, permutations - start))
        largest = np.full(label.shape[1], -np.inf)
        for number, (inside, outside) in sides.items():
            mine, rest = label == number, units.recorded[label] & (label != number)
            gap, se = studentised(inside, outside, mine * 1.0, rest * 1.0, units.first)
            worse = sign * _in_errors(gap, se)
            # fmax: a grouping that leaves a side empty says nothing of this group
            largest = np.fmax(largest, np.abs(worse) if mirrored else worse)
            if mirrored:  # the other group is the same test seen from its side
                break
        found.append(largest)
    return np.concatenate(found)


def _df(of: Estimate) -> float:
    assert of.influence is not None  # every metric that is offered has one
    return of.influence.df


def _in_errors(gap: Array, se: Array) -> Array:
    """gap / se; 0 where there is no gap, infinite where it has no error."""
    with np.errstate(divide="ignore", invalid="ignore"):
        quotient: Array = np.where(gap == 0, 0.0, gap / se)
    return quotient
