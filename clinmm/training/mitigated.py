"""What a mitigation may change of a training, and how one is asked for.

`PlainTraining` changes nothing: its methods are the list of what can be changed.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from clinmm import registry
from clinmm.cases import Batch
from clinmm.config import Component
from clinmm.errors import InputError
from clinmm.losses import Criterion
from clinmm.model import Encoded, settings_of

NOT_RECORDED = -1
"""Group code of a case whose attribute is not recorded."""


class Training(NamedTuple):
    """What one model is trained with, on its device; of N cases, and V to stop on."""

    model: Any
    train: Batch
    validate: Batch
    criterion: Criterion


class Groups(NamedTuple):
    """train: (N,) int64, validate: (V,), from 0 to n - 1 or NOT_RECORDED."""

    train: Tensor
    validate: Tensor
    n: int


class Said(NamedTuple):
    """What a model has made of B cases of a step, with gradients.

    rows: (B,) positions among the training cases. encoded: of all inputs that the cases have.
    answer: (B, K) logits. losses, weight: (B, K), or (B, 1) of exclusive classes.
    done: share of the budget that is spent, 0 to 1.
    """

    rows: Tensor
    encoded: Encoded
    answer: Tensor
    losses: Tensor
    weight: Tensor
    done: float


class PlainTraining:
    """Every step as the config says. A mitigation replaces what it changes."""

    def __init__(self, training: Training) -> None:
        self.n_cases = len(training.train)

    def case_weights(self) -> Tensor | float:
        """(N, K), or (N, 1) of exclusive classes: factors on the weights of training cases."""
        return 1.0

    def judging_weights(self) -> Tensor | float:
        """(V, K) or (V, 1): the same for `validate`, whose loss says which epoch is kept."""
        return 1.0

    def judging_loss(self, answer: Tensor, vectors: list[list[Tensor]]) -> float:
        """What is added to the loss on `validate`; answer: its logits, (V, K). vectors: piece by
        piece, what each encoder says, (v, d)."""
        return 0.0

    def order(self, rng: np.random.Generator) -> NDArray[np.int_]:
        """(N,) positions of the cases that an epoch goes through, in this order."""
        return rng.permutation(self.n_cases)

    def left(self, rows: Tensor, present: Tensor) -> Tensor:
        """(B, M) bool, the inputs the answer is asked from; present: those that `input_dropout`
        has left."""
        return present

    def reweighted(self, rows: Tensor, weight: Tensor, losses: Tensor) -> Tensor:
        """The weights of these cases, given their losses (without gradient), both (B, K)."""
        return weight

    def extra_loss(self, said: Said) -> Tensor | None:
        """A scalar that is added to the mean loss of the cases."""
        return None

    def trained_along(self) -> list[dict[str, Any]]:
        """Groups of parameters that the optimiser moves as well: `params`, and `share` of the
        learning rate and `weight_decay`."""
        return []

    def state(self) -> dict[str, Tensor]:
        """What training changes; a checkpoint holds it."""
        return {}

    def restore(self, state: dict[str, Tensor]) -> None:
        """Puts back what `state` gave."""


Begin = Callable[[Training], PlainTraining]
"""What makes the state of one training."""


@dataclass(frozen=True, eq=False)
class Mitigated:
    """A mitigation asked for, and the group of every case of a batch.

    Args:
        component: a file of clinmm/fairness/mitigation with IN_TRAINING, and its settings.
        codes: (N,) int, the group of each case, NOT_RECORDED where it is not known. Which number
            a group has changes nothing: groups are numbered anew by their first case.

    Raises:
        InputError: no such mitigation or not one of training, wrong settings, codes of another
            kind, or fewer than two groups.

    >>> asked = Mitigated(Component(name="group_dro", step=0.05), np.array([7, -1, 3, 7]))
    >>> asked.codes, asked.n_groups
    (array([ 0, -1,  1,  0]), 2)
    """

    component: Component
    codes: NDArray[np.int_]

    def __post_init__(self) -> None:
        problems = []
        try:
            self._config()
            if not registry.load("mitigations", self.component.name).IN_TRAINING:
                problems.append(
                    f"mitigation: {self.component.name} works on finished predictions; it changes "
                    "no training."
                )
        except InputError as error:
            problems += error.problems
        codes = np.asarray(self.codes)
        if codes.ndim != 1 or codes.dtype.kind not in "iu" or (codes < NOT_RECORDED).any():
            problems.append(
                "mitigation: codes must be (N,) whole numbers from 0, or -1 where the attribute "
                f"is not recorded; got {codes.dtype} of shape {codes.shape}."
            )
        elif (n := len(np.unique(codes[codes >= 0]))) < 2:
            problems.append(
                f"mitigation: {n} groups are recorded, wanted two or more. Choose another "
                "attribute."
            )
        if problems:
            raise InputError(problems)
        object.__setattr__(self, "codes", _by_first_case(codes))

    @property
    def n_groups(self) -> int:
        return int(self.codes.max()) + 1

    @property
    def key(self) -> str:
        """Names the trainings of this mitigation on these groups, in a file name."""
        settings = self._config().model_dump_json().encode()
        digest = hashlib.sha256(settings + self.codes.astype("<i8").tobytes()).hexdigest()
        return f"{self.component.name}_{digest[:12]}"

    def _config(self) -> Any:
        return settings_of("mitigations", self.component, "mitigation")

    def among(self, train: NDArray[np.int_], validate: NDArray[np.int_]) -> Begin:
        """For a model that learns from, and stops on, the cases at these positions."""
        return partial(self._begin, self.codes[train], self.codes[validate])

    def _begin(
        self, train: NDArray[np.int_], validate: NDArray[np.int_], training: Training
    ) -> PlainTraining:
        device = training.train.present.device
        groups = Groups(
            torch.as_tensor(train, dtype=torch.long, device=device),
            torch.as_tensor(validate, dtype=torch.long, device=device),
            self.n_groups,
        )
        member = registry.load("mitigations", self.component.name)
        begun: PlainTraining = member.Mitigation(self._config(), training, groups)
        return begun


def _by_first_case(codes: NDArray[np.int_]) -> NDArray[np.int_]:
    """The same groups, numbered in the order in which their first cases come."""
    values, first, which = np.unique(codes, return_index=True, return_inverse=True)
    recorded = np.flatnonzero(values >= 0)
    number = np.full(len(values), NOT_RECORDED)
    number[recorded[np.argsort(first[recorded])]] = np.arange(len(recorded))
    return number[which]
