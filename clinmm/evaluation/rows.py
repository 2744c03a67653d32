"""Rows of the metrics, comparisons and curves tables, for the whole sample and for subsets."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from clinmm import curves
from clinmm.comparisons import Difference, holm, non_inferior, verdict
from clinmm.evaluation.flags import flag_of
from clinmm.intervals import Estimate, estimate, macro, module_of
from clinmm.samples import CALIBRATED, CALL, RAW, Samples, Scored
from clinmm.subgroups import ALL, Subset

MACRO = "macro"

Key = tuple[str, str]
"""(metric, column of the sample)."""
Row = dict[str, Any]
Found = dict[Key, Estimate]


def wanted_of(metrics: Sequence[str], points: Sequence[str]) -> list[Key]:
    """(metric, column) pairs: raw and calibrated, or one for each operating point.

    Metrics that need more than a column (a stated prevalence, a threshold, all classes at once)
    have none.
    """
    wanted: list[Key] = []
    for metric in metrics:
        needs = module_of(metric).NEEDS
        if needs == "decision":
            wanted += [(metric, CALL + point) for point in points]
        elif needs == "outcome":
            wanted.append((metric, CALIBRATED))
        elif needs in ("ranking", "probability"):
            wanted += [(metric, RAW), (metric, CALIBRATED)]
    return wanted


def per_subset(
    samples: Samples, arm: str, wanted: Sequence[Key], subsets: Callable[[Scored], Iterable[Subset]]
) -> Iterator[tuple[Subset, str, Found]]:
    """(subset, class name, estimates) of every subset of every class of an arm, then of the macro
    mean of each subset that every class has.

    Args:
        subsets: function Scored -> iterable of Subset.
    """
    together: dict[tuple[str, str, str], dict[str, Found]] = {}
    names = [name for of, name in samples.parts if of == arm]
    last: dict[tuple[str, str, str], Subset] = {}
    for name in names:
        scored = samples.parts[arm, name]
        for subset in subsets(scored):
            found = estimate(scored.sample.take(subset.keep), wanted, samples.draws)
            place = (subset.group_by, subset.group, subset.pattern)
            together.setdefault(place, {})[name] = found
            last[place] = subset
            yield subset, name, found
    if len(names) < 2:
        return
    for place, by_class in together.items():
        if len(by_class) == len(names):
            means = {key: macro({n: by_class[n][key] for n in names}) for key in wanted}
            yield last[place], MACRO, means


def metric_rows(
    arm: str,
    class_name: str,
    subset: Subset,
    found: Found,
    *,
    split: str = "test",
) -> list[Row]:
    """Rows of schema.METRICS, repeat and fold pooled."""
    rows = []
    for (metric, column), one in found.items():
        low, high = one.interval()
        rows.append(
            {
                "arm": arm,
                "split": split,
                "repeat": ALL,
                "fold": ALL,
                "metric": metric,
                "class_name": class_name,
                "group_by": subset.group_by,
                "group": subset.group,
                "pattern": subset.pattern,
                "probability": RAW if column == RAW else CALIBRATED,
                "operating_point": column.removeprefix(CALL) if column.startswith(CALL) else None,
                "value": one.value,
                "low": low,
                "high": high,
                "n_cases": one.n_cases,
                "n_patients": one.n_patients,
                "n_positive": one.n_positive,
                "interval": one.method,
                "status": one.status,
                "reason": one.reason,
                "flag": flag_of(metric, low, high),
            }
        )
    return rows


def comparison_row(
    arm: str,
    rival: str,
    class_name: str,
    subset: Subset,
    of: Difference,
    family: str | None,
    *,
    margin: float | None = None,
) -> Row:
    """A row of schema.COMPARISONS without Holm and with the verdict `exploratory`.

    margin: how much worse than the rival is still as good; None where none was stated.
    """
    return {
        "arm": arm,
        "rival": rival,
        "metric": of.metric,
        "class_name": class_name,
        "group_by": subset.group_by,
        "group": subset.group,
        "pattern": subset.pattern,
        "difference": of.difference,
        "low": of.low,
        "high": of.high,
        "p": of.p,
        "p_holm": float("nan"),
        "family": family,
        "n_patients": of.n_patients,
        "verdict": "exploratory",
        "detectable": of.detectable,
        "margin": float("nan") if margin is None else margin,
        "non_inferior": None if margin is None else non_inferior(of, margin),
    }


def judge(rows: list[Row], differences: list[Difference], tellable: list[bool]) -> None:
    """Fills p_holm and verdict of the rows of one family, in place."""
    adjusted = holm([row["p"] for row in rows])
    for row, of, p_holm, can_tell in zip(rows, differences, adjusted, tellable, strict=True):
        row["p_holm"] = float(p_holm)
        row["verdict"] = verdict(of, float(p_holm)) if can_tell else "cannot_tell"


def curve_rows(
    kind: str, arm: str, class_name: str, subset: Subset, points: curves.Points
) -> list[Row]:
    place = {
        "kind": kind,
        "arm": arm,
        "class_name": class_name,
        "group_by": subset.group_by,
        "group": subset.group,
        "pattern": subset.pattern,
    }
    return [{**place, **point} for point in points]
