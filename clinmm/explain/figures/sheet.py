"""The PNG of a case: panels on a white sheet as wide as a page of a journal."""

from __future__ import annotations

import io
import textwrap
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from clinmm import __version__
from clinmm.explain.figures import panels
from clinmm.explain.figures.panels import INK, LETTER, QUIET, SMALL, TINY
from clinmm.explain.figures.pictures import views_of
from clinmm.explain.figures.shown import Input, Shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH = 180 / 25.4
"""Inches: two columns of most journals."""
DPI = 300
EDGE = 0.12
INNER = WIDTH - 2 * EDGE
NOTE_SIZE = 6.0
LINE_HEIGHT = 0.125
MOST_LINES = 36
"""Lines of a note; the HTML has all of it."""
MOST_COLUMNS = 14
"""Columns of a record: those that moved the answer most. The HTML has all of them."""

Place = Callable[[float, float, float, float], "Axes"]
"""(left, down, width, height) in inches within the block -> axes."""


@dataclass(frozen=True)
class Block:
    """A strip of the sheet, `height` inches; draw gets a function that makes axes in it."""

    height: float
    draw: Callable[[Place], None]


def png(shown: Shown) -> bytes:
    """The sheet as a PNG of 300 dpi, 180 mm wide."""
    with drawing():
        figure = _figure(list(_blocks(shown)))
        out = io.BytesIO()
        about = {"Software": f"clinmm {__version__}", "Description": shown.provenance}
        figure.savefig(out, format="png", dpi=DPI, metadata=about)
    return out.getvalue()


@contextmanager
def drawing() -> Iterator[None]:
    """Text is drawn as it stands: a note may hold dollar signs, or letters that no font has."""
    import matplotlib

    settings: Any = {"text.parse_math": False, "text.usetex": False, "font.family": "DejaVu Sans",
                "svg.hashsalt": "clinmm", "hatch.linewidth": 0.5}  # fmt: skip
    with matplotlib.rc_context(settings), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"Glyph \d+ .* missing from")
        yield


def _figure(blocks: list[Block]) -> Figure:
    from matplotlib.figure import Figure

    height = sum(block.height for block in blocks) + 2 * EDGE
    figure = Figure(figsize=(WIDTH, height), facecolor="white")
    top = EDGE
    for block in blocks:

        def place(left: float, down: float, width: float, high: float, at: float = top) -> Axes:
            bottom = height - at - down - high
            box = ((EDGE + left) / WIDTH, bottom / height, width / WIDTH, high / height)
            return figure.add_axes(box)

        block.draw(place)
        top += block.height
    return figure


def _blocks(shown: Shown) -> Iterator[Block]:
    yield _words(f"Case {shown.case_id}: {shown.target}; {shown.risk}", 9.0, INK, 0.05)
    yield _words(panels.explained_by(shown), SMALL, QUIET, 0.08)
    pictured = [one for one in shown.inputs if one.picture is not None]
    for number, one in enumerate(pictured or [None]):
        yield _pictures(shown, one, with_shares=number == 0)
    for one in shown.inputs:
        if one.kind == "image" and one.picture is None:
            yield _words(f"{one.name}: the display copy is not in the run", SMALL, QUIET, 0.05)
        if one.kind == "signal" and one.curve is not None:
            yield from _signal(shown, one)
        if one.kind == "note":
            yield from _note(shown, one)
        if one.kind == "record":
            yield from _record(shown, one)
    if shown.absent:
        yield _words(f"Not there for this case: {', '.join(shown.absent)}.", SMALL, INK, 0.05)
    if shown.what_if is not None:
        yield _what_if(shown)
        if said := shown.what_if.adds_said():
            yield _words(said, SMALL, INK, 0.05)
    yield from _checked(shown)
    yield _words(shown.provenance, TINY, QUIET, 0.0)


def _words(text: str, size: float, colour: str, below: float, indent: float = 0.0) -> Block:
    """Text broken into lines that fit."""
    lines = _wrapped(text, size, INNER - indent)
    high = len(lines) * size * 1.35 / 72

    def draw(place: Place) -> None:
        ax = place(indent, 0, INNER - indent, high)
        ax.set_axis_off()
        ax.text(0, 1, "\n".join(lines), fontsize=size, color=colour, va="top", linespacing=1.2)

    return Block(high + below, draw)


def _wrapped(text: str, size: float, width: float) -> list[str]:
    """Lines of at most `width` inches, by the mean width of a letter."""
    return textwrap.wrap(panels.printable(text), int(width / (0.52 * size / 72))) or [""]


def _withheld(one: Input) -> str:
    return f"{one.name}: not drawn. {one.withheld[:1].upper()}{one.withheld[1:]}"


def _pictures(shown: Shown, one: Input | None, *, with_shares: bool) -> Block:
    """The views of an image side by side, the legend, and on the right the shares."""
    views = [] if one is None else views_of(one, shown.scale)
    slices = one is not None and one.drawn is not None and one.drawn.ndim == 3
    beside = 1.75 if with_shares else 0.0
    side = 2.15 if not slices else 1.08 if with_shares else 1.42
    share_height = 0.42 + 0.24 * max(len(shown.shares), 1)
    ratio = max((v.pixels.shape[0] / v.pixels.shape[1] for v in views), default=0.0)
    high = min(side * ratio, 2.6)
    reason = _wrapped(_withheld(one), SMALL, 2.5) if one is not None and one.withheld else []
    picture_height = 0.2 + max(high, len(reason) * 0.125) + 0.1 if views else 0.0
    height = max(picture_height, share_height if with_shares else 0.0) + 0.12

    def draw(place: Place) -> None:
        left = 0.0
        for view in views:
            width = min(side, high / view.pixels.shape[0] * view.pixels.shape[1])
            named = f"{one.name}, {view.caption}" if one is not None else view.caption
            panels.picture(place(left, 0.2, width, high), view.pixels, named)
            left += width + 0.08
        if one is not None and one.drawn is not None:
            panels.legend(place(left + 0.08, 0.2 + 0.12, 0.1, max(high - 0.3, 0.5)), shown)
            left += 0.75
        if slices and one is not None:
            panels.profile(place(left + 0.12, 0.2, 0.75, high - 0.1), one)
        if reason:
            ax = place(left + 0.08, 0.2, 2.5, len(reason) * 0.125)
            ax.set_axis_off()
            ax.text(0, 1, "\n".join(reason), fontsize=SMALL, color=INK, va="top", style="italic")
        if with_shares and shown.shares:
            ax = place(INNER - beside + 0.5, 0.2, beside - 0.5, share_height - 0.42)
            panels.shares(ax, shown.shares, shown.unit)

    return Block(height, draw)


def _signal(shown: Shown, one: Input) -> Iterator[Block]:
    assert one.curve is not None
    high = 0.35 * min(len(one.curve.values), panels.MOST_CHANNELS)
    yield Block(
        high + 0.5,
        lambda place: panels.signal(place(0.25, 0.2, INNER - 0.3, high), one, shown.scale),
    )
    if one.withheld:
        yield _words(_withheld(one), SMALL, INK, 0.08)


def _note(shown: Shown, one: Input) -> Iterator[Block]:
    colours = f"{shown.colours}; " if one.arrays else ""
    yield _words(f"{one.name} ({colours}dotted line: denied)", SMALL, INK, 0.01)
    letter = LETTER * NOTE_SIZE / 72
    n_letters = int(INNER / letter)
    lines = panels.lines_of(one.text, n_letters)
    cut = lines[:MOST_LINES]

    def draw(place: Place) -> None:
        ax = place(0, 0, INNER, len(cut) * LINE_HEIGHT)
        ax.set_xlim(0, INNER / letter)
        ax.set_ylim(len(cut), 0)
        panels.note(ax, one, shown.scale, cut, NOTE_SIZE)

    yield Block(len(cut) * LINE_HEIGHT + 0.06, draw)
    if len(cut) < len(lines):
        yield _words(f"And {len(lines) - len(cut)} more lines.", SMALL, QUIET, 0.04)
    if one.withheld:
        yield _words(_withheld(one), SMALL, INK, 0.04)


def _record(shown: Shown, one: Input) -> Iterator[Block]:
    if not one.arrays:
        said = "; ".join(f"{value.name} {value.text or 'not measured'}" for value in one.values)
        yield _words(f"{one.name}: {said}", SMALL, INK, 0.04)
        if one.withheld:
            yield _words(_withheld(one), SMALL, INK, 0.04)
        return
    values = one.values[:MOST_COLUMNS]
    high = 0.155 * len(values)
    yield _words(one.name, SMALL, INK, 0.01)
    yield Block(
        high + 0.34,
        lambda place: panels.record(place(2.3, 0.02, INNER - 2.9, high), values, shown),
    )
    if len(values) < len(one.values):
        yield _words(f"And {len(one.values) - len(values)} more columns.", SMALL, QUIET, 0.04)


def _what_if(shown: Shown) -> Block:
    found = shown.what_if
    assert found is not None
    high = max(0.24 * (1 + len(found.without)), 0.9 if found.column else 0.5)

    def draw(place: Place) -> None:
        panels.without(place(1.75, 0.22, 2.1 if found.column else 3.5, high), found, 34)
        if found.column:
            panels.curve(place(4.6, 0.22, INNER - 4.7, high), found)

    return Block(high + 0.62, draw)


def _checked(shown: Shown) -> Iterator[Block]:
    """What became of each method, a line each where inputs fared alike."""
    yield _words("What was checked", SMALL, INK, 0.01)
    for said in checked_lines(shown):
        yield _words(said, TINY, QUIET, 0.01, indent=0.08)
    if shown.of_difference:
        yield _words(shown.of_difference, TINY, INK, 0.01, indent=0.08)
    yield Block(0.06, lambda place: None)


def checked_lines(shown: Shown) -> list[str]:
    """One line for each method and fate: which inputs passed, which are withheld and why."""
    fates: dict[tuple[str, str], list[str]] = {}
    for method, name, said in shown.checked:
        fates.setdefault((method, said), []).append(name)
    return [f"{method}, {', '.join(names)}: {said}" for (method, said), names in fates.items()]
