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
COLUMNS = ["first", "second"]
REFERENCE = {"a": [0.0, 0.0], "b": [1.0, -1.0], "c": [0.5, 0.5]}
CASE: dict[str, Any] = {"a": [1.0, 2.0], "b": [3.0, 0.0], "c": [-1.0, 0.5]}
ROWS: dict[str, Any] = {
    name: dict(zip(COLUMNS, numbers, strict=True)) for name, numbers in CASE.items()
}
"""The same case as rows of records, from which columns can be taken away."""
WEIGHTS = {
    "a": [[0.5, -0.25], [1.0, 0.0]],
    "b": [[2.0, 1.0], [0.0, 0.0]],
    "c": [[-1.0, 4.0], [0.5, -0.5]],
}
"""Input -> (classes, columns)."""


class Linear(nn.Module):
    """Two numbers, handed on unchanged or through `bend`; the reference where not recorded."""

    kind = "record"
    out_dim = 2

    def __init__(self, name: str, bend: Any = None) -> None:
        super().__init__()
        self.name, self.bend = name, bend
        self.facts: dict[str, Any] = {}

    def prepare(self, raw: Any, progress: Any = None) -> dict[str, Tensor]:
        return {"values": torch.stack([self._numbers(row) for row in raw])}

    def _numbers(self, row: Any) -> Tensor:
        if row is None:
            return torch.zeros(2)
        cells = [row[column] for column in COLUMNS] if hasattr(row, "keys") else row
        given = torch.tensor([float("nan") if cell is None else cell for cell in cells])
        return torch.where(given.isfinite(), given, torch.tensor(REFERENCE[self.name]))

    def forward(self, values: Tensor) -> Tensor:
        return values if self.bend is None else self.bend(values)

    def attributable(self, raw: Any) -> Attributable:
        return Attributable(self.prepare([raw])["values"], torch.tensor([REFERENCE[self.name]]))

    def trunk(self, values: Tensor, fixed: dict[str, Tensor]) -> dict[str, Tensor]:
        return {"values": values}

    def located(self, attributions: NDArray[np.float32], raw: Any) -> Located:
        return {"column": np.array(COLUMNS), "score": attributions}


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
