import codecs
import contextlib
import time
from pathlib import Path

import pytest

from clinmm.cohort.markup import strip_markup
from clinmm.cohort.note_text import LARGEST_NOTE, clean, decode, read_note_file
from clinmm.cohort.placeholders import blank_placeholders
from clinmm.cohort.rtf import rtf_text
from clinmm.encoders.parts.words import phrases_of
from clinmm.errors import InputError


@pytest.mark.parametrize(
    ("content", "text", "encoding"),
    [
        ("37 °C".encode(), "37 °C", "utf-8"),
        (codecs.BOM_UTF8 + b"a", "a", "utf-8"),
        ("é".encode("utf-16"), "é", "utf-16"),
        (codecs.BOM_UTF16_BE + "é".encode("utf-16-be"), "é", "utf-16"),
        (codecs.BOM_UTF32_LE + "é".encode("utf-32-le"), "é", "utf-32"),
        (b"caf\xe9 \x96 5 \x80", "café – 5 €", "windows-1252"),
        (b"caf\xe9 \x81", "café \x81", "latin-1"),
    ],
)
def test_a_mark_or_what_fits_decides_the_encoding(content: bytes, text: str, encoding: str) -> None:
    assert decode(content) == (text, encoding)


def test_what_is_no_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="zero bytes"):
        decode(b"\x89PNG\0\0")
    with pytest.raises(InputError, match="broken off"):
        decode(codecs.BOM_UTF16_LE + b"abc")
    (tmp_path / "long.txt").write_bytes(b"a" * (LARGEST_NOTE + 1))
    for name, words in (("long.txt", "larger than 1 MiB"), ("none.txt", "no such file")):
        with pytest.raises(InputError, match=words):
            read_note_file(tmp_path / name)


@pytest.mark.parametrize(
    ("note", "plain"),
    [
        ("SpO2 <90 and >3 days, p<0.05", "SpO2 <90 and >3 days, p<0.05"),
        ("pain <b> than before, R&D", "pain <b> than before, R&D"),
        ("<p>Cough &amp; fever<br>now</p>", "\nCough & fever\nnow\n"),
        ("No <content ID='1'>effusion</content>.", "No effusion."),
        ("<text><title>CT</title><td>1</td><td>2</td></text>", "\n\nCT\n 1  2 \n"),
        ("a<!-- <b>hidden</b> -->c<br/>", "ac\n"),
        ("<style>p {}</style>x<br>", "x\n"),
        ("<![CDATA[5 < 6]]>", "5 < 6"),
        ("&lt;p&gt;Hi&lt;/p&gt;", "\nHi\n"),
        (r"{\rtf1\ansi{\fonttbl{\f0 Arial;}}{\*\generator x}Caf\'e9\par 5\u176?C}", "Café\n5°C"),
    ],
)
def test_markup_goes_and_comparisons_stay(note: str, plain: str) -> None:
    assert strip_markup(note) == (plain, plain != note)


def test_rtf_that_does_not_pair_is_refused() -> None:
    for broken in (r"{\rtf1 a", r"{\rtf1 a}}"):
        with pytest.raises(InputError, match="do not pair"):
            rtf_text(broken)


@pytest.mark.parametrize(
    ("note", "blanked", "n"),
    [
        ("Mr. [**Known lastname 12**] on [**2101-3-4**]", "Mr. ___ on ___", 2),
        ("XXXX-year-old, chest x-XXXX", "___-year-old, chest x-___", 2),
        ("<DATE> <US_SSN> [NAME-2] [redacted]", "___ ___ ___ ___", 4),
        ("on[**2101**]for _______", "on ___ for ___", 2),
        ("47,XXX [see above] <5 [WARD] [A]", "47,XXX [see above] <5 [WARD] [A]", 0),
    ],
)  # fmt: skip
def test_placeholders_become_one_blank(note: str, blanked: str, n: int) -> None:
    assert blank_placeholders(note) == (blanked, n)


def test_blanks_are_not_seen_as_words() -> None:
    dates = clean("admitted [**2101-3-4**] to [**Hospital**]").text
    assert [p for p, _ in phrases_of(dates, 1, set())] == ["admitted", "to"]


def test_controls_line_ends_and_accents_are_made_one() -> None:
    made = clean("a\r\nb\x07\u200b\u00a0cafe\u0301\u2028d")
    assert (made.text, made.controls, made.markup) == ("a\nb café\nd", 2, False)


def test_a_note_of_placeholders_alone_is_empty() -> None:
    assert clean(" [**Name**] ").emptied
    assert clean(" [**Name**] ").text == ""
    assert not clean("  ").emptied
    assert not clean("fine").emptied


@pytest.mark.parametrize("part", ["<", "<!--", "<script>", "[**", "<NAME", "&a", "{\\rtf1{\\field"])
def test_no_note_takes_long(part: str) -> None:
    begun = time.process_time()
    with contextlib.suppress(InputError):
        clean("{\\rtf1" * part.startswith("{") + part * (2**18 // len(part)))
    assert time.process_time() - begun < 5
