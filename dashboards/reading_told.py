"""The plain answer of a reading study, in sentences."""

from collections.abc import Collection

import pandas as pd

from dashboards import selections, words
from dashboards.language import t, tn

STEPS = {"alone": t("alone"), "with_model": t("with the model"), "model": t("the model alone")}
FIRST = ("auroc", "accuracy", "mean_absolute_error", "sensitivity")
"""The measure of the plain answer: the first that there is."""

_HOW_GOOD = {
    "alone": t("Readers alone: {metric} {value}."),
    "with_model": t("With the model: {value}."),
    "model": t("The model alone: {value}."),
    "gain": t("With the model less alone: {value}."),
}
_WHOLE = {"group_by": "all", "arm": "all"}


def sentences(results: pd.DataFrame) -> list[str]:
    """The answer for each finding: readers alone, with the model, the model; helped and harmed; how
    often readers followed the model where it was wrong. Never empty.

    results: table reading_results of one study.
    """
    rows = selections.matching(results, _WHOLE)
    rows = rows[(rows["status"] == "ok") & rows["reader"].isin(["all", "model"])]
    names = list(dict.fromkeys(rows["class_name"]))
    several = len(set(names) - {"all"}) > 1
    found = []
    for name in names:
        of = rows[rows["class_name"] == name]
        said = [one for one in (_how_good(of), _changed(of), _followed(of)) if one]
        if several and name != "all":
            finding = words.class_label(name, "")
            said = [t("{finding}: {said}", finding=finding, said=one) for one in said]
        found += said
    return found or [t("Too few patients were read for an estimate yet.")]


def first_measure(metrics: Collection[str]) -> str | None:
    """The measure that the plain answer is given in."""
    return next((name for name in FIRST if name in metrics), None)


def _how_good(rows: pd.DataFrame) -> str:
    metric = first_measure(set(rows["metric"]))
    of = rows[rows["metric"] == metric].drop_duplicates("step").set_index("step")
    parts = []
    for step, text in _HOW_GOOD.items():
        if step in of.index:
            row = of.loc[step]
            value = f"{words.number(row['value'])} ({words.interval(row['low'], row['high'])})"
            parts.append(text.format(metric=words.metric(str(metric)), value=value))
    if "gain" in of.index:
        parts.insert(0, _helps(of.loc["gain"], lower=metric == "mean_absolute_error"))
    return " ".join(parts)


def _helps(gain: "pd.Series[float]", lower: bool) -> str:
    """Whether readers are better with the model; lower: of a measure whose low values are good."""
    low, high = (-gain["high"], -gain["low"]) if lower else (gain["low"], gain["high"])
    if low > 0:
        return t("Readers are better with the model.")
    return t("Readers are worse with the model.") if high < 0 else t("No difference is shown.")


def _changed(rows: pd.DataFrame) -> str:
    counts = rows[rows["step"] == "gain"].drop_duplicates("metric").set_index("metric")["value"]
    if not {"helped", "harmed"} <= set(counts.index):
        return ""
    helped, harmed = int(counts["helped"]), int(counts["harmed"])
    return tn(
        "Shown the model, {n} reading became right and {harmed} became wrong.",
        "Shown the model, {n} readings became right and {harmed} became wrong.",
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
