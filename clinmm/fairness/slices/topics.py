"""What a note is about, in words that many patients' notes share."""

import re
import warnings
from itertools import chain

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clinmm.fairness.slices.conditions import MIN_CASES, NOTE_TOPIC, Condition, Mask

N_TOPICS = 8
N_WORDS = 3
MIN_PATIENTS = 10
"""A word that fewer patients' notes hold is in no topic, so that none points to a person."""

MAX_SHARE = 0.5
"""Nor is a word that more than this share of them hold."""

MAX_NOTES = 5000
NOTES_PER_TOPIC = 25
WORD = r"[^\W\d_]{3,}"
"""Letters alone: no numbers, and nothing of what is masked."""


def of_notes(
    notes: pd.Series, patients: NDArray[np.object_], learn: Mask, seed: int
) -> list[Condition]:
    """One condition for each topic: the cases whose note is about it more than any other.

    Topics are learned without labels, from the notes of the cases that propose (5,000 at most):
    non-negative factors of TF-IDF weights. Words of three letters or more count that 10 patients or
    more use, and not over half of them; English function words do not.

    Args:
        notes: (N,) as modelled; None or NaN where there is none.
        patients: (N,) ids.
        learn: (N,) the cases that propose.
        seed: which notes, where there are too many.

    Returns:
        None where the notes are too few, or share no words.

    Reference:
        Lee, Seung. Nature 401:788 (1999).
    """
    from sklearn.decomposition import NMF
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.feature_extraction.text import TfidfVectorizer

    texts = notes.fillna("").astype(str).str.lower().to_numpy(dtype=object)
    written = np.array([bool(text.strip()) for text in texts])
    rows = np.flatnonzero(written & learn)
    if rows.size > MAX_NOTES:
        rows = np.sort(np.random.default_rng(seed).choice(rows, MAX_NOTES, replace=False))
    vocabulary = _vocabulary(texts[rows], patients[rows])
    n_topics = min(N_TOPICS, rows.size // NOTES_PER_TOPIC, len(vocabulary))
    if n_topics < 2:
        return []
    to_weights = TfidfVectorizer(vocabulary=vocabulary, token_pattern=WORD, sublinear_tf=True)
    weights = to_weights.fit(texts[rows])
    model = NMF(n_topics, init="nndsvda", max_iter=300, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # near enough to sort notes by
        model.fit(weights.transform(texts[rows]))
        shares = np.zeros((len(texts), n_topics))
        shares[written] = model.transform(weights.transform(texts[written]))
    shares *= np.linalg.norm(model.components_, axis=1)
    spoken = shares.max(axis=1) > 0
    topic = shares.argmax(axis=1)
    found = []
    for number, component in enumerate(model.components_):
        top = np.argsort(-component, kind="stable")[:N_WORDS]
        words = "note is mostly about " + ", ".join(vocabulary[i] for i in top if component[i] > 0)
        keep = spoken & (topic == number)
        if keep[learn].sum() >= MIN_CASES:
            found.append(Condition(NOTE_TOPIC, "note topic", words, keep, written))
    return found


def _vocabulary(texts: NDArray[np.object_], patients: NDArray[np.object_]) -> list[str]:
    """Words that enough patients' notes hold, and not too many, sorted."""
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

    of_patient: dict[object, set[str]] = {}
    for text, patient in zip(texts, patients, strict=True):
        of_patient.setdefault(patient, set()).update(re.findall(WORD, text))
    counts = pd.Series(list(chain.from_iterable(of_patient.values())), dtype=object).value_counts()
    kept = counts[(counts >= MIN_PATIENTS) & (counts <= MAX_SHARE * len(of_patient))]
    return sorted(set(kept.index) - ENGLISH_STOP_WORDS)
