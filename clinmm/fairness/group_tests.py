"""What a verdict rests on: the gaps of every group of one attribute in one metric, and their p."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from clinmm.comparisons import ALPHA, Z_POWER, Difference
from clinmm.evaluation.rows import MACRO, Key
from clinmm.fairness.any_group import Advance, AnyGroup, any_group, nowhere
from clinmm.fairness.many_groupings import OFFERED
from clinmm.fairness.underdiagnosis import RATE_OF
from clinmm.intervals import module_of
from clinmm.intervals.limits import normal_quantile
from clinmm.samples import Samples

PER_TEST = 40
"""Permutations for each test of an arm, at least: with fewer no p could stand after Holm."""


@dataclass(frozen=True, eq=False)
class GroupTest:
    """One arm, attribute and primary metric.

    class_name: what is judged, a class or `macro`. rows: the group comparisons, of every class.
    p_holm: NaN where all groups are tested at once, since it is adjusted later; otherwise that of
    the group comparisons.
    """

    arm: str
    group_by: str
    key: Key
    class_name: str
    of: AnyGroup
    rows: pd.DataFrame
    p_holm: float

    def critical(self, n_tests: int) -> float:
        """What a gap must exceed, in standard errors, to be shown as one of n_tests."""
        least = normal_quantile()  # for the interval
        return max(least, self.of.critical(ALPHA / n_tests)) if self.of.permuted.size else least

    def detectable(self, n_tests: int) -> dict[str, float]:
        """Group -> the gap that 80 % of such samples would show, as one of n_tests."""
        needed = self.critical(n_tests) + Z_POWER
        return {group: needed * gap.se for group, gap in self.of.gaps.items()}


def group_tests(
    samples: Samples,
    arm: str,
    asked: pd.DataFrame,
    keys: Sequence[Key],
    comparisons: pd.DataFrame,
    *,
    permutations: int,
    seed: int,
    advance: Advance = nowhere,
) -> list[GroupTest]:
    """Every attribute (a column of asked) and key of one arm.

    Args:
        comparisons: each group against everybody else, of any arm.
        permutations: of each test; more are made where there are many tests. 0: no group is
            tested but by the comparisons.
        advance: told how many tests are done, with the part of the one under way.
    """
    of_arm = comparisons[comparisons["arm"] == arm]
    classes = [class_name for of, class_name in samples.parts if of == arm]
    enough = max(permutations, PER_TEST * len(asked.columns) * len(keys)) if permutations else 0
    tests: list[GroupTest] = []
    for name in asked.columns:
        for key in keys:
            rows = of_arm[(of_arm["group_by"] == name) & (of_arm["metric"] == key[0])]
            family = rows[rows["family"].notna()]
            judged, p_holm = classes[0] if len(classes) == 1 else MACRO, float("nan")
            if enough and key[0] in OFFERED:
                of = any_group(
                    samples,
                    arm,
                    asked[name],
                    key,
                    permutations=enough,
                    seed=seed,
                    advance=lambda part: advance(len(tests) + part),
                )
            else:
                judged = str(family["class_name"].iloc[0]) if len(family) else judged
                of, p_holm = _of_comparisons(family, key[0])
            tests.append(GroupTest(arm, str(name), key, judged, of, rows, p_holm))
            advance(len(tests))
    return tests


def plain(metric: str) -> str:
    """
    >>> plain("underdiagnosis"), plain("auroc")
    ('fnr', 'auroc')
    """
    return {name: rate for rate, name in RATE_OF.items()}.get(metric, metric)


def higher_is_better(metric: str) -> bool:
    return bool(module_of(plain(metric)).HIGHER_IS_BETTER)


def _of_comparisons(family: pd.DataFrame, metric: str) -> tuple[AnyGroup, float]:
    """The gaps as the comparisons have them, and the adjusted p of the group served worst."""
    gaps = {str(row.group): _difference(row) for row in family.itertuples(index=False)}
    shown = {name: of for name, of in gaps.items() if np.isfinite(of.se)}
    suppressed = [name for name in gaps if name not in shown]
    if len(shown) < 2:
        return AnyGroup(shown, suppressed, "", float("nan"), np.empty(0)), float("nan")
    sign = -1 if higher_is_better(metric) else 1
    worse = {n: sign * of.difference / of.se if of.difference else 0.0 for n, of in shown.items()}
    worst = max(worse, key=worse.__getitem__)
    p_holm = float(family.set_index("group")["p_holm"][worst])
    return AnyGroup(shown, suppressed, worst, worse[worst], np.empty(0)), p_holm


def _difference(row: Any) -> Difference:
    se = row.detectable / (normal_quantile() + Z_POWER)
    return Difference(row.metric, row.difference, row.low, row.high, row.p, row.n_patients, se)
