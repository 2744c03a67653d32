"""Rows of schema.MITIGATION: every method on `validate` and `test`, against plain training."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from clinmm import schema
from clinmm.comparisons import Difference
from clinmm.evaluation.rows import MACRO, Key
from clinmm.fairness.mitigating import PLAIN
from clinmm.fairness.mitigating.asked import Asked
from clinmm.fairness.mitigating.choice import Score, Verdict, choose, judge
from clinmm.fairness.mitigating.scored import (
    COVERAGE,
    OverSeeds,
    Scores,
    difference,
    groups_in,
)
from clinmm.intervals import Estimate
from clinmm.intervals.limits import limits
from clinmm.samples import CALL
from clinmm.subgroups import ALL, is_recorded

TEST, VALIDATE = "test", "validate"
WORST = "worst"

Row = dict[str, Any]


@dataclass(frozen=True)
class Chosen:
    """method: None where the rule took none. group: the one that plain training serves worst on
    `validate`; None where no group can be judged."""

    method: str | None
    group: str | None
    verdict: Verdict


def table(
    found: Mapping[str, Mapping[str, Scores]],
    coverage: Mapping[str, Mapping[str, OverSeeds]],
    asked: Asked,
    key: Key,
) -> pd.DataFrame:
    """The whole comparison, with what was chosen and what is recommended.

    Args:
        found: split -> method -> scores, plain training among the methods.
        coverage: method -> group -> share of sets that hold the truth, on `test`.
        asked: rule, margin, metric.
        key: (metric, column) that the rule looks at.
    """
    chosen = decide(found, asked, key)
    rows: list[Row] = []
    for split, of_split in found.items():
        for method, scores in of_split.items():
            for row in _rows(scores, of_split[PLAIN], asked.attribute, only=_only(split, key)):
                rows.append({"split": split, "method": method, **row})
    for method, of_group in coverage.items():
        for row in _coverage_rows(of_group, coverage[PLAIN], found[TEST][PLAIN], asked.attribute):
            rows.append({"split": TEST, "method": method, **row})
    filled = [_judged(row, chosen, asked, key, _class_of(found[TEST][PLAIN])) for row in rows]
    return schema.MITIGATION.fill(pd.DataFrame(filled, columns=schema.MITIGATION.names))


def decide(found: Mapping[str, Mapping[str, Scores]], asked: Asked, key: Key) -> Chosen:
    """Chooses on `validate`, and holds the chosen method to `test`."""
    validate, test = found[VALIDATE], found[TEST]
    plain, better = validate[PLAIN], asked.higher_is_better
    name = _class_of(plain)
    group = worst_group(plain, name, key, better)
    if group is None:
        return Chosen(
            None, None, Verdict(False, "fewer than two groups are large enough to be judged")
        )
    sign = 1.0 if better else -1.0
    of = {
        method: Score(
            sign * worst_value(scores, name, key, better), sign * scores[name, ALL][key].mean.value
        )
        for method, scores in validate.items()
    }
    rivals = {method: score for method, score in of.items() if method != PLAIN}
    method = choose(rivals, of[PLAIN], asked.rule, asked.margin)
    if method is None:
        better_where = "all patients" if asked.rule == "pooled" else "the worst-served group"
        within = f" and loses at most {asked.margin:g} over all"
        why = f"on validate no method serves {better_where} better"
        why += within if asked.rule == "trade_off" else ""
        return Chosen(None, group, Verdict(False, why))
    mine, theirs = test[method], test[PLAIN]
    gain, pooled = (_difference(mine, theirs, (name, where), key) for where in (group, ALL))
    lowest = worst_value(mine, name, key, better) - worst_value(theirs, name, key, better)
    verdict = judge(gain, pooled, lowest, margin=asked.margin, higher_is_better=better)
    return Chosen(method, group, verdict)


def worst_group(scores: Scores, class_name: str, key: Key, higher_is_better: bool) -> str | None:
    """The group with the worst estimate, of those whose attribute is recorded; None without any."""
    values = {
        group: scores[class_name, group][key].mean.value
        for group in groups_in(scores)
        if is_recorded(group) and (class_name, group) in scores
    }
    known = {group: value for group, value in values.items() if not math.isnan(value)}
    if len(known) < 2:
        return None
    return (min if higher_is_better else max)(known, key=lambda group: known[group])


def worst_value(scores: Scores, class_name: str, key: Key, higher_is_better: bool) -> float:
    group = worst_group(scores, class_name, key, higher_is_better)
    return float("nan") if group is None else scores[class_name, group][key].mean.value


def _class_of(scores: Scores) -> str:
    """What is judged: the only class, or the mean over several."""
    names = list(dict.fromkeys(name for name, _ in scores))
    return MACRO if MACRO in names else names[0]


def _only(split: str, key: Key) -> Key | None:
    """On `validate` nothing is given but what the choice rests on."""
    return key if split == VALIDATE else None


def _difference(mine: Scores, theirs: Scores, place: tuple[str, str], key: Key) -> Difference:
    if place not in mine or place not in theirs:
        nan = float("nan")
        return Difference(key[0], nan, nan, nan, nan, 0)
    return difference(mine[place][key], theirs[place][key])


def _rows(scores: Scores, plain: Scores, attribute: str, only: Key | None) -> Iterator[Row]:
    from clinmm.intervals import module_of

    for (class_name, group), found in scores.items():
        for key, one in found.items():
            if only in (None, key):
                yield _row(one, plain[class_name, group][key], key, class_name, attribute, group)
    for class_name in dict.fromkeys(name for name, _ in scores):
        for key in next(iter(scores.values())):
            better = bool(module_of(key[0]).HIGHER_IS_BETTER)
            group_here = worst_group(scores, class_name, key, better)
            group_there = worst_group(plain, class_name, key, better)
            if only in (None, key) and group_here and group_there:
                one, other = (
                    scores[class_name, group_here][key],
                    plain[class_name, group_there][key],
                )
                row = _row(one, other, key, class_name, attribute, WORST)
                nothing = dict.fromkeys(("difference_low", "difference_high", "p"), math.nan)
                reason = f"the group {group_here}; which group is worst is partly chance, so the "
                reason += "difference has no interval"
                yield {**row, **nothing, "reason": reason}


def _coverage_rows(
    found: Mapping[str, OverSeeds], plain: Mapping[str, OverSeeds], scores: Scores, attribute: str
) -> Iterator[Row]:
    names = sorted({name for name, _ in scores} - {MACRO})
    for group, one in found.items():
        key = (one.mean.metric, "")
        name = names[0] if len(names) == 1 else ALL
        yield _row(one, plain[group], key, name, attribute, group)


def _row(
    one: OverSeeds, plain: OverSeeds, key: Key, class_name: str, attribute: str, group: str
) -> Row:
    metric, column = key
    low, high = _interval(one.mean)
    of = difference(one, plain)
    is_plain = one is plain
    return {
        "group_by": attribute,
        "metric": metric,
        "operating_point": column.removeprefix(CALL) if column.startswith(CALL) else None,
        "class_name": class_name,
        "group": group,
        "value": one.mean.value,
        "low": low,
        "high": high,
        "n_cases": one.mean.n_cases,
        "n_patients": one.mean.n_patients,
        "difference": math.nan if is_plain else of.difference,
        "difference_low": math.nan if is_plain else of.low,
        "difference_high": math.nan if is_plain else of.high,
        "p": math.nan if is_plain else of.p,
        "spread": one.spread,
        "n_seeds": one.each.size,
        "status": one.mean.status,
        "reason": one.mean.reason,
    }


def _interval(one: Estimate) -> tuple[float, float]:
    if one.metric not in COVERAGE.values():
        return one.interval()
    if one.influence is None:
        return math.nan, math.nan
    variance, df = one.influence.variance, one.influence.df
    return limits("logit", one.value, variance, df, share=True)[:2]


def _judged(row: Row, chosen: Chosen, asked: Asked, key: Key, class_name: str) -> Row:
    """The row with what was chosen, what is recommended, and what that rests on."""
    method, verdict = row["method"], chosen.verdict
    recommended = chosen.method if verdict.recommended else PLAIN
    about = {chosen.group: "worst_group", ALL: "pooled", WORST: WORST}
    of_metric = row["metric"] == key[0] and row["class_name"] == class_name
    rests_on = about.get(row["group"]) if of_metric else None
    reason = row["reason"]
    mine = method == (chosen.method or PLAIN)
    if rests_on == "pooled" and row["split"] == TEST and mine:
        reason = verdict.reason or reason
    return {
        **row,
        "chosen": _yes(method == chosen.method),
        "recommended": _yes(method == recommended),
        "judged": rests_on,
        "rule": asked.rule,
        "margin": asked.margin,
        "reason": reason,
    }


def _yes(true: bool) -> str:
    return "yes" if true else "no"
