"""Text out of markup: RTF, HTML, XML such as CDA."""

import re
from html import unescape

from clinmm.cohort.rtf import rtf_text

_TAG = re.compile(
    r"<(?P<closing>/?)(?P<name>[A-Za-z][\w:.-]{0,60})(?P<rest>(?:\s[^<>]{0,4000})?)(?P<empty>/?)>"
    r"|<!\[CDATA\[|\]\]>|<![A-Za-z][^<>]{0,1000}>|<\?[^<>]{0,1000}\?>"
)
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_ALONE = {"br", "hr", "p", "li", "tr", "td", "img", "meta", "link", "wbr"}
"""Tags of HTML that often stand without an end."""
_IN_LINE = {"b", "i", "u", "em", "strong", "span", "font", "a", "sub", "sup", "small", "content"}
"""Tags that do not part words; any other begins a new line."""
_NOT_TEXT = re.compile(r"<(script|style)\b[^<>]{0,1000}>", re.IGNORECASE)


def strip_markup(note: str) -> tuple[str, bool]:
    """The text of a note that is RTF, HTML or XML, and whether anything was taken off.

    A `<` that opens no tag stays: a tag counts as one if it is closed in the note or is one of
    HTML's that stand alone, so `SpO2 <90 and > 3 days` is left as it is. Entities such as `&amp;`
    are read. Text that was escaped twice is read twice.

    Raises:
        InputError: RTF that cannot be read.
    """
    if note.lstrip().startswith("{\\rtf"):
        return rtf_text(note.strip()), True
    plain = note
    for _ in range(2):
        plain = _ENTITY.sub(lambda entity: unescape(entity.group()), _without_tags(plain))
    return plain, plain != note


def _without_tags(text: str) -> str:
    tags = list(_TAG.finditer(text))
    closed = {tag["name"].lower() for tag in tags if tag["closing"] or (tag["name"] and _ends(tag))}
    if not any(_is_tag(tag, closed) for tag in tags):
        return text
    text = _without_parts(_without_parts(text, "<!--", "-->"), _NOT_TEXT, None)
    return _TAG.sub(lambda tag: _said(tag, closed), text)


def _ends(tag: re.Match[str]) -> bool:
    return bool(tag["empty"] or tag["rest"].endswith("/"))


def _is_tag(tag: re.Match[str], closed: set[str]) -> bool:
    name = tag["name"]
    return name is None or name.lower() in closed or name.lower() in _ALONE


def _said(tag: re.Match[str], closed: set[str]) -> str:
    if not _is_tag(tag, closed):
        return tag.group()
    name = (tag["name"] or "").lower()
    if not name or name in _IN_LINE:
        return ""
    return " " if name == "td" else "\n"


def _without_parts(text: str, begin: "str | re.Pattern[str]", end: str | None) -> str:
    """Without what stands from `begin` to `end`, both included; in one pass over the text."""
    kept: list[str] = []
    here = 0
    while True:
        if isinstance(begin, str):
            start = text.find(begin, here)
            close = end or ""
        else:
            found = begin.search(text, here)
            start = found.start() if found else -1
            close = f"</{found.group(1)}>" if found else ""
        stop = text.find(close, start) if start >= 0 else -1
        if stop < 0:
            return "".join([*kept, text[here:]])
        kept.append(text[here:start])
        here = stop + len(close)
