"""Plotly figures of curves that are already on file."""

from collections.abc import Mapping

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

OKABE_ITO = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Told apart with any kind of colour vision. Okabe and Ito, Color Universal Design, 2008."""

_INK, _GRID = "#24333d", "#e1e7ec"


def reliability(
    points: pd.DataFrame, titles: Mapping[str, str], by: str = "class_name"
) -> go.Figure:
    """Observed frequency against risk estimate, one panel per class, pattern or group.

    Args:
        points: rows of kind reliability for one arm: x, y, low, high, n_cases and `by`.
        titles: value of `by` -> heading, in the order of the panels.
    """
    figure = make_subplots(
        rows=2,
        cols=len(titles),
        row_heights=[0.8, 0.2],
        shared_xaxes=True,
        vertical_spacing=0.06,
        horizontal_spacing=0.04,
        subplot_titles=list(titles.values()),
    )
    for column, name in enumerate(titles, start=1):
        rows = points[points[by] == name].sort_values("x")
        diagonal = {"color": "#8a969f", "dash": "dot", "width": 1}
        figure.add_scatter(
            x=[0, 1], y=[0, 1], mode="lines", line=diagonal, hoverinfo="skip", row=1, col=column
        )
        figure.add_scatter(
            x=rows["x"],
            y=rows["y"],
            mode="markers",
            marker={"color": OKABE_ITO[0], "size": 7},
            error_y={
                "array": (rows["high"] - rows["y"]).clip(lower=0),
                "arrayminus": (rows["y"] - rows["low"]).clip(lower=0),
                "color": "#7ba7c4",
                "thickness": 1.2,
                "width": 0,
            },
            customdata=rows["n_cases"],
            hovertemplate="%{y:.2f} of %{customdata} cases at %{x:.2f}<extra></extra>",
            row=1,
            col=column,
        )
        figure.add_bar(
            x=rows["x"],
            y=rows["n_cases"],
            marker_color="#5f8296",
            width=0.012,
            hovertemplate="%{y} cases<extra></extra>",
            row=2,
            col=column,
        )
        figure.update_xaxes(title_text="risk estimate", row=2, col=column)
    figure.update_yaxes(range=[-0.02, 1.02], row=1)
    figure.update_yaxes(title_text="observed frequency", row=1, col=1)
    figure.update_yaxes(title_text="cases", row=2, col=1, nticks=3)
    figure.update_xaxes(range=[-0.02, 1.02])
    return _calm(figure, 380)


def roc(points: pd.DataFrame, titles: Mapping[str, str]) -> go.Figure:
    """Sensitivity against false positive rate, one line per class."""
    figure = go.Figure()
    figure.add_scatter(
        x=[0, 1],
        y=[0, 1],
        mode="lines",
        line={"color": "#8a969f", "dash": "dot", "width": 1},
        hoverinfo="skip",
        showlegend=False,
    )
    dashes = ("solid", "dash", "dot", "dashdot", "longdash")
    for i, (name, title) in enumerate(titles.items()):
        rows = points[points["class_name"] == name].sort_values(["x", "y"])
        colour, dash = OKABE_ITO[i % len(OKABE_ITO)], dashes[i % len(dashes)]
        figure.add_scatter(
            x=rows["x"], y=rows["y"], mode="lines", name=title, line={"color": colour, "dash": dash}
        )
    figure.update_xaxes(title_text="false positive rate", range=[-0.01, 1.01])
    figure.update_yaxes(title_text="sensitivity", range=[-0.01, 1.01])
    figure.update_layout(showlegend=True, legend={"x": 0.98, "xanchor": "right", "y": 0.04})
    return _calm(figure, 380, legend=True)


def bands(
    lines: Mapping[str, pd.DataFrame], titles: tuple[str, str], at: float, zero: str = ""
) -> go.Figure:
    """Lines on file, the first with its 95 % band, and the chosen x as an upright line.

    Args:
        lines: name -> x, y, low, high.
        titles: of the two axes.
        at: the chosen x.
        zero: name of a level line at 0; none where empty.
    """
    figure = go.Figure()
    first = next(iter(lines.values())).sort_values("x")
    limits = first.dropna(subset=["low", "high"])
    figure.add_scatter(
        x=[*limits["x"], *limits["x"][::-1]],
        y=[*limits["high"], *limits["low"][::-1]],
        fill="toself",
        fillcolor="rgba(0, 114, 178, 0.16)",
        line={"width": 0},
        hoverinfo="skip",
        showlegend=False,
    )
    for (name, rows), dash in zip(lines.items(), ("solid", "dash", "dot"), strict=False):
        drawn = rows.sort_values("x")
        colour = OKABE_ITO[list(lines).index(name)]
        line = {"color": colour, "dash": dash, "width": 2}
        figure.add_scatter(x=drawn["x"], y=drawn["y"], mode="lines", name=name, line=line)
    if zero:
        ends = [first["x"].min(), first["x"].max()]
        line = {"color": "#24333d", "dash": "dot", "width": 1.5}
        figure.add_scatter(x=ends, y=[0, 0], mode="lines", name=zero, line=line)
    figure.add_vline(x=at, line={"color": "#8a969f", "width": 1})
    # far below 0 the other lines would press this one flat
    top = first[["y", "high"]].max(axis=None)
    bottom = min(first[["y", "low"]].min(axis=None), 0.0)
    figure.update_yaxes(title_text=titles[1], range=[max(bottom, -top) * 1.05, top * 1.05])
    figure.update_xaxes(title_text=titles[0], tickformat=".0%")
    return _calm(figure, 380, legend=True)


def _calm(figure: go.Figure, height: int, legend: bool = False) -> go.Figure:
    figure.update_layout(
        height=height,
        showlegend=legend,
        margin={"l": 48, "r": 12, "t": 30, "b": 40},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="#ffffff",
        font={"color": _INK, "size": 12},
    )
    figure.update_annotations(font={"size": 13, "color": _INK})
    figure.update_xaxes(gridcolor=_GRID, linecolor="#9aa7b0", zeroline=False)
    figure.update_yaxes(gridcolor=_GRID, linecolor="#9aa7b0", zeroline=False)
    return figure
