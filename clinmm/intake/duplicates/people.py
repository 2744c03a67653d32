"""Patients who seem to be one person: a note or a record that two share and hardly anybody else."""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from itertools import combinations
from typing import TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clinmm.cohort.cohort import Cohort

Pair = tuple[int, int, float]
"""Two rows of the cohort's table, and a distance from 0 (all that counts agrees) to 1."""

SHINGLE = 3
"""Words of a phrase."""

MOST_HOLDERS = 5
"""A phrase or a value that more patients have is a template or common, and says nothing."""

LEAST_PHRASES = 15
LEAST_ALIKE_NOTES = 0.45
"""So many rare phrases, and this share of all the rare ones of either note (Jaccard) agree: what is
left where one word in five was written otherwise, since it breaks three phrases."""

LEAST_ALIKE_RECORDS = 0.8
"""Share of the numbers recorded for both that agree."""

LEAST_ALIKE_BY_CHANCE = 0.01
"""Pairs of patients of the cohort expected to agree so by chance, columns being independent."""

LEAST_VALUES = 4
"""Rare values that a record must share; columns are not independent, so never fewer."""

YEARS_APART = 1.0

T = TypeVar("T")
_WORD = re.compile(r"[^\W_]+(?:[.,/][^\W_]+)*")


def alike_notes(cohort: Cohort, name: str) -> list[Pair]:
    """Cases of different patients whose notes agree in phrases that at most MOST_HOLDERS share.

    Who differs in a sensitive attribute (numbers by more than a year) or in site is not paired.
    One pair connects two patients.
    """
    phrases = [_phrases(note) for note in cohort.notes(name)]
    patients = cohort.table["patient_id"].to_numpy()
    rare = _of_few(phrases, patients)
    agree = _could_be_one(cohort)
    found = []
    for one, other in _sharing(rare, patients):
        both, either = len(rare[one] & rare[other]), len(rare[one] | rare[other])
        if both >= LEAST_PHRASES and both >= LEAST_ALIKE_NOTES * either and agree(one, other):
            found.append((one, other, 1 - both / either))
    return _one_per_patients(found, cohort)


def alike_records(cohort: Cohort, name: str) -> list[Pair]:
    """Cases of different patients whose numbers agree where hardly anybody else has them.

    At least LEAST_VALUES values that at most MOST_HOLDERS patients have agree, so many that less
    than LEAST_ALIKE_BY_CHANCE pairs of the cohort would do so by chance, and at least
    LEAST_ALIKE_RECORDS of the numbers recorded for both. Who differs in a sensitive attribute or in
    site is not paired.
    """
    attributes = {attribute.column for attribute in cohort.spec.sensitive.values()}
    record = cohort.record(name).select_dtypes("number")
    record = record[[column for column in record if column not in attributes]]
    values = [
        {(column, value) for column, value in zip(record, row, strict=True) if not np.isnan(value)}
        for row in record.to_numpy()
    ]
    patients = cohort.table["patient_id"].to_numpy()
    rare = _of_few(values, patients)
    n = cohort.n_patients
    enough = np.log(n * (n - 1) / 2 / LEAST_ALIKE_BY_CHANCE) if n > 1 else np.inf
    holders = Counter(value for held in rare for value in held)
    agree = _could_be_one(cohort)
    found = []
    for one, other in _sharing(rare, patients):
        shared = rare[one] & rare[other]
        both = len({c for c, _ in values[one]} & {c for c, _ in values[other]})
        alike = len(values[one] & values[other]) / both
        surprise = sum(np.log(n / min(n, holders[value])) for value in shared)
        if len(shared) < LEAST_VALUES or alike < LEAST_ALIKE_RECORDS or surprise < enough:
            continue
        if agree(one, other):
            found.append((one, other, 1 - alike))
    return _one_per_patients(found, cohort)


def _could_be_one(cohort: Cohort) -> Callable[[int, int], bool]:
    """Whether two rows could be of one person: sensitive attributes and site agree where both are
    recorded, numbers within a year."""
    columns = {s.column: s.bins is not None for s in cohort.spec.sensitive.values()}
    if cohort.spec.site:
        columns.setdefault(cohort.spec.site, False)
    cells = {
        is_number: [
            cohort.table[c].to_numpy(dtype=object) for c, n in columns.items() if n == is_number
        ]
        for is_number in (True, False)
    }
    numbers = [
        pd.to_numeric(pd.Series(c), errors="coerce").to_numpy(np.float64) for c in cells[True]
    ]

    def agree(one: int, other: int) -> bool:
        if any(abs(number[one] - number[other]) > YEARS_APART for number in numbers):
            return False
        both = [(text[one], text[other]) for text in cells[False]]
        return all(a == b for a, b in both if isinstance(a, str) and isinstance(b, str))

    return agree


def _phrases(note: str | None) -> set[tuple[str, ...]]:
    words = _WORD.findall(note.lower()) if note else []
    return set(zip(*(words[start:] for start in range(SHINGLE)), strict=False))


def _of_few(held: list[set[T]], patients: NDArray[np.object_]) -> list[set[T]]:
    """Per row, what at most MOST_HOLDERS patients have."""
    who: dict[T, set[str]] = defaultdict(set)
    for things, patient in zip(held, patients, strict=True):
        for thing in things:
            who[thing].add(patient)
    return [{thing for thing in things if len(who[thing]) <= MOST_HOLDERS} for things in held]


def _sharing(rare: list[set[T]], patients: NDArray[np.object_]) -> Iterator[tuple[int, int]]:
    """Every pair of rows of different patients that share something rare, in order."""
    rows_of: dict[T, list[int]] = defaultdict(list)
    for row, things in enumerate(rare):
        for thing in things:
            rows_of[thing].append(row)
    pairs = {pair for rows in rows_of.values() for pair in combinations(rows, 2)}
    return (pair for pair in sorted(pairs) if patients[pair[0]] != patients[pair[1]])


def _one_per_patients(pairs: list[Pair], cohort: Cohort) -> list[Pair]:
    """Of the pairs of cases of two patients the most alike."""
    patients = cohort.table["patient_id"].to_numpy()
    best: dict[tuple[str, str], Pair] = {}
    for pair in sorted(pairs, key=lambda pair: pair[2]):
        best.setdefault((patients[pair[0]], patients[pair[1]]), pair)
    return sorted(best.values())
