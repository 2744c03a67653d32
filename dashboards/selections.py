"""Which rows of a run's tables a page shows. Rows are picked and sorted here, never computed."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from clinmm.intervals import MIN_PATIENTS
from dashboards import words

NOT_ARMS = {"complement", "best_group", "uncalibrated", "no_deferral", "plain_training"}
"""Rivals of comparisons.parquet that are not arms."""


def classes(facts: Mapping[str, Any]) -> list[str]:
    """The classes a reader judges: target.name alone for a binary task."""
    target = facts["target"]
    return [target["name"]] if target["kind"] == "binary" else list(target["classes"])


def arms(frame: pd.DataFrame) -> list[str]:
    """The arms of a table, `fused` first."""
    return sorted(dict.fromkeys(frame["arm"]), key=lambda name: name != "fused")


def slices(frame: pd.DataFrame) -> dict[str, dict[str, str]]:
    """Label -> where, for everyone, then each class, pattern and group in the table."""
    columns = ["group_by", "group", "pattern"]
    found = [
        dict(zip(columns, row, strict=True)) for row in frame[columns].drop_duplicates().values
    ]

    def place(where: dict[str, str]) -> int:
        if where["group_by"] == "class":
            return 1
        return 3 if where["group_by"] != "all" else 2 * (where["pattern"] != "any")

    return {words.slice_label(*where.values()): where for where in sorted(found, key=place)}


def headline_class(frame: pd.DataFrame, facts: Mapping[str, Any]) -> str:
    """`macro` where the table has it, else the first class."""
    return "macro" if (frame["class_name"] == "macro").any() else classes(facts)[0]


def pooled(metrics: pd.DataFrame, metric: str, **where: str) -> pd.DataFrame:
    """Rows of one metric on the test patients, pooled over repeats and folds.

    Everything in `where` must match; what is left out is the whole cohort (`group_by` all,
    `pattern` any) and calibrated estimates, or raw ones where a metric has no calibrated row.
    """
    asked = {"split": "test", "repeat": "all", "fold": "all", "metric": metric}
    if "group_by" not in where:
        asked |= {"group_by": "all"}
    if "pattern" not in where:
        asked |= {"pattern": "any"}
    rows = matching(metrics, asked | where)
    if "probability" in where:
        return rows
    kinds = [rows[rows["probability"] == kind] for kind in ("calibrated", "raw")]
    return kinds[0] if len(kinds[0]) else kinds[1]


def text(value: object) -> str:
    """A cell as text; empty where it is NA."""
    return "" if pd.isna(value) else str(value)  # type: ignore[call-overload]


def matching(frame: pd.DataFrame, where: Mapping[str, str]) -> pd.DataFrame:
    """Rows in which every named column equals its value; `*` matches anything."""
    for column, value in where.items():
        if value != "*":
            frame = frame[frame[column] == value]
    return frame


def worth_it_head(table: pd.DataFrame, population: str) -> pd.DataFrame:
    """Every arm by the measure that is judged, over all inputs and classes (or the one class)."""
    rows = matching(table, {"population": population, "pattern": "any"})
    rows = rows[rows["metric"] == table["metric"].iloc[0]]
    several = rows[rows["class_name"] == "macro"]
    return several if len(several) else rows


def arm_comparisons(comparisons: pd.DataFrame, metric: str, class_name: str) -> pd.DataFrame:
    """Fused against every other arm, on all patients."""
    where = {"arm": "fused", "metric": metric, "class_name": class_name}
    rows = matching(comparisons, where | {"group_by": "all", "pattern": "any"})
    return rows[~rows["rival"].isin(NOT_ARMS)]


def calibration_comparisons(comparisons: pd.DataFrame) -> pd.DataFrame:
    """Fused calibrated against uncalibrated by log loss, one row per class."""
    where = {"arm": "fused", "rival": "uncalibrated", "metric": "log_loss", "group_by": "all"}
    return matching(comparisons, where)


def gaps(
    comparisons: pd.DataFrame, metric: str, class_name: str = "*", arm: str = "fused"
) -> pd.DataFrame:
    """Groups of an arm against their complement, the one served worst first.

    Asked for `macro`, every class is given beside the mean over classes.
    """
    where = {"arm": arm, "rival": "complement", "metric": metric}
    rows = matching(comparisons, where)
    rows = rows[rows["group_by"] != "all"].dropna(subset=["difference"])
    if class_name not in ("*", "macro"):
        rows = rows[rows["class_name"] == class_name]
    lower_first = metric not in words.LOWER_IS_BETTER
    return rows.sort_values("difference", ascending=lower_first, kind="stable")


def best_group(comparisons: pd.DataFrame, metric: str, arm: str) -> pd.DataFrame:
    """Groups of an arm against the group that is served best."""
    rows = matching(comparisons, {"arm": arm, "rival": "best_group", "metric": metric})
    return rows.dropna(subset=["difference"])


def worst_gap(comparisons: pd.DataFrame) -> "pd.Series[Any] | None":
    """The gap to name first among the declared ones, or the AUROC's where none was declared.

    Verdict `worse` first, then the largest disadvantage.
    """
    rows = gaps(comparisons, "*")
    declared = rows[rows["family"].notna()]
    rows = declared if len(declared) else rows[rows["metric"] == "auroc"]
    worse = rows[rows["verdict"] == "worse"]
    rows = worse if len(worse) else rows
    if not len(rows):
        return None
    lower = rows["metric"].isin(words.LOWER_IS_BETTER)
    harm = rows["difference"].where(lower, -rows["difference"])
    return rows.iloc[int(harm.to_numpy().argmax())]


def served_better(comparisons: pd.DataFrame) -> pd.DataFrame:
    """Declared gaps in which a group was shown to be served better than everyone else."""
    rows = gaps(comparisons, "*")
    return rows[rows["family"].notna() & (rows["verdict"] == "better")]


def suppressed(metrics: pd.DataFrame, metric: str) -> dict[str, int]:
    """`attribute group` -> patients, for groups in which no class has an estimate."""
    rows = group_rows(metrics, metric, "*", "")
    found = {}
    for (attribute, group), part in rows.groupby(["group_by", "group"], sort=False):
        if (part["status"] == "suppressed").all():
            found[f"{attribute} {group}"] = int(part["n_patients"].max())
    return found


def group_rows(metrics: pd.DataFrame, metric: str, class_name: str, point: str) -> pd.DataFrame:
    """Estimates by group for the fused arm, suppressed ones too, in the order of the file."""
    rows = pooled(metrics, metric, arm="fused", class_name=class_name, group_by="*")
    return at_point(rows[rows["group_by"] != "all"], point)


def enough(rows: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """The rows less those suppressed for too few patients in all, and a line that counts these."""
    few = (rows["status"] == "suppressed") & (rows["n_patients"] < MIN_PATIENTS)
    return rows[~few], words.too_few_patterns(int(few.sum()), MIN_PATIENTS)


def at_point(rows: pd.DataFrame, point: str) -> pd.DataFrame:
    """Rows of one operating point; an empty name means metrics without a threshold."""
    named = rows["operating_point"].fillna("")
    return rows[named == point]


def points(rows: pd.DataFrame) -> list[str]:
    """Names of the operating points in the rows; `['']` for metrics without one."""
    return list(dict.fromkeys(rows["operating_point"].fillna(""))) or [""]


def test_predictions(predictions: pd.DataFrame) -> pd.DataFrame:
    """Held-out rows; every row where the run has no test part (new cases)."""
    held_out = predictions[predictions["split"] == "test"]
    return held_out if len(held_out) else predictions


def case_risks(predictions: pd.DataFrame, case_id: str, arm: str) -> pd.DataFrame:
    """One row per class: class_name, probability (mean over repeats), n_estimates, target."""
    rows = predictions[(predictions["case_id"] == case_id) & (predictions["arm"] == arm)]
    by_class = rows.groupby("class_name", sort=False)
    return by_class.agg(
        probability=("probability", "mean"),
        n_estimates=("probability", "size"),
        target=("target", "first"),
    ).reset_index()


def case_sets(predictions: pd.DataFrame, case_id: str, arm: str) -> list[list[str]]:
    """The prediction set of a case in each model; none where no sets were made."""
    rows = predictions[(predictions["case_id"] == case_id) & (predictions["arm"] == arm)]
    rows = rows.drop_duplicates(["repeat", "fold"])
    return [list(found) for found in rows["prediction_set"] if found is not None]


def case_deferred(predictions: pd.DataFrame, case_id: str, arm: str) -> dict[str, list[bool]]:
    """class_name -> in each model, whether the case is handed back; empty where not judged."""
    rows = predictions[(predictions["case_id"] == case_id) & (predictions["arm"] == arm)]
    rows = rows[rows["deferred"].notna()]
    return {
        str(name): [bool(one) for one in part["deferred"]]
        for name, part in rows.groupby("class_name", sort=False)
    }


def flags(metrics: pd.DataFrame, arm: str) -> pd.DataFrame:
    """Calibrated rows of an arm whose interval excludes what it should hold; everyone first."""
    where = {"arm": arm, "split": "test", "repeat": "all", "fold": "all"}
    rows = matching(metrics, where | {"probability": "calibrated", "status": "ok"})
    claimed = ["observed_expected", "calibration_intercept", "calibration_slope"]
    rows = rows[rows["metric"].isin(claimed) & rows["flag"].notna()]
    everyone = (rows["group_by"] == "all") & (rows["pattern"] == "any")
    return pd.concat([rows[everyone], rows[~everyone]])


def not_exchangeable(rows: pd.DataFrame | None, arm: str) -> str:
    """Why no set holds on these cases; empty where nothing speaks against it."""
    if rows is None:
        return ""
    failed = matching(rows, {"arm": arm, "verdict": "fails"})
    return " ".join(dict.fromkeys(failed["reason"]))


def nearest(values: list[float], wanted: float) -> float:
    """The stored value to begin a slider with."""
    return min(values, key=lambda value: abs(value - wanted))


def similar(curves: pd.DataFrame | None, arm: str, name: str, p: float) -> dict[str, Any] | None:
    """The reliability point nearest to a risk estimate, if one lies within 0.1 of it."""
    if curves is None:
        return None
    where = {"kind": "reliability", "arm": arm, "class_name": name, "group_by": "all"}
    rows = matching(curves, where | {"pattern": "any"}).dropna(subset=["x", "y"])
    if not len(rows):
        return None
    nearest = rows.iloc[int((rows["x"] - p).abs().to_numpy().argmin())]
    return None if abs(nearest["x"] - p) > 0.1 else nearest.to_dict()
