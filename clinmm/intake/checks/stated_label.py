"""Words and phrases of the notes that give the label away."""

from collections import defaultdict
from dataclasses import dataclass
from difflib import SequenceMatcher

import numpy as np
from numpy.typing import NDArray

from clinmm.cohort.cohort import Cohort
from clinmm.cohort.spec import BinaryTarget
from clinmm.intake.finding import Context, Finding
from clinmm.intake.words import affirmed

LEAST_PATIENTS = 5
LEAST_SHARE = 0.9
LEVEL = 0.05
MOST_REPORTED = 10
"""Words reported per class and side; those that go with a reported one are left out."""

OVERLAP = 0.8


@dataclass(frozen=True)
class _Holders:
    """Rows of the table whose note affirms a word, and their patients."""

    rows: set[int]
    patients: set[str]


@dataclass(frozen=True)
class _Candidate:
    """A word, the side it speaks for, and how many of its patients are on that side."""

    words: str
    class_name: str
    side: str
    patients: frozenset[str]
    n_side: int
    p: float
    is_name: bool


def check(cohort: Cohort, context: Context) -> list[Finding]:
    """Per note input: words and phrases (up to three words) that at least 5 patients' notes
    affirm and of whose patients at least 90 % have the class (binary: or have it not).

    Each word is tested by patient against the rate among all patients with a note (Fisher's
    exact test, one-sided), Holm over all words, classes and sides tried. An error where the word
    resembles the name of the class or its column, else a warning: it may be honest evidence.
    Notes are read as modelled, after the cohort's masks.
    """
    findings = []
    for name in cohort.spec.input_names("note"):
        holders = _holders(cohort, name)
        candidates = _surviving(_candidates(cohort, name, holders))
        findings += [
            _finding(cohort, name, c, holders[c.words].rows) for c in _without_echoes(candidates)
        ]
    return findings


def _holders(cohort: Cohort, name: str) -> dict[str, _Holders]:
    """Word or phrase -> whose notes affirm it, where they are at least five patients."""
    rows_of: dict[str, set[int]] = defaultdict(set)
    seen: dict[str, set[str]] = {}
    for row, note in enumerate(cohort.notes(name)):
        if note is None:
            continue
        if note not in seen:
            seen[note] = affirmed(note)
        for words in seen[note]:
            rows_of[words].add(row)
    patients = cohort.table["patient_id"].to_numpy()
    holders = {
        words: _Holders(rows, {patients[i] for i in rows}) for words, rows in rows_of.items()
    }
    return {words: who for words, who in holders.items() if len(who.patients) >= LEAST_PATIENTS}


def _sides(cohort: Cohort, name: str, k: int) -> tuple[set[str], set[str]]:
    """Patients with a note and a known class: those who have it in any case, and the others."""
    target = cohort.targets()[:, k]
    patients = cohort.table["patient_id"].to_numpy()
    has_note = cohort.present(name)
    positive = set(patients[has_note & (target == 1)])
    return positive, set(patients[has_note & ~np.isnan(target)]) - positive


def _candidates(cohort: Cohort, name: str, holders: dict[str, _Holders]) -> list[_Candidate]:
    from scipy.stats import hypergeom

    candidates = []
    target = cohort.spec.target
    for k, class_name in enumerate(cohort.class_names):
        with_class, without = _sides(cohort, name, k)
        sides = [("with", with_class)]
        if cohort.task == "binary":
            sides.append(("without", without))
        known = with_class | without
        titles = [class_name, target.name, *target.columns]
        if cohort.task == "multilabel":
            titles = [class_name]
        if isinstance(target, BinaryTarget):
            titles += [*target.positive, *target.negative]
        words = [(word, who.patients & known) for word, who in holders.items()]
        words = [(word, who) for word, who in words if len(who) >= LEAST_PATIENTS]
        names = {word for word, _ in words if _resembles(word, titles)}
        n_word = np.array([len(who) for _, who in words])
        for side, members in sides:
            n_side = np.array([len(who & members) for _, who in words])
            p: NDArray[np.float64] = hypergeom.sf(n_side - 1, len(known), len(members), n_word)
            candidates += [
                _Candidate(
                    word, class_name, side, frozenset(who), int(n), float(one), word in names
                )
                for (word, who), n, one in zip(words, n_side, p, strict=True)
            ]
    return candidates


def _surviving(candidates: list[_Candidate]) -> list[_Candidate]:
    """Those that Holm's step-down procedure leaves, with at least 90 % on their side."""
    kept = []
    for rank, candidate in enumerate(sorted(candidates, key=lambda c: c.p)):
        if candidate.p * (len(candidates) - rank) > LEVEL:
            break
        if candidate.n_side >= LEAST_SHARE * len(candidate.patients):
            kept.append(candidate)
    return kept


def _without_echoes(candidates: list[_Candidate]) -> list[_Candidate]:
    """Names of the class first, then the strongest; a word whose patients a reported one of the
    same class has already is only its echo (`consistent with cardiomegaly`)."""
    reported: list[_Candidate] = []
    order = sorted(candidates, key=lambda c: (not c.is_name, c.p, len(c.words), c.words))
    for candidate in order:
        same = [
            r for r in reported if (r.class_name, r.side) == (candidate.class_name, candidate.side)
        ]
        echo = any(
            len(candidate.patients & r.patients) >= OVERLAP * len(candidate.patients) for r in same
        )
        if not echo and len(same) < MOST_REPORTED:
            reported.append(candidate)
    return reported


def _resembles(words: str, titles: list[str]) -> bool:
    """Whether a word of the phrase is close to a word of the class's name or its column's.

    >>> _resembles("enlarged cardiomegalic heart", ["cardiomegaly"])
    True
    """
    parts = [part for title in titles for part in title.lower().replace("_", " ").split()]
    return any(_close(word, part) for word in words.split() for part in parts if len(part) >= 4)


def _close(word: str, part: str) -> bool:
    if len(word) < 4:
        return False
    stem = min(len(part), max(4, len(part) - 3))
    return word[:stem] == part[:stem] or SequenceMatcher(None, word, part).ratio() >= 0.8


def _finding(cohort: Cohort, name: str, candidate: _Candidate, rows: set[int]) -> Finding:
    from scipy.stats import beta

    n, k = len(candidate.patients), candidate.n_side
    unit = cohort.spec.unit_name
    low = float(beta.ppf(0.025, k, n - k + 1))
    high = 1.0 if k == n else float(beta.ppf(0.975, k + 1, n - k))
    ids = cohort.table["case_id"].iloc[sorted(rows)]
    return Finding(
        "stated_label",
        "error" if candidate.is_name else "warning",
        name,
        f"'{candidate.words}' stands in the notes of {n} {unit}s, {k} of them {candidate.side} "
        f"'{candidate.class_name}'"
        + ("; it resembles the name of the class." if candidate.is_name else "."),
        f"If it was written after the answer was known, add it to inputs.{name}.mask and check "
        "again; words that go with it are not listed.",
        tuple(ids),
        n,
        k / n,
        low,
        high,
    )
