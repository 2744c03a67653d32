"""Small pieces of HTML that the pages share: answers, forest plots, bars. All text is escaped."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

from dashboards import words
from dashboards.case_data import RecordRow
from dashboards.language import t


@dataclass(frozen=True)
class Line:
    """One line of a forest plot. `note` stands in place of the interval where it is suppressed.

    strong: stands out; quiet: stands back; heading: names the lines below it, and is no line.
    """

    label: str
    n: str
    value: float = math.nan
    low: float = math.nan
    high: float = math.nan
    note: str = ""
    strong: bool = False
    quiet: bool = False
    heading: bool = False


@dataclass(frozen=True)
class Moved:
    """An estimate as it is, and with something taken away."""

    label: str
    before: float
    after: float


def answer(question: str, said: str, detail: str = "") -> str:
    """A question, its answer in a sentence, and HTML below it (already escaped)."""
    return (
        f'<section class="answer"><h2>{escape(question)}</h2>'
        f'<p class="said">{escape(said)}</p>{detail}</section>'
    )


def lead(text: str) -> str:
    """The sentence that a page opens with."""
    return f'<p class="lead">{escape(text)}</p>'


def title(text: str) -> str:
    """The heading of a panel."""
    return f'<p class="panel-title">{escape(text)}</p>'


def small(text: str) -> str:
    """A line of smaller, quieter text."""
    return f'<p class="small">{escape(text)}</p>'


def forest(
    lines: Sequence[Line],
    low: float,
    high: float,
    reference: float | None = None,
    heading: tuple[str, str, str] = ("", t("n"), t("value")),
    digits: int = 3,
) -> str:
    """A table with a dot and a 95 % bar per line on one scale from `low` to `high`."""

    def at(value: float) -> float:
        return 100 * min(max((value - low) / (high - low), 0), 1)

    mark = (
        f'<i class="reference" style="left:{at(reference):.2f}%"></i>'
        if reference is not None and low <= reference <= high
        else ""
    )
    rows = []
    for line in lines:
        if line.heading:
            rows.append(
                f'<tr class="group"><th scope="rowgroup" colspan="4">{escape(line.label)}</th></tr>'
            )
            continue
        if math.isnan(line.value):
            drawn = (
                f'<td class="quiet hatched" colspan="2">{escape(line.note or t("not given"))}</td>'
            )
        else:
            bar = ""
            if not (math.isnan(line.low) or math.isnan(line.high)):
                width = at(line.high) - at(line.low)
                bar = f'<i class="bar" style="left:{at(line.low):.2f}%;width:{width:.2f}%"></i>'
            dot = f'<i class="dot" style="left:{at(line.value):.2f}%"></i>'
            said = f"<b>{words.number(line.value, digits)}</b>"
            if not (math.isnan(line.low) or math.isnan(line.high)):
                ends = words.ends(line.low, line.high, digits)
                said += f' <span class="quiet">{escape(ends)}</span>'
            drawn = f'<td class="strip">{mark}{bar}{dot}</td><td class="figure">{said}</td>'
        kind = "strong" if line.strong else "quiet-line" if line.quiet else ""
        strong = f' class="{kind}"' if kind else ""
        rows.append(
            f"<tr{strong}><th scope='row'>{escape(line.label)}</th>"
            f'<td class="n">{escape(line.n)}</td>{drawn}</tr>'
        )
    first, second, third = (escape(text) for text in heading)
    tag = "th" if second else "td"
    counts = f'<{tag} class="n">{second}</{tag}>'
    ends = f"<span>{words.number(low, min(digits, 2))}</span>"
    ends += f"<span>{words.number(high, min(digits, 2))}</span>"
    return (
        '<table class="forest"><thead><tr>'
        f'<th scope="col">{first}</th>{counts}'
        f'<th scope="col" class="ends">{ends}</th>'
        f'<th scope="col" class="figure">{third}</th></tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table>"
    )


def scale(lines: Sequence[Line], floor: float, ceiling: float) -> tuple[float, float]:
    """The axis of a forest plot: the tenths around every interval, within floor and ceiling."""
    ends = [end for one in lines for end in (one.low, one.high, one.value) if not math.isnan(end)]
    if not ends:
        return 0.0, 1.0
    low = max(math.floor(min(ends) * 10) / 10, floor)
    high = min(math.ceil(max(ends) * 10) / 10, ceiling)
    return (low, high) if high > low else (low, low + 0.1)


def middle(lines: Sequence[Line]) -> tuple[float, float]:
    """The axis of a forest plot of differences: the same length either side of 0."""
    widest = max(*(abs(end) for end in scale(lines, -math.inf, math.inf)), 0.1)
    return -widest, widest


def moved(lines: Sequence[Moved], low: float, high: float, said: Callable[[float], str]) -> str:
    """A bar for each from the estimate as it is to the estimate without it.

    Orange where the estimate falls (what was taken spoke for the class), blue where it rises.
    """

    def at(value: float) -> float:
        return 100 * min(max((value - low) / ((high - low) or 1.0), 0), 1)

    rows = []
    for line in lines:
        ends = sorted((at(line.before), at(line.after)))
        way = "for" if line.after < line.before else "against"
        rows.append(
            f"<tr><th scope='row'>{escape(line.label)}</th><td class=\"strip\">"
            f'<i class="reference now" style="left:{at(line.before):.2f}%"></i>'
            f'<i class="bar {way}" style="left:{ends[0]:.2f}%;width:{ends[1] - ends[0]:.2f}%"></i>'
            f'<i class="dot {way}" style="left:{at(line.after):.2f}%"></i></td>'
            f'<td class="figure"><b>{escape(said(line.after))}</b></td></tr>'
        )
    return f'<table class="forest moved"><tbody>{"".join(rows)}</tbody></table>'


def risk_line(
    label: str, sentence: str, probability: float, prevalence: float | None, opinion: str, seen: str
) -> str:
    """A class with its risk in words, a bar from 0 to 100, and the reader's own opinion."""
    tick = ""
    if prevalence is not None:
        left = f"left:{100 * prevalence:.1f}%"
        about = escape(t("prevalence in this cohort"))
        tick = f'<i class="tick" style="{left}" title="{about}"></i>'
    own = escape(t("you: {opinion}", opinion=opinion))
    you = f'<span class="you">{own}</span>' if opinion else ""
    below = f'<p class="small">{escape(seen)}</p>' if seen else ""
    return (
        f'<div class="risk"><div class="top"><span><b>{escape(label)}</b> '
        f'<span class="sentence">{escape(sentence)}</span></span>{you}</div>'
        f'<div class="hundred"><i class="fill" style="width:{100 * probability:.1f}%"></i>'
        f"{tick}</div>{below}</div>"
    )


def record(rows: Sequence[RecordRow], scale: float = 1.0) -> str:
    """Name, value, unit, usual range, attribution bars (right, orange: for; left, blue: against).

    Two bars a column: of its value, and hatched of its having been measured or not. A value outside
    its range says so in words; a range that the cohort file does not declare is marked with a star.

    scale: the attribution that gets the longest bar.
    """
    scored = any(row.score is not None for row in rows)
    ranged = any(row.low is not None for row in rows)
    out = []
    for row in rows:
        shown = (
            f"<b>{escape(row.value)}</b> <span class='quiet'>{escape(row.unit)}</span>{_flag(row)}"
            if row.value
            else f'<span class="quiet">{escape(t("not measured"))}</span>'
        )
        usual = f'<td class="usual quiet">{_usual(row)}</td>' if ranged else ""
        bars = ""
        if scored:
            score, mark = row.score or 0.0, row.mark
            said = "" if row.score is None else f"{row.score:+.2f}".replace("-", "−")
            title = said
            if mark is not None:
                due = f"{mark:+.2f}"
                title = t("{all}, of which measured or not {mark}", all=said, mark=due)
            bars = _bar(score - (mark or 0.0), scale, "value" if mark is not None else "")
            bars += "" if mark is None else _bar(mark, scale, "mark")
            bars = f'<td class="pull" title="{escape(title)}">{bars}</td>'
            bars += f'<td class="score">{said}</td>'
        out.append(f"<tr><th scope='row'>{escape(row.name)}</th><td>{shown}</td>{usual}{bars}</tr>")
    head = ""
    if scored or ranged:
        usual = f'<th scope="col" class="usual quiet">{escape(t("usual"))}</th>' if ranged else ""
        pulls = (
            f'<td class="pullhead"><span>{escape(t("against"))}</span>'
            f"<span>{escape(t('for'))}</span></td><td></td>"
        )
        head = f"<thead><tr><td></td><td></td>{usual}{pulls if scored else ''}</tr></thead>"
    body = f'<table class="record">{head}<tbody>{"".join(out)}</tbody></table>'
    if any(row.low is not None and not row.declared for row in rows):
        body += small(t("* the central 95 % of the cases of this cohort; no reference range."))
    return body


def _usual(row: RecordRow) -> str:
    if row.low is None or row.high is None:
        return ""
    ends = t("{low} to {high}", low=f"{row.low:g}", high=f"{row.high:g}")
    if row.declared:
        return escape(ends)
    title = escape(t("in this cohort: central 95 %"))
    return f'<span title="{title}">{escape(ends)}&nbsp;*</span>'


def _flag(row: RecordRow) -> str:
    """`above` or `below`, in words; louder where the range is a declared one."""
    if not row.side:
        return ""
    said = t("↑ above") if row.side == "above" else t("↓ below")
    return f' <span class="flag {"declared" if row.declared else "cohort"}">{escape(said)}</span>'


def _bar(score: float, scale: float, kind: str) -> str:
    """A bar from the middle of its cell, to the right where it speaks for the class."""
    width = 50 * min(abs(score) / scale, 1.0)
    side, way = ("left", "for") if score > 0 else ("right", "against")
    return f'<i class="{way} {kind}" style="{side}:50%;width:{width:.1f}%"></i>'


def colour_key(scale: float, unit: str) -> str:
    """What the colours of words and bars mean, with numbers."""
    end = words.number(scale, 2)
    ways = escape(t("blue: against, orange: for"))
    return (
        f'<div class="colour-key"><span>−{end}</span><i></i><span>+{end} {escape(unit)}</span>'
        f"<span>{ways}</span></div>"
    )


def facts(pairs: Sequence[tuple[str, str]]) -> str:
    """A two-column list of small facts."""
    items = "".join(f"<dt>{escape(k)}</dt><dd>{escape(v)}</dd>" for k, v in pairs)
    return f'<dl class="facts">{items}</dl>'


def table(heading: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A plain table of text."""
    head = "".join(f'<th scope="col">{escape(text)}</th>' for text in heading)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(text)}</td>" for text in row) + "</tr>" for row in rows
    )
    return f'<table class="findings"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'


def findings(rows: Sequence[tuple[str, str, str, str, str]]) -> str:
    """Intake findings: severity, subject, detail, advice, accepted-because."""
    out = []
    for severity, subject, detail, advice, accepted in rows:
        said = small(t("Advice: {advice}", advice=advice)) if advice else ""
        if accepted:
            said += small(t("Accepted: {why}", why=accepted))
        name = escape(words.SEVERITIES.get(severity, severity))
        out.append(
            f'<tr><td><span class="tag {escape(severity)}">{name}</span></td>'
            f"<td>{escape(subject)}</td><td>{escape(detail)}{said}</td></tr>"
        )
    heads = "".join(
        f"<th>{escape(name)}</th>" for name in (t("Severity"), t("Subject"), t("Finding"))
    )
    return (
        f'<table class="findings"><thead><tr>{heads}</tr></thead>'
        f"<tbody>{''.join(out)}</tbody></table>"
    )
