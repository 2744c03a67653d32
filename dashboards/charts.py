"""Plotly figures of curves that are already on file."""

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from clinmm.readers.curve import Curve

NEUTRAL = "#73828d"
"""Of lines that are no data, on light and on dark."""

OKABE_ITO = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", NEUTRAL)
"""Told apart with any kind of colour vision, and seen on light and on dark: style.css gives
text and grid the colours of the theme. Okabe and Ito, Color Universal Design, 2008; gray in place
of their black.
"""


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
        diagonal = {"color": NEUTRAL, "dash": "dot", "width": 1}
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
                "color": OKABE_ITO[5],
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
            marker_color=NEUTRAL,
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
        line={"color": NEUTRAL, "dash": "dot", "width": 1},
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
    _band(figure, limits)
    for (name, rows), dash in zip(lines.items(), ("solid", "dash", "dot"), strict=False):
        drawn = rows.sort_values("x")
        colour = OKABE_ITO[list(lines).index(name)]
        line = {"color": colour, "dash": dash, "width": 2}
        figure.add_scatter(x=drawn["x"], y=drawn["y"], mode="lines", name=name, line=line)
    if zero:
        ends = [first["x"].min(), first["x"].max()]
        line = {"color": NEUTRAL, "dash": "dot", "width": 1.5}
        figure.add_scatter(x=ends, y=[0, 0], mode="lines", name=zero, line=line)
    figure.add_vline(x=at, line={"color": NEUTRAL, "width": 1})
    # far below 0 the other lines would press this one flat
    top = first[["y", "high"]].max(axis=None)
    bottom = min(first[["y", "low"]].min(axis=None), 0.0)
    figure.update_yaxes(title_text=titles[1], range=[max(bottom, -top) * 1.05, top * 1.05])
    figure.update_xaxes(title_text=titles[0], tickformat=".0%")
    return _calm(figure, 380, legend=True)


def over_epochs(points: pd.DataFrame, titles: Sequence[str]) -> go.Figure:
    """Loss on validate of the head on each input, one panel per input, on one scale.

    points: input, epoch, value (the mean), low, high.
    """
    figure = _row(titles, "epoch")
    for column, name in enumerate(titles, start=1):
        rows = points[points["input"] == name].sort_values("epoch")
        _band(figure, rows, "epoch", row=1, col=column)
        figure.add_scatter(
            x=rows["epoch"],
            y=rows["value"],
            mode="lines",
            line={"color": OKABE_ITO[0], "width": 2},
            hovertemplate="%{y:.3f} after epoch %{x}<extra></extra>",
            row=1,
            col=column,
        )
    first, last = int(points["epoch"].min()), int(points["epoch"].max())
    steps = dict.fromkeys(first + (last - first) * i // 4 for i in range(5))
    figure.update_xaxes(tickvals=list(steps))
    figure.update_yaxes(title_text="loss on validate", row=1, col=1)
    return _calm(figure, 260)


def inputs_fail(
    inputs: Mapping[str, Mapping[str, pd.DataFrame]], level: float, level_name: str
) -> go.Figure:
    """AUROC over the share of cases for whom an input fails: a panel per input, a line per change.

    Args:
        inputs: input -> change -> x, y, low, high; the first change is drawn with its band.
        level: of a dashed line named level_name; NaN for none.
    """
    figure = _row(list(inputs), "share for whom it fails, %")
    for column, lines in enumerate(inputs.values(), start=1):
        at = {"row": 1, "col": column}
        for (change, rows), dash, colour in zip(
            lines.items(), ("solid", "dash"), OKABE_ITO, strict=False
        ):
            if dash == "solid":
                _band(figure, rows, **at)
            figure.add_scatter(
                x=rows["x"],
                y=rows["y"],
                mode="lines",
                name=change,
                line={"color": colour, "dash": dash, "width": 2},
                hovertemplate=f"{change} for %{{x:.0%}}: %{{y:.3f}}<extra></extra>",
                legendgroup=change,
                showlegend=column == 1,
                **at,
            )
        if not math.isnan(level):
            figure.add_scatter(
                x=[0, 1],
                y=[level, level],
                mode="lines",
                name=level_name,
                line={"color": NEUTRAL, "dash": "dot", "width": 1.5},
                legendgroup="level",
                showlegend=column == 1,
                **at,
            )
    figure.update_xaxes(tickvals=[0, 0.5, 1], ticktext=["0", "50", "100"])
    figure.update_yaxes(title_text="AUROC", row=1, col=1)
    return _calm(figure, 340, legend=True)


def signal(
    curve: Curve, spans: Sequence[NDArray[Any] | None], scale: float, most: int = 12
) -> go.Figure:
    """A signal's channels one above the other, shaded orange where they spoke for, blue against.

    Args:
        curve: what to draw.
        spans: channel, start, end (seconds) and score of pieces of time; None where not explained.
        scale: the score that gets the fullest colour.
        most: channels that are drawn.
    """
    n = min(len(curve.values), most)
    figure = make_subplots(rows=n, cols=1, shared_xaxes=True, vertical_spacing=0.1 / n)
    for number, values in enumerate(curve.values[:n]):
        known = values[np.isfinite(values)]
        low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
        if not any(array is None for array in spans):
            channel, start, end, score = (np.asarray(array) for array in spans)
            own = channel == number
            figure.add_heatmap(
                x=[*start[own], *end[own][-1:]],
                y=[low, high],
                z=[score[own]],
                zmin=-scale,
                zmax=scale,
                colorscale=[[0, "#2882c8"], [0.5, "rgba(127,127,127,0)"], [1, "#e68c00"]],
                opacity=0.6,
                showscale=False,
                hovertemplate="%{x:.2f} s: %{z:+.2f}<extra></extra>",
                row=number + 1,
                col=1,
            )
        figure.add_scatter(
            x=curve.seconds,
            y=values,
            mode="lines",
            line={"color": NEUTRAL, "width": 1},
            connectgaps=False,
            hovertemplate="%{x:.2f} s: %{y:.4g}<extra></extra>",
            row=number + 1,
            col=1,
        )
        title = f"{number + 1}" if len(curve.values) > 1 else ""
        figure.update_yaxes(title_text=title, nticks=3, row=number + 1, col=1)
    figure.update_xaxes(range=[0, curve.length_s])
    figure.update_xaxes(title_text="seconds", row=n, col=1)
    return _calm(figure, 90 + 70 * n)


def what_if(rows: pd.DataFrame, own: str, now: float, name: str, is_risk: bool) -> go.Figure:
    """The estimate over one column of the record, with the case as it is marked.

    Args:
        rows: x (text, no blanks), probability.
        own: the case's own value as text; empty where not measured.
        now: the estimate as it is.
        name: of the column.
        is_risk: whether the estimate is a risk, drawn from 0 to 1, or a value.
    """
    numbers = pd.to_numeric(rows["x"], errors="coerce")
    numeric = bool(numbers.notna().all()) and len(rows) > 0
    drawn = rows.assign(x=numbers).sort_values("x") if numeric else rows
    figure = go.Figure()
    figure.add_scatter(
        x=drawn["x"],
        y=drawn["probability"],
        mode="lines+markers" if numeric else "markers",
        line={"color": OKABE_ITO[0], "width": 2},
        marker={"color": OKABE_ITO[0], "size": 4 if numeric else 9},
        hovertemplate="%{x}: %{y:.3f}<extra></extra>",
    )
    level = {"color": NEUTRAL, "dash": "dot", "width": 1}
    figure.add_hline(y=now, line=level)
    here = pd.to_numeric(own, errors="coerce") if numeric else own
    if own and not pd.isna(here):
        figure.add_scatter(
            x=[float(here) if numeric else here],
            y=[now],
            mode="markers",
            marker={"color": OKABE_ITO[1], "size": 12, "symbol": "diamond"},
            hovertemplate="the case, %{x}: %{y:.3f}<extra></extra>",
        )
    figure.update_xaxes(title_text=name, type="linear" if numeric else "category")
    figure.update_yaxes(title_text="risk estimate" if is_risk else "estimate")
    if is_risk:
        figure.update_yaxes(range=[-0.02, 1.02])
    return _calm(figure, 250)


def predicted_and_observed(cases: pd.DataFrame, points: pd.DataFrame, unit: str) -> go.Figure:
    """Observed over predicted value: every case, and means of groups with their intervals.

    Args:
        cases: value, target. points: curve rows of kind observed_value.
        unit: of both axes.
    """
    figure = go.Figure()
    ends = [cases[["value", "target"]].min(axis=None), cases[["value", "target"]].max(axis=None)]
    line = {"color": NEUTRAL, "dash": "dot", "width": 1}
    figure.add_scatter(x=ends, y=ends, mode="lines", line=line, hoverinfo="skip")
    figure.add_scatter(
        x=cases["value"],
        y=cases["target"],
        mode="markers",
        marker={"color": OKABE_ITO[5], "size": 4, "opacity": 0.6},
        hovertemplate="predicted %{x:.1f}, observed %{y:.1f}<extra></extra>",
    )
    figure.add_scatter(
        x=points["x"],
        y=points["y"],
        mode="markers",
        marker={"color": OKABE_ITO[0], "size": 8},
        error_y={
            "array": (points["high"] - points["y"]).clip(lower=0),
            "arrayminus": (points["y"] - points["low"]).clip(lower=0),
            "color": OKABE_ITO[0],
            "thickness": 1.2,
            "width": 0,
        },
        customdata=points["n_cases"],
        hovertemplate="%{y:.1f} of %{customdata} cases at %{x:.1f}<extra></extra>",
    )
    figure.update_xaxes(title_text=f"predicted, {unit}")
    figure.update_yaxes(title_text=f"observed, {unit}")
    return _calm(figure, 420)


def plain(text: str) -> str:
    """Text as a heading of a panel, where Plotly would read tags.

    >>> plain("<b>F")
    '&lt;b&gt;F'
    """
    return escape(text, quote=False)


def _band(figure: go.Figure, rows: pd.DataFrame, x: str = "x", **at: int) -> None:
    """The interval of a curve, columns low and high over x, as a shade behind it."""
    figure.add_scatter(
        x=[*rows[x], *rows[x][::-1]],
        y=[*rows["high"], *rows["low"][::-1]],
        mode="lines",
        fill="toself",
        fillcolor="rgba(40, 130, 200, 0.2)",
        line={"width": 0},
        hoverinfo="skip",
        showlegend=False,
        **at,
    )


def _row(titles: Sequence[str], x_title: str) -> go.Figure:
    """Panels side by side on one height, with one title below them all."""
    return make_subplots(
        cols=len(titles),
        shared_yaxes=True,
        horizontal_spacing=0.03,
        subplot_titles=list(titles),
        x_title=x_title,
    )


def _calm(figure: go.Figure, height: int, legend: bool = False) -> go.Figure:
    figure.update_layout(
        height=height,
        showlegend=legend,
        margin={"l": 48, "r": 12, "t": 30, "b": 46},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"size": 12},
    )
    figure.update_annotations(font={"size": 13})
    axis = {"linecolor": NEUTRAL, "zeroline": False, "title_font_size": 12}
    figure.update_xaxes(axis)
    figure.update_yaxes(axis, automargin=True)
    return figure
