"""A transformers language model over windows of the note, held still or trained with the rest.

`weights` is `embedded` (all-MiniLM-L6-v2: general English, not clinical), a name of
`checkpoints.py` such as bio_clinical_bert, a local folder, or a hub id. Held still, its embeddings
are computed once and cached; released, it is trained whole, or through low-rank adapters alone.

Source: Reimers & Gurevych, Sentence-BERT, EMNLP 2019 (mean pooling).
"""

import copy
import hashlib
from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, Field, PositiveInt, model_validator
from torch import Tensor, nn
from torch.nn import functional

from clinmm.cases import Prepared
from clinmm.encoders.interface import Attributable, Located, Progress
from clinmm.encoders.parts.checkpoints import loaded, longest_window
from clinmm.encoders.parts.feature_cache import cached, not_kept
from clinmm.encoders.parts.looked_at import rolled_out, told
from clinmm.encoders.parts.lora import LoraConfig, store_only_trained, with_adapters
from clinmm.encoders.parts.note_windows import Read, Windows, read, side_by_side, windows_of
from clinmm.encoders.parts.note_words import LOOKED_AT, fragments, joined, size_of, warning
from clinmm.encoders.parts.pooling import AttentionPool, Pool, mean_of
from clinmm.encoders.parts.projection import Projection
from clinmm.encoders.parts.release import Train, trains
from clinmm.errors import InputError

NOTES_AT_ONCE = 64
"""Notes whose windows are sorted by length together."""

STARTS_FROM = 256
"""Training cases from whose principal components the projection of a released model starts."""


class Config(BaseModel, frozen=True, extra="forbid"):
    """window: word pieces a window, with `overlap` shared by neighbours; at most `max_windows`.

    train: `auto` holds the model still on small cohorts (see release.py). pool: how the windows of
    a note become one vector. lora: train adapters instead of the model's own weights.
    """

    weights: str = "embedded"
    window: int = Field(default=256, ge=16)
    overlap: int = Field(default=32, ge=0)
    max_windows: PositiveInt = 8
    train: Train = "auto"
    pool: Pool = "mean"
    lora: LoraConfig | None = None
    out_dim: PositiveInt = 32

    @model_validator(mode="after")
    def _adapters_are_trained(self) -> Self:
        if self.lora and self.train == "frozen":
            raise ValueError("lora trains adapters: leave it out, or set train: released.")
        return self


class Encoder(nn.Module):
    """stand_in: a network to ask instead of the one that the process shares, such as a copy without
    what it learned; its embeddings are not kept."""

    kind: ClassVar[str] = "note"

    def __init__(self, config: Config, facts: dict[str, Any]) -> None:
        super().__init__()
        self.config, self.facts, self.out_dim = config, facts, config.out_dim
        self.tokenizer, network, found = loaded(config.weights)
        if found != facts["weights"]:
            raise InputError(
                f"the language model '{config.weights}' has weights {found}, but this model was "
                f"trained on {facts['weights']}. Put the original weights back, or train again."
            )
        self.longest = min(config.window, longest_window(self.tokenizer, network))
        self.released = facts.get("train") == "released"
        hidden = int(network.config.hidden_size)
        self.token_dim = hidden if self.released else config.out_dim
        self.body = _own_copy(network, config.lora) if self.released else None
        self.stand_in: nn.Module | None = None
        self.pool = AttentionPool(hidden) if config.pool == "attention" else None
        self.project = Projection(hidden, config.out_dim)
        if config.lora:
            store_only_trained(self)

    @staticmethod
    def check(config: Config, spec: Any) -> None:
        """Raises InputError where the weights cannot be loaded."""
        loaded(config.weights)

    @staticmethod
    def learn(config: Config, raw: Sequence[str | None], spec: Any) -> dict[str, Any]:
        """Which weights, whether they are trained and why; a `warning` if the model hardly knows
        the language of the notes."""
        tokenizer, _, identity = loaded(config.weights)
        notes = [note for note in raw if note is not None]
        decision, why = trains("released" if config.lora else config.train, len(notes))
        shares = []
        cut = {"truncation": True, "max_length": config.window, "return_offsets_mapping": True}
        for note in notes[:: max(1, len(notes) // LOOKED_AT)]:
            pieces = tokenizer(note, add_special_tokens=False, **cut)
            unknown = [piece == tokenizer.unk_token_id for piece in pieces["input_ids"]]
            shares.append(fragments(note, pieces["offset_mapping"], unknown))
        facts = {"weights": identity, "train": decision, "why": why}
        return facts | warning(shares, f"the language model '{config.weights}'")

    @property
    def network(self) -> Any:
        """Held still, it is shared by every model of the process, and not one of this module's."""
        if self.body is not None:
            return self.body
        return self.stand_in if self.stand_in is not None else self.shared_network()

    def shared_network(self) -> Any:
        """What `stand_in` would stand in for; None where the model has a body of its own."""
        return loaded(self.config.weights).network if self.body is None else None

    @property
    def pretrained(self) -> nn.Module | None:
        """What came with weights and is trained; adapters start from nothing."""
        return None if self.config.lora else self.body

    def _windows(self, note: str) -> Windows:
        c = self.config
        return windows_of(note, self.tokenizer, self.longest, c.overlap, c.max_windows)

    def _read(self, ids: Tensor, shown: Tensor | None = None, *, keep: bool = False) -> Read:
        network = self.network.to(ids.device)
        return read(network, int(self.tokenizer.pad_token_id), ids, shown, keep=keep)

    def prepare(self, raw: Sequence[str | None], progress: Progress | None = None) -> Prepared:
        """Released: ids (N, W, T), the piece's number plus 1, and shown (N, 1, 1), 1 where there
        is a note. Held still: embeddings (N, hidden), and windows (N, W, hidden) where there is
        attention over them."""
        c = self.config
        if self.released:
            none = torch.zeros(0, 0, dtype=torch.int32)
            notes = [none if note is None else self._windows(note).ids for note in raw]
            here = torch.tensor([note is not None for note in raw], dtype=torch.uint8)
            ids = side_by_side(notes, c.max_windows, self.longest)
            return {"ids": ids, "shown": here.view(-1, 1, 1)}
        name = f"{self.facts['weights']} {c.window} {c.overlap} {c.max_windows} v1"
        contents = [None if n is None else hashlib.sha256(n.encode()).hexdigest() for n in raw]
        each = "" if self.pool is None else " windows"
        with nullcontext() if self.stand_in is None else not_kept():
            kept = cached(f"{name}{each}", contents, lambda: self._embeddings(raw, progress))
        if self.pool is None:
            return {"embeddings": kept}
        return {"embeddings": mean_of(kept, kept.any(-1)), "windows": kept}

    @torch.no_grad()
    def _embeddings(self, raw: Sequence[str | None], progress: Progress | None) -> Tensor:
        """(N, hidden); with attention over windows (N, max_windows, hidden), zero where a note has
        no more of them."""
        each = [] if self.pool is None else [self.config.max_windows]
        embeddings = torch.zeros(len(raw), *each, self.network.config.hidden_size)
        for first in range(0, len(raw), NOTES_AT_ONCE):
            rows = range(first, min(first + NOTES_AT_ONCE, len(raw)))
            own = {row: self._windows(note).ids for row in rows if (note := raw[row]) is not None}
            if own:
                n_windows, longest = (max(ids.shape[i] for ids in own.values()) for i in (0, 1))
                found = self._read(side_by_side(own.values(), n_windows, longest))
                if self.pool is None:
                    embeddings[list(own)] = mean_of(found.vectors, found.there)
                else:
                    embeddings[list(own), :n_windows] = found.vectors
            if progress:
                progress(rows.stop, len(raw))
        return embeddings

    def lengths(self, prepared: Prepared) -> Tensor:
        """(N,) word pieces to read; none where the network has read them already."""
        if not self.released:
            return torch.zeros(len(prepared["embeddings"]), dtype=torch.long)
        return (prepared["ids"] > 0).sum((1, 2))

    def start_from(self, prepared: Prepared) -> None:
        if not self.released:
            self.project.start_from(prepared["embeddings"])
            return
        n, was_training = len(prepared["ids"]), self.training
        some = torch.linspace(0, n - 1, min(n, STARTS_FROM)).long()
        with torch.no_grad():
            found = self.eval()._read(prepared["ids"][some])
        self.project.start_from(mean_of(found.vectors, found.there))
        self.train(was_training)

    def forward(self, **prepared: Tensor) -> Tensor:
        """What `prepare` gives, of B notes. Returns (B, out_dim)."""
        if not self.released:
            return self._of_embeddings(**prepared)
        return self._of_windows(self._read(prepared["ids"], _on_a_path(prepared["shown"])))

    def with_tokens(self, **prepared: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(vector (B, out_dim), parts (B, T, token_dim), real (B, T)): the word pieces of all
        windows in a row; held still, the vector is the only part."""
        if not self.released:
            vector = self._of_embeddings(**prepared)
            only = torch.ones(len(vector), 1, dtype=torch.bool, device=vector.device)
            return vector, vector[:, None], only
        found = self._read(prepared["ids"], _on_a_path(prepared["shown"]), keep=True)
        assert found.pieces is not None
        return self._of_windows(found), found.pieces.flatten(1, 2), found.real.flatten(1, 2)

    def _of_embeddings(self, embeddings: Tensor, windows: Tensor | None = None) -> Tensor:
        if self.pool is not None and windows is not None:
            embeddings = self.pool(windows, windows.any(-1))
        encoded: Tensor = self.project(embeddings)
        return encoded

    def _of_windows(self, found: Read) -> Tensor:
        pool = mean_of if self.pool is None else self.pool
        encoded: Tensor = self.project(pool(found.vectors, found.there))
        return encoded

    def attributable(self, raw: str) -> Attributable:
        """How much of each word piece is there, (1, W, T): 1 in the note, 0 in the reference,
        where its vector is the padding token's. What such a share is given is the sum of what the
        numbers of the piece's vector would be given on the same way."""
        windows = self._windows(raw)
        there = (windows.ids > 0).float()[None]
        return Attributable(there, windows.special.float()[None], {"ids": windows.ids[None]})

    def trunk(self, values: Tensor, fixed: dict[str, Tensor]) -> Prepared:
        """values: (S, W, T), how much of each piece is there."""
        ids = fixed["ids"].to(values.device).expand(len(values), -1, -1)
        if self.released:
            return {"ids": ids, "shown": values}
        found = self._read(ids, values)
        embeddings = {"embeddings": mean_of(found.vectors, found.there)}
        if self.pool is None:
            return embeddings
        missing = self.config.max_windows - found.vectors.shape[1]
        return embeddings | {"windows": functional.pad(found.vectors, (0, 0, 0, missing))}

    def attention(self, values: Tensor, fixed: dict[str, Tensor]) -> Tensor:
        """(1, W, T), what the mean over the pieces of each window takes from each piece, through
        all layers; windows count as they do in the vector of the note."""
        ids, real = fixed["ids"][0].long(), fixed["ids"][0] > 0
        blank = int(self.tokenizer.pad_token_id)
        with told(self.network):
            layers = self.network(
                input_ids=torch.where(real, ids - 1, blank),
                attention_mask=real.long(),
                output_attentions=True,
            ).attentions
        here = real.float()
        share = (rolled_out(layers) * here[:, :, None]).sum(1) * here
        share = share / share.sum(1, keepdim=True).clamp_min(1e-12)
        return (share * self._weight_of_windows(fixed["ids"])[:, None])[None]

    def _weight_of_windows(self, ids: Tensor) -> Tensor:
        """(W,) how much of the note's vector comes from each window; they sum to 1."""
        found = self._read(ids)
        there = found.there.float()
        weights = there / there.sum() if self.pool is None else self.pool.weights(*found[:2])
        return weights[0]

    def located(self, attributions: NDArray[np.float32], raw: str) -> Located:
        """A word's score is the sum over its pieces and over the windows that hold it; what falls
        on [CLS], padding and the like is `special`."""
        windows = self._windows(raw)
        is_word = ((windows.ids > 0) & ~windows.special).numpy()
        score: dict[tuple[int, int], float] = {}
        for w, t in zip(*np.nonzero(is_word), strict=True):
            span = (int(windows.spans[w, t, 0]), int(windows.spans[w, t, 1]))
            score[span] = score.get(span, 0.0) + float(attributions[w, t])
        return joined(score, raw) | {"special": size_of(attributions[~is_word])}


def _on_a_path(shown: Tensor) -> Tensor | None:
    """Shares of pieces on the path of an explanation; in training and use all is there."""
    return shown if shown.is_floating_point() else None


def _own_copy(network: Any, lora: LoraConfig | None) -> Any:
    """A network to train, without the layer behind [CLS], which nothing here reads."""
    own = with_adapters(network, lora) if lora else copy.deepcopy(network).requires_grad_(True)
    if getattr(own, "pooler", None) is not None:
        own.pooler = None
    return own
