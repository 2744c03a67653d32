"""The HTML of a case: one file that loads nothing and runs nothing."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from clinmm.explain.figures import panels
from clinmm.explain.figures.maps import AGAINST, FAINT, FOR, scores_by_character
from clinmm.explain.figures.panels import explained_by
from clinmm.explain.figures.pictures import Rgb, views_of
from clinmm.explain.figures.sheet import checked_lines, drawing
from clinmm.explain.figures.shown import Input, Shown
from clinmm.explain.negation import negated_spans
from clinmm.explain.parts.sentences import by_sentence
from clinmm.report.template import filled
from clinmm.report.wording import listing, logit

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SIDE = 640
"""Longer side of a picture in pixels, at most."""
MOST_SENTENCES = 5
"""Sentences in the table below a note: the strongest."""


MAGNIFIED = 1.35
"""Panels are larger on the screen than on paper."""


@dataclass(frozen=True)
class Drawn:
    """A panel as an image: what it is, its data URI, and its width in pixels."""

    alt: str
    uri: str
    width: int


def html(shown: Shown) -> str:
    """The page; every text goes through a template that escapes it."""
    with drawing():
        return filled(
            Path(__file__).with_name("case.html.j2"),
            shown=shown,
            read=explained_by(shown),
            checked=checked_lines(shown),
            inputs=[_input(one, shown) for one in shown.inputs],
            absent=listing(shown.absent) if shown.absent else "",
            what_if=_what_if(shown),
            legend=_svg(
                f"Colours: {shown.colours}, up to {shown.scale:.2g} {shown.unit}",
                lambda ax: panels.legend(ax, shown),
                0.75,
                1.9,
                (0.12, 0.13, 0.15, 0.76),
            ),
            top=f"{shown.scale:.2g} {shown.unit}",
            logit=logit,
            colour={"for": _rgb(FOR), "against": _rgb(AGAINST)},
        )  # fmt: skip


def _input(one: Input, shown: Shown) -> dict[str, Any]:
    """What the template shows of one input."""
    said: dict[str, Any] = {"one": one, "views": [], "panels": [], "pieces": []}
    if one.picture is not None:
        said["views"] = [(view.caption, _jpeg(view.pixels)) for view in views_of(one, shown.scale)]
    if one.drawn is not None and one.drawn.ndim == 3:
        alt = "What each slice of the volume adds"
        box = (0.28, 0.14, 0.69, 0.76)
        said["panels"] = [_svg(alt, lambda ax: panels.profile(ax, one), 1.5, 2.2, box)]
    if one.curve is not None:
        high = 0.6 + 0.35 * min(len(one.curve.values), panels.MOST_CHANNELS)
        box = (0.04, 0.4 / high, 0.95, 1 - 0.6 / high)
        alt = "The signal over time"
        said["panels"] = [_svg(alt, lambda ax: panels.signal(ax, one, shown.scale), 6.6, high, box)]
    if one.kind == "note":
        said["pieces"] = _pieces(one, shown.scale)
        said["sentences"] = _sentences(one)
        said["special"] = _special(one)
    return said


def _pieces(one: Input, scale: float) -> list[tuple[str, str, str, str]]:
    """The note cut where its score changes or a denial begins or ends: (text, for, against or
    empty, opacity, denied or empty)."""
    values = scores_by_character(len(one.text), one.arrays)
    spans = negated_spans(one.text)
    edges = {0, len(one.text), *(at for span in spans for at in span)}
    edges |= {i for i in range(1, len(values)) if values[i] != values[i - 1]}
    pieces = []
    for begin, end in pairwise(sorted(edges)):
        value = float(values[begin])
        strength = min(abs(value) / scale, 1.0)
        kind = "" if strength < FAINT else "for" if value > 0 else "against"
        denied = "denied" if any(a <= begin < b for a, b in spans) else ""
        pieces.append((one.text[begin:end], kind, f"{0.10 + 0.55 * strength:.2f}", denied))
    return pieces


def _sentences(one: Input) -> list[tuple[str, float]]:
    """The sentences with the largest sums of their words, and the sums."""
    if "score" not in one.arrays or "start" not in one.arrays:
        return []
    sums = [(one.text[a:b], score) for a, b, score in by_sentence(one.text, one.arrays)]
    return sorted(sums, key=lambda item: -abs(item[1]))[:MOST_SENTENCES]


def _special(one: Input) -> str:
    """The share of |attribution| on special pieces, in per cent; empty where there are none."""
    if "special" not in one.arrays:
        return ""
    special = float(np.sum(one.arrays["special"]))
    whole = special + float(np.abs(one.arrays["score"]).sum())
    return f"{100 * special / whole:.0f} %" if special else ""


def _what_if(shown: Shown) -> list[Drawn]:
    found = shown.what_if
    if found is None:
        return []
    high = 0.6 + 0.26 * (1 + len(found.without))
    box = (0.45, 0.36 / high, 0.52, 1 - 0.6 / high)
    alt = "Answers with something taken away"
    said = [_svg(alt, lambda ax: panels.without(ax, found, 30), 3.9, high, box)]
    if found.column:
        alt = "The answer as one column moves"
        said.append(_svg(alt, lambda ax: panels.curve(ax, found), 2.6, 1.7, (0.16, 0.2, 0.8, 0.66)))
    return said


def _rgb(colour: tuple[int, int, int]) -> str:
    return ",".join(map(str, colour))


def _jpeg(pixels: Rgb) -> str:
    from PIL import Image

    image = Image.fromarray(pixels)
    image.thumbnail((SIDE, SIDE))
    out = io.BytesIO()
    image.save(out, format="JPEG", quality=90, optimize=True)
    return f"data:image/jpeg;base64,{base64.b64encode(out.getvalue()).decode('ascii')}"


def _svg(
    alt: str,
    draw: Callable[[Axes], None],
    width: float,
    height: float,
    box: tuple[float, float, float, float],
) -> Drawn:
    """A panel, inches on paper, as an image within the page, larger for the screen."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), facecolor="white")
    draw(figure.add_axes(box))
    out = io.BytesIO()
    figure.savefig(out, format="svg", metadata={"Date": None})
    uri = f"data:image/svg+xml;base64,{base64.b64encode(out.getvalue()).decode('ascii')}"
    return Drawn(alt, uri, round(96 * MAGNIFIED * width))
