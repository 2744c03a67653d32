"""Words and phrases whose patients nearly all have a class, by an exact test over all words."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from clinmm.cohort.cohort import Cohort
from clinmm.intake.leaks.class_names import (
    names_class,
    related,
    synonyms_of,
    title_words,
    titles_of,
)
from clinmm.intake.leaks.hide import hide_all, pattern_of
from clinmm.intake.words import affirmed

LEAST_PATIENTS = 5
LEAST_SHARE = 0.9
LEVEL = 0.05
OVERLAP = 0.8

Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Stating:
    """A word or phrase that gives a class away.

    side: `with` or `without` the class. n_patients, n_side: whose notes affirm it, and those of
    them on its side, among the patients that were looked at. p: one-sided, Fisher's exact test,
    before Holm. is_name: it names the class or a synonym of it. rows: cases whose notes affirm it.
    holders: (patients,) whose notes do.
    """

    words: str
    class_name: str
    side: str
    n_patients: int
    n_side: int
    p: float
    is_name: bool
    rows: NDArray[np.int_]
    holders: Mask


class Spoken:
    """What the notes of one input affirm, read once.

    phrases, rows: words and phrases of up to three words that at least five patients' notes affirm
        (no fewer can be tested), and whose notes do. has: (n_cases, phrases), the same.
    single: every word -> the cases whose notes affirm it.
    """

    def __init__(self, cohort: Cohort, name: str) -> None:
        from scipy.sparse import csr_array

        self.cohort, self.name = cohort, name
        self.notes = cohort.notes(name)
        owners, self.patient = np.unique(
            cohort.table["patient_id"].to_numpy(dtype=str), return_inverse=True
        )
        self.n_patients = len(owners)
        said_by: dict[str, set[int]] = {}
        rows_of: dict[str, list[int]] = {}
        seen: dict[str, set[str]] = {}
        for row, note in enumerate(self.notes):
            if note is None:
                continue
            if note not in seen:
                seen[note] = affirmed(note)
            for words in seen[note]:
                rows_of.setdefault(words, []).append(row)
                said_by.setdefault(words, set()).add(int(self.patient[row]))
        self.phrases = sorted(w for w, who in said_by.items() if len(who) >= LEAST_PATIENTS)
        self.single = {w: np.array(rows) for w, rows in rows_of.items() if " " not in w}
        self.rows = [np.array(rows_of[words], dtype=int) for words in self.phrases]
        column = np.repeat(np.arange(len(self.phrases)), [len(rows) for rows in self.rows])
        at = np.concatenate(self.rows) if self.rows else np.zeros(0, dtype=int)
        self.has = csr_array(
            (np.ones(len(at), np.int32), (at, column)), shape=(len(self.notes), len(self.phrases))
        )

    @cached_property
    def has_note(self) -> Mask:
        return np.array([note is not None for note in self.notes], dtype=bool)

    def per_patient(self, cases: Mask) -> NDArray[np.bool_]:
        """(patients, phrases) whether a note of one of these cases affirms it."""
        from scipy.sparse import csr_array

        at = np.flatnonzero(cases)
        who = csr_array(
            (np.ones(len(at), np.int32), (self.patient[at], at)),
            shape=(self.n_patients, len(self.notes)),
        )
        affirms: NDArray[np.bool_] = (who @ self.has).toarray() > 0
        return affirms

    def with_class(self, k: int, cases: Mask) -> tuple[Mask, Mask]:
        """(patients,) who has the class in one of these cases, and who has it in none."""
        target = self.cohort.targets()[:, k]
        cases = cases & self.has_note
        positive, known = np.zeros((2, self.n_patients), dtype=bool)
        positive[self.patient[cases & (target == 1)]] = True
        known[self.patient[cases & ~np.isnan(target)]] = True
        return positive, known & ~positive


def stating_words(spoken: Spoken, cases: Mask) -> list[Stating]:
    """Words that at least 5 patients' notes affirm, of whom at least 90 % are on one side.

    Each is tested by patient against the rate among all patients with a note, Holm over all words,
    classes and sides (binary: with and without) that were tried. Most telling first.

    Args:
        spoken: the notes.
        cases: (n_cases,) those whose notes and labels may be looked at.
    """
    from scipy.stats import hypergeom

    cohort = spoken.cohort
    affirms = spoken.per_patient(cases & spoken.has_note)
    tried: list[Stating] = []
    for k, class_name in enumerate(cohort.class_names):
        positive, negative = spoken.with_class(k, cases)
        known = positive | negative
        titles = titles_of(cohort, class_name)
        synonyms = synonyms_of(titles)
        n_word = affirms[known].sum(axis=0)
        enough = np.flatnonzero(n_word >= LEAST_PATIENTS)
        sides = [("with", positive), ("without", negative)]
        for side, members in sides if cohort.task == "binary" else sides[:1]:
            n_side = affirms[members].sum(axis=0)
            p = hypergeom.sf(
                n_side[enough] - 1, int(known.sum()), int(members.sum()), n_word[enough]
            )
            tried += [
                Stating(
                    spoken.phrases[j], class_name, side, int(n_word[j]), int(n_side[j]), float(one),
                    names_class(spoken.phrases[j], titles, synonyms)
                    if n_side[j] >= LEAST_SHARE * n_word[j] else False,
                    spoken.rows[j][cases[spoken.rows[j]]], affirms[:, j] & known,
                )
                for j, one in zip(enough, p, strict=True)
            ]  # fmt: skip
    return _surviving(tried)


def _surviving(tried: list[Stating]) -> list[Stating]:
    """Those that Holm's step-down procedure leaves, with at least 90 % on their side."""
    kept = []
    for rank, one in enumerate(sorted(tried, key=lambda s: s.p)):
        if one.p * (len(tried) - rank) > LEVEL:
            break
        if one.n_side >= LEAST_SHARE * one.n_patients:
            kept.append(one)
    return kept


def without_echoes(found: Sequence[Stating]) -> list[Stating]:
    """Names of the class first, then the strongest; a word most of whose patients a word before it
    on the same side has already is only its echo (`consistent with cardiomegaly`)."""
    reported: list[Stating] = []
    order = sorted(found, key=lambda s: (not s.is_name, s.p, len(s.words), s.words))
    for one in order:
        same = [r for r in reported if (r.class_name, r.side) == (one.class_name, one.side)]
        n = one.holders.sum()
        if not any((one.holders & r.holders).sum() >= OVERLAP * n for r in same):
            reported.append(one)
    return reported


def words_to_hide(spoken: Spoken, found: Sequence[Stating], cases: Mask) -> list[str]:
    """What to hide of a class of which a name was found, in alphabetical order.

    The words of the names found; every synonym of theirs, as a rarer spelling says the same; and
    the words of the class's other titles (the values of its column) with what the notes hold that
    is close to them, unless they stand on both sides: `Legionella` of two patients says as much as
    `COVID-19` of two hundred, `pneumonia` of everybody says nothing. Words that are only evidence
    are not hidden.
    """
    hidden: set[str] = set()
    for k, class_name in enumerate(spoken.cohort.class_names):
        names = [o.words for o in found if o.is_name and o.class_name == class_name]
        if not names:
            continue
        titles = titles_of(spoken.cohort, class_name)
        hidden |= {w for name in names for w in name.split() if names_class(w, titles, set())}
        hidden |= related(names)
        others = {*title_words(titles), *spoken.single} - hidden
        others = {word for word in others if names_class(word, titles, set())}
        sides = spoken.with_class(k, cases)
        by_themselves = sorted(hidden)
        hidden |= {w for w in others if _one_sided(spoken, w, by_themselves, cases, sides)}
    return sorted(hidden)


def _one_sided(
    spoken: Spoken, word: str, hidden: Sequence[str], cases: Mask, sides: tuple[Mask, Mask]
) -> bool:
    """Whether at least 90 % of those whose notes hold the word, outside what is hidden already, are
    on one side; nobody at all is."""
    said_by = [row for row in spoken.single.get(word, ()) if cases[row]]
    left = hide_all([spoken.notes[row] for row in said_by], hidden)
    holds = pattern_of([word])
    assert holds
    who = np.zeros(spoken.n_patients, dtype=bool)
    rows = [row for row, note in zip(said_by, left, strict=True) if note and holds.search(note)]
    who[spoken.patient[rows]] = True
    n = [int((who & side).sum()) for side in sides]
    return max(n) >= LEAST_SHARE * sum(n)
