"""A model whose logit is a sum over pixels, words and columns, so that every test can be solved."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from clinmm.config import Component
from clinmm.encoders.interface import Attributable, Located
from clinmm.explain.attribute import explain
from clinmm.explain.audit.parts.look import Look
from clinmm.explain.explanation import Explanation
from clinmm.explain.joint import Joint, Target
from clinmm.model import MultimodalClassifier

SIDE = 24
"""Pixels; two to a patch."""


class Pixels(nn.Module):
    """weights: (SIDE, SIDE)."""

    kind, out_dim = "image", 1

    def __init__(self, weights: NDArray[np.float64]) -> None:
        super().__init__()
        self.weights, self.facts = torch.from_numpy(weights).float(), {}

    def prepare(self, raw: Any, progress: Any = None) -> dict[str, Tensor]:
        blank = np.zeros((SIDE, SIDE))
        rows = [torch.from_numpy(blank if row is None else row).float()[None] for row in raw]
        return {"pixels": torch.stack(rows)}

    def forward(self, pixels: Tensor) -> Tensor:
        return (self.weights * pixels).sum((1, 2, 3))[:, None]

    def attributable(self, raw: Any) -> Attributable:
        values = self.prepare([raw])["pixels"]
        return Attributable(values, torch.zeros_like(values))

    def trunk(self, values: Tensor, fixed: dict[str, Tensor]) -> dict[str, Tensor]:
        return {"pixels": values}

    def located(self, attributions: NDArray[np.float32], raw: Any) -> Located:
        return {"map": attributions.sum(0)}


class Words(nn.Module):
    """weights: word -> what each of its occurrences adds."""

    kind, out_dim = "note", 1

    def __init__(self, weights: dict[str, float]) -> None:
        super().__init__()
        self.words, self.facts = list(weights), {}
        self.weights = torch.tensor(list(weights.values()))

    def prepare(self, raw: Any, progress: Any = None) -> dict[str, Tensor]:
        counts = [
            [("" if row is None else row).split().count(w) for w in self.words] for row in raw
        ]
        return {"counts": torch.tensor(counts, dtype=torch.float32)}

    def forward(self, counts: Tensor) -> Tensor:
        return (self.weights * counts).sum(1, keepdim=True)

    def attributable(self, raw: Any) -> Attributable:
        counts = self.prepare([raw])["counts"]
        return Attributable(counts, torch.zeros_like(counts))

    def trunk(self, values: Tensor, fixed: dict[str, Tensor]) -> dict[str, Tensor]:
        return {"counts": values}

    def located(self, attributions: NDArray[np.float32], raw: Any) -> Located:
        start, end, score, at = [], [], [], 0
        for word in raw.split():
            at = raw.index(word, at)
            if word in self.words:
                start.append(at)
                end.append(at + len(word))
                score.append(attributions[self.words.index(word)] / raw.split().count(word))
            at += len(word)
        return {
            "start": np.array(start, np.int32),
            "end": np.array(end, np.int32),
            "score": np.array(score, np.float32),
        }


class Columns(nn.Module):
    """weights: column -> what a unit of it adds; not recorded counts as 0."""

    kind, out_dim = "record", 1

    def __init__(self, weights: dict[str, float]) -> None:
        super().__init__()
        self.columns = list(weights)
        self.weights = torch.tensor(list(weights.values()))
        self.facts = {"numeric": {column: [0.0, 1.0] for column in weights}}

    def prepare(self, raw: Any, progress: Any = None) -> dict[str, Tensor]:
        rows = [[(row or {}).get(c) or 0.0 for c in self.columns] for row in raw]
        return {"values": torch.tensor(rows, dtype=torch.float32).nan_to_num(0.0)}

    def forward(self, values: Tensor) -> Tensor:
        return (self.weights * values).sum(1, keepdim=True)

    def attributable(self, raw: Any) -> Attributable:
        values = self.prepare([raw])["values"]
        return Attributable(values, torch.zeros_like(values))

    def trunk(self, values: Tensor, fixed: dict[str, Tensor]) -> dict[str, Tensor]:
        return {"values": values}

    def located(self, attributions: NDArray[np.float32], raw: Any) -> Located:
        return {"column": np.array(self.columns), "score": attributions}


def smooth_field(rng: np.random.Generator, side: int = SIDE) -> NDArray[np.float64]:
    """Blurred noise of mean 0 and variance 1."""
    from scipy.ndimage import gaussian_filter

    field = gaussian_filter(rng.standard_normal((side, side)), side / 10, mode="wrap")
    return (field - field.mean()) / field.std()


COLUMN_WEIGHTS = {"a": 3.0, "b": 2.0, "c": 1.0, "d": 0.0, "e": -1.0, "f": -2.0}
ROW = dict.fromkeys(COLUMN_WEIGHTS, 1.0)
WORD_WEIGHTS = {f"w{i}": float(w) for i, w in enumerate([4, 1, -2, 0.5, 3, -1, 2, -3, 1.5, -0.5])}
NOTE = " ".join(f"w{i}" for i in range(10)) + " and seen before"


def record_look(seed: int = 0, **changes: Any) -> Look:
    """Of a case that has a record alone: its columns add 3, 2, 1, 0, -1 and -2 to the logit."""
    return look_at({"record": Columns(COLUMN_WEIGHTS)}, {"record": ROW}, seed=seed, **changes)


def whole_look(seed: int = 0, **changes: Any) -> Look:
    """Of a case with an image, a note and a record."""
    rng = np.random.default_rng(seed)
    encoders = {
        "image": Pixels(smooth_field(rng) / 50),
        "note": Words(WORD_WEIGHTS),
        "record": Columns(COLUMN_WEIGHTS),
    }
    case = {"image": rng.random((SIDE, SIDE)), "note": NOTE, "record": ROW}
    return look_at(encoders, case | changes.pop("case", {}), seed=seed, **changes)


def look_at(
    encoders: dict[str, Any],
    case: dict[str, Any],
    *,
    method: str = "integrated_gradients",
    seed: int = 0,
    located: dict[str, Located] | None = None,
    others: dict[str, Explanation] | None = None,
) -> Look:
    """located: what the method is made to say of some inputs instead of what it says."""
    fusion = Component.model_validate({"name": "concat", "hidden": 0})
    model = MultimodalClassifier(encoders, fusion, [0.0]).eval()
    with torch.no_grad():
        for name in encoders:
            model.heads[f"input_{name}"].weight.fill_(1.0)
            model.heads[f"input_{name}"].bias.zero_()
    joint = Joint([model], case)
    found = explain(joint, method, Target(0), 8, refine=False)
    if located:
        found = Explanation(
            {**found.located, **located}, found.sums, found.logit_change, found.steps
        )
    return Look("c", "k", method, joint, Target(0), found, 8, seed, others=others or {})


def columns_say(scores: list[float]) -> dict[str, Located]:
    """What a method is made to say of the record."""
    return {"record": {"column": np.array(list(COLUMN_WEIGHTS)), "score": np.array(scores)}}


def values_of(readings: Any) -> dict[tuple[str, str], float]:
    return {(reading.input, reading.test): reading.value for reading in readings}
