"""What a word of the notes adds: notes that say it asked without it.

A word that is denied counts apart, as "no WORD". A word is listed only if the notes of at least 10
patients say it, and numbers never are, so that none leads to a person.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from clinmm.cohort.cohort import Cohort
from clinmm.encoders.parts.feature_cache import not_kept
from clinmm.encoders.parts.words import WORD
from clinmm.explain.effects.changes import Changes, FoldCases, Part
from clinmm.folds import as_modelled
from clinmm.intake.leaks.hide import pattern_of
from clinmm.intervals.standing import MIN_PATIENTS

Spans = list[tuple[int, int]]

DENIED = "no "


class Limit(NamedTuple):
    """notes: most notes that are asked in all; a_word: most for one word, drawn at random."""

    notes: int
    a_word: int


OF_WORDS = Limit(20_000, 200)
OF_A_NETWORK = Limit(1_000, 25)
"""Where a language model has to read every note anew."""


def words_said(note: str) -> dict[str, Spans]:
    """Word in lower case, `no WORD` where it is denied -> where it stands; without stop words and
    whatever holds a digit.

    >>> words_said("No oedema. Oedema in 2019")
    {'no oedema': [(3, 9)], 'oedema': [(11, 17)]}
    """
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

    from clinmm.explain.negation import negated_spans

    denied = negated_spans(note)
    said: dict[str, Spans] = {}
    for match in WORD.finditer(note):
        word, (start, end) = match.group().lower(), match.span()
        if word in ENGLISH_STOP_WORDS or any(letter.isdigit() for letter in word):
            continue
        no = any(first <= start and end <= last for first, last in denied)
        said.setdefault(DENIED + word if no else word, []).append((start, end))
    return said


def words_asked(
    cohort: Cohort, name: str, cases: NDArray[np.int_], limit: Limit, seed: int
) -> dict[int, dict[str, Spans]]:
    """Case -> the words that are taken out of its note, with their places.

    Words that the notes of at least 10 patients say, those of most patients first, until the limit
    is reached.

    Args:
        cases: positions of the cases that may be asked.
        seed: of the cases of a word that too many say.
    """
    notes, patients = cohort.notes(name), cohort.table["patient_id"].to_numpy()
    said = {int(case): words_said(note) for case in cases if (note := notes[case]) is not None}
    who: dict[str, list[int]] = {}
    for case, words in said.items():
        for word in words:
            who.setdefault(word, []).append(case)
    n_patients = {word: len(set(patients[at])) for word, at in who.items()}
    common = [word for word in who if n_patients[word] >= MIN_PATIENTS]
    asked: dict[int, dict[str, Spans]] = {}
    left, rng = limit.notes, np.random.default_rng(seed)
    for word in sorted(common, key=lambda word: (-n_patients[word], word)):
        at = sorted(who[word])
        if len(at) > limit.a_word:
            at = sorted(rng.choice(at, limit.a_word, replace=False).tolist())
        if (left := left - len(at)) < 0:
            break
        for case in at:
            asked.setdefault(case, {})[word] = said[case][word]
    return asked


def limit_of(encoder: Any) -> Limit:
    return OF_A_NETWORK if "weights" in encoder.facts else OF_WORDS


def word_changes(
    changes: Changes,
    fold: FoldCases,
    cohort: Cohort,
    name: str,
    asked: Mapping[int, Mapping[str, Spans]],
) -> None:
    """Adds `word` of every word that the fold's own masks do not hide already."""
    notes, encoder = cohort.notes(name), fold.encoder(name)
    hidden = pattern_of(encoder.facts.get("mask", []))
    where: dict[str, list[int]] = {}
    texts: dict[str, list[str]] = {}
    for place, case in enumerate(fold.at.tolist()):
        for word, spans in asked.get(case, {}).items():
            if hidden and hidden.search(word.removeprefix(DENIED)):
                continue
            where.setdefault(word, []).append(place)
            texts.setdefault(word, []).append(_without(str(notes[case]), spans))
    for word in sorted(where):
        cases, blank = np.array(where[word]), [not text.strip() for text in texts[word]]
        may_answer = torch.ones(len(cases), len(fold.encoded.names), dtype=torch.bool)
        may_answer[:, fold.encoded.names.index(name)] = ~torch.tensor(blank)
        with not_kept():
            prepared = encoder.prepare(as_modelled(texts[word], encoder.facts))
        without = fold.encoded.answers(cases, may_answer, (name, prepared))
        changes.add(Part("word", name, word), fold.at[cases], fold.base[cases] - without)


def _without(note: str, spans: Spans) -> str:
    kept, at = [], 0
    for start, end in spans:
        kept.append(note[at:start])
        at = end
    return "".join([*kept, note[at:]])
