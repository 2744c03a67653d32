"""What every part of the page needs to know of the run, and the choices that several parts ask."""

from dataclasses import dataclass
from typing import Any

import pandas as pd
import streamlit as st

from clinmm import registry
from clinmm.fairness import told
from clinmm.rivals import headline_arm
from dashboards import run_data, selections, words
from dashboards.language import t


@dataclass(frozen=True, eq=False)
class About:
    """unit: who is counted; target: name of what is predicted; arm: whose figures are shown."""

    facts: dict[str, Any]
    metrics: pd.DataFrame
    arm: str

    @classmethod
    def of(cls, facts: dict[str, Any], metrics: pd.DataFrame) -> "About":
        return cls(facts, metrics, headline_arm(list(metrics["arm"].unique()) or ["fused"]))

    @property
    def unit(self) -> str:
        return str(self.facts.get("unit_name", "patient"))

    def finding(self, name: str) -> str:
        """A class as a reader calls it."""
        return words.class_label(name, str(self.facts["target"]["name"]))

    @property
    def grouped(self) -> pd.DataFrame:
        """Estimates by sensitive group, calibrated ones, pooled over repeats and folds."""
        where = {"arm": self.arm, "split": "test", "repeat": "all", "fold": "all"}
        rows = selections.matching(self.metrics, where | {"pattern": "any"})
        return rows[~rows["group_by"].isin(["all", "class"]) & (rows["probability"] != "raw")]


@dataclass(frozen=True)
class Choice:
    """What is looked at: a measure, a class and an operating point (empty without threshold)."""

    metric: str
    class_name: str
    point: str


def choose(about: About, rows: pd.DataFrame, key: str, *, by_class: bool = True) -> Choice:
    """Measure, finding and operating point among those that the rows have.

    Args:
        about: the run.
        rows: of the metrics table, at least one.
        key: of this part of the page.
        by_class: False where every class is drawn, so that none is asked for.
    """
    left, middle, right = st.columns(3)
    measures = [name for name in dict.fromkeys(rows["metric"]) if not name.endswith("_gap")]
    first = measures.index("auroc") if "auroc" in measures else 0
    metric = left.selectbox(
        t("Measure"), measures, index=first, format_func=words.metric, key=f"{key} measure"
    )
    rows = rows[rows["metric"] == metric]
    name = ""
    if by_class:
        names = list(rows["class_name"].unique())
        headline = selections.headline_class(rows, about.facts)
        name = middle.selectbox(
            t("Finding"),
            names,
            index=names.index(headline) if headline in names else 0,
            format_func=about.finding,
            key=f"{key} finding",
        )
        rows = rows[rows["class_name"] == name]
    points = selections.points(rows)
    point = points[0]
    if len(points) > 1:
        point = right.selectbox(
            t("Operating point"),
            points,
            format_func=lambda one: one.replace("_", " ") or "none",
            key=f"{key} point",
        )
    return Choice(metric, name, point)


def attribute(names: "list[str]", key: str) -> str:
    """One attribute; not asked where there is one."""
    if len(names) == 1:
        return names[0]
    return str(
        st.segmented_control(
            t("Attribute"),
            names,
            default=names[0],
            required=True,
            format_func=told.name_of,
            key=f"{key} attribute",
        )
    )


def better_when(metric: str) -> bool | None:
    """True: higher is better; False: lower is; None where neither is."""
    if metric in words.LOWER_IS_BETTER:
        return False
    known = registry.constants("metrics").get(metric, {})
    found = known.get("HIGHER_IS_BETTER")
    return found if isinstance(found, bool) else None


def offer(rows: pd.DataFrame, name: str) -> None:
    """A button that downloads the rows behind a plot."""
    st.download_button(
        t("Download this table (CSV)"),
        rows.dropna(axis="columns", how="all").to_csv(index=False),
        file_name=f"fairness_{name}.csv",
        mime="text/csv",
        key=f"download {name}",
        type="tertiary",
    )


def made(name: str) -> pd.DataFrame | None:
    """The table with at least a row; or None, and the part says how it is made."""
    table = run_data.table_or_say(name)
    if table is not None and not len(table):
        st.info(told.left_out(run_data.facts(), name) or t("The audit found nothing to list here."))
        return None
    return table
