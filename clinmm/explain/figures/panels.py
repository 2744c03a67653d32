"""The panels of a figure, each drawn on axes by matplotlib; PNG and HTML share them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from clinmm.explain.figures.maps import AGAINST, FAINT, FOR, STRONGEST, scores_by_character
from clinmm.explain.figures.shown import Input, Share, Shown, Value
from clinmm.explain.figures.what_if import WhatIf
from clinmm.explain.negation import negated_spans
from clinmm.explain.profile import slice_profile
from clinmm.report.wording import logit, number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK, QUIET, LINE = "#16212b", "#566573", "#c5ced6"
SMALL, TINY = 6.5, 5.8
"""Sizes of text, in points."""
ORANGE = (FOR[0] / 255, FOR[1] / 255, FOR[2] / 255)
BLUE = (AGAINST[0] / 255, AGAINST[1] / 255, AGAINST[2] / 255)

MONO = "DejaVu Sans Mono"
LETTER = 0.602
"""Width of a letter of it, as a part of its size."""


def colour_of(value: float) -> tuple[float, float, float]:
    return ORANGE if value > 0 else BLUE


def tidy(ax: Axes, *sides: str) -> None:
    """Only these sides of the frame, thin."""
    for side, spine in ax.spines.items():
        spine.set_visible(side in sides)
        spine.set_color(LINE)
    ax.tick_params(labelsize=TINY, length=2, width=0.5, color=LINE, labelcolor=INK, pad=1.5)


def titled(ax: Axes, text: str) -> None:
    ax.set_title(text, fontsize=SMALL, color=INK, loc="left", pad=3)


def picture(ax: Axes, pixels: Any, caption: str) -> None:
    ax.imshow(pixels, interpolation="antialiased")
    ax.set_axis_off()
    titled(ax, caption)


def legend(ax: Axes, shown: Shown) -> None:
    """A standing bar of the map's colours with its numbers."""
    from matplotlib.colors import LinearSegmentedColormap

    ends = [[*colour, STRONGEST] for colour in (BLUE, ORANGE)]
    ends.insert(1, [1.0, 1.0, 1.0, 0.0])
    colours = LinearSegmentedColormap.from_list("for and against", np.array(ends))
    scale, lowest = shown.scale, -shown.scale if shown.signed else 0.0
    ax.imshow(
        np.linspace(scale, lowest, 128)[:, None], cmap=colours, vmin=-scale, vmax=scale,
        aspect="auto", extent=(0, 1, lowest, scale),
    )  # fmt: skip
    tidy(ax, "left", "right", "top", "bottom")
    ax.set_xticks([])
    ax.yaxis.tick_right()
    if shown.signed:
        ax.set_yticks([-scale, 0, scale], [_signed(-scale), "0", _signed(scale)])
        ax.set_title("for", fontsize=TINY, color=INK, pad=2)
        ax.set_xlabel("against", fontsize=TINY, color=INK, labelpad=5)
    else:
        ax.set_yticks([0, scale], ["0", f"{scale:.2g}"])
    ax.yaxis.set_label_position("right")
    ax.set_ylabel(shown.unit, fontsize=TINY, color=QUIET, labelpad=1)


def profile(ax: Axes, one: Input) -> None:
    """What each slice of a volume adds."""
    signed, size = slice_profile(np.nan_to_num(one.arrays["map"]))
    at = np.arange(1, len(signed) + 1)
    ax.barh(at, signed, color=[colour_of(x) for x in signed], height=0.8)
    ax.plot(size, at, color=QUIET, linewidth=0.7)
    ax.axvline(0, color=INK, linewidth=0.5)
    ax.set_ylim(0.4, len(signed) + 0.6)
    ax.set_ylabel("slice, upwards", fontsize=TINY, color=QUIET, labelpad=1)
    ax.set_xlabel("sum; line: size", fontsize=TINY, color=QUIET, labelpad=1)
    tidy(ax, "left", "bottom")
    titled(ax, "per map slice")


def shares(ax: Axes, found: Sequence[Share], unit: str) -> None:
    """Share of each input, with the range over the models of the case."""
    for at, one in enumerate(found):
        if one.share is None:
            ax.text(0.01, at, "withheld", fontsize=SMALL, color=QUIET, va="center", style="italic")
            continue
        ax.barh(at, one.share, height=0.55, color=colour_of(one.attribution), alpha=0.8)
        end = one.share
        if np.isfinite(one.low) and np.isfinite(one.high):
            ax.plot([one.low, one.high], [at, at], color=INK, linewidth=1)
            end = max(end, one.high)
        said = f"{100 * one.share:.0f} %"
        if np.isfinite(one.attribution):
            said += f" ({logit(one.attribution)})"
        ax.text(end + 0.02, at, said, fontsize=TINY, color=INK, va="center")
    ax.set_yticks(range(len(found)), [one.name for one in found])
    ax.set_ylim(len(found) - 0.4, -0.6)
    ax.set_xlim(0, 1.7)
    ax.set_xticks([0, 0.5, 1], ["0", "50 %", "100 %"])
    tidy(ax, "left", "bottom")
    titled(ax, f"share per input (sum, {unit})")


def record(ax: Axes, values: Sequence[Value], shown: Shown) -> None:
    """Bars of the columns; what was not measured is said so and has its own."""
    for at, one in enumerate(values):
        if one.score is None:
            continue
        look = {"alpha": 0.85} if one.text else {"hatch": "////", "fill": False}
        ax.barh(at, one.score, height=0.6, edgecolor=colour_of(one.score), linewidth=0.5,
                color=colour_of(one.score), **look)  # fmt: skip
        side = "left" if one.score >= 0 else "right"
        ax.annotate(
            logit(one.score), (one.score, at), xytext=(2 if one.score >= 0 else -2, 0),
            textcoords="offset points", fontsize=TINY, color=INK, va="center", ha=side,
        )  # fmt: skip
    ax.set_yticks(
        range(len(values)), [f"{one.name}: {one.text or 'not measured'}" for one in values]
    )
    for label, one in zip(ax.get_yticklabels(), values, strict=True):
        label.set_color(INK if one.text else QUIET)
        label.set_fontstyle("normal" if one.text else "italic")
    ax.set_ylim(len(values) - 0.4, -0.6)
    ax.set_xlim((-1.25 if shown.signed else 0) * shown.scale, 1.25 * shown.scale)
    ax.axvline(0, color=INK, linewidth=0.5)
    tidy(ax, "bottom")
    sides = f"against | for ({shown.unit})" if shown.signed else shown.unit
    ax.set_xlabel(sides, fontsize=TINY, color=QUIET, labelpad=1)


def without(ax: Axes, found: WhatIf, width: int = 44) -> None:
    """The answer as it is, and with something taken away."""
    points = [("as it is", found.as_is), *found.without]
    ax.axvline(found.as_is, color=QUIET, linewidth=0.6, linestyle=(0, (3, 2)))
    for at, (_, y) in enumerate(points):
        colour = INK if at == 0 else colour_of(found.as_is - y)
        ax.plot([found.as_is, y], [at, at], color=colour, linewidth=1)
        ax.plot([y], [at], "o", color=colour, markersize=3.2)
        ax.annotate(number(y, 2), (y, at), xytext=(0, 3.5), textcoords="offset points",
                    fontsize=TINY, color=INK, ha="center", va="bottom")  # fmt: skip
    ax.set_yticks(range(len(points)), [shortened(name, width) for name, _ in points])
    ax.set_ylim(len(points) - 0.5, -0.8)
    if found.answer == "risk":
        ax.set_xlim(-0.03, 1.03)
    else:
        ax.margins(x=0.15)
    ax.set_xlabel(found.answer, fontsize=TINY, color=QUIET, labelpad=1)
    tidy(ax, "left", "bottom")
    titled(ax, "what if: something is taken away")


def curve(ax: Axes, found: WhatIf) -> None:
    """The answer as the strongest column moves over its range."""
    try:
        x = [float(value) for value, _ in found.curve]
        order = np.argsort(x, kind="stable")
        ax.plot(np.array(x)[order], np.array([y for _, y in found.curve])[order], color=INK,
                linewidth=1, marker="o", markersize=2)  # fmt: skip
    except ValueError:
        names = [shortened(value, 12) for value, _ in found.curve]
        ax.plot(range(len(names)), [y for _, y in found.curve], "o", color=INK, markersize=3.2)
        ax.set_xticks(range(len(names)), names)
        ax.margins(x=0.2)
    ax.axhline(found.as_is, color=QUIET, linewidth=0.6, linestyle=(0, (3, 2)))
    if found.unmeasured is not None:
        ax.axhline(found.unmeasured, color=BLUE, linewidth=0.8, linestyle=(0, (1, 1.2)))
    if found.answer == "risk":
        ax.set_ylim(-0.03, 1.03)
    dotted = "" if found.unmeasured is None else "; dotted: not measured"
    name = shortened(found.column, 24)
    ax.set_xlabel(f"{name} (dashed: as it is{dotted})", fontsize=TINY, color=QUIET, labelpad=1)
    ax.set_ylabel(found.answer, fontsize=TINY, color=QUIET, labelpad=1)
    tidy(ax, "left", "bottom")
    titled(ax, "what if: the strongest column moves")


MOST_CHANNELS = 6


def signal(ax: Axes, one: Input, scale: float) -> None:
    """Channels one above the other, shaded where they spoke for or against."""
    assert one.curve is not None
    channels = one.curve.values[:MOST_CHANNELS]
    keys = ("channel", "start", "end", "score")
    if all(key in one.arrays for key in keys):
        for channel, start, end, score in zip(*(one.arrays[k] for k in keys), strict=True):
            strength = min(abs(float(score)) / scale, 1.0)
            if strength >= FAINT and channel < len(channels):
                colour, alpha = colour_of(float(score)), STRONGEST * strength
                ax.fill_between([start, end], -channel - 0.5, -channel + 0.5, linewidth=0,
                                color=colour, alpha=alpha)  # fmt: skip
    for at, values in enumerate(channels):
        known = values[np.isfinite(values)]
        low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
        drawn = (values - low) / (high - low if high > low else 1.0) - 0.5
        ax.plot(one.curve.seconds, 0.9 * drawn - at, color=INK, linewidth=0.5)
    ax.set_yticks([-at for at in range(len(channels))], [f"{k + 1}" for k in range(len(channels))])
    ax.set_xlim(0, one.curve.length_s)
    ax.set_xlabel("seconds", fontsize=TINY, color=QUIET, labelpad=1)
    tidy(ax, "bottom")
    more = len(one.curve.values) - len(channels)
    titled(ax, f"{one.name}, channels" + (f" (and {more} more)" if more else ""))


# --- text ------------------------------------------------------------------------------------
def lines_of(text: str, width: int) -> list[tuple[int, int]]:
    """(start, end) of the lines of a note of at most `width` letters, broken at blanks.

    >>> lines_of("one two three", 8)
    [(0, 7), (8, 13)]
    """
    lines: list[tuple[int, int]] = []
    for match in re.finditer(r"[^\n]*(?:\n|$)", text):
        at, stop = match.start(), match.start() + len(match.group().rstrip("\n"))
        if at == len(text) and lines:
            break
        start = at
        while stop - start > width:
            cut = text.rfind(" ", start + 1, start + width + 1)
            end = cut if cut > start else start + width
            lines.append((start, end))
            start = end + (cut > start)
        lines.append((start, stop))
    return lines


def note(ax: Axes, one: Input, scale: float, lines: Sequence[tuple[int, int]], size: float) -> None:
    """The note with coloured words, a dotted line under those that it denies.

    The axes are as wide and high as the lines, one unit a letter across and one a line down.
    """
    values = scores_by_character(len(one.text), one.arrays)
    denied = np.zeros(len(one.text), dtype=bool)
    for begin, end in negated_spans(one.text):
        denied[begin:end] = True
    for row, (start, stop) in enumerate(lines):
        ax.text(0, row + 0.5, printable(one.text[start:stop]), family=MONO, fontsize=size,
                color=INK, va="center_baseline", ha="left")  # fmt: skip
        for begin, end in _runs(values[start:stop]):
            strength = min(abs(values[start + begin]) / scale, 1.0)
            if strength >= FAINT:
                ax.fill_between([begin, end], row + 0.06, row + 0.94, linewidth=0, zorder=0,
                                color=colour_of(values[start + begin]),
                                alpha=0.10 + 0.55 * strength)  # fmt: skip
        for begin, end in _runs(denied[start:stop]):
            if denied[start + begin]:
                ax.plot([begin, end], [row + 0.96] * 2, color=INK, linewidth=0.7,
                        linestyle=(0, (1, 1)))  # fmt: skip
    ax.set_axis_off()


def _runs(values: Any) -> list[tuple[int, int]]:
    """Stretches of equal values."""
    if not len(values):
        return []
    edges = (np.flatnonzero(np.diff(values)) + 1).tolist()
    return list(zip([0, *edges], [*edges, len(values)], strict=True))


def printable(text: str) -> str:
    """One sign a character, so that colours stay in place."""
    return "".join(c if c.isprintable() else " " for c in text)


def shortened(text: str, most: int) -> str:
    """
    >>> shortened("a long sentence", 8)
    'a long …'
    """
    text = printable(text)
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _signed(value: float) -> str:
    return f"{value:+.2g}".replace("-", "−")


def explained_by(shown: Shown) -> str:
    """How the pictures are to be read, in a sentence or two."""
    said = f"{shown.method[:1].upper()}{shown.method[1:]}: {shown.meaning}".rstrip(": ")
    if np.isfinite(shown.change):
        said += f" Change against the reference {logit(shown.change)} {shown.unit}."
    return said
