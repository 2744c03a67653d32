"""One pass over image, note and record of a case, through the encoders, whatever was cached."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from clinmm import registry
from clinmm.encoders.interface import Attributable, Located
from clinmm.folds import as_modelled
from clinmm.intake.leaks.hide import places_in_note
from clinmm.model import MultimodalClassifier

CLOSE_ENOUGH = 0.1
"""Completeness error that passes, as a share of the change in logit."""
NEGLIGIBLE = 0.05
"""Completeness error that passes whatever the change is, in logits, or in standard deviations of a
continuous target."""
MOST_REFINEMENTS = 2
"""How often the number of points is doubled before a case is given up."""


@dataclass(frozen=True, eq=False)
class Explanation:
    """One case and class.

    located: input name -> attributions where they belong (see encoders.interface).
    sums: input name -> signed sum of its attributions, in logits, or in the unit of a value.
    logit_change: logit (value) of the case less that of the reference.
    steps: points on the path that were needed.
    negligible: completeness error that passes whatever the change is.
    """

    located: dict[str, Located]
    sums: dict[str, float]
    logit_change: float
    steps: int
    negligible: float = NEGLIGIBLE

    @property
    def completeness_error(self) -> float:
        return abs(sum(self.sums.values()) - self.logit_change)

    @property
    def complete(self) -> bool:
        return self.completeness_error <= max(
            self.negligible, CLOSE_ENOUGH * abs(self.logit_change)
        )

    def share(self, name: str) -> float:
        """|sum of the input| over the total of all inputs; 0 where nothing moved the logit."""
        total = sum(abs(value) for value in self.sums.values())
        return abs(self.sums[name]) / total if total else 0.0


class Joint:
    """The models of one fold as one differentiable function of a case's inputs.

    Args:
        models: members of the fold; their logits are averaged, as in prediction. Their encoders
            share what they learned without labels, so one trunk serves all.
        raw: input name -> raw value of the case, None where absent.
    """

    def __init__(self, models: list[MultimodalClassifier], raw: dict[str, Any]) -> None:
        first = models[0]
        self.models, self.given = models, raw
        self.mask = {name: first.encoder(name).facts.get("mask", []) for name in first.names}
        self.raw = raw = {
            name: as_modelled([raw[name]], {"mask": self.mask[name]})[0] for name in first.names
        }
        self.names = [name for name in first.names if raw[name] is not None]
        self.cases: dict[str, Attributable] = {
            name: first.encoder(name).attributable(raw[name]) for name in self.names
        }
        self.absent = {
            name: first.encoder(name).prepare([None]) for name in first.names if raw[name] is None
        }
        self.present = torch.tensor([[raw[name] is not None for name in first.names]])

    def logits(self, *values: Tensor) -> Tensor:
        """(S, ...) per present input -> (S, K), the mean over the models."""
        steps = len(values[0])
        prepared = {
            name: {k: v.expand(steps, *v.shape[1:]) for k, v in tensors.items()}
            for name, tensors in self.absent.items()
        }
        for name, value in zip(self.names, values, strict=True):
            prepared[name] = self.models[0].encoder(name).trunk(value, self.cases[name].fixed)
        present = self.present.expand(steps, -1)
        together = torch.stack([model(prepared, present).fused for model in self.models])
        return together.mean(0)

    def explain(self, class_index: int, method: str, steps: int) -> Explanation:
        """Attributions for one class; more points are taken until they sum to the change."""
        attribute = registry.load("attributions", method).attribute
        values = tuple(case.values for case in self.cases.values())
        references = tuple(case.reference for case in self.cases.values())

        def logit(*points: Tensor) -> Tensor:
            return self.logits(*points)[:, class_index]

        with torch.no_grad():
            change = float(logit(*values) - logit(*references))
        for refinement in range(MOST_REFINEMENTS + 1):
            used = steps * 2**refinement
            found = attribute(logit, values, references, used)
            explanation = self._explanation(found, change, used)
            if explanation.complete:
                break
        return explanation

    def _explanation(self, found: tuple[Tensor, ...], change: float, steps: int) -> Explanation:
        arrays = {
            name: tensor[0].detach().numpy().astype(np.float32)
            for name, tensor in zip(self.names, found, strict=True)
        }
        return Explanation(
            located={name: self._located(name, array) for name, array in arrays.items()},
            sums={name: float(array.sum(dtype=np.float64)) for name, array in arrays.items()},
            logit_change=change,
            steps=steps,
            negligible=NEGLIGIBLE * float(getattr(self.models[0].link, "deviation", 1.0)),
        )

    def _located(self, name: str, array: NDArray[np.float32]) -> Located:
        """Where the attributions belong in the input as given, before words were hidden in it."""
        located: Located = self.models[0].encoder(name).located(array, self.raw[name])
        if not self.mask[name]:
            return located
        start, end = places_in_note(
            self.given[name], self.mask[name], located["start"], located["end"]
        )
        return {**located, "start": start, "end": end}
