"""What the tables of the bias audit say, in the words that the screens and the report share.

Rows are picked and sorted here, and nothing is computed: every figure is on file.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

GAP_SHOWN, NO_GAP_SHOWN, CANNOT_TELL = "gap_shown", "no_gap_shown", "cannot_tell"
VERDICTS = {
    GAP_SHOWN: "gap shown",
    NO_GAP_SHOWN: "no gap shown",
    CANNOT_TELL: "cannot tell",
}
"""Of an attribute, the one to read first on top."""
SYMBOLS = {GAP_SHOWN: "▲", NO_GAP_SHOWN: "–", CANNOT_TELL: "?"}

SOURCE_VERDICTS = {"yes": "found", "not_shown": "not shown", "cannot_tell": "cannot tell"}

SLICE_VERDICTS = {
    "worse": "served worse, confirmed",
    "not_shown": "not confirmed",
    "cannot_tell": "too few to tell",
}

SOURCES = {
    "revealed": (
        "What the model's inner picture of a case reveals of the attribute",
        "AUROC with which a simple probe tells the group from what the model made of a case; at "
        "the dashed line, 0.5, it tells nothing. To reveal is not to use.",
    ),
    "revealed_label_fixed": (
        "The same among cases with the same label",
        "As above, within cases that agree in the finding: what is left is not told by the finding "
        "itself.",
    ),
    "arm": (
        "Which input carries the gap",
        "The same gap in the model with all inputs and in each input alone, group less everyone "
        "else: the dashed line is no gap.",
    ),
    "image_quality": (
        "Quality and view of the images",
        "How the group's images differ from everyone else's; the dashed line is no difference.",
    ),
    "image_quality_fixed": (
        "The gap with image quality held fixed",
        "The same gap among images of like quality, and how much of it goes away: the dashed line "
        "is no gap, or nothing that goes away.",
    ),
    "training_share": (
        "Share in training",
        "How much of the training data is of this group: a small group is learnt from little.",
    ),
    "missing_inputs": (
        "What is lost because inputs are missing more often",
        "What everyone else would lose if they missed as many inputs; the dashed line is nothing.",
    ),
    "label_noise": (
        "Noise in the labels",
        "Told only where a second label says which labels are doubtful.",
    ),
}
"""Kind of source -> (heading, how to read it), in the order in which they are shown."""

PARTS = {"cohort": "everyone", "train": "training", "test": "test"}
"""Part of the table groups -> who is in it."""

OF_GROUPS = {
    "share": "How many",
    "prevalence": "Who has the finding",
    "present": "Who has the input",
    "pattern": "Which inputs come together",
}
"""Measure of the table groups -> heading."""

HOW = {
    "share": "Bars are 95 % intervals; a longer way to the right is a larger group.",
    "there": (
        "Each cell is a share of the group with its 95 % interval; the darker, the larger. ▲ marks "
        "a difference from everyone else that was shown; hatched: too few to tell."
    ),
    "forest": (
        "Dots are estimates, bars 95 % intervals, the dashed line is everyone. Bars that overlap "
        "do not show that groups are alike; a hatched line has too few for an estimate."
    ),
    "gaps": (
        "Group minus everyone else, bars are 95 % intervals; at the dashed line there is no gap. "
        "A bar that crosses it does not show that there is none."
    ),
    "multiples": (
        "One panel for each finding, all on one scale; in each the dashed line is everyone. The "
        "more panels, the more often one stands out by chance alone."
    ),
    "reliability": (
        "On the dotted line, of 100 cases with an estimate near 30 %, 30 have the finding; below "
        "it the group's estimates are too high, above it too low. Bars are 95 % intervals."
    ),
    "heat": (
        "Each cell is the estimate of those who belong to both groups, with its 95 % interval; "
        "orange is served worse than everyone and blue better, the stronger the further away. "
        "Hatched: too few for an estimate."
    ),
    "heat_plain": (
        "Each cell is the estimate of those who belong to both groups, with its 95 % interval; the "
        "darker, the higher, which is neither good nor bad here. Hatched: too few for an estimate."
    ),
    "criteria": (
        "A criterion is contradicted where a gap was shown in one of its measures; one that is not "
        "contradicted is not shown to hold. Which of them matters is for people to say."
    ),
    "slices": (
        "Each slice was proposed on one half of the patients (grey) and put to the test on the "
        "other (its verdict): only the second figure counts, since the first was sought out."
    ),
    "mitigation": (
        "Each method less plain training on the same patients: for everyone, for the group that "
        "plain training served worst on `validate`, and for whichever is served worst. Bars are "
        "95 % intervals; at the dashed line nothing changed."
    ),
}
"""Plot -> how to read it, in a sentence or two."""

MEASURES = {
    "auroc_difference": "AUROC of the group less everyone else",
    "auroc_gap_difference": "AUROC gap of all inputs less that of the input alone",
    "auroc_cost": "AUROC that everyone else would lose",
    "fnr_difference": "Miss rate of the group less everyone else",
    "fnr_gap_difference": "Miss rate gap of all inputs less that of the input alone",
    "missing_rate_difference": "Share in whom it is missing, less everyone else",
    "standardised_difference": "Difference in standard deviations",
    "share": "Share of patients",
    "positive_patients": "Patients with the finding",
    "alpha": "Agreement of two labels, alpha",
    "alpha_difference": "Agreement of two labels, less everyone else",
    "auroc": "AUROC",
}
"""Measure of the table gap_sources -> what it is called."""

NOT_ABSENT = "A gap that is not shown is not shown to be absent: read the intervals."


def left_out(facts: Mapping[str, Any], table: str) -> str:
    """Why the audit of a run left a table empty; empty where it did not.

    >>> left_out({"audit": {"left_out": {"slices": "audit.slices is false"}}}, "slices")
    'There is nothing here: audit.slices is false.'
    """
    why = (facts.get("audit") or {}).get("left_out", {}).get(table)
    return f"There is nothing here: {why}." if why else ""


def name_of(name: str) -> str:
    """An attribute or a group, and intersections of them.

    >>> name_of("sex*age"), name_of("F*[40, 65)")
    ('sex × age', 'F × [40, 65)')
    """
    return name.replace("*", " × ")


def member(group_by: str, group: str) -> str:
    """A group within a sentence.

    >>> member("sex*age", "F*[40, 65)")
    'sex × age F × [40, 65)'
    """
    return f"{name_of(group_by)} {name_of(group)}"


def who(group_by: str, group: str) -> str:
    """
    >>> who("sex*age", "F*[40, 65)")
    'sex × age: F × [40, 65)'
    """
    return f"{name_of(group_by)}: {name_of(group)}"


def listed(groups: Sequence[str], at_most: int = 8) -> str:
    """
    >>> listed(["F*[0, 40)", "F*[40, 65)", "M*[0, 40)"], at_most=2)
    'F × [0, 40), F × [40, 65) and 1 more'
    """
    said = ", ".join(name_of(group) for group in groups[:at_most])
    more = len(groups) - at_most
    return f"{said} and {more} more" if more > 0 else said


def cases(cell: str) -> list[str]:
    """The ids in a column `case_ids`, in which there may be spaces.

    >>> cases("case 7\\ncase 9")
    ['case 7', 'case 9']
    """
    return cell.split("\n") if cell else []


def figure(value: float) -> str:
    """
    >>> figure(-0.0712), figure(float("nan"))
    ('−0.071', 'not given')
    """
    return "not given" if math.isnan(value) else f"{value:z.3f}".replace("-", "−")


def interval(low: float, high: float) -> str:
    """
    >>> interval(-0.12, 0.02), interval(float("nan"), 0.0)
    ('95 % −0.120 to 0.020', 'no interval')
    """
    if math.isnan(low) or math.isnan(high):
        return "no interval"
    return f"95 % {figure(low)} to {figure(high)}"


def verdict(row: Any) -> str:
    """The verdict of a row of bias_verdicts; what could have been seen beside `no gap shown`.

    >>> from types import SimpleNamespace
    >>> verdict(SimpleNamespace(verdict="no_gap_shown", detectable=0.083))
    'no gap shown (could have seen 0.083)'
    """
    said = VERDICTS[row.verdict]
    if row.verdict == NO_GAP_SHOWN and not math.isnan(row.detectable):
        said += f" (could have seen {figure(row.detectable)})"
    return said


def by_attribute(verdicts: pd.DataFrame, arm: str) -> dict[str, pd.DataFrame]:
    """Attribute -> its verdicts, gaps first; attributes with a gap before those without.

    Args:
        verdicts: table bias_verdicts.
        arm: whose.
    """
    rank = {name: place for place, name in enumerate(VERDICTS)}
    rows = verdicts[verdicts["arm"] == arm]
    rows = rows.assign(rank=rows["verdict"].map(rank)).sort_values("rank", kind="stable")
    return {
        str(name): part.drop(columns="rank") for name, part in rows.groupby("group_by", sort=False)
    }


def lead(found: Mapping[str, pd.DataFrame]) -> str:
    """The attributes by the verdict to read first, from `by_attribute`.

    >>> lead({"sex": pd.DataFrame({"verdict": ["gap_shown", "cannot_tell"]})})
    'Gap shown: sex.'
    """
    of: dict[str, list[str]] = {verdict: [] for verdict in VERDICTS}
    for name, rows in found.items():
        of[str(rows["verdict"].iloc[0])].append(name_of(name))
    return " ".join(
        f"{VERDICTS[verdict].capitalize()}: {', '.join(names)}."
        for verdict, names in of.items()
        if names
    )


def there_gaps(groups: pd.DataFrame, group_by: str = "") -> pd.DataFrame:
    """Gaps that were shown in prevalence or in who has an input, over the whole cohort or, where
    it was not looked at, the test part.

    Args:
        groups: table groups.
        group_by: an attribute; every one where empty.
    """
    rows = groups[(groups["verdict"] == "gap") & groups["measure"].isin(["prevalence", "present"])]
    whole = "cohort" if (groups["part"] == "cohort").any() else "test"
    rows = rows[rows["part"] == whole]
    return rows[rows["group_by"] == group_by] if group_by else rows


def there(row: Any) -> str:
    """A gap in who is there, in words.

    >>> from types import SimpleNamespace
    >>> there(SimpleNamespace(measure="present", of="image", group_by="sex", group="F",
    ...       value=0.66, difference=-0.14, difference_low=-0.2, difference_high=-0.08))
    'sex: F has the input image in 66.0 of 100, 14.0 fewer than everyone else (95 % 8.0 to 20.0)'
    """
    what = f"the input {row.of}" if row.measure == "present" else str(row.of).replace("_", " ")
    sign, way = (-1, "fewer") if row.difference < 0 else (1, "more")
    low, high = sorted(100 * sign * end for end in (row.difference_low, row.difference_high))
    said = f"{who(row.group_by, row.group)} has {what} in {100 * row.value:.1f} of 100, "
    said += f"{100 * abs(row.difference):.1f} {way} than everyone else"
    return said if math.isnan(low + high) else f"{said} (95 % {low:.1f} to {high:.1f})"


def slices(table: pd.DataFrame, arm: str) -> list[tuple[Any, Any | None]]:
    """(found, confirmed) for each slice of an arm; confirmed None where it was never tested.

    Slices that were confirmed come first, then those with the larger disadvantage where found.
    """
    rows = table[table["arm"] == arm]
    pairs = []
    about = ["class_name", "metric", "operating_point", "slice"]
    for _, part in rows.groupby(about, sort=False, dropna=False):
        halves = {row.half: row for row in part.itertuples(index=False)}
        if "found" in halves:
            pairs.append((halves["found"], halves.get("confirmed")))
    return sorted(pairs, key=lambda pair: pair[1] is None or pair[1].verdict != "worse")


def of_slices(pairs: Sequence[tuple[Any, Any | None]]) -> str:
    """How many proposed slices were confirmed, from `slices`."""
    n_worse = sum(second is not None and second.verdict == "worse" for _, second in pairs)
    looked_at = [found.n_looked_at for found, _ in pairs if not math.isnan(found.n_looked_at)]
    among = f", the worst of {max(looked_at):.0f} that were looked at," if looked_at else ""
    said = f"{n_worse or 'None'} of {len(pairs)} proposed slices{among} "
    return said + f"{'were' if n_worse > 1 else 'was'} shown to be served worse on other patients."


def slice_verdict(row: Any) -> str:
    """
    >>> from types import SimpleNamespace
    >>> slice_verdict(SimpleNamespace(verdict="not_shown", detectable=0.083))
    'not confirmed (could have seen 0.083)'
    """
    said = SLICE_VERDICTS[row.verdict]
    if row.verdict == "not_shown" and not math.isnan(row.detectable):
        said += f" (could have seen {figure(row.detectable)})"
    return said


def method(name: str) -> str:
    """
    >>> method("group_dro"), method("plain_training")
    ('group DRO', 'plain training')
    """
    return name.replace("_", " ").replace(" dro", " DRO")


def compared(table: pd.DataFrame) -> dict[str, str]:
    """Group of the table mitigation -> how it is called, for the groups that are shown first:
    everyone, the group that the recommendation rests on, and whichever is worst.

    >>> rows = {"judged": ["pooled", "worst_group"], "group": ["all", "F"], "group_by": ["sex"] * 2}
    >>> compared(pd.DataFrame(rows))
    {'all': 'everyone', 'F': 'the worst group, sex: F', 'worst': 'whichever group is worst'}
    """
    worst = table[table["judged"] == "worst_group"]
    named = {
        str(group): f"the worst group, {who(str(group_by), str(group))}"
        for group_by, group in zip(worst["group_by"], worst["group"], strict=True)
    }
    return {"all": "everyone", **named, "worst": "whichever group is worst"}
