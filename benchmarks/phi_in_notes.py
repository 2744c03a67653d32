"""Precision and recall of the search for identifiers in notes, on planted ones.

    python benchmarks/phi_in_notes.py [--seed 0]

Plants invented identifiers of every kind into notes of the phantom and, if CLINMM_DATA names a
folder that holds them, into real notes of covid_cxr and openi_reports. Planted carriers and names
are not those of the unit tests; a third of the names is in no list of clinmm. Recall: share of
planted spans that a found span overlaps. Precision: share of found spans that overlap a planted
one; what the note held before planting (dates of covid_cxr) is left out of both. The interval is
Wilson's, 95 %.
"""

import argparse
import os
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd

from clinmm.cohort.phantom import make_phantom
from clinmm.deidentification import ner
from clinmm.deidentification.notes import KINDS, Span, find_spans
from clinmm.intervals.limits import normal_quantile, wilson

GIVEN_LISTED = (
    "Maria John Fatima Hiroshi Priya Chidi Olga Ahmed Ingrid Carlos Wei Aisha Thomas Elena"
)
GIVEN_OTHER = "Xiulan Thorvald Oluwadamilare Siobhan Nattapong Makeda Jaroslava Kekoa Itzel Tendai"
FAMILY_NAMES = (
    "Gonzalez Okafor Nakamura Petrova Haddad Lindqvist Vasquez Murphy Banerjee Achterberg "
    "Oyelaran Sithebe Kowalczyk Mahlangu Fairbrother Zheng Ragnarsson Tuilagi Ekwueme Brennan"
)
# {} stands for the identifier. The last of each kind gives no hint beside it.
CARRIERS = {
    "name": (
        "Seen by Dr. {}.", "Discussed with {}, MD.", "Patient name: {}.", "Mrs. {} was told.",
        "Her daughter {} was at bedside.", "Report dictated by {}.", "{} feels better today.",
        "We will phone {} next week.",
    ),
    "date": (
        "Admitted on {}.", "Last film {}.", "Surgery was {} without event.", "Stent placed {}.",
    ),
    "phone": ("Call {}.", "Phone: {}.", "Reachable at {} in the evening."),
    "email": ("Write to {}.", "Contact {} for films."),
    "url": ("Films at {} now.", "See {}."),
    "ssn": ("SSN {}.", "Known as {}."),
    "record number": ("MRN: {}.", "Chart no. {}.", "Accession number {}.", "Filed under {}."),
    "address": ("Lives at {}.", "Moved to {} in spring.", "Home: {}."),
    "age over 90": ("A {}-year-old.", "Aged {}, frail.", "Pt is {} y/o.", "Patient ({}F) frail."),
}  # fmt: skip
NEGATIVE = (
    "Foley and Swan-Ganz catheters, Kerley B lines, Parkinson disease.",
    "BP 120/80, HR 98, for 7 days, T1 hyperintense, C3-C4, L4/5, 500 mg BID.",
    "Negative Murphy sign. Hashimoto thyroiditis. Glasgow coma scale 15, Wells score 4.5.",
    "Metformin, Lasix 40 mg, Tylenol, Coumadin 2.5 mg; platelets 250000; 3.2 x 4.1 cm.",
)


def planted_value(kind: str, rng: np.random.Generator) -> str:
    """An invented identifier in one of its usual forms."""

    def digits(n: int) -> str:
        return "".join(map(str, rng.integers(0, 10, n)))

    def pick(options: str) -> str:
        return str(rng.choice(options.split()))

    if kind == "name":
        given = pick(GIVEN_LISTED if rng.random() < 0.6 else GIVEN_OTHER)
        family = pick(FAMILY_NAMES)
        forms = (f"{given} {family}", f"{given[0]}. {family}", f"{given} {given[0]}. {family}")
        return forms[int(rng.choice(3, p=[0.7, 0.15, 0.15]))]
    if kind == "date":
        day = pd.Timestamp("2012-01-01") + pd.Timedelta(days=int(rng.integers(0, 4000)))
        forms = ("%m/%d/%Y", "%d.%m.%Y", "%Y-%m-%d", "%B %d, %Y", "%d %b %Y", "%m/%d/%y",
                 "%d-%b-%Y", "%b %d", "%B %Y", "%d %B", "%m-%d-%Y", "%Y/%m/%d")  # fmt: skip
        return day.strftime(str(rng.choice(forms)))
    if kind == "phone":
        n = digits(9)
        forms = (f"2{n[:2]}-5{n[2:4]}-{n[4:8]}", f"(2{n[:2]}) 5{n[2:4]}-{n[4:8]}",
                 f"+44 20 7{n[:3]} {n[3:7]}", f"2{n[:2]}.5{n[2:4]}.{n[4:8]}",
                 f"0{n[:3]} {n[3:6]} {n[6:9]}", f"2{n[:2]} 5{n[2:4]} {n[4:8]}")  # fmt: skip
        return str(rng.choice(forms))
    if kind == "email":
        return f"{pick(GIVEN_OTHER).lower()}.{digits(2)}@{pick('example.org mail.example.com')}"
    if kind == "url":
        return str(rng.choice(["https://pacs.example.org/v?id=4", "www.example.com/films"]))
    if kind == "ssn":
        return f"{rng.integers(100, 600)}-{digits(2)}-{digits(4)}"
    if kind == "record number":
        forms = (digits(8), f"H{digits(7)}", f"{digits(3)}-{digits(4)}", f"AB-{digits(6)}")
        return str(rng.choice(forms))
    if kind == "address":
        number = int(rng.integers(1, 900))
        forms = (f"{number} Elm Hollow Road", f"{number} Larkspur Ave, Dayton, OH 45402",
                 f"Lindenstraße {number}", f"{number} rue des Lilas", "SW7 2AZ",
                 f"{number} Cedar St Apt 4", f"{number} Broadway")  # fmt: skip
        return str(rng.choice(forms))
    return str(rng.integers(91, 104))


def plant(note: str, rng: np.random.Generator) -> tuple[str, list[Span]]:
    """The note with three carriers and a negative control before its first sentences."""
    parts, spans, at = [], [], 0
    for kind in rng.choice(KINDS, 3, replace=False):
        carrier, value = str(rng.choice(CARRIERS[kind])), planted_value(kind, rng)
        start = at + carrier.index("{}")
        spans.append(Span(start, start + len(value), str(kind)))
        parts.append(carrier.replace("{}", value))
        at += len(parts[-1]) + 1
    return " ".join([*parts, str(rng.choice(NEGATIVE)), note]), spans


def share(k: int, n: int) -> str:
    """Share with its 95 % interval (Wilson)."""
    if not n:
        return "-"
    low, high = wilson(k / n, n, normal_quantile())
    return f"{k / n:.3f} ({low:.3f} to {high:.3f})"


def overlaps(one: Span, other: Span) -> bool:
    return one.start < other.end and other.start < one.end


def find_all(texts: list[str], with_model: bool) -> list[list[Span]]:
    """What the rules find, and where they find nothing, what the language model sees."""
    found = [find_spans(text) for text in texts]
    if with_model:
        for spans, new in zip(found, ner.name_spans(texts), strict=True):
            spans += [s for s in new if not any(overlaps(s, other) for other in spans)]
    return found


def report(title: str, planted: list[list[Span]], found: list[list[Span]]) -> None:
    """Prints recall and precision by kind; one list of spans per note."""
    hit, of_planted, right, of_found = Counter(), Counter(), Counter(), Counter()
    for truths, spans in zip(planted, found, strict=True):
        for truth in truths:
            of_planted[truth.kind] += 1
            hit[truth.kind] += any(overlaps(truth, span) for span in spans)
        for span in spans:
            of_found[span.kind] += 1
            right[span.kind] += any(overlaps(truth, span) for truth in truths)
    print(f"\n{title}\n{'kind':14} {'n':>5}  {'recall':26} {'found':>5}  precision")
    for kind in (*KINDS, "all"):
        n, h, f, r = (
            sum(c.values()) if kind == "all" else c[kind]
            for c in (of_planted, hit, of_found, right)
        )
        print(f"{kind:14} {n:5}  {share(h, n):26} {f:5}  {share(r, f)}")


def measure(name: str, notes: list[str], seed: int, with_model: bool) -> None:
    rng = np.random.default_rng(seed)
    texts, truths = map(list, zip(*(plant(note, rng) for note in notes), strict=True))
    found = [
        [span for span in spans if span.start < len(text) - len(note)]
        for note, text, spans in zip(notes, texts, find_all(texts, with_model), strict=True)
    ]
    kept = Counter(span.kind for spans in find_all(notes, with_model) for span in spans)
    by = "rules and model" if with_model else "rules"
    before = f"in the notes before planting: {dict(kept) or 'nothing'}"
    report(f"{name}, {len(notes)} notes, {by}; {before}", truths, found)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    seed = parser.parse_args().seed
    sets: dict[str, list[str]] = {}
    with tempfile.TemporaryDirectory() as folder:
        cohort = make_phantom(Path(folder) / "phantom", seed=seed, n_patients=400)
        table = pd.read_csv(cohort.parent / "cases.csv")
        sets["phantom"] = table["note"].dropna().tolist()
    if data := os.environ.get("CLINMM_DATA"):
        if (file := Path(data) / "covid_cxr/cases.csv").is_file():
            sets["covid_cxr"] = pd.read_csv(file)["note"].dropna().unique().tolist()
        if (file := Path(data) / "openi_reports/reports.csv").is_file():
            parts = pd.read_csv(file)[["indication", "findings", "impression"]].fillna("")
            sets["openi_reports"] = parts.agg("\n".join, axis=1).tolist()[:500]
    for name, notes in sets.items():
        for with_model in (False, True) if ner.installed() else (False,):
            measure(name, notes, seed, with_model)


if __name__ == "__main__":
    main()
