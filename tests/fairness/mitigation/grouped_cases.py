"""Cases of two groups that are read differently, and a small model for them."""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from clinmm.cases import Batch, targets_as_tensors
from clinmm.config import Component, Optimiser, TrainConfig
from clinmm.fit import make_fabric
from clinmm.losses import Criterion
from clinmm.model import MultimodalClassifier
from clinmm.training.mitigated import Mitigated, Training

FABRIC = make_fabric(TrainConfig(device="cpu"))


class Linear(nn.Module):
    """`values` (B, 3) -> (B, 2), a projection that trains."""

    kind = "record"
    out_dim = 2

    def __init__(self) -> None:
        super().__init__()
        self.project = nn.Linear(3, 2)

    def start_from(self, prepared: dict[str, Tensor]) -> None:
        pass

    def forward(self, values: Tensor) -> Tensor:
        out: Tensor = self.project(values)
        return out


def model_of(names: str = "ab", start: tuple[float, ...] = (0.0,), **settings: Any) -> Any:
    torch.manual_seed(0)
    return MultimodalClassifier(
        {name: Linear() for name in names}, Component(name="concat"), list(start), **settings
    )


def cases(
    target: Any, present: Any = None, *, names: str = "ab", seed: int = 0, values: Any = None
) -> Batch:
    """target: (N, K), NaN where not recorded; the inputs are noise unless given as (N, 3)."""
    target = np.asarray(target, dtype=float)
    n, rng = len(target), np.random.default_rng(seed)
    inputs = {
        name: {
            "values": torch.from_numpy(
                np.asarray(rng.normal(size=(n, 3)) if values is None else values, dtype=np.float32)
            )
        }
        for name in names
    }
    present = np.ones((n, len(names)), dtype=bool) if present is None else np.asarray(present)
    return Batch(inputs, torch.from_numpy(present), *targets_as_tensors(target))


def budget(**changes: Any) -> TrainConfig:
    settings = {"epochs": 2, "batch_size": 16, "device": "cpu", "optimiser": Optimiser(lr=0.02)}
    return TrainConfig.model_validate({**settings, **changes})


def begin(
    name: str,
    codes: Any,
    train: Batch,
    *,
    model: Any = None,
    config: TrainConfig | None = None,
    validate: Batch | None = None,
    **settings: Any,
) -> Any:
    """The mitigation as it stands before the first step; `validate` has the same groups."""
    model = model or model_of()
    criterion = Criterion.of(model, config or budget())
    asked = Mitigated(Component(name=name, **settings), np.asarray(codes))
    rows = np.arange(len(train))
    training = Training(model, train, validate or train, criterion)
    return asked.among(rows, rows)(training)
