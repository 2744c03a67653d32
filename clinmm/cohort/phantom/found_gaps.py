"""What the audit of groups found of a plant that concerns one group.

Every look takes a run and an entry of `planted` in truth.json, and says (found, evidence); None
where the run lacks the table, or was not asked about the attribute. The parameters of the plant
name `group_by` and `group`, or the `site`.
"""

from typing import Any

import pandas as pd

from clinmm.arms import is_baseline
from clinmm.runs import Run

Plant = dict[str, Any]
Look = tuple[bool, str]

CALIBRATION = ("calibration_intercept", "ece", "ece_debiased", "brier")
"""Metrics that miscalibration moves, the most telling first."""


def worse_than_complement(run: Run, plant: Plant) -> Look:
    """A metric that was declared beforehand is worse in the group than in everybody else."""
    rows = _of_group(_against_complement(run), plant)
    worse = rows[rows["verdict"] == "worse"]
    shown = _trained(worse if len(worse) else rows[rows["metric"] == "auroc"])
    if shown.empty:
        return False, f"no comparison of {_place(plant)[1]} could be made"
    row = shown.sort_values(["p_holm", "p"]).iloc[0]  # what was declared comes first
    return len(worse) > 0, (
        f"{_difference(row)}, p {row['p_holm']:.3f} (Holm), {row['n_patients']} patients"
    )


def verdict_by_attribute(run: Run, plant: Plant) -> Look | None:
    """The verdict on the attribute is a gap, and the group is the one served worst."""
    rows = _of_attribute(run, "bias_verdicts", plant)
    if rows is None:
        return None
    shown = rows[(rows["verdict"] == "gap_shown") & (rows["group"] == _place(plant)[1])]
    row = _trained(shown if len(shown) else rows).sort_values(["p_holm", "p"]).iloc[0]
    return len(shown) > 0, f"{row['arm']}: {row['sentence']}"


def calibration_apart(run: Run, plant: Plant) -> Look | None:
    """The interval of a difference in calibration between the group and everybody else leaves
    out 0: a description where it was not declared beforehand."""
    rows = _against_complement(run)
    rows = rows[rows["group_by"] == _place(plant)[0]]
    if rows.empty:
        return None
    rows = _trained(_of_group(rows, plant))
    rows = rows[rows["metric"].isin(CALIBRATION) & rows["low"].notna()]
    if rows.empty:
        return False, f"calibration of {_place(plant)[1]} could not be compared"
    apart = rows[(rows["low"] > 0) | (rows["high"] < 0)]
    row = (apart if len(apart) else rows).sort_values("p").iloc[0]
    return len(apart) > 0, f"{_difference(row)}, {row['n_patients']} patients"


def who_is_there(run: Run, plant: Plant) -> Look | None:
    """The group differs in how often it has a planted input, or the planted class."""
    rows = _of_attribute(run, "groups", plant)
    if rows is None:
        return None
    measure = "present" if "how" in plant["parameters"] else "prevalence"
    about = set(plant["parameters"].get("how", {})) or {plant["class_name"]}
    rows = _of_group(rows[rows["measure"] == measure], plant)
    if about != {"all"}:
        rows = rows[rows["of"].isin(about)]
    if rows.empty:
        return False, f"nothing is told of {_place(plant)[1]}"
    gaps = rows[rows["verdict"] == "gap"]
    row = (gaps if len(gaps) else rows).sort_values("p").iloc[0]
    return len(gaps) > 0, (
        f"{row['part']}: {measure} of {row['of']} in {row['group']} {row['value']:.2f}, "
        f"{row['difference']:+.2f} ({row['difference_low']:+.2f} to {row['difference_high']:+.2f}) "
        f"beside the others, {row['n_patients']} patients"
    )


def label_noise(run: Run, plant: Plant) -> Look | None:
    """The audit names noise in the group's labels as what a gap comes from."""
    rows = _of_attribute(run, "gap_sources", plant)
    if rows is None:
        return None
    rows = _of_group(rows[rows["source"] == "label_noise"], plant)
    if rows.empty:  # no second label, and so nothing of any group
        return None
    named = rows[rows["verdict"] == "yes"]
    row = (named if len(named) else rows).iloc[0]
    return len(named) > 0, str(row["sentence"])


def _place(plant: Plant) -> tuple[str, str]:
    """The attribute and the group that the plant is about."""
    of = plant["parameters"]
    return ("site", of["site"]) if "site" in of else (of["group_by"], of["group"])


def _against_complement(run: Run) -> pd.DataFrame:
    table: pd.DataFrame = run.read("comparisons")
    return table[table["rival"] == "complement"]


def _of_attribute(run: Run, name: str, plant: Plant) -> pd.DataFrame | None:
    if not run.has(name):
        return None
    table: pd.DataFrame = run.read(name)
    rows = table[table["group_by"] == _place(plant)[0]]
    return None if rows.empty else rows


def _of_group(rows: pd.DataFrame, plant: Plant) -> pd.DataFrame:
    by, group = _place(plant)
    return rows[(rows["group_by"] == by) & (rows["group"] == group)]


def _trained(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of trained arms, where there are any; else those of the plain models."""
    trained = rows[~rows["arm"].map(is_baseline).astype(bool)]
    return trained if len(trained) else rows


def _difference(row: "pd.Series[Any]") -> str:
    return (
        f"{row['arm']} {row['class_name']}: {row['metric']} of {row['group']} less that of the "
        f"others {row['difference']:+.3f} ({row['low']:+.3f} to {row['high']:+.3f})"
    )
