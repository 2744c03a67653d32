"""A table whose rows carry a dot and an interval on one scale."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

WIDTH = 220.0
"""Length of the scale, in the drawing's own units."""
_EDGE = 6.0


@dataclass(frozen=True)
class Line:
    """label: what it is; n: how many; said: the estimate in figures, or why there is none.

    strong: stands out; quiet: stands back; heading: names the lines below it, and is no line.
    """

    label: str
    n: str
    said: str
    value: float = math.nan
    low: float = math.nan
    high: float = math.nan
    strong: bool = False
    quiet: bool = False
    heading: bool = False

    def standing_back(self) -> "Line":
        """The same line, quieter."""
        return replace(self, quiet=True)


@dataclass(frozen=True)
class Mark:
    """Where a line's dot and interval are drawn; None where there is nothing to draw."""

    line: Line
    dot: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Forest:
    """head: names of the columns label, n, scale, figures. ticks: (place, text)."""

    caption: str
    head: tuple[str, str, str, str]
    marks: list[Mark]
    ticks: list[tuple[float, str]]
    reference: float | None
    width: float = WIDTH


def forest(
    caption: str,
    head: tuple[str, str, str, str],
    lines: Sequence[Line],
    *,
    reference: float | None = None,
    centred: bool = False,
    among: Sequence[Line] = (),
) -> Forest:
    """Draws the lines on a common scale.

    Args:
        caption: what the table shows.
        head: names of its four columns.
        lines: what to draw.
        reference: a dashed line, and part of the scale.
        centred: the same length either side of 0, for differences.
        among: lines of other forests that shall have the same scale.
    """
    ends = [
        x for one in (*lines, *among) for x in (one.value, one.low, one.high) if not math.isnan(x)
    ]
    ends += [reference] if reference is not None else []
    low, high = _scale(ends, centred)

    def at(value: float) -> float | None:
        if math.isnan(value):
            return None
        return round(_EDGE + (WIDTH - 2 * _EDGE) * (value - low) / (high - low), 1)

    marks = [Mark(one, at(one.value), at(one.low), at(one.high)) for one in lines]
    middle = (low + high) / 2
    ticks = [(at(x) or 0.0, _tick(x)) for x in (low, middle, high)]
    return Forest(caption, head, marks, ticks, None if reference is None else at(reference))


def _scale(ends: Sequence[float], centred: bool) -> tuple[float, float]:
    if not ends:
        return (-1.0, 1.0) if centred else (0.0, 1.0)
    if centred:
        widest = max(math.ceil(max(abs(x) for x in ends) * 20 - 1e-9) / 20, 0.05)
        return -widest, widest
    low, high = math.floor(min(ends) * 10 + 1e-9) / 10, math.ceil(max(ends) * 10 - 1e-9) / 10
    return low, high if high > low else low + 0.1


def _tick(value: float) -> str:
    text = f"{value:.3f}".rstrip("0").rstrip(".").replace("-", "−")
    return "0" if text in ("−0", "") else text
