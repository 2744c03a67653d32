"""A verdict of the bias audit in plain words, for people who decide whether a model is used."""

from collections.abc import Sequence

import pandas as pd

from clinmm.evaluation.rows import MACRO
from clinmm.fairness.told import figure, interval, listed, member, name_of, there, there_gaps

WORDS = {
    "auroc": ("AUROC", "tells {of} from the rest less well"),
    "fnr": ("miss rate (FNR)", "misses {of} more often"),
    "sensitivity": ("sensitivity", "misses {of} more often"),
    "fpr": ("false alarm rate (FPR)", "says {of} wrongly more often"),
    "specificity": ("specificity", "says {of} wrongly more often"),
    "underdiagnosis": ("underdiagnosis", "says more often of ill patients that nothing is there"),
    "overdiagnosis": ("overdiagnosis", "says more often of well patients that something is there"),
}
"""Metric -> its name, and what worse means."""

UNKNOWN = "cause not identified"
NO_CAUSE = ("revealed", "revealed_label_fixed")
OF_ONE_METRIC = ("arm", "image_quality_fixed")
MOST_CAUSES = 3


def gap_shown(
    metric: str,
    class_name: str,
    group_by: str,
    group: str,
    gap: tuple[float, float, float],
    p: float,
) -> str:
    """
    >>> gap_shown("fnr", "pneumonia", "sex", "F", (.12, .05, .19), .004)
    'Gap between groups shown: in sex F the model misses "pneumonia" more often than in everybody \
else (miss rate (FNR) higher by 0.120, 95 % 0.050 to 0.190; p = 0.004 after Holm).'
    """
    of = (
        "a class, in the mean over those that can be judged,"
        if class_name == MACRO
        else f'"{_name(class_name)}"'
    )
    name, worse = WORDS.get(metric, (_name(metric), f"has a worse {_name(metric)}"))
    way = "higher" if gap[0] > 0 else "lower"
    low, high = sorted(gap[1:], key=abs)
    return (
        f"Gap between groups shown: in {member(group_by, group)} the model "
        f"{worse.format(of=of)} than in everybody else ({name} {way} by {figure(abs(gap[0]))}, "
        f"{interval(abs(low), abs(high))}; p = {figure(p)} after Holm)."
    )


def no_gap_shown(metric: str, group_by: str, detectable: dict[str, float]) -> str:
    """
    >>> no_gap_shown("auroc", "sex", {"F": .08, "M": .08})
    'No gap between groups of sex was shown in AUROC. That does not show that there is none: such \
data would show a gap of 0.080 four times in five.'
    """
    least, most = (
        min(detectable, key=detectable.__getitem__),
        max(detectable, key=detectable.__getitem__),
    )
    size = figure(detectable[least])
    if figure(detectable[most]) != size:
        size = f"{size} (in {name_of(least)}) to {figure(detectable[most])} (in {name_of(most)})"
    return (
        f"No gap between groups of {name_of(group_by)} was shown in {label(metric)}. That does "
        f"not show that there is none: such data would show a gap of {size} four times in five."
    )


def cannot_tell(metric: str, group_by: str, n_groups: int, least: float) -> str:
    """
    >>> cannot_tell("auroc", "sex", 1, float("nan"))
    'It cannot be told whether AUROC differs between groups of sex: fewer than two groups have \
enough patients.'
    """
    why = "fewer than two groups have enough patients"
    if n_groups > 1:
        why = f"only a gap of {figure(least)} or more would be shown four times in five"
    return (
        f"It cannot be told whether {label(metric)} differs between groups of "
        f"{name_of(group_by)}: {why}."
    )


def not_judged(suppressed: Sequence[str]) -> str:
    """What is added on groups that are too small."""
    if not suppressed:
        return ""
    return f" Too few patients in them, or beside them, to be judged: {listed(suppressed)}."


def before(who: pd.DataFrame | None, group_by: str, at_most: int = 2) -> str:
    """Gaps in prevalence or in who has an input, the largest of schema.GROUPS; they are said before
    anything about performance."""
    if who is None:
        return ""
    rows = there_gaps(who, group_by)
    rows = rows.reindex(rows["difference"].abs().sort_values(ascending=False, kind="stable").index)
    said = [there(row) for row in rows.head(at_most).itertuples(index=False)]
    if len(rows) > at_most:
        said.append(f"{len(rows) - at_most} more gaps in who is there")
    return f"First, who is there: {'; '.join(said)}. " if said else ""


def cause(
    sources: pd.DataFrame | None, arm: str, group_by: str, group: str, class_name: str, metric: str
) -> str:
    """What may explain a gap in a metric, or that no cause was identified.

    Of schema.GAP_SOURCES the rows that say yes of this attribute, of this group or none, of this
    class or none; gaps of single inputs, or with quality held fixed, only in this metric. What an
    embedding reveals of the attribute is none: it does not show that it is used. The strongest of
    each source, and of these three: the furthest from 0 in widths of its interval. That an input is
    missing more often, and counts, which have no interval, come last.
    """
    if sources is None:
        return UNKNOWN
    rows = sources[
        (sources["verdict"] == "yes")
        & ~sources["source"].isin(NO_CAUSE)
        & (sources["group_by"] == group_by)
        & sources["arm"].isin([arm, ""])
        & sources["group"].fillna("").isin([group, ""])
    ]
    if class_name != MACRO:
        rows = rows[rows["class_name"].fillna("").isin([class_name, MACRO, ""])]
    of_metric = rows["measure"].isin([f"{metric}_difference", f"{metric}_gap_difference"])
    rows = rows[~rows["source"].isin(OF_ONE_METRIC) | of_metric]
    strength = (rows["value"].abs() / (rows["high"] - rows["low"])).mask(
        rows["measure"] == "missing_rate_difference"
    )
    rows = rows.loc[strength.sort_values(ascending=False, kind="stable").index]
    rows = rows.drop_duplicates("source").head(MOST_CAUSES)
    said = [
        str(row.sentence) if isinstance(row.sentence, str) and row.sentence else _source(row)
        for row in rows.itertuples(index=False)
    ]
    return " ".join(dict.fromkeys(said)) or UNKNOWN


def _source(row: tuple[object, ...]) -> str:
    return f"{row.source.replace('_', ' ')}: {row.of}."  # type: ignore[attr-defined]


def label(metric: str) -> str:
    """
    >>> label("fnr"), label("net_benefit")
    ('miss rate (FNR)', 'net benefit')
    """
    return WORDS[metric][0] if metric in WORDS else _name(metric)


def _name(metric: str) -> str:
    return metric.replace("_", " ")
