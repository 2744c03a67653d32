"""One note made plain text: its encoding, control characters, markup and placeholders."""

import codecs
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from clinmm.cohort.markup import strip_markup
from clinmm.cohort.placeholders import blank_placeholders
from clinmm.errors import InputError

LARGEST_NOTE = 2**20
"""Bytes of a note file, and characters of a cell, that are read: about 170,000 words."""

_LINE_ENDS = re.compile(r"\r\n?|[\v\f\x1c-\x1e\x85\u2028\u2029]")
_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1b\x1f\x7f-\x9f\u00ad\u200b-\u200f\u202a-\u202e\ufeff]")
_SPACES = re.compile(r"[\u00a0\u2000-\u200a\u202f\u3000]")
_MARKS = (  # UTF-32 first: its mark begins with that of UTF-16
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass(frozen=True)
class Cleaned:
    """A note as plain text, and what was done: whether markup was taken off, how many control
    characters were taken out and placeholders made blanks, whether it was blank only then."""

    text: str
    markup: bool
    controls: int
    placeholders: int
    emptied: bool


def clean(note: str) -> Cleaned:
    """The note as plain text: line ends are \\n, spaces are spaces, accents are one character.

    Raises:
        InputError: RTF that cannot be read.
    """
    text, controls = _CONTROLS.subn("", _LINE_ENDS.sub("\n", note))
    text, placeholders = blank_placeholders(_SPACES.sub(" ", text))
    text, markup = strip_markup(text)
    if markup:  # what entities and escapes held
        text, more = _CONTROLS.subn("", _LINE_ENDS.sub("\n", text))
        text, held = blank_placeholders(_SPACES.sub(" ", text))
        controls, placeholders = controls + more, max(placeholders, held)
    text = unicodedata.normalize("NFC", text)
    empty = not text.replace("_", "").strip()
    return Cleaned(
        "" if empty else text, markup, controls, placeholders, empty and note.strip() != ""
    )


def decode(content: bytes) -> tuple[str, str]:
    """The text of a note file and the encoding it was read by.

    A byte order mark decides; without one it is UTF-8 if it can be, else Windows-1252, else (where
    a byte has no meaning there) Latin-1.

    Raises:
        InputError: no text in any of them, such as a picture.

    >>> decode("37 °C".encode("cp1252"))
    ('37 °C', 'windows-1252')
    """
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            try:
                return content.decode(encoding), encoding.removesuffix("-sig")
            except UnicodeDecodeError:
                raise InputError(
                    f"broken off in the middle of a character of {encoding}."
                ) from None
    if b"\0" in content:
        raise InputError("no text: it holds zero bytes.")
    for encoding in ("utf-8", "windows-1252"):
        try:
            return content.decode(encoding), encoding
        except UnicodeDecodeError:
            continue
    return content.decode("latin-1"), "latin-1"


def read_note_file(path: Path) -> tuple[str, str]:
    """The text of a note file and its encoding, see `decode`.

    Raises:
        InputError: absent, no file, larger than `LARGEST_NOTE`, or no text.
    """
    if not path.is_file():
        raise InputError("no such file.")
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_NOTE + 1)
    except OSError as error:
        raise InputError(f"the file cannot be opened: {error.strerror}.") from None
    if len(content) > LARGEST_NOTE:
        raise InputError(f"larger than {LARGEST_NOTE // 2**20} MiB, the most that is read.")
    return decode(content)
