"""Which method is chosen on `validate`, and whether `test` lets it be recommended.

On `validate` every method has two scores, of its own worst-served group (the lowest over the groups
under that method, so that a method that only changes who is worst does not look good) and of all
patients together. The rule takes one method by these two. On `test` that one method alone is put to
the test, so nothing is adjusted: in the group that plain training serves worst on `validate`, named
before `test` is looked at, and over all patients.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from clinmm.comparisons import Difference

TIE = 1e-12


class Score(NamedTuple):
    """The metric in the worst-served group and over all, with the sign that makes more better."""

    worst: float
    pooled: float


@dataclass(frozen=True)
class Verdict:
    """reason: why not, in words; empty where it is recommended."""

    recommended: bool
    reason: str = ""


def choose(scores: Mapping[str, Score], plain: Score, rule: str, margin: float) -> str | None:
    """The method that the rule takes; None where it takes none before plain training.

    Args:
        scores: method -> its score on `validate`.
        plain: that of plain training, which a method has to beat in what the rule looks at first.
        rule: `worst_group`: best in its worst group. `pooled`: best over all. `trade_off`: best in
            its worst group among those that lose at most the margin over all.
        margin: how much of the pooled metric may be lost.

    >>> scores = {"a": Score(.80, .85), "b": Score(.84, .80), "c": Score(.82, .895)}
    >>> [choose(scores, Score(.75, .90), r, .01) for r in ("worst_group", "pooled", "trade_off")]
    ['b', None, 'c']
    """
    judged = {n: s for n, s in scores.items() if not math.isnan(s.worst + s.pooled)}
    if rule == "trade_off":
        judged = {n: s for n, s in judged.items() if s.pooled >= plain.pooled - margin - TIE}
    first, second = ("pooled", "worst") if rule == "pooled" else ("worst", "pooled")
    better = {n: s for n, s in judged.items() if getattr(s, first) > getattr(plain, first) + TIE}
    if not better:
        return None
    return max(better, key=lambda n: (getattr(better[n], first), getattr(better[n], second)))


def judge(
    gain: Difference, pooled: Difference, lowest: float, *, margin: float, higher_is_better: bool
) -> Verdict:
    """Whether the chosen method is recommended: all three have to hold.

    1. In the worst-served group it is better, and the 95 % interval of the gain excludes 0.
    2. Over all patients the whole 95 % interval of its loss lies within the margin.
    3. The lowest group under it is not below the lowest under plain training (by the estimates).

    Args:
        gain: method minus plain training, in the group that plain training serves worst.
        pooled: the same over all.
        lowest: worst group under the method minus worst group under plain training.
        margin: how much of the pooled metric may be lost.
        higher_is_better: of the metric.
    """
    gained, lost = (_signed(one, higher_is_better) for one in (gain, pooled))
    if math.isnan(gained[0] + lost[0] + lowest):
        return Verdict(False, "too few patients to tell")
    problems = []
    if not gained[0] > 0:
        worse = gained[1] < 0
        problems.append(
            "the worst-served group is served worse"
            if worse
            else "a gain of the worst-served group is not shown"
        )
    if not lost[0] >= -margin - TIE:
        beyond = lost[1] < -margin
        problems.append(
            f"the loss over all {'exceeds' if beyond else 'is not shown to stay within'} the "
            f"margin of {margin:g}"
        )
    if (lowest if higher_is_better else -lowest) < -TIE:
        problems.append("its worst group is served worse than that of plain training")
    return Verdict(not problems, "; ".join(problems))


def _signed(one: Difference, higher_is_better: bool) -> tuple[float, float]:
    """The interval with the sign that makes more better."""
    return (one.low, one.high) if higher_is_better else (-one.high, -one.low)
