"""A transformers language model, frozen, mean-pooled, its embeddings cached.

`weights` is `embedded` (all-MiniLM-L6-v2: general English, not clinical), a local folder, or a hub
id where a hub can be reached, such as emilyalsentzer/Bio_ClinicalBERT. Notes longer than the
window are cut into overlapping windows, whose embeddings are averaged.

Source: Reimers & Gurevych, Sentence-BERT, EMNLP 2019 (mean pooling).
"""

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, Field, PositiveInt
from torch import Tensor, nn

from clinmm.cases import Prepared
from clinmm.cohort.files import sha256_of_file
from clinmm.encoders.embedded import embedded_weights
from clinmm.encoders.feature_cache import cached
from clinmm.encoders.interface import Attributable, Located, Progress
from clinmm.encoders.projection import Projection
from clinmm.errors import InputError

IDENTIFYING = ("*.safetensors", "*.bin", "config.json", "tokenizer*", "vocab*")
"""Files of a local model whose content decides what it computes."""


class Config(BaseModel, frozen=True, extra="forbid"):
    """window: word pieces a window, with `overlap` shared by neighbours."""

    weights: str = "embedded"
    window: int = Field(default=256, ge=16)
    overlap: int = Field(default=32, ge=0)
    max_windows: PositiveInt = 8
    out_dim: PositiveInt = 32


@lru_cache
def _loaded(weights: str) -> tuple[Any, Any, str]:
    """(tokenizer, frozen network, what identifies the weights) of a folder or hub id."""
    from transformers import AutoModel, AutoTokenizer, utils

    folder = str(embedded_weights("minilm").parent) if weights == "embedded" else weights
    local = Path(folder).is_dir()
    utils.logging.disable_progress_bar()
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=local)
        network = AutoModel.from_pretrained(folder, local_files_only=local)
    except (OSError, ValueError) as error:
        raise InputError(
            f"encoders: weights '{weights}' cannot be loaded ({type(error).__name__}). Give a "
            "folder that holds config.json, model.safetensors and a tokenizer, a hub id where a "
            "hub can be reached, or 'embedded'."
        ) from None
    network = network.eval().requires_grad_(False)
    if not local:
        return tokenizer, network, f"{weights}@{network.config._commit_hash}"
    files = [file for kind in IDENTIFYING for file in sorted(Path(folder).glob(kind))]
    each = "\n".join(sha256_of_file(file) for file in files)
    return tokenizer, network, hashlib.sha256(each.encode()).hexdigest()


class Encoder(nn.Module):
    kind: ClassVar[str] = "note"

    def __init__(self, config: Config, facts: dict[str, Any]) -> None:
        super().__init__()
        self.config, self.facts, self.out_dim = config, facts, config.out_dim
        self.tokenizer, network, found = _loaded(config.weights)
        if found != facts["weights"]:
            raise InputError(
                f"the language model '{config.weights}' has weights {found}, but this model was "
                f"trained on {facts['weights']}. Put the original weights back, or train again."
            )
        self.project = Projection(network.config.hidden_size, config.out_dim)

    @staticmethod
    def learn(config: Config, raw: Sequence[str | None], spec: Any) -> dict[str, Any]:
        return {"weights": _loaded(config.weights)[2]}

    @property
    def network(self) -> Any:
        """Frozen and shared by every model of the process, so not one of this module's own."""
        return _loaded(self.config.weights)[1]

    def _windows(self, note: str) -> Any:
        """input_ids, attention_mask, offset_mapping of (W, T)."""
        longest = min(self.config.window, int(self.network.config.max_position_embeddings))
        return self.tokenizer(
            note,
            truncation=True,
            max_length=longest,
            stride=min(self.config.overlap, longest // 4),
            return_overflowing_tokens=True,
            return_offsets_mapping=True,
            return_special_tokens_mask=True,
            padding=True,
            return_tensors="pt",
        )

    def prepare(self, raw: Sequence[str | None], progress: Progress | None = None) -> Prepared:
        """embeddings: (N, hidden)."""
        c = self.config
        name = f"{self.facts['weights']} {c.window} {c.overlap} {c.max_windows} v1"
        contents = [None if n is None else hashlib.sha256(n.encode()).hexdigest() for n in raw]
        return {"embeddings": cached(name, contents, lambda: self._embeddings(raw, progress))}

    def _embeddings(self, raw: Sequence[str | None], progress: Progress | None) -> Tensor:
        embeddings = torch.zeros(len(raw), self.network.config.hidden_size)
        for row, note in enumerate(raw):
            if note is not None:
                case = self.attributable(note)
                with torch.no_grad():
                    embeddings[row] = self.trunk(case.values, case.fixed)["embeddings"][0]
            if progress:
                progress(row + 1, len(raw))
        return embeddings

    def start_from(self, prepared: Prepared) -> None:
        self.project.start_from(prepared["embeddings"])

    def forward(self, embeddings: Tensor) -> Tensor:
        """embeddings: (B, hidden). Returns (B, out_dim)."""
        encoded: Tensor = self.project(embeddings)
        return encoded

    def attributable(self, raw: str) -> Attributable:
        """Word vectors (1, W, T, hidden); in the reference each word is the padding token."""
        windows = self._windows(raw)
        ids = windows["input_ids"][: self.config.max_windows]
        special = windows["special_tokens_mask"][: self.config.max_windows].bool()
        empty = ids.masked_fill(~special, self.tokenizer.pad_token_id)
        look_up = self.network.get_input_embeddings()
        with torch.no_grad():
            values, reference = look_up(ids)[None], look_up(empty)[None]
        mask = windows["attention_mask"][: self.config.max_windows]
        return Attributable(values, reference, {"mask": mask[None]})

    def trunk(self, values: Tensor, fixed: dict[str, Tensor]) -> Prepared:
        """values: (S, W, T, hidden). Windows are averaged, words within a window first."""
        steps, windows, length, hidden = values.shape
        mask = fixed["mask"].expand(steps, windows, length).reshape(-1, length)
        network = self.network.to(values.device)
        out = network(
            inputs_embeds=values.reshape(-1, length, hidden), attention_mask=mask
        ).last_hidden_state
        weight = mask[..., None].to(out.dtype)
        pooled = (out * weight).sum(1) / weight.sum(1)
        return {"embeddings": pooled.view(steps, windows, hidden).mean(1)}

    def located(self, attributions: NDArray[np.float32], raw: str) -> Located:
        """A word's score is the sum over its pieces and over the windows that hold it."""
        windows = self._windows(raw)
        offsets = windows["offset_mapping"][: self.config.max_windows].numpy()
        special = windows["special_tokens_mask"][: self.config.max_windows].numpy().astype(bool)
        pieces = attributions.sum(-1)
        score: dict[tuple[int, int], float] = {}
        for w, t in zip(*np.nonzero(~special), strict=True):
            span = (int(offsets[w, t, 0]), int(offsets[w, t, 1]))
            score[span] = score.get(span, 0.0) + float(pieces[w, t])
        return _joined(score, raw)


def _joined(score: dict[tuple[int, int], float], note: str) -> Located:
    """Word pieces that touch each other within a word become one word."""
    joined: list[list[float]] = []
    for (start, end), value in sorted(score.items()):
        touches = joined and start <= joined[-1][1] and note[start - 1 : start + 1].isalnum()
        if touches:
            joined[-1][1] = max(joined[-1][1], end)
            joined[-1][2] += value
        else:
            joined.append([start, end, value])
    return {
        "start": np.array([j[0] for j in joined], np.int32),
        "end": np.array([j[1] for j in joined], np.int32),
        "score": np.array([j[2] for j in joined], np.float32),
    }
