"""What `gru` and `lstm` share: word pieces, their vectors, a recurrent net both ways, pooling."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, Field, PositiveInt
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from clinmm.cases import Prepared
from clinmm.encoders.interface import Attributable, Located, Progress
from clinmm.encoders.parts.note_words import LOOKED_AT, fragments, joined, size_of, warning
from clinmm.encoders.parts.pooling import AttentionPool, mean_of
from clinmm.encoders.parts.word_pieces import (
    FIRST,
    UNKNOWN_PIECE,
    Pieces,
    count_words,
    given_pieces,
    learn_pieces,
    whole_words,
)
from clinmm.encoders.parts.word_vectors import vectors_of
from clinmm.errors import InputError

SHOWN_AS_UNKNOWN = 0.05
"""Share of pieces that training takes for unknown ones, so that the vector of these has a use."""

LITTLE_COVERAGE = 0.5
"""Share of the notes' words below which a file of vectors is called the wrong one."""


class RecurrentConfig(BaseModel, frozen=True, extra="forbid"):
    """pieces, min_count: size of the tokenizer that is learned, and how often two pieces must stand
    together to become one. tokenizer: a folder to take it from instead. vectors: a file of word
    vectors to start from; the pieces are then whole words, if no tokenizer is given.

    longest: pieces of a note that are read. dim: length of learned vectors. hidden: numbers of
    the state, each way. pool: `mean_max` or `attention` over the states.
    """

    pieces: int = Field(default=2000, ge=50)
    min_count: PositiveInt = 3
    tokenizer: str | None = None
    vectors: str | None = None
    longest: int = Field(default=1024, ge=8)
    dim: PositiveInt = 64
    hidden: PositiveInt = 64
    pool: Literal["mean_max", "attention"] = "mean_max"
    dropout: float = Field(default=0.2, ge=0, lt=1)
    out_dim: PositiveInt = 32


class Recurrent(nn.Module):
    """One layer both ways over the vectors of a note's pieces; see `gru` and `lstm`."""

    kind: ClassVar[str] = "note"
    cells: ClassVar[type[nn.GRU] | type[nn.LSTM]]

    def __init__(self, config: RecurrentConfig, facts: dict[str, Any]) -> None:
        super().__init__()
        self.config, self.facts, self.out_dim = config, facts, config.out_dim
        self.pieces = Pieces(facts["tokenizer"], facts["seen"])
        dim = int(facts["vectors"]["dim"]) if config.vectors else config.dim
        self.vectors = nn.Embedding(self.pieces.size, dim, padding_idx=0)
        self.net = self.cells(dim, config.hidden, batch_first=True, bidirectional=True)
        self.token_dim = 2 * config.hidden
        self.pool = AttentionPool(self.token_dim) if config.pool == "attention" else None
        self.drop = nn.Dropout(config.dropout)
        self.out = nn.Linear(self.token_dim * (2 if self.pool is None else 1), config.out_dim)

    @staticmethod
    def learn(config: RecurrentConfig, raw: Sequence[str | None], spec: Any) -> dict[str, Any]:
        """tokenizer, as JSON; seen: its pieces that the notes hold. Of given vectors their
        sha256, dim and coverage: the share of the notes' pieces that have one."""
        notes = [note for note in raw if note is not None]
        if config.tokenizer:
            tokenizer = given_pieces(config.tokenizer)
        elif config.vectors:
            counts = count_words(notes)
            known, _ = vectors_of(config.vectors, frozenset(counts))
            often = (word for word, n in counts.items() if n >= config.min_count)
            tokenizer = whole_words({*known, *often})
        else:
            tokenizer = learn_pieces(notes, config.pieces, config.min_count)
        seen = Pieces(tokenizer).seen_in(notes)
        facts: dict[str, Any] = {"tokenizer": tokenizer, "seen": seen}
        if config.tokenizer:
            facts |= _language(Pieces(tokenizer, seen), notes, config)
        if config.vectors:
            facts |= _coverage(Pieces(tokenizer, seen), notes, config)
        return facts

    @property
    def pretrained(self) -> nn.Module | None:
        return self.vectors if self.config.vectors else None

    def prepare(self, raw: Sequence[str | None], progress: Progress | None = None) -> Prepared:
        """ids: (N, longest) int32, 0 where there is no piece; shown: (N, 1), 1 where a note is."""
        ids = torch.zeros(len(raw), self.config.longest, dtype=torch.int32)
        for row, note in enumerate(raw):
            if note is not None:
                numbers, _ = self.pieces.of(note, self.config.longest)
                ids[row, : len(numbers)] = torch.tensor(numbers, dtype=torch.int32)
        here = torch.tensor([note is not None for note in raw], dtype=torch.uint8)
        return {"ids": ids, "shown": here[:, None]}

    def lengths(self, prepared: Prepared) -> Tensor:
        """(N,) pieces to read."""
        return (prepared["ids"] > 0).sum(1)

    def start_from(self, prepared: Prepared) -> None:
        """Given vectors are put in their places, divided by their mean length; words without one
        start at random vectors of that length, as all do where none are given."""
        if not self.config.vectors:
            return
        names = self.pieces.names
        found, sha256 = vectors_of(self.config.vectors, frozenset(names))
        if sha256 != self.facts["vectors"]["sha256"]:
            raise InputError(
                f"encoders: the file of vectors '{self.config.vectors}' changed in between. "
                "Train again."
            )
        with torch.no_grad():
            size = float(np.mean([np.linalg.norm(v) for v in found.values()])) if found else 1.0
            for number, name in enumerate(names, start=FIRST):
                if name in found:
                    scaled = found[name] * (self.vectors.embedding_dim**0.5 / size)
                    self.vectors.weight[number] = torch.from_numpy(scaled)

    def forward(self, ids: Tensor, shown: Tensor) -> Tensor:
        """ids: (B, T); shown: (B, 1), or on the path of an explanation (B, T), the share of each
        piece that is there. Returns (B, out_dim)."""
        return self.with_tokens(ids, shown)[0]

    def with_tokens(self, ids: Tensor, shown: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(vector (B, out_dim), states (B, T, token_dim), real (B, T)), cut to the longest note."""
        length = (ids > 0).sum(1)
        t = max(1, int(length.max()))
        ids, real = ids[:, :t].long(), ids[:, :t] > 0
        if self.training:
            unknown = torch.rand(ids.shape, device=ids.device) < SHOWN_AS_UNKNOWN
            ids = torch.where(real & unknown, UNKNOWN_PIECE, ids)
        vectors = self.vectors(ids)
        if shown.is_floating_point():
            vectors = vectors * shown[:, :t, None]
        # A note without pieces is read as one empty piece, which no pool looks at.
        packed = pack_padded_sequence(
            self.drop(vectors), length.clamp_min(1).cpu(), batch_first=True, enforce_sorted=False
        )
        states, _ = pad_packed_sequence(self.net(packed)[0], batch_first=True, total_length=t)
        if self.pool is not None:
            pooled = self.pool(states, real)
        else:
            greatest = states.masked_fill(~real[..., None], -1).amax(1)  # states are above -1
            pooled = torch.cat([mean_of(states, real), greatest], dim=1)
        return self.out(self.drop(pooled)), states * real[..., None], real

    def attributable(self, raw: str) -> Attributable:
        """How much of each piece is there, (1, T): 1 in the note, 0 in the reference, where its
        vector is that of no piece."""
        numbers, _ = self.pieces.of(raw, self.config.longest)
        ids = torch.tensor([numbers or [0]], dtype=torch.int32)
        there = (ids > 0).float()
        return Attributable(there, torch.zeros_like(there), {"ids": ids})

    def trunk(self, values: Tensor, fixed: dict[str, Tensor]) -> Prepared:
        """values: (S, T), how much of each piece is there."""
        return {"ids": fixed["ids"].to(values.device).expand(len(values), -1), "shown": values}

    def attention(self, values: Tensor, fixed: dict[str, Tensor]) -> Tensor | None:
        """(1, T), the weights of attention over the states; None where they are pooled otherwise.
        A state knows of the pieces before and behind it too."""
        if self.pool is None:
            return None
        _, states, real = self.with_tokens(**self.trunk(values, fixed))
        weights = torch.zeros_like(values)
        weights[:, : real.shape[1]] = self.pool.weights(states, real)
        return weights

    def located(self, attributions: NDArray[np.float32], raw: str) -> Located:
        """A word's score is the sum over its pieces; what falls on none of them is `special`."""
        _, spans = self.pieces.of(raw, self.config.longest)
        score: dict[tuple[int, int], float] = {}
        for span, value in zip(spans, attributions.tolist(), strict=False):
            score[span] = score.get(span, 0.0) + value
        return joined(score, raw) | {"special": size_of(attributions[len(spans) :])}


def _language(pieces: Pieces, notes: list[str], config: RecurrentConfig) -> dict[str, Any]:
    """A warning if the given tokenizer hardly knows the notes' language."""
    shares = []
    for note in notes[:: max(1, len(notes) // LOOKED_AT)]:
        numbers, spans = pieces.of(note, config.longest)
        shares.append(fragments(note, spans, [n == UNKNOWN_PIECE for n in numbers]))
    return warning(shares, f"the tokenizer '{config.tokenizer}'")


def _coverage(pieces: Pieces, notes: list[str], config: RecurrentConfig) -> dict[str, Any]:
    """What the file of vectors has of the notes."""
    assert config.vectors is not None
    names = pieces.names
    found, sha256 = vectors_of(config.vectors, frozenset(names))
    if not found:
        raise InputError(
            f"encoders: the file of vectors '{config.vectors}' has no word of the training notes. "
            "Is it in lower case, and in their language?"
        )
    counts = Counter(n for note in notes for n in pieces.of(note, config.longest)[0])
    covered = sum(n for i, n in counts.items() if i >= FIRST and names[i - FIRST] in found)
    share = round(covered / max(1, counts.total()), 4)
    dim = len(next(iter(found.values())))
    facts: dict[str, Any] = {"vectors": {"sha256": sha256, "dim": dim, "coverage": share}}
    if share < LITTLE_COVERAGE:
        facts["warning"] = (
            f"the file of vectors '{config.vectors}' has only {100 * share:.0f} % of the words of "
            "the notes. Is it in their language?"
        )
    return facts
