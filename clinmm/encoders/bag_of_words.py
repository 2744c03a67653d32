"""TF-IDF over words and word pairs, reduced to a few components: the honest baseline for notes.

Source: Deerwester et al., Indexing by latent semantic analysis, JASIS 41 (1990).
"""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, PositiveInt
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS, TfidfVectorizer
from torch import Tensor, nn

from clinmm.cases import Prepared
from clinmm.encoders.interface import Attributable, Located, Progress
from clinmm.encoders.parts.projection import Projection
from clinmm.encoders.parts.words import phrases_of


class Config(BaseModel, frozen=True, extra="forbid"):
    """min_notes: a term is kept if at least so many training notes hold it."""

    out_dim: PositiveInt = 32
    longest_phrase: PositiveInt = 2
    min_notes: PositiveInt = 3
    max_terms: PositiveInt = 5000


class Encoder(nn.Module):
    kind: ClassVar[str] = "note"

    def __init__(self, config: Config, facts: dict[str, Any]) -> None:
        super().__init__()
        self.config, self.facts, self.out_dim = config, facts, config.out_dim
        self.position = {term: i for i, term in enumerate(facts["terms"])}
        self.rarity = np.asarray(facts["rarity"], dtype=np.float32)
        self.project = Projection(max(1, len(self.position)), config.out_dim, each_feature=False)

    @staticmethod
    def learn(config: Config, raw: Sequence[str | None], spec: Any) -> dict[str, Any]:
        """Terms of the training notes and their inverse document frequency."""
        notes = [note for note in raw if note is not None]
        vectoriser = TfidfVectorizer(
            analyzer=lambda note: [
                term for term, *_ in phrases_of(note, config.longest_phrase, ENGLISH_STOP_WORDS)
            ],
            min_df=min(config.min_notes, max(1, len(notes))),
            max_features=config.max_terms,
        )
        try:
            vectoriser.fit(notes)
        except ValueError:  # scikit-learn's answer to "no term is left"
            return {"terms": [], "rarity": []}
        terms = vectoriser.get_feature_names_out().tolist()
        return {"terms": terms, "rarity": [round(float(v), 6) for v in vectoriser.idf_]}

    def prepare(self, raw: Sequence[str | None], progress: Progress | None = None) -> Prepared:
        """weights: (N, terms), (1 + log count) times rarity, each row of length 1."""
        weights = np.zeros((len(raw), max(1, len(self.position))), np.float32)
        for row, note in enumerate(raw):
            if note is not None:
                for term, *_ in phrases_of(note, self.config.longest_phrase, ENGLISH_STOP_WORDS):
                    if term in self.position:
                        weights[row, self.position[term]] += 1
        if len(self.position):
            seen = weights > 0
            weights[seen] = 1 + np.log(weights[seen])
            weights *= self.rarity
        weights /= np.maximum(np.linalg.norm(weights, axis=1, keepdims=True), 1e-12)
        return {"weights": torch.from_numpy(weights)}

    def start_from(self, prepared: Prepared) -> None:
        self.project.start_from(prepared["weights"])

    def forward(self, weights: Tensor) -> Tensor:
        """weights: (B, terms). Returns (B, out_dim)."""
        encoded: Tensor = self.project(weights)
        return encoded

    def attributable(self, raw: str) -> Attributable:
        """Term weights; the reference is a note without any known term."""
        weights = self.prepare([raw])["weights"]
        return Attributable(weights, torch.zeros_like(weights))

    def trunk(self, values: Tensor, fixed: dict[str, Tensor]) -> Prepared:
        return {"weights": values}

    def located(self, attributions: NDArray[np.float32], raw: str) -> Located:
        """A term's score is shared by the words of all its occurrences."""
        found: dict[str, list[list[tuple[int, int]]]] = {}
        for term, spans in phrases_of(raw, self.config.longest_phrase, ENGLISH_STOP_WORDS):
            if term in self.position:
                found.setdefault(term, []).append(spans)
        score: dict[tuple[int, int], float] = {}
        for term, occurrences in found.items():
            words = [span for spans in occurrences for span in spans]
            for span in words:
                score[span] = score.get(span, 0.0) + attributions[self.position[term]] / len(words)
        spans_in_order = sorted(score)
        return {
            "start": np.array([s for s, _ in spans_in_order], np.int32),
            "end": np.array([e for _, e in spans_in_order], np.int32),
            "score": np.array([score[s] for s in spans_in_order], np.float32),
        }
