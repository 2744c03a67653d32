"""Small pieces of HTML that the pages share: answers, forest plots, bars. All text is escaped."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from dashboards import words


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


def answer(question: str, said: str, detail: str = "") -> str:
    """A question, its answer in a sentence, and HTML below it (already escaped)."""
    return (
        f'<section class="answer"><h2>{escape(question)}</h2>'
        f'<p class="said">{escape(said)}</p>{detail}</section>'
    )


def small(text: str) -> str:
    """A line of smaller, quieter text."""
    return f'<p class="small">{escape(text)}</p>'


def forest(
    lines: Sequence[Line],
    low: float,
    high: float,
    reference: float | None = None,
    heading: tuple[str, str, str] = ("", "n", "value"),
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
            drawn = f'<td class="quiet" colspan="2">{escape(line.note or "not given")}</td>'
        else:
            bar = ""
            if not (math.isnan(line.low) or math.isnan(line.high)):
                width = at(line.high) - at(line.low)
                bar = f'<i class="bar" style="left:{at(line.low):.2f}%;width:{width:.2f}%"></i>'
            dot = f'<i class="dot" style="left:{at(line.value):.2f}%"></i>'
            said = f"<b>{words.number(line.value, digits)}</b>"
            if not (math.isnan(line.low) or math.isnan(line.high)):
                said += (
                    f' <span class="quiet">{words.number(line.low, digits)} to '
                    f"{words.number(line.high, digits)}</span>"
                )
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


def shares(parts: Sequence[tuple[str, float]]) -> str:
    """One bar cut into the inputs' shares of the attribution, with a legend in numbers."""
    shade = ("#0b5c7d", "#c8791b", "#5d7f3f", "#7a5c8e", "#8a8f94")
    bar, legend = [], []
    for i, (name, share) in enumerate(parts):
        colour, percent = shade[i % len(shade)], round(100 * share)
        bar.append(f'<i style="width:{100 * share:.2f}%;background:{colour}"></i>')
        legend.append(
            f'<span><i style="background:{colour}"></i>{escape(name)} <b>{percent} %</b></span>'
        )
    return f'<div class="shares">{"".join(bar)}</div><div class="legend">{"".join(legend)}</div>'


def risk_line(
    label: str, sentence: str, probability: float, prevalence: float | None, opinion: str, seen: str
) -> str:
    """A class with its risk in words, a bar from 0 to 100, and the reader's own opinion."""
    tick = ""
    if prevalence is not None:
        left = f"left:{100 * prevalence:.1f}%"
        tick = f'<i class="tick" style="{left}" title="prevalence in this cohort"></i>'
    you = f'<span class="you">you: {escape(opinion)}</span>' if opinion else ""
    below = f'<p class="small">{escape(seen)}</p>' if seen else ""
    return (
        f'<div class="risk"><div class="top"><span><b>{escape(label)}</b> '
        f'<span class="sentence">{escape(sentence)}</span></span>{you}</div>'
        f'<div class="hundred"><i class="fill" style="width:{100 * probability:.1f}%"></i>'
        f"{tick}</div>{below}</div>"
    )


def record(rows: Sequence[tuple[str, str, str, float | None]], scale: float = 1.0) -> str:
    """Name, value, unit and attribution bar (right and orange: for; left and blue: against).

    scale: the attribution that gets the longest bar.
    """
    scored = any(score is not None for *_, score in rows)
    out = []
    for name, value, unit, score in rows:
        shown = (
            f"<b>{escape(value)}</b> <span class='quiet'>{escape(unit)}</span>"
            if value
            else '<span class="quiet">not measured</span>'
        )
        bar = ""
        if scored:
            width = 0.0 if score is None else 50 * min(abs(score) / scale, 1.0)
            side, kind = ("left", "for") if (score or 0) > 0 else ("right", "against")
            said = "" if score is None else f"{score:+.2f}".replace("-", "−")
            bar = (
                f'<td class="pull" title="{said}"><i class="{kind}" '
                f'style="{side}:50%;width:{width:.1f}%"></i></td><td class="score">{said}</td>'
            )
        out.append(f"<tr><th scope='row'>{escape(name)}</th><td>{shown}</td>{bar}</tr>")
    head = ""
    if scored:
        head = (
            '<thead><tr><td></td><td></td><td class="pullhead"><span>against</span>'
            "<span>for</span></td><td></td></tr></thead>"
        )
    return f'<table class="record">{head}<tbody>{"".join(out)}</tbody></table>'


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
        said = f'<p class="small">Advice: {escape(advice)}</p>' if advice else ""
        if accepted:
            said += f'<p class="small">Accepted: {escape(accepted)}</p>'
        name = escape(words.SEVERITIES.get(severity, severity))
        out.append(
            f'<tr><td><span class="tag {escape(severity)}">{name}</span></td>'
            f"<td>{escape(subject)}</td><td>{escape(detail)}{said}</td></tr>"
        )
    return (
        '<table class="findings"><thead><tr><th>Severity</th><th>Subject</th><th>Finding</th>'
        f"</tr></thead><tbody>{''.join(out)}</tbody></table>"
    )
