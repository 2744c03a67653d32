"""The models of one arm and fold on disk: safetensors weights and a JSON that rebuilds them.

Frozen published networks are not copied: the JSON names their weights by hash, and loading
refuses others.
"""

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import pandas as pd
from safetensors.torch import load_file, save_file

from clinmm.config import Component
from clinmm.folds import Facts
from clinmm.model import MultimodalClassifier, make_encoder
from clinmm.training.epoch import Epoch, InputEpoch

DESCRIPTION, HISTORY = "model.json", "history.json"


@dataclass(frozen=True)
class Description:
    """What rebuilds a model without the study's config.

    inputs: in the model's order. start: as from `losses.start_of_training`. members: how many
    models the fold trained, `seeds` for each part that it stops on, those of a part together.
    absent, answers_from: as of `MultimodalClassifier`.
    """

    inputs: list[str]
    encoders: dict[str, dict[str, Any]]
    facts: Facts
    fusion: dict[str, Any]
    start: list[float]
    class_names: list[str]
    task: str
    members: int
    ordered: bool = False
    absent: str = "masked"
    answers_from: list[str] | None = None
    seeds: int = 1

    def components(self) -> dict[str, Component]:
        return {name: Component.model_validate(self.encoders[name]) for name in self.inputs}

    def build(self) -> MultimodalClassifier:
        """A new model, its weights as they come."""
        encoders = {
            name: make_encoder(component, self.facts[name], f"encoders.{name}")
            for name, component in self.components().items()
        }
        return MultimodalClassifier(
            encoders,
            Component.model_validate(self.fusion),
            self.start,
            task=self.task,
            ordered=self.ordered,
            absent=self.absent,
            answers_from=self.answers_from,
        )


def save_models(
    folder: Path,
    description: Description,
    models: list[MultimodalClassifier],
    history: list[tuple[int, Epoch]],
) -> None:
    """Writes into an existing empty folder (see Run.writing_folder).

    history: (member, epoch), every epoch of every model, how far each input had trained in it.
    """
    for number, model in enumerate(models):
        state = {k: v.detach().cpu().contiguous() for k, v in model.state_dict().items()}
        save_file(state, folder / f"member_{number}.safetensors")
    text = json.dumps(vars(description), ensure_ascii=False, indent=1)
    (folder / DESCRIPTION).write_text(text + "\n", encoding="utf-8")
    epochs = [{"member": member, **asdict(epoch)} for member, epoch in history]
    (folder / HISTORY).write_text(json.dumps(epochs, indent=1) + "\n", encoding="utf-8")


def is_stored(folder: Path) -> bool:
    """Whether the models are there, all of them: the folder appears as a whole."""
    return (folder / DESCRIPTION).is_file()


def load_history(folder: Path) -> pd.DataFrame:
    """member and the fields of `Epoch` without `inputs`, one row per epoch."""
    return pd.DataFrame(_epochs(folder)).drop(columns="inputs")


def load_balance(folder: Path) -> pd.DataFrame:
    """member, epoch and the fields of `InputEpoch`: a row per epoch and input of several, none of a
    single one."""
    rows = [
        {"member": epoch["member"], "epoch": epoch["epoch"], **one}
        for epoch in _epochs(folder)
        for one in epoch["inputs"]
    ]
    columns = ["member", "epoch", *(field.name for field in fields(InputEpoch))]
    return pd.DataFrame(rows, columns=columns)


def _epochs(folder: Path) -> list[dict[str, Any]]:
    epochs: list[dict[str, Any]] = json.loads((folder / HISTORY).read_text(encoding="utf-8"))
    return epochs


def load_description(folder: Path) -> Description:
    return Description(**json.loads((folder / DESCRIPTION).read_text(encoding="utf-8")))


def load_models(folder: Path) -> tuple[Description, list[MultimodalClassifier]]:
    """The members in evaluation mode."""
    description = load_description(folder)
    models = []
    for number in range(description.members):
        model = description.build()
        model.load_state_dict(load_file(folder / f"member_{number}.safetensors"))
        models.append(model.eval())
    return description, models
