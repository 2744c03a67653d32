"""Where a training stands, on disk: enough to go on bit for bit from the step it was killed at."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from clinmm.training.epoch import Epoch, InputEpoch
from clinmm.training.mitigated import PlainTraining
from clinmm.training.running_mean import RunningMean

Weights = dict[str, Tensor]


@dataclass
class Progress:
    """Everything that a training changes.

    changes: of a mitigation.
    history: of the epochs that are finished. best: weights of the best of them.
    steps: how many the epoch under way has done. sums: what it has added up over them.
    """

    model: Any
    changes: PlainTraining
    optimiser: Any
    mean: RunningMean | None
    history: list[Epoch]
    best: Weights
    sums: dict[str, Tensor]
    steps: int = 0
    done: bool = False

    @property
    def kept(self) -> Any:
        """The model that is judged and whose weights are kept."""
        return self.mean.model if self.mean else self.model


def save(file: Path, progress: Progress, precision: Any) -> None:
    """Writes beside the file and renames: a file that is there is whole.

    precision: the Fabric's, which holds the scale of 16-bit gradients.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    temporary = file.with_suffix(".writing")
    device = progress.model.start.device
    content = {
        "model": progress.model.state_dict(),
        "changes": progress.changes.state(),
        "optimiser": progress.optimiser.state_dict(),
        "mean": progress.mean and (progress.mean.model.state_dict(), progress.mean.steps),
        "history": [asdict(epoch) for epoch in progress.history],
        "best": progress.best,
        "sums": progress.sums,
        "steps": progress.steps,
        "done": progress.done,
        "random": torch.get_rng_state(),
        "random_on_device": torch.cuda.get_rng_state(device) if device.type == "cuda" else None,
        "precision": precision.state_dict(),
    }
    torch.save(content, temporary)
    temporary.replace(file)


def load(file: Path, progress: Progress, precision: Any) -> None:
    """Puts everything back in place, the generators of random numbers as well."""
    device = progress.model.start.device
    saved = torch.load(file, weights_only=True, map_location="cpu")
    progress.model.load_state_dict(saved["model"])
    progress.changes.restore(saved["changes"])
    progress.optimiser.load_state_dict(saved["optimiser"])
    if progress.mean:
        weights, progress.mean.steps = saved["mean"]
        progress.mean.model.load_state_dict(weights)
    progress.history = [
        Epoch(**{**epoch, "inputs": tuple(InputEpoch(**one) for one in epoch["inputs"])})
        for epoch in saved["history"]
    ]
    progress.best = {key: tensor.to(device) for key, tensor in saved["best"].items()}
    progress.sums = {key: tensor.to(device) for key, tensor in saved["sums"].items()}
    progress.steps, progress.done = saved["steps"], saved["done"]
    precision.load_state_dict(saved["precision"])
    torch.set_rng_state(saved["random"])
    if saved["random_on_device"] is not None:
        torch.cuda.set_rng_state(saved["random_on_device"], device)
