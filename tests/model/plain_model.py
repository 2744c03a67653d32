"""A model whose encoders hand their numbers on unchanged, and batches for it."""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from clinmm.cases import Batch, targets_as_tensors
from clinmm.config import Component
from clinmm.model import MultimodalClassifier


class Plain(nn.Module):
    """`values` (B, 2) as they are: the head's weights are then the whole model."""

    kind = "record"
    out_dim = 2

    def __init__(self, config: Any = None, facts: Any = None) -> None:
        super().__init__()

    def prepare(self, raw: Any, progress: Any = None) -> dict[str, Tensor]:
        rows = [[0.0, 0.0] if row is None else row for row in raw]
        return {"values": torch.tensor(rows)}

    def start_from(self, prepared: dict[str, Tensor]) -> None:
        pass

    def forward(self, values: Tensor) -> Tensor:
        return values


def plain_model(
    names: str = "ab",
    log_odds: tuple[float, ...] = (-1.0,),
    fusion: str = "concat",
    **settings: Any,
) -> MultimodalClassifier:
    torch.manual_seed(0)
    return MultimodalClassifier(
        {name: Plain() for name in names}, Component(name=fusion), list(log_odds), **settings
    )


def set_head(model: MultimodalClassifier, name: str, weight: Any, bias: Any = 0.0) -> None:
    head = model.heads[f"input_{name}"]
    with torch.no_grad():
        head.weight.copy_(torch.tensor(weight, dtype=torch.float32))
        head.bias.fill_(bias)


def plain_batch(n: int = 80, names: str = "ab", seed: int = 0, absent: float = 0.0) -> Batch:
    """Binary cases in which both inputs carry evidence, of strengths 1 and .5."""
    rng = np.random.default_rng(seed)
    y = (rng.random(n) < 0.4).astype(float)
    strength = dict(zip("abc", (1.0, 0.5, 0.2), strict=True))
    inputs = {
        name: {
            "values": torch.from_numpy(
                (strength[name] * (2 * y[:, None] - 1) + rng.normal(size=(n, 2))).astype(np.float32)
            )
        }
        for name in names
    }
    present = rng.random((n, len(names))) >= absent
    target, known = targets_as_tensors(y[:, None])
    return Batch(inputs, torch.from_numpy(present), target, known)
