"""Those who belong to two groups at once: a table with a heat map."""

import math
from typing import Any

import pandas as pd
import streamlit as st

from clinmm.fairness import told
from dashboards import run_data, selections, words
from dashboards.fairness.about import About, attribute, better_when, choose, offer
from dashboards.fairness.heat import Cell, heat
from dashboards.language import t


def section(about: About) -> None:
    rows = about.grouped
    rows = rows[rows["group_by"].str.contains("*", regex=False)]
    if not len(rows):
        st.info(
            t(
                "No intersection was asked for. Set `depth: 2` under `audit` in the config, "
                "or: clinmm audit {folder} --group-by sex*age",
                folder=run_data.run().folder,
            )
        )
        return
    choice = choose(about, rows, "intersections")
    rows = rows[(rows["metric"] == choice.metric) & (rows["class_name"] == choice.class_name)]
    rows = selections.at_point(rows, choice.point)
    name = attribute(list(rows["group_by"].unique()), "intersections")
    rows = rows[rows["group_by"] == name]
    of = {"arm": about.arm, "class_name": choice.class_name}
    everyone = selections.at_point(
        selections.pooled(about.metrics, choice.metric, **of), choice.point
    )
    level = float(everyone.iloc[0]["value"]) if len(everyone) else math.nan
    better = better_when(choice.metric)
    signed = better is not None and not math.isnan(level)
    # the last attribute across, the others down
    places = rows["group"].str.rsplit("*", n=1)
    shades = _shades(rows["value"], level, better)
    cells = {
        (told.name_of(down), across): _cell(row, shade, signed)
        for (down, across), row, shade in zip(places, rows.itertuples(), shades, strict=True)
    }
    down, across = (list(dict.fromkeys(pair[i] for pair in cells)) for i in (0, 1))
    st.html(heat(told.name_of(name), down, across, cells))
    said = t("Everyone: {level}.", level=words.number(level)) if signed else ""
    st.caption(f"{told.HOW['heat' if signed else 'heat_plain']} {said}".strip())
    offer(rows, "intersections")


def _shades(values: "pd.Series[float]", level: float, better: bool | None) -> list[float]:
    """How strongly each cell is coloured, from -1 (served worse) to 1, or from 0 to 1."""
    if better is None or math.isnan(level):
        low, high = values.min(), values.max()
        return list((values - low) / ((high - low) or 1.0))
    away = (values - level) * (1 if better else -1)
    # a tenth is the strongest colour, so that small gaps do not look large
    return list(away / max(float(away.abs().max()), 0.1))


def _cell(row: Any, shade: float, signed: bool) -> Cell:
    if row.status != "ok" or math.isnan(row.value):
        return Cell(
            t("suppressed") if row.status != "ok" else t("not given"),
            t("n {n}", n=row.n_patients),
            suppressed=True,
        )
    ends = t("{ends}; n {n}", ends=words.ends(row.low, row.high), n=row.n_patients)
    return Cell(words.number(row.value), ends, shade, signed)
