"""Batch: cases as tensors. A prepared cohort is a batch of all its cases."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Prepared = dict[str, Tensor]
"""What one encoder's `forward` takes: tensors of B rows; rows of absent cases are zero."""


@dataclass(frozen=True, eq=False)
class Batch:
    """B cases.

    inputs: input name -> what its encoder takes, each tensor (B, ...).
    present: (B, M) bool, which inputs the case has; columns in the order of `inputs`.
    target: (B, K) float, 0 to 1, or a value; 0 where not recorded.
    known: (B, K) bool, where the target was recorded.
    """

    inputs: dict[str, Prepared]
    present: Tensor
    target: Tensor
    known: Tensor

    def __post_init__(self) -> None:
        n, m = self.present.shape
        if m != len(self.inputs) or self.target.shape != self.known.shape:
            raise ValueError(
                f"Batch needs present (B, {len(self.inputs)}) and target, known of one shape; "
                f"got {tuple(self.present.shape)}, {tuple(self.target.shape)}, "
                f"{tuple(self.known.shape)}."
            )
        for name, tensors in self.inputs.items():
            for key, tensor in tensors.items():
                if len(tensor) != n:
                    raise ValueError(f"input {name}.{key} has {len(tensor)} rows, wanted {n}.")

    def __len__(self) -> int:
        return len(self.present)

    def take(self, indices: Tensor | NDArray[np.int_]) -> "Batch":
        """The cases at these positions, in this order. An array of consecutive ones is not copied:
        it gives a view."""
        rows = _rows(indices, len(self))
        return replace(
            self,
            inputs={
                name: {key: rows(tensor) for key, tensor in tensors.items()}
                for name, tensors in self.inputs.items()
            },
            present=rows(self.present),
            target=rows(self.target),
            known=rows(self.known),
        )

    def only(self, names: list[str]) -> "Batch":
        """The same cases with these inputs alone."""
        columns = [list(self.inputs).index(name) for name in names]
        return replace(
            self,
            inputs={name: self.inputs[name] for name in names},
            present=self.present[:, columns],
        )

    def to(self, device: torch.device) -> "Batch":
        return replace(
            self,
            inputs={
                name: {key: tensor.to(device) for key, tensor in tensors.items()}
                for name, tensors in self.inputs.items()
            },
            present=self.present.to(device),
            target=self.target.to(device),
            known=self.known.to(device),
        )


def _rows(indices: Tensor | NDArray[np.int_], n: int) -> Callable[[Tensor], Tensor]:
    """What takes these rows of a tensor of n."""
    if isinstance(indices, np.ndarray) and len(indices) and (np.diff(indices) == 1).all():
        first, last = int(indices[0]), int(indices[-1])
        if first >= 0 and last < n:
            return lambda tensor: tensor[first : last + 1]
    index = torch.as_tensor(indices, dtype=torch.long)
    return lambda tensor: tensor.index_select(0, index.to(tensor.device))


def targets_as_tensors(targets: NDArray[np.float64]) -> tuple[Tensor, Tensor]:
    """(target, known) of a (N, K) array in which NaN means not recorded."""
    known = ~np.isnan(targets)
    return (
        torch.from_numpy(np.where(known, targets, 0.0).astype(np.float32)),
        torch.from_numpy(known),
    )
