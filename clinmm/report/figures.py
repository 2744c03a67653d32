"""ROC, reliability and training as panels of points in drawing units; the template draws them.

The origin of a drawing is its upper left corner; a panel's plot is a square of SIDE units.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from clinmm.report.lines import each

LEFT, TOP, SIDE = 44.0, 26.0, 200.0
N_COLOURS = 7
"""Colours of the style sheet: ink, then Okabe and Ito's (2008), each with a dash of its own."""


@dataclass(frozen=True)
class Curve:
    """path: `x,y x,y ...`; band the same as a closed outline, or empty; colour: 0 is the ink."""

    label: str
    path: str
    colour: int
    band: str = ""
    said: str = ""


@dataclass(frozen=True)
class Dot:
    """A point with its interval (upper end, lower end), and what it says when pointed at."""

    x: float
    y: float
    upper: float | None
    lower: float | None
    said: str
    hollow: bool = False


@dataclass(frozen=True)
class Panel:
    """One square plot. ticks: (place from the left or top, text)."""

    title: str
    alt: str
    x_name: str
    y_name: str
    x_ticks: list[tuple[float, str]]
    y_ticks: list[tuple[float, str]]
    curves: list[Curve] = field(default_factory=list)
    dots: list[Dot] = field(default_factory=list)
    below: str = ""
    reference: str = f"{LEFT},{TOP + SIDE} {LEFT + SIDE},{TOP}"
    """Path of the dashed line; the diagonal unless told."""
    legend_above: bool = False
    left: float = LEFT
    top: float = TOP
    side: float = SIDE


def roc(title: str, points: pd.DataFrame, arms: Sequence[tuple[str, str, str]]) -> Panel:
    """Sensitivity over false positive rate.

    Args:
        title: of the panel.
        points: curve rows of one class, kind roc.
        arms: (arm, label, area in figures), the headline first; only its band is drawn.
    """
    curves = []
    for i, (arm, label, area) in enumerate(arms):
        rows = points[points["arm"] == arm]
        if not len(rows):
            continue
        band = rows.dropna(subset=["low", "high"])
        there = [_at(x, y, 1.0) for x, y in zip(band["x"], band["high"], strict=True)]
        back = [_at(x, y, 1.0) for x, y in zip(band["x"][::-1], band["low"][::-1], strict=True)]
        curves.append(
            Curve(
                label=label,
                path=" ".join(_at(x, y, 1.0) for x, y in zip(rows["x"], rows["y"], strict=True)),
                colour=i % N_COLOURS,
                band=" ".join(there + back) if i == 0 and len(there) > 1 else "",
                said=area,
            )
        )
    said = "; ".join(f"{one.label} {one.said}" for one in curves)
    return Panel(
        title=title,
        alt=f"ROC curves for {title}. Area under the curve: {said}.",
        x_name="false positive rate",
        y_name="sensitivity",
        x_ticks=_ticks(1.0, down=False),
        y_ticks=_ticks(1.0, down=True),
        curves=curves,
    )


def captioned(panel: Panel, below: str) -> Panel:
    """The panel with a line of text under it."""
    return replace(panel, below=below)


def reliability(title: str, points: pd.DataFrame, raw: pd.DataFrame) -> Panel:
    """Observed frequency over estimated risk, both from 0 to the same limit.

    Args:
        title: of the panel.
        points, raw: curve rows of one arm and class, kinds reliability and reliability_raw.
    """
    widest = max(float(points[["x", "y"]].max().max()), float(points["high"].max() or 0))
    limit = next(x for x in (0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 2.0) if widest <= x or x == 2.0)
    limit = min(limit, 1.0)
    dots = [_dot(row, limit, hollow=True) for row in each(raw) if row.x <= limit >= row.y]
    dots += [_dot(row, limit, hollow=False) for row in each(points)]
    counts = points["n_cases"].dropna()
    behind = ""
    if len(counts):
        low, high = int(counts.min()), int(counts.max())
        size = f"{low}" if low == high else f"{low} to {high}"
        behind = f"{len(points)} points of {size} cases"
    said = "; ".join(dot.said for dot in dots if not dot.hollow)
    return Panel(
        title=title,
        alt=f"Reliability for {title}. {said}.",
        x_name="estimated risk",
        y_name="observed frequency",
        x_ticks=_ticks(limit, down=False),
        y_ticks=_ticks(limit, down=True),
        dots=dots,
        below=behind,
    )


def over_epochs(lines: Mapping[str, pd.DataFrame]) -> list[Panel]:
    """One panel for each input, all on one scale.

    lines: title -> epoch, value (the mean), low, high.
    """
    whole = pd.concat(lines.values())
    bottom, top = float(whole["low"].min()), float(whole["high"].max())
    first, last = int(whole["epoch"].min()), int(whole["epoch"].max())
    margin = 0.05 * (top - bottom) or 0.05
    bottom, top = bottom - margin, top + margin
    width = max(last - first, 1)

    def at(epoch: float, loss: float) -> str:
        return _at((epoch - first) / width, (loss - bottom) / (top - bottom), 1.0)

    steps = [first + (last - first) * i // 4 for i in range(5)]
    x_ticks = [(LEFT + SIDE * (e - first) / width, str(e)) for e in dict.fromkeys(steps)]
    heights = (0.0, 0.25, 0.5, 0.75, 1.0)
    y_ticks = [(TOP + SIDE * (1 - h), f"{bottom + h * (top - bottom):.2f}") for h in heights]
    panels = []
    for title, rows in lines.items():
        epochs = rows["epoch"].tolist()
        there = [at(*point) for point in zip(epochs, rows["high"], strict=True)]
        back = [at(*point) for point in zip(epochs[::-1], rows["low"][::-1], strict=True)]
        path = " ".join(at(*point) for point in zip(epochs, rows["value"], strict=True))
        begin, end = rows["value"].iloc[0], rows["value"].iloc[-1]
        panels.append(
            Panel(
                title=title,
                alt=f"Loss on validate of {title}: {begin:.3f} at first, {end:.3f} at the end.",
                x_name="epoch",
                y_name="loss on validate",
                x_ticks=x_ticks,
                y_ticks=y_ticks,
                curves=[Curve("", path, 0, " ".join(there + back))],
                below=f"{begin:.3f} at first, {end:.3f} at the end",
                reference="",
            )
        )
    return panels


def _dot(row: Any, limit: float, hollow: bool) -> Dot:
    def height(value: float) -> float | None:
        return None if pd.isna(value) else round(TOP + SIDE * (1 - min(value, limit) / limit), 1)

    n = "" if pd.isna(row.n_cases) else f", {int(row.n_cases)} cases"
    return Dot(
        x=round(LEFT + SIDE * row.x / limit, 1),
        y=height(row.y) or 0.0,
        upper=None if hollow else height(row.high),
        lower=None if hollow else height(row.low),
        said=f"estimated {row.x:.2f}, observed {row.y:.2f}{n}",
        hollow=hollow,
    )


def _at(x: float, y: float, limit: float) -> str:
    return f"{LEFT + SIDE * x / limit:.1f},{TOP + SIDE * (1 - y / limit):.1f}"


def _ticks(limit: float, *, down: bool) -> list[tuple[float, str]]:
    """Five ticks from 0 to the limit: from the left, or from below."""
    ticks = []
    for part in (0.0, 0.25, 0.5, 0.75, 1.0):
        place = TOP + SIDE * (1 - part) if down else LEFT + SIDE * part
        ticks.append((place, f"{limit * part:.3f}".rstrip("0").rstrip(".")))
    return ticks
