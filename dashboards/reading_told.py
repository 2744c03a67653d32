"""The plain answer of a reading study, in sentences."""

from collections.abc import Collection
from typing import Any

import pandas as pd

from clinmm.review.results.families import SHARED, shown
from dashboards import selections, words
from dashboards.language import t, tn

STEPS = {"alone": t("alone"), "with_model": t("with the model"), "model": t("the model alone")}
FIRST = ("auroc", "accuracy", "mean_absolute_error", "sensitivity")
"""The measure of the plain answer: the first that there is."""

_HOW_GOOD = {
    "alone": t("Readers alone: {metric} {value}."),
    "with_model": t("With the model: {value}."),
    "model": t("The model alone: {value}."),
    "gain": t("With the model less alone, same readings: {value}."),
}
_SAME = {
    "same readers, other cases": t("the same readers, on other cases"),
    "same readers, partly other cases": t("the same readers, partly on other cases"),
    "same readers, same cases": t("the same readers, on the same cases"),
    "other readers, same cases": t("other readers, on the same cases"),
    "other readers, other cases": t("other readers, on other cases"),
    "other readers, partly other cases": t("other readers, partly on other cases"),
}
_WHOLE = {"group_by": "all", "arm": "all"}


def sentences(results: pd.DataFrame) -> list[str]:
    """The answer of each finding, or in mean over several: readers alone, with the model, the model
    alone; one arm and another; helped and harmed; how often the model was followed where it was
    wrong. Never empty.

    results: table reading_results of one study.
    """
    results = with_p(results)
    rows = selections.matching(results, {"group_by": "all"})
    rows = rows[(rows["status"] == "ok") & rows["reader"].isin(["all", "model"])]
    rows = rows[(rows["arm"] == "all") | (rows["step"] == "arms")]
    names = list(dict.fromkeys(rows["class_name"]))
    if "macro" in names:
        of = rows[rows["class_name"] == "macro"]
        said = [t("In mean over the findings: {said}", said=_how_good(of)), *_arms(of)]
        return [*said, *filter(None, [_changed_in_all(rows)])]
    several = len(set(names) - {"all"}) > 1
    found = []
    for name in names:
        of = rows[rows["class_name"] == name]
        said = [one for one in (_how_good(of), *_arms(of), _changed(of), _followed(of)) if one]
        if several and name != "all":
            said = [t("{finding}: {said}", finding=finding(name), said=one) for one in said]
        found += said
    return found or [t("Too few patients were read for an estimate yet.")]


def with_p(results: pd.DataFrame) -> pd.DataFrame:
    """The table as it is now; results of clinmm 0.7 and before have no p."""
    absent = {name: float("nan") for name in ("p", "p_holm") if name not in results.columns}
    absent |= {name: None for name in ("family", "test") if name not in results.columns}
    return results.assign(**absent) if absent else results


def finding(name: str) -> str:
    """A class as readers call it."""
    return t("all findings (mean)") if name == "macro" else words.class_label(name, "")


def p_said(row: Any) -> str:
    """The p of a row and what it is adjusted for; empty where it has none.

    row: of reading_results, columns as attributes.
    """
    if pd.isna(row.p):
        return ""
    said = t("p {p}", p=_rounded(row.p))
    if str(row.test).startswith("exact"):
        said = t("exact p {p}", p=_rounded(row.p))
    if pd.isna(row.family):
        return t("{p}, exploratory", p=said)
    n = int(str(row.family).split()[-2])
    if n == 1:
        return said
    return tn(
        "{p}, {adjusted} adjusted for {n} test",
        "{p}, {adjusted} adjusted for {n} tests",
        n,
        p=said,
        adjusted=_rounded(row.p_holm),
    )


def compared(row: Any) -> str:
    """What two arms have in common; empty where that is not on file."""
    shared = ", ".join(part for part in str(row.interval).split(", ") if part.endswith(SHARED))
    return _SAME.get(shared, shared)


def _rounded(p: float) -> str:
    return t("below 0.001") if p < 0.001 else words.number(p)


def first_measure(metrics: Collection[str]) -> str | None:
    """The measure that the plain answer is given in."""
    return next((name for name in FIRST if name in metrics), None)


def _how_good(rows: pd.DataFrame) -> str:
    metric = first_measure(set(rows["metric"]))
    of = rows[(rows["metric"] == metric) & (rows["step"] != "arms")]
    of = of.drop_duplicates("step").set_index("step")
    parts = []
    for step, text in _HOW_GOOD.items():
        if step in of.index:
            row = of.loc[step]
            value = _value(row)
            parts.append(text.format(metric=words.metric(str(metric)), value=value))
    if "gain" in of.index:
        parts.insert(0, _helps(of.loc["gain"], lower=metric == "mean_absolute_error"))
    return " ".join(part for part in parts if part)


def _helps(gain: Any, lower: bool) -> str:
    """Whether readers are better with the model; nothing of an exploratory measure. lower: of a
    measure whose low values are good."""
    if pd.isna(gain["p"]):  # a table of clinmm 0.7 and before
        different = gain["low"] > 0 or gain["high"] < 0
    elif pd.isna(gain["family"]):
        return ""
    else:
        different = shown(gain)
    if not different:
        return t("No difference is shown.")
    better = (gain["value"] < 0) == lower
    return (
        t("Readers are better with the model.")
        if better
        else t("Readers are worse with the model.")
    )


def _arms(rows: pd.DataFrame) -> list[str]:
    """One arm less another, for the measure of the plain answer."""
    of = rows[(rows["step"] == "arms") & (rows["metric"] == first_measure(set(rows["metric"])))]
    return [
        t(
            "Of the arms, {arms}: {metric} {value}, {compared}.",
            arms=row["arm"].replace("_", " "),
            metric=words.metric(row["metric"]),
            value=_value(row),
            compared=compared(row),
        )
        for _, row in of.iterrows()
    ]


def _value(row: Any) -> str:
    """An estimate with its interval and, where it has one, its p."""
    p = p_said(row)
    inside = words.interval(row["low"], row["high"]) + (f"; {p}" if p else "")
    return f"{words.number(row['value'])} ({inside})"


def _changed(rows: pd.DataFrame) -> str:
    counts = rows[rows["step"] == "gain"].drop_duplicates("metric").set_index("metric")["value"]
    if not {"helped", "harmed"} <= set(counts.index):
        return ""
    helped, harmed = int(counts["helped"]), int(counts["harmed"])
    said = tn(
        "Shown the model, {n} reading became right and {harmed} became wrong.",
        "Shown the model, {n} readings became right and {harmed} became wrong.",
        helped,
        harmed=harmed,
    )
    net = rows[rows["metric"] == "helped_less_harmed"]
    if not len(net):
        return said
    return t(
        "{said} Right less wrong, of the readings: {value}.", said=said, value=_value(net.iloc[0])
    )


def _changed_in_all(rows: pd.DataFrame) -> str:
    """Helped and harmed, summed over findings."""
    gains = rows[rows["step"] == "gain"]
    helped, harmed = (
        int(gains.loc[gains["metric"] == name, "value"].sum()) for name in ("helped", "harmed")
    )
    if not len(gains):
        return ""
    return tn(
        "Shown the model, {n} answer about a finding became right and {harmed} became wrong; by "
        "finding under Changes of mind.",
        "Shown the model, {n} answers about a finding became right and {harmed} became wrong; by "
        "finding under Changes of mind.",
        helped,
        harmed=harmed,
    )


def _followed(rows: pd.DataFrame) -> str:
    of = rows[rows["metric"] == "followed_wrong"]
    if not len(of):
        return ""
    row = of.iloc[0]
    return t(
        "Where the model was wrong and the reader right, a share of {value} ({ends}) of the "
        "readings went over to the model.",
        value=words.number(row["value"], 2),
        ends=words.interval(row["low"], row["high"], 2),
    )
