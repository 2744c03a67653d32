"""Words and phrases whose patients nearly all have a class, by an exact test over all words."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

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
Counts = NDArray[np.int64]


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

    def per_patient(self, cases: Mask) -> Any:
        """(patients, phrases) sparse: 1 where a note of one of these cases affirms it."""
        from scipy.sparse import csr_array

        at = np.flatnonzero(cases)
        who = csr_array(
            (np.ones(len(at), np.int32), (self.patient[at], at)),
            shape=(self.n_patients, len(self.notes)),
        )
        affirms = (who @ self.has).tocsc()
        affirms.data[:] = 1
        return affirms

    def with_class(self, k: int, cases: Mask) -> tuple[Mask, Mask]:
        """(patients,) who has the class in one of these cases, and who has it in none."""
        target = self.cohort.sides()[:, k]
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
    tried: list[tuple[int, str, Mask, Counts, Counts, Counts, NDArray[np.float64]]] = []
    for k in range(len(cohort.class_names)):
        positive, negative = spoken.with_class(k, cases)
        known = positive | negative
        n_word = _said_by(known, affirms)
        enough = np.flatnonzero(n_word >= LEAST_PATIENTS)
        sides = [("with", positive), ("without", negative)]
        for side, members in sides if cohort.task == "binary" else sides[:1]:
            n, n_side = n_word[enough], _said_by(members, affirms)[enough]
            p = hypergeom.sf(n_side - 1, int(known.sum()), int(members.sum()), n)
            tried.append((k, side, known, enough, n, n_side, p))
    survives = _holm_survives(np.concatenate([p for *_, p in tried]))
    found, at = [], 0
    for k, side, known, enough, n, n_side, p in tried:
        kept = survives[at : at + len(p)] & (n_side >= LEAST_SHARE * n)
        at += len(p)
        titles = titles_of(cohort, cohort.class_names[k])
        synonyms = synonyms_of(titles)
        for i in np.flatnonzero(kept):
            words, rows = spoken.phrases[enough[i]], spoken.rows[enough[i]]
            found.append(
                Stating(
                    words, cohort.class_names[k], side, int(n[i]), int(n_side[i]), float(p[i]),
                    names_class(words, titles, synonyms), rows[cases[rows]],
                    column(affirms, enough[i]) & known,
                )
            )  # fmt: skip
    return sorted(found, key=lambda one: one.p)


def column(affirms: Any, j: int) -> Mask:
    """(patients,) who affirms phrase j."""
    return np.asarray(affirms[:, [j]].toarray()[:, 0] > 0)


def _said_by(members: Mask, affirms: Any) -> Counts:
    """(phrases,) how many of these patients affirm each."""
    return np.asarray(members.astype(np.int32) @ affirms, dtype=np.int64)


def _holm_survives(p: NDArray[np.float64]) -> Mask:
    """Which tests Holm's step-down procedure leaves."""
    order = np.argsort(p, kind="stable")
    fails = p[order] * np.arange(len(p), 0, -1) > LEVEL
    first = int(np.argmax(fails)) if fails.any() else len(p)
    survives = np.zeros(len(p), dtype=bool)
    survives[order[:first]] = True
    return survives


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
