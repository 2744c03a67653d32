"""Precision and recall of the search for identifiers in short notes written by hand.

    python benchmarks/phi_notes_by_hand.py [--missed]

All persons, numbers and places are invented. The 60 notes of phi_notes_by_hand.txt were written,
with their identifiers marked, by somebody who had not seen the rules: as on a ward, in a letter, in
a telephone message. `phi_in_notes.py` plants sentences that the authors of the rules made up. What
the rules of then missed was afterwards used to better them, so their figures on these notes are now
too good. The same hand then wrote the 20 of phi_notes_by_hand_later.txt; they changed no rule.

`[[kind|words]]` marks an identifier. A town is an address, a year alone is no date, the name of a
hospital, a firm or a drug is no name (45 CFR 164.514(b)(2)). Recall: share of marked spans that a
found span overlaps, of whatever kind, since each is masked. Precision: share of found spans that
overlap a marked one. Wilson's 95 % interval.
"""

import argparse
import re
from pathlib import Path

from phi_in_notes import find_all, overlaps, report

from clinmm.deidentification import ner
from clinmm.deidentification.notes import Span

FIRST = Path(__file__).with_suffix(".txt")
LATER = FIRST.with_stem("phi_notes_by_hand_later")
MARK = re.compile(r"\[\[([^|\]]+)\|([^\]]+)\]\]")


def marked(source: str) -> tuple[str, list[Span]]:
    """The note without its marks, and where its identifiers stand."""
    text, spans, at = "", [], 0
    for match in MARK.finditer(source):
        text += source[at : match.start()]
        spans.append(Span(len(text), len(text) + len(match[2]), match[1]))
        text += match[2]
        at = match.end()
    return text + source[at:], spans


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--missed", action="store_true", help="list what no rule finds")
    missed = parser.parse_args().missed
    for file in (FIRST, LATER):
        notes = file.read_text(encoding="utf-8").strip().split("\n---\n")
        texts, truths = map(list, zip(*map(marked, notes), strict=True))
        for with_model in (False, True) if ner.installed() else (False,):
            found = find_all(texts, with_model)
            by = "rules and model" if with_model else "rules"
            report(f"{file.stem}, {len(texts)} notes, {by}", truths, found)
            if missed:
                show(texts, truths, found)


def show(texts: list[str], truths: list[list[Span]], found: list[list[Span]]) -> None:
    """Prints what was marked and not found, and what was found and not marked."""
    for text, planted, spans in zip(texts, truths, found, strict=True):
        for of, others, what in ((planted, spans, "missed"), (spans, planted, "wrong")):
            for s in of:
                if not any(overlaps(s, other) for other in others):
                    print(f"{what}, {s.kind}: {text[s.start : s.end]}")


if __name__ == "__main__":
    main()
