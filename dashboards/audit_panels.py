"""HTML of the audit of explanations: the matrix of verdicts, and a line for each test."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

import pandas as pd

from dashboards import reasons, words, words_explained
from dashboards.language import t


@dataclass(frozen=True)
class Judged:
    """A test of one method, input and class. side: `above` or `below` the bound, where it is good;
    empty where no rule is. note: why it has no interval, or did not pass."""

    name: str
    n_patients: int
    value: float
    low: float
    high: float
    bound: float
    side: str
    needed: bool
    verdict: str
    note: str


def tag(verdict: str) -> str:
    """A verdict by symbol, word and colour."""
    return (
        f'<span class="verdict {escape(verdict)}">{escape(words_explained.verdict(verdict))}</span>'
    )


def matrix(rows: pd.DataFrame, inputs: Sequence[str], refused: Mapping[str, str]) -> str:
    """Methods down, inputs across. Of several classes a cell counts the verdicts.

    rows: method, input, class_name, shown_as. refused: method -> why it explains nothing.
    """
    body = []
    for method, part in rows.groupby("method", sort=False):
        cells = "".join(_cell(part.loc[part["input"] == name, "shown_as"]) for name in inputs)
        label = escape(words_explained.method(str(method)))
        body.append(f"<tr><th scope='row'>{label}</th>{cells}</tr>")
    for method, reason in refused.items():
        label = escape(words_explained.method(method))
        body.append(
            f"<tr><th scope='row'>{label}</th><td colspan='{len(inputs)}' class='quiet'>"
            f"{escape(t('does not explain this model: {reason}', reason=reason))}</td></tr>"
        )
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in inputs)
    return (
        f'<table class="matrix"><thead><tr><th scope="col">{escape(t("Method"))}</th>{head}'
        f"</tr></thead><tbody>{''.join(body)}</tbody></table>"
    )


def _cell(verdicts: "pd.Series[str]") -> str:
    if not len(verdicts):
        return f'<td><span class="quiet">{escape(t("does not read it"))}</span></td>'
    if len(verdicts) == 1:
        return f"<td>{tag(verdicts.iloc[0])}</td>"
    counts = verdicts.value_counts()
    said = "".join(
        f'<span class="verdict {name}" title="{words_explained.VERDICTS[name]}">'
        f"{words_explained.SYMBOLS[name]} {counts[name]} {words_explained.VERDICTS[name]}</span> "
        for name in ("pass", "weak", "fail", "unknown")
        if name in counts
    )
    return f"<td>{said}</td>"


def tests(lines: Sequence[Judged]) -> str:
    """A line for each test on a scale of its own, with its bound and what it asks."""
    rows = [_test(line) for line in lines]
    return (
        f'<table class="forest tests"><thead><tr><th scope="col">{escape(t("Test"))}</th>'
        f'<td class="n">{escape(t("patients"))}</td><td></td>'
        f'<th scope="col" class="figure">{escape(t("mean, 95 %"))}</th>'
        f'<th scope="col">{escape(t("bound"))}</th>'
        f'<th scope="col">{escape(t("verdict"))}</th></tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table>"
    )


def _test(line: Judged) -> str:
    asks = words_explained.asks(line.name)
    about = f'<div class="small">{escape(asks)}</div>' if asks else ""
    if line.verdict != "pass" and (why := reasons.beyond_figures(line.note)):
        about += f'<div class="small why">{escape(why)}</div>'
    figure = f"<b>{words.number(line.value, 2)}</b>"
    if not math.isnan(line.low):
        ends = words.ends(line.low, line.high, 2)
        figure += f' <span class="quiet">{escape(ends)}</span>'
    limit = words.number(line.bound, 2)
    sides = {"above": t("above {bound}", bound=limit), "below": t("below {bound}", bound=limit)}
    bound = escape(sides.get(line.side, ""))
    if line.side and not line.needed:
        bound += f'<div class="small">{escape(t("told only"))}</div>'
    return (
        f"<tr><th scope='row'>{escape(words_explained.test(line.name))}{about}</th>"
        f'<td class="n">{line.n_patients}</td><td class="strip">{_strip(line)}</td>'
        f'<td class="figure">{figure}</td><td class="bound">{bound}</td>'
        f"<td>{tag(line.verdict) if line.side else ''}</td></tr>"
    )


def _strip(line: Judged) -> str:
    """Dot, bar and bound between the ends of this line's own scale."""
    ends = [end for end in (line.value, line.low, line.high, line.bound, 0.0) if end == end]
    low, high = min(ends), max(ends)
    room = 0.08 * ((high - low) or 1.0)
    low, high = low - room, high + room

    def at(value: float) -> float:
        return 100 * (value - low) / (high - low)

    drawn = ""
    if line.side:
        left, width = (
            (at(line.bound), 100 - at(line.bound)) if line.side == "above" else (0, at(line.bound))
        )
        drawn += f'<i class="good" style="left:{left:.2f}%;width:{width:.2f}%"></i>'
        drawn += f'<i class="reference" style="left:{at(line.bound):.2f}%"></i>'
    if not math.isnan(line.low):
        width = at(line.high) - at(line.low)
        drawn += f'<i class="bar" style="left:{at(line.low):.2f}%;width:{width:.2f}%"></i>'
    if not math.isnan(line.value):
        drawn += f'<i class="dot" style="left:{at(line.value):.2f}%"></i>'
    return drawn
