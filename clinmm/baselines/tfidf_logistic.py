"""Logistic regression on the weighted words and word pairs of a note (TF-IDF).

Source: Salton & Buckley, Term-weighting approaches in automatic text retrieval, IP&M 24 (1988).
"""

from collections.abc import Sequence
from typing import Any, ClassVar

from clinmm.baselines.interface import Features, Index, Path, Values
from clinmm.baselines.linear import linear_path

PENALTIES = (0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
MIN_NOTES, MOST_TERMS = 3, 20_000


class Baseline:
    kind: ClassVar[str] = "note"

    @staticmethod
    def serves(source: Any) -> bool:
        return True

    @staticmethod
    def features(raw: Sequence[str | None], learned: Index, source: Any, given: Any) -> Features:
        """(N, terms) CSR, each row of length 1: (1 + log count) times rarity."""
        from scipy.sparse import csr_matrix
        from sklearn.feature_extraction.text import TfidfVectorizer

        notes = [note for i in learned if (note := raw[i]) is not None]
        vectoriser = TfidfVectorizer(
            ngram_range=(1, 2),
            min_df=min(MIN_NOTES, max(1, len(notes))),
            max_features=MOST_TERMS,
            sublinear_tf=True,
            stop_words="english",
        )
        try:
            vectoriser.fit(notes)
        except ValueError:  # scikit-learn's answer to "no term is left"
            return csr_matrix((len(raw), 1))
        return vectoriser.transform([note or "" for note in raw])

    @staticmethod
    def path(x: Features, target: Values, task: str, balanced: bool) -> Path:
        return linear_path(x, target, task, balanced, PENALTIES)
