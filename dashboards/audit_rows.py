"""Which rows of the audit of explanations a page shows, and what they come to in a sentence."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from clinmm.explain.audit.parts.rules import DEFAULT_RULES, Rule
from dashboards import selections, words, words_explained
from dashboards.language import t

OVERALL, JOINT, ALL = "overall", "joint", "all"
GATE = "auroc_gate"


def for_all(table: pd.DataFrame) -> pd.DataFrame:
    """Rows over all patients, of the fused arm."""
    return selections.matching(table, {"arm": "fused", "group_by": ALL})


def verdicts(table: pd.DataFrame) -> pd.DataFrame:
    """One row per method, input and class with its verdict; refused methods have input `joint`."""
    return selections.matching(for_all(table), {"test": OVERALL})


def refused(table: pd.DataFrame) -> dict[str, str]:
    """Method -> why it explains nothing of this model."""
    rows = selections.matching(verdicts(table), {"input": JOINT})
    return {str(row["method"]): selections.text(row["reason"]) for _, row in rows.iterrows()}


def judged(table: pd.DataFrame) -> pd.DataFrame:
    """Verdicts of single inputs: what may be drawn of each, and what not.

    `shown_as` is the verdict as it is drawn.
    """
    rows = verdicts(table)
    rows = rows[rows["input"] != JOINT]
    drawn = [
        words_explained.shown_as(row["verdict"], selections.text(row["reason"]))
        for row in rows.to_dict("records")
    ]
    return rows.assign(shown_as=drawn)


def of_groups(table: pd.DataFrame, method: str, name: str) -> pd.DataFrame:
    """Rows by sensitive group of a method and input, and of all inputs together."""
    rows = selections.matching(table, {"method": method})
    rows = rows[rows["group_by"] != ALL]
    own, joint = rows[rows["input"] == name], rows[rows["input"] == JOINT]
    return pd.concat([own, joint[~joint["test"].isin(own["test"])]])


def tests(table: pd.DataFrame, method: str, name: str, class_name: str) -> pd.DataFrame:
    """What a cell of the matrix was judged by: needed tests first, then those told only."""
    where = {"method": method, "input": name, "class_name": class_name}
    rows = selections.matching(for_all(table), where)
    rows = rows[rows["test"] != OVERALL]
    needed = rows["needed"].map({"yes": 0, "no": 1}).fillna(2)
    return rows.assign(order=needed).sort_values("order", kind="stable").drop(columns="order")


def good_side(row: Mapping[str, Any], rules: Mapping[str, Rule]) -> str:
    """`above` or `below` the bound; empty where no rule is."""
    if pd.isna(row["bound"]):
        return ""
    if row["test"] == GATE:
        return "above"
    rule = rules.get(row["test"])
    if rule is None:  # a rule that the run's config no longer tells: read off the verdict
        return "above" if (row["value"] > row["bound"]) == (row["verdict"] != "fail") else "below"
    return "above" if rule.above is not None else "below"


def rules_of(config: Mapping[str, Any]) -> dict[str, Rule]:
    """The rules of a run, by its config.yaml."""
    own = ((config.get("explain") or {}).get("audit") or {}).get("rules") or {}
    return DEFAULT_RULES | {name: Rule.model_validate(rule) for name, rule in own.items()}


def sentence(table: pd.DataFrame) -> str:
    """How many explanations may be drawn.

    An explanation is here a method, an input and a class.
    """
    rows = judged(table)
    if not len(rows):
        return t("No explanation was judged, so none may be drawn.")
    passed = int((rows["verdict"] == "pass").sum())
    if not passed:
        return t("None of {n} explanations passed; all are withheld.", n=len(rows))
    if passed == len(rows):
        return t("All {passed} explanations passed and may be drawn.", passed=passed)
    return t(
        "{passed} of {n} explanations passed and may be drawn; {withheld} are withheld.",
        passed=passed,
        n=len(rows),
        withheld=len(rows) - passed,
    )


def drawn(table: pd.DataFrame) -> str:
    """What may be drawn of each method; empty where nothing may."""
    rows = judged(table)
    n = rows["class_name"].nunique()
    said = []
    for method, part in rows[rows["verdict"] == "pass"].groupby("method", sort=False):
        inputs = part.groupby("input", sort=False)["class_name"].nunique()
        listed = [
            t("{input} ({count} of {n} findings)", input=name, count=count, n=n)
            if count < n
            else str(name)
            for name, count in inputs.items()
        ]
        said.append(f"{words_explained.method(str(method))}: {words.listing(listed)}")
    return t("May be drawn: {listing}.", listing="; ".join(said)) if said else ""


def most_often(table: pd.DataFrame, most: int = 3) -> str:
    """The tests that withheld most; empty where none did."""
    rows = for_all(table)
    failed = rows[
        (rows["needed"] == "yes")
        & rows["verdict"].isin(["fail", "weak"])
        & (rows["test"] != OVERALL)
    ]
    counts = failed["test"].value_counts()
    said = [
        f"{words_explained.inside(words_explained.test(str(name)))} ({n})"
        for name, n in counts.head(most).items()
    ]
    return t("Not passed most often: {listing}.", listing=words.listing(said)) if said else ""


def worse(table: pd.DataFrame) -> list[str]:
    """Groups for whom a test was shown to come out otherwise than for everybody else."""
    rows = table[(table["group_by"] != ALL) & table["reason"].notna()]
    return [
        f"{row['group_by']} {row['group']}, {words_explained.method(row['method'])}, "
        f"{words_explained.input_name(row['input'])}, "
        f"{words_explained.inside(words_explained.test(row['test']))}: {row['reason']}"
        for _, row in rows.iterrows()
    ]
