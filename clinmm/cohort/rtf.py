"""Text out of RTF, in one pass: what a letter says, not how it looks."""

import re

from clinmm.errors import InputError

_PART = re.compile(
    r"\\(?P<word>[a-zA-Z]{1,32})(?P<number>-?\d{1,9})?[ ]?"
    r"|\\'(?P<hex>[0-9a-fA-F]{2})|\\(?P<sign>[^a-zA-Z])|(?P<brace>[{}])|[\r\n\0]+|(?P<plain>[^\\{}\r\n\0]+)",
    re.DOTALL,
)
_SAID = {
    "par": "\n", "line": "\n", "sect": "\n", "page": "\n", "row": "\n", "cell": " ", "tab": "\t",
    "emdash": "\u2014", "endash": "\u2013", "bullet": "\u2022", "lquote": "\u2018",
    "rquote": "\u2019", "ldblquote": "\u201c", "rdblquote": "\u201d", "emspace": " ",
    "enspace": " ", "~": " ", "_": "-", "{": "{", "}": "}", "\\": "\\", "\n": "\n", "\r": "\n",
}  # fmt: skip
_NOT_TEXT = {
    "fonttbl", "colortbl", "stylesheet", "info", "pict", "object", "header", "headerl", "headerr",
    "headerf", "footer", "footerl", "footerr", "footerf", "listtable", "listoverridetable",
    "revtbl", "rsidtbl", "generator", "themedata", "colorschememapping", "datastore",
    "latentstyles", "xmlnstbl", "fldinst", "bkmkstart", "bkmkend", "annotation",
}  # fmt: skip
"""Groups that hold no text of the letter; nor does any that begins with `\\*`."""


def rtf_text(rtf: str) -> str:
    r"""The text of an RTF document; pictures, styles, headers and footers are left out.

    Raises:
        InputError: braces that do not pair.

    Reference:
        Rich Text Format Specification 1.9.1, Microsoft, 2008.

    >>> rtf_text(r"{\rtf1\ansi{\fonttbl{\f0 Arial;}}Caf\'e9\par 37 \u176?C}")
    'Café\n37 °C'
    """
    said: list[str] = []
    page, waiting = "cp1252", bytearray()
    silent, skip, after_unicode = False, 0, 1
    outer: list[tuple[bool, int]] = []
    for part in _PART.finditer(rtf):
        if waiting and not part["hex"]:
            said.append(waiting.decode(page, "ignore"))
            waiting.clear()
        word, brace = part["word"], part["brace"]
        if brace == "{":
            outer.append((silent, after_unicode))
        elif brace == "}":
            if not outer:
                raise InputError("RTF that cannot be read: its braces do not pair.")
            (silent, after_unicode), skip = outer.pop(), 0
        elif word in _NOT_TEXT or part["sign"] == "*":
            silent = True
        elif word == "ansicpg" and part["number"]:
            page = _code_page(part["number"])
        elif word == "uc" and part["number"]:
            after_unicode = max(0, int(part["number"]))
        elif silent:
            continue
        elif word == "u" and part["number"]:
            said.append(_character(int(part["number"])))
            skip = after_unicode
        elif part["hex"]:
            if skip:
                skip -= 1
            else:
                waiting += bytes.fromhex(part["hex"])
        elif part["plain"]:
            text = part["plain"]
            said.append(text[skip:])
            skip = max(0, skip - len(text))
        else:
            said.append(_SAID.get(word or part["sign"] or "", ""))
    if outer:
        raise InputError("RTF that cannot be read: its braces do not pair.")
    return "".join(said).encode("utf-16", "surrogatepass").decode("utf-16", "ignore")


def _code_page(number: str) -> str:
    try:
        "".encode(f"cp{number}")
    except LookupError:
        return "cp1252"
    return f"cp{number}"


def _character(code: int) -> str:
    return chr(code % 0x10000)  # negative above 32767: the number has 16 bits
