"""A model whose attributions are known by algebra: it is linear in three records of two columns."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from clinmm.config import Component
from clinmm.encoders.interface import Attributable, Located
from clinmm.model import MultimodalClassifier

NAMES = ["a", "b", "c"]
REFERENCE = {"a": [0.0, 0.0], "b": [1.0, -1.0], "c": [0.5, 0.5]}
CASE: dict[str, Any] = {"a": [1.0, 2.0], "b": [3.0, 0.0], "c": [-1.0, 0.5]}
WEIGHTS = {
    "a": [[0.5, -0.25], [1.0, 0.0]],
    "b": [[2.0, 1.0], [0.0, 0.0]],
    "c": [[-1.0, 4.0], [0.5, -0.5]],
}
"""Input -> (classes, columns)."""


class Linear(nn.Module):
    """Two numbers, handed on unchanged or through `bend`."""

    kind = "record"
    out_dim = 2

    def __init__(self, name: str, bend: Any = None) -> None:
        super().__init__()
        self.name, self.bend = name, bend
        self.facts: dict[str, Any] = {}

    def prepare(self, raw: Any, progress: Any = None) -> dict[str, Tensor]:
        return {"values": torch.tensor([[0.0, 0.0] if row is None else row for row in raw])}

    def forward(self, values: Tensor) -> Tensor:
        return values if self.bend is None else self.bend(values)

    def attributable(self, raw: Any) -> Attributable:
        return Attributable(torch.tensor([raw]), torch.tensor([REFERENCE[self.name]]))

    def trunk(self, values: Tensor, fixed: dict[str, Tensor]) -> dict[str, Tensor]:
        return {"values": values}

    def located(self, attributions: NDArray[np.float32], raw: Any) -> Located:
        return {"column": np.array(["first", "second"]), "score": attributions}


def linear_model(scale: float = 1.0, bend: Any = None) -> MultimodalClassifier:
    """logit = log-odds + sum over inputs of scale * WEIGHTS, without any correction."""
    torch.manual_seed(0)
    fusion = Component.model_validate({"name": "concat", "hidden": 0})
    model = MultimodalClassifier({n: Linear(n, bend) for n in NAMES}, fusion, [-1.0, 0.5])
    with torch.no_grad():
        for name in NAMES:
            model.heads[f"input_{name}"].weight.copy_(scale * torch.tensor(WEIGHTS[name]))
            model.heads[f"input_{name}"].bias.fill_(0.1)
    return model.eval()


def expected(name: str, k: int) -> NDArray[np.float64]:
    """weight x (case - reference), by column."""
    difference = np.array(CASE[name]) - np.array(REFERENCE[name])
    product: NDArray[np.float64] = np.array(WEIGHTS[name][k]) * difference
    return product
