"""A signal as lines, one channel above the other, shaded where it spoke for or against."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clinmm.readers import curve

WIDTH, HEIGHT, GAP = 720.0, 60.0, 6.0
"""Of a channel, in drawing units, and the room below it."""
MOST_CHANNELS = 12
FAINT = 0.04
"""Pieces of time below this part of the strongest one's score stay uncoloured."""
STRONGEST = 0.55
"""Opacity of the strongest piece."""


@dataclass(frozen=True)
class Shade:
    """kind: for or against."""

    x: float
    width: float
    kind: str
    opacity: float


@dataclass(frozen=True)
class Channel:
    """top: of the channel in the drawing. lines: `x,y x,y ...`, one for each part without a gap."""

    label: str
    top: float
    lines: list[str]
    shades: list[Shade] = field(default_factory=list)


@dataclass(frozen=True)
class Trace:
    name: str
    channels: list[Channel]
    seconds: str
    height: float
    withheld: str
    below: str = ""


def trace(file: Path, name: str, arrays: dict[str, NDArray[Any]], reason: str) -> Trace:
    """One signal of a case.

    file: its curve in the run. arrays: attributions by `INPUT/what`. reason: why they are withheld.
    """
    drawn = curve.load(file)
    keys = ("channel", "start", "end", "score")
    found = None if reason else [arrays.get(f"{name}/{key}") for key in keys]
    shades = _shades(found, drawn.length_s)
    shown = drawn.values[:MOST_CHANNELS]
    channels = [
        Channel(
            f"{number + 1}" if len(drawn.values) > 1 else "",
            number * (HEIGHT + GAP),
            _lines(drawn.seconds, values, drawn.length_s, number * (HEIGHT + GAP)),
            shades.get(number, []),
        )
        for number, values in enumerate(shown)
    ]
    rest = len(drawn.values) - len(shown)
    return Trace(
        name,
        channels,
        f"{drawn.length_s:g} s",
        len(channels) * (HEIGHT + GAP),
        reason,
        f"And {rest} more channels." if rest else "",
    )


def _lines(
    seconds: NDArray[np.float32], values: NDArray[np.float32], length_s: float, top: float
) -> list[str]:
    known = np.isfinite(values)
    if not known.any():
        return []
    low, high = float(values[known].min()), float(values[known].max())
    x = WIDTH * seconds / length_s
    y = top + HEIGHT * (1 - (values - low) / (high - low if high > low else 1.0))
    at = np.flatnonzero(known)
    parts = np.split(at, np.flatnonzero(np.diff(at) > 1) + 1)
    return [" ".join(f"{x[i]:.1f},{y[i]:.1f}" for i in part) for part in parts]


def _shades(found: list[NDArray[Any] | None] | None, length_s: float) -> dict[int, list[Shade]]:
    """Channel -> its coloured pieces; colour is relative to the strongest of the signal."""
    if found is None or any(array is None for array in found):
        return {}
    channel, start, end, score = (np.asarray(array) for array in found)
    largest = float(np.abs(score).max(initial=0.0)) or 1.0
    shades: dict[int, list[Shade]] = {}
    for i in np.flatnonzero(np.abs(score) >= FAINT * largest):
        shades.setdefault(int(channel[i]), []).append(
            Shade(
                round(WIDTH * float(start[i]) / length_s, 1),
                round(WIDTH * float(end[i] - start[i]) / length_s, 1),
                "for" if score[i] > 0 else "against",
                round(STRONGEST * abs(float(score[i])) / largest, 2),
            )
        )
    return shades
