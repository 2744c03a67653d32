"""What may be asked of a model that serves groups alike, and which of it these data contradict.

equal opportunity    of those who have the finding, equally many are missed
equalised odds       that, and equally many false alarms among those who do not
demographic parity   equally many are called
sufficiency          a call, or a risk, means the same in every group

They are not one wish said four times. Where groups differ in how many of them have the finding,
no model but a perfect one can keep both sufficiency and equalised odds, and none that finds
anything can keep demographic parity beside equalised odds. Which one matters is for people to say.

Reference:
    Hardt, Price, Srebro. NeurIPS 2016 (equal opportunity, equalised odds); Dwork et al. ITCS 2012
    (demographic parity); Chouldechova. Big Data 5:153 (2017) and Kleinberg, Mullainathan,
    Raghavan. ITCS 2017, arXiv:1609.05807 (why they cannot all hold).
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from clinmm.comparisons import ALPHA
from clinmm.fairness.distinct import holm_distinct
from clinmm.fairness.told import figure, interval, listed, member, name_of
from clinmm.fairness.who import GAP, PREVALENCE
from clinmm.subgroups import is_recorded

NO, NOT_SHOWN, CANNOT_TELL = "no", "not_shown_to_fail", "cannot_tell"


@dataclass(frozen=True)
class Criterion:
    """name; means: for a patient; holds: no, not_shown_to_fail or cannot_tell; said: a sentence."""

    name: str
    means: str
    holds: str
    said: str


CRITERIA: dict[str, tuple[tuple[str, ...], str]] = {
    "equal opportunity": (
        ("fnr",),
        "If you have the finding, the chance that it is missed does not depend on your group.",
    ),
    "equalised odds": (
        ("fnr", "fpr"),
        "If you have the finding, the chance that it is missed does not depend on your group; and "
        "if you do not, neither does the chance of a false alarm.",
    ),
    "demographic parity": (
        ("selection_rate",),
        "The chance of being called does not depend on your group, whether or not the group has "
        "the finding more often.",
    ),
    "sufficiency": (
        ("ppv", "npv", "calibration_intercept"),
        "If you are called, or told a risk, that means the same whatever your group: as many of "
        "those called have the finding, and stated risks are neither too high nor too low.",
    ),
}
"""Name -> the metrics of which no group may differ, and what it means for a patient."""

_WORDS = {
    "fnr": "missed findings",
    "fpr": "false alarms",
    "selection_rate": "calls",
    "ppv": "positive predictive value",
    "npv": "negative predictive value",
    "calibration_intercept": "calibration (log-odds)",
}


def criteria(
    metrics: pd.DataFrame,
    comparisons: pd.DataFrame,
    group_by: str,
    class_name: str,
    arm: str,
) -> list[Criterion]:
    """Which criteria these data contradict for one attribute and class, calls at the first
    operating point.

    A criterion is contradicted where the group and everybody else differ in one of its metrics,
    Holm over its metrics and groups and the interval without 0. Beside the primary metrics that is
    exploratory. What is not contradicted is not shown to hold.

    Args:
        metrics: schema.METRICS by group. comparisons: schema.COMPARISONS.
        group_by: the attribute. class_name: a class or `macro`.
        arm: such as `fused`.

    Returns:
        One for each of CRITERIA, in their order.
    """
    of_attribute = (comparisons["group_by"] == group_by) & (comparisons["arm"] == arm)
    rows = comparisons[
        of_attribute
        & (comparisons["class_name"] == class_name)
        & (comparisons["rival"] == "complement")
    ]
    small = metrics[
        (metrics["arm"] == arm)
        & (metrics["group_by"] == group_by)
        & (metrics["class_name"] == class_name)
        & (metrics["status"] == "suppressed")
    ]
    found = []
    for name, (wanted, means) in CRITERIA.items():
        too_small = sorted(set(small.loc[small["metric"].isin(wanted), "group"]))
        found.append(_criterion(name, means, rows[rows["metric"].isin(wanted)], too_small))
    return found


def why_not_all(groups: pd.DataFrame, group_by: str, class_name: str, part: str = "test") -> str:
    """Why they cannot all hold, with the prevalence gap that was seen.

    Args:
        groups: schema.GROUPS. group_by: the attribute.
        class_name: a class; of `macro`, the class with the largest gap.
        part: cohort, train or test.
    """
    rows = groups[
        (groups["part"] == part)
        & (groups["measure"] == PREVALENCE)
        & (groups["group_by"] == group_by)
        & (groups["status"] == "ok")
        & groups["group"].map(is_recorded).astype(bool)
    ]
    if class_name in set(rows["of"]):
        rows = rows[rows["of"] == class_name]
    spread = rows.groupby("of")["value"].agg(lambda of: of.max() - of.min())
    if rows.empty or spread.empty or rows.groupby("of").size().max() < 2:
        return (
            "Too few patients to say how the groups differ in prevalence, and so whether the "
            "criteria could hold together."
        )
    most = str(spread.idxmax())
    of_class = rows[rows["of"] == most]
    in_order = of_class.sort_values("value", kind="stable")
    low, high = in_order.iloc[0], in_order.iloc[-1]
    seen = (
        f"{most}: {low['value']:.1%} of {member(group_by, low['group'])} have it, "
        f"{high['value']:.1%} of {member(group_by, high['group'])}"
    )
    if GAP in set(of_class["verdict"]):
        return (
            f"They cannot all hold here. {seen}. Where groups differ in prevalence, a model that "
            "is not perfect cannot give calls the same meaning in every group and also miss "
            "equally many and alarm equally often in each (Chouldechova 2017; Kleinberg et al. "
            "2016); and calling equally many of each means other errors in each. Which matters "
            "most is a choice, not a calculation."
        )
    return (
        f"{seen}; no gap in prevalence was shown. As far as the groups do differ, the criteria "
        "exclude each other (Chouldechova 2017; Kleinberg et al. 2016)."
    )


def _criterion(name: str, means: str, rows: pd.DataFrame, too_small: list[str]) -> Criterion:
    if rows.empty:
        return Criterion(name, means, CANNOT_TELL, "It was not measured in this run.")
    tested = rows[rows["p"].notna()]
    left_out = f" Too small to be judged: {listed(too_small)}." if too_small else ""
    if tested.empty:
        return Criterion(name, means, CANNOT_TELL, "Too few patients to tell." + left_out)
    # two groups are one test seen from either side
    about = list(
        zip(tested["metric"], tested["p"], tested["difference"].abs().round(12), strict=True)
    )
    p_holm = pd.Series(holm_distinct([(one, one[1]) for one in about]), index=tested.index)
    shown = tested[(p_holm < ALPHA) & ~((tested["low"] <= 0) & (tested["high"] >= 0))]
    if shown.empty:
        could = tested.groupby("metric", sort=False)["detectable"].max().dropna()
        seen = " and ".join(f"{figure(gap)} in {_WORDS[str(of)]}" for of, gap in could.items())
        said = f"No gap shown. In every group judged these data could have shown a gap of {seen}."
        return Criterion(name, means, NOT_SHOWN, said + left_out)
    size = (shown["difference"] / shown["detectable"]).abs()
    worst = shown.iloc[int(np.argmax(size))]
    said = (
        f"Contradicted: {_WORDS[worst['metric']]} of {name_of(worst['group'])} differ from "
        f"everybody else's by {figure(worst['difference'])} "
        f"({interval(worst['low'], worst['high'])})."
    )
    return Criterion(name, means, NO, said + left_out)
