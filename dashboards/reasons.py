"""Why an explanation is withheld, for a reader: the parts of a reason, each test named as on the
page of explanations."""

import re
from html import escape

from dashboards import words_explained
from dashboards.language import t, tn

_AFTERTHOUGHT = re.compile(r"the interval holds the bound|\d+ patients, an interval needs")
"""What the audit adds to the part before it."""
_TEST = re.compile(r"(?<![^ ])([a-z][a-z0-9 ]*): (?=[-.\d]|cannot tell)")


def parts(reason: str) -> list[str]:
    """What is said one after the other in a reason of the tables, the weightiest first.

    >>> parts("did not pass the audit (fail): deletion: -.1, wanted above 0; sufficiency: .2")
    ['did not pass the audit (fail): “Deletion: what it marks matters to the model” -.1, wanted \
above 0', '“What it marks alone gives the estimate” .2']
    >>> parts("no test: .2; 7 patients, an interval needs 10")
    ['no test: .2; 7 patients, an interval needs 10']
    """
    found: list[str] = []
    for part in reason.split("; "):
        if found and _AFTERTHOUGHT.match(part):
            found[-1] += f"; {part}"
        else:
            found.append(_TEST.sub(_named, part))
    return found


def _named(found: "re.Match[str]") -> str:
    """A test between quotation marks; whatever else stands before a colon as it is."""
    said = found[1]
    for start in (0, *(at.end() for at in re.finditer(" ", said))):
        name = said[start:].replace(" ", "_")
        if name in words_explained.TESTS or name.startswith("shortcut_mass_"):
            return f"{said[:start]}“{words_explained.test(name)}” "
    return found[0]


def beyond_figures(reason: str) -> str:
    """What the reason of one test says beside its estimate, interval and bound.

    >>> beyond_figures("insertion: .2 (-.1 to .5), wanted above 0; the interval holds the bound")
    'the interval holds the bound'
    >>> beyond_figures("insertion: cannot tell: 4 cases")
    'cannot tell: 4 cases'
    """
    said = [part for part in reason.split("; ") if ", wanted " not in part]
    return "; ".join(_TEST.sub("", part, count=1) for part in said)


def html(reason: str) -> str:
    """The first part of a reason, the others folded away behind it."""
    first, *others = parts(reason)
    if not others:
        return escape(first)
    items = "".join(f"<li>{escape(other)}</li>" for other in others)
    more = escape(tn("{n} more reason", "{n} more reasons", len(others)))
    return f"{escape(first)}<details><summary>{more}</summary><ul>{items}</ul></details>"


def block(said: str, reason: str) -> str:
    """What stands in the place of an explanation that is withheld.

    >>> block("Map withheld", "a<b")
    '<div class="not-drawn"><b>Map withheld:</b> a&lt;b</div>'
    """
    return f'<div class="not-drawn"><b>{escape(said)}:</b> {html(reason)}</div>'


def table(rows: list[tuple[str, str, str]]) -> str:
    """Method, input and reason of each explanation that is withheld."""
    body = "".join(
        f"<tr><td>{escape(method)}</td><td>{escape(name)}</td><td>{html(reason)}</td></tr>"
        for method, name, reason in rows
    )
    said = (t("Method"), t("Input"), t("Why it is not shown"))
    heads = "".join(f'<th scope="col">{escape(one)}</th>' for one in said)
    return f'<table class="findings"><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>'
