"""A case as one function of image, note and record, through the encoders, whatever was cached."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from clinmm.cases import Prepared
from clinmm.encoders.interface import Attributable, Located
from clinmm.encoders.parts.feature_cache import not_kept
from clinmm.explain.explanation import NEGLIGIBLE, Found
from clinmm.folds import as_modelled
from clinmm.intake.leaks.hide import places_in_note
from clinmm.model import MultimodalClassifier, Tokens


@dataclass(frozen=True)
class Target:
    """What is explained: the logit of a class, or its difference to that of another one.

    index: position of the class. rival: position of the class that it is set against ("why this
    rather than that"), or None.
    """

    index: int
    rival: int | None = None

    def of(self, answers: Tensor) -> Tensor:
        """(S, K) -> (S,)."""
        own = answers[:, self.index]
        return own if self.rival is None else own - answers[:, self.rival]


class Joint:
    """The models of one fold as one function of a case's inputs.

    Args:
        models: members of the fold; their logits are averaged, as in prediction. Their encoders
            share what they learned without labels, so one trunk serves all.
        raw: input name -> raw value of the case, None where absent.
        references: input name -> (R, ...) what the case is compared with, R the same for all of
            them; the encoder's own where left out.
    """

    def __init__(
        self,
        models: list[MultimodalClassifier],
        raw: Mapping[str, Any],
        references: Mapping[str, Tensor] | None = None,
    ) -> None:
        first = models[0]
        self.models, self.given = models, dict(raw)
        self.mask = {name: first.encoder(name).facts.get("mask", []) for name in first.names}
        self.raw = {
            name: as_modelled([raw[name]], {"mask": self.mask[name]})[0] for name in first.names
        }
        self.names = [name for name in first.names if self.raw[name] is not None]
        self.cases: dict[str, Attributable] = {
            name: first.encoder(name).attributable(self.raw[name]) for name in self.names
        }
        self.absent: dict[str, Prepared] = {
            name: first.encoder(name).prepare([None])
            for name in first.names
            if self.raw[name] is None
        }
        self.present = torch.tensor([[self.raw[name] is not None for name in first.names]])
        self._references = dict(references or {})
        self._as_is: dict[str, Prepared] = {}
        self._said: dict[tuple[int, str], tuple[Tensor, Tokens | None]] = {}

    # --- what is explained ---------------------------------------------------------------
    @property
    def values(self) -> tuple[Tensor, ...]:
        """(1, ...) per present input, in the order of `names`."""
        return tuple(case.values for case in self.cases.values())

    @property
    def references(self) -> tuple[Tensor, ...]:
        """(R, ...) per present input, what the case is compared with."""
        own = [self._references.get(n, case.reference) for n, case in self.cases.items()]
        n_references = max((len(one) for one in own), default=1)
        return tuple(
            one.expand(n_references, *one.shape[1:]) if len(one) == 1 else one for one in own
        )

    @property
    def negligible(self) -> float:
        """A change of the answer that does not count, in logits (in the unit of a value)."""
        return NEGLIGIBLE * float(getattr(self.models[0].link, "deviation", 1.0))

    def kind(self, name: str) -> str:
        """image, note, record or signal."""
        kind: str = self.encoder(name).kind
        return kind

    def encoder(self, name: str) -> Any:
        """The encoder that reads the input; with several models the first one's."""
        return self.models[0].encoder(name)

    def answers(self, *points: Tensor) -> Tensor:
        """(S, ...) per present input -> (S, K), the mean over the models; differentiable."""
        steps = len(points[0])
        prepared = {
            name: {k: v.expand(steps, *v.shape[1:]) for k, v in tensors.items()}
            for name, tensors in self.absent.items()
        }
        for name, value in zip(self.names, points, strict=True):
            prepared[name] = self.encoder(name).trunk(value, self.cases[name].fixed)
        present = self.present.expand(steps, -1)
        return torch.stack([model(prepared, present).fused for model in self.models]).mean(0)

    def function(self, target: Target) -> Callable[..., Tensor]:
        """(S, ...) per present input -> (S,), the target's logit."""
        return lambda *points: target.of(self.answers(*points))

    @torch.no_grad()
    def change(self, target: Target) -> float:
        """The target's logit of the case less its mean over the references."""
        answer = self.function(target)
        return float(answer(*self.values)[0] - answer(*self.references).mean())

    # --- the case with something changed -------------------------------------------------
    @torch.no_grad()
    def answers_with(self, changed: Mapping[str, Prepared], asked: Tensor | None = None) -> Tensor:
        """(S, K) answers to S variants of the case; what is not changed is encoded once.

        Args:
            changed: input name -> what its encoder's forward takes, S rows.
            asked: (S, M) bool in the order of the model's names, which inputs may answer; an input
                that the case lacks never does. All by default.
        """
        rows = [len(tensor) for prepared in changed.values() for tensor in prepared.values()]
        n = len(asked) if asked is not None else (rows[0] if rows else 1)
        present = self.present.expand(n, -1)
        asked = present if asked is None else asked & present
        answers = []
        for number, model in enumerate(self.models):
            said = [
                model.encode_input(name, changed[name], present[:, i])
                if name in changed
                else _expanded(self._said_by(number, name), n)
                for i, name in enumerate(model.names)
            ]
            answers.append(model.answer(model.gather(said), asked))
        return torch.stack(answers).mean(0)

    def prepared(self, name: str, raw: list[Any]) -> Prepared:
        """Raw values of an input as its encoder's forward takes them; no cache keeps them."""
        with not_kept():
            prepared: Prepared = self.encoder(name).prepare(raw)
        return prepared

    def trunk(self, name: str, values: Tensor) -> Prepared:
        """(S, ...) values of an input as its encoder's forward takes them."""
        with torch.no_grad():
            prepared: Prepared = self.encoder(name).trunk(values, self.cases[name].fixed)
        return prepared

    def with_models(self, models: list[MultimodalClassifier]) -> "Joint":
        """The same case asked of other models."""
        return type(self)(models, self.given, self._references)

    def with_references(self, references: Mapping[str, Tensor]) -> "Joint":
        """The same case compared with something else."""
        return self._copy(references={**self._references, **references})

    def with_values(self, values: Mapping[str, Tensor]) -> "Joint":
        """The case with other values, (1, ...) each, of some inputs."""
        changed = {name: replace(self.cases[name], values=value) for name, value in values.items()}
        return self._copy(cases={**self.cases, **changed})

    def _copy(
        self,
        cases: dict[str, Attributable] | None = None,
        references: dict[str, Tensor] | None = None,
    ) -> "Joint":
        copy = object.__new__(type(self))
        copy.__dict__.update(self.__dict__)
        copy._as_is, copy._said = {}, {}
        copy.cases = cases if cases is not None else self.cases
        copy._references = references if references is not None else self._references
        return copy

    def _said_by(self, number: int, name: str) -> tuple[Tensor, Tokens | None]:
        """What one model's encoder says of an input as it is, one row."""
        if (number, name) not in self._said:
            has = torch.tensor([name in self.cases])
            if name not in self._as_is:
                self._as_is[name] = (
                    self.trunk(name, self.cases[name].values) if has[0] else self.absent[name]
                )
            prepared = self._as_is[name]
            self._said[number, name] = self.models[number].encode_input(name, prepared, has)
        return self._said[number, name]

    # --- where attributions belong -------------------------------------------------------
    def found(self, attributions: Mapping[str, Tensor]) -> Found:
        """(1, ...) attributions of values -> where they belong, and their sums."""
        arrays = {
            name: tensor[0].detach().numpy().astype(np.float32)
            for name, tensor in attributions.items()
        }
        return Found(
            {n: self.encoder(n).located(array, self.raw[n]) for n, array in arrays.items()},
            {n: float(array.sum(dtype=np.float64)) for n, array in arrays.items()},
        )

    def as_given(self, located: Mapping[str, Located]) -> dict[str, Located]:
        """The same where the inputs are as given, before words were hidden in notes."""
        moved = dict(located)
        for name, mask in self.mask.items():
            if mask and "start" in moved.get(name, {}) and "channel" not in moved[name]:
                at = moved[name]
                start, end = places_in_note(self.given[name], mask, at["start"], at["end"])
                moved[name] = {**at, "start": start, "end": end}
        return moved


def _expanded(said: tuple[Tensor, Tokens | None], n: int) -> tuple[Tensor, Tokens | None]:
    vector, tokens = said
    if tokens is not None:
        tokens = Tokens(*(part.expand(n, *part.shape[1:]) for part in tokens))
    return vector.expand(n, -1), tokens
