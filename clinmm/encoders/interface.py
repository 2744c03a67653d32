"""What every encoder offers. `Encoder` files fulfil this protocol; none inherits from another."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from clinmm.cases import Prepared

Progress = Callable[[int, int], None]
"""Called with (done, total) while something long goes on."""


@dataclass(frozen=True, eq=False)
class Attributable:
    """The continuous tensor of one case that attributions are computed for.

    values: (1, ...), pixels, word vectors, term weights or z-scores.
    reference: the same shape, what the case is compared with.
    fixed: tensors that `trunk` needs and that are not attributed, such as a padding mask.
    """

    values: Tensor
    reference: Tensor
    fixed: dict[str, Tensor] = field(default_factory=dict)


Located = dict[str, NDArray[Any]]
"""Attributions where a person looks for them, in the unit of the method: `map` of an image, summed
over channels; `start`, `end`, `score` of a note, in characters, and `special`, (1,) the sum of
|attribution| on pieces that stand for no word; `column`, `score` of a record, and `mark`, the part
of the score that is due to a column's having been measured or not; `channel`, `start`, `end`,
`score` of a signal, in seconds."""


class EncoderLike(Protocol):
    """The protocol of an encoder file's `Encoder`."""

    kind: ClassVar[str]
    out_dim: int
    facts: dict[str, Any]

    @staticmethod
    def learn(config: Any, raw: Sequence[Any], spec: Any) -> dict[str, Any]:
        """JSON facts from the raw values of training cases (None = absent), without labels.

        spec is the cohort file's entry for the input.
        """

    def prepare(self, raw: Sequence[Any], progress: Progress | None = None) -> Prepared:
        """Raw values of N cases -> tensors of N rows; rows of absent cases are zero."""

    def start_from(self, prepared: Prepared) -> None:
        """Sets the starting point of training from the training cases that have the input."""

    def attributable(self, raw: Any) -> Attributable:
        """One case's raw value as a continuous tensor."""

    def trunk(self, values: Tensor, fixed: dict[str, Tensor]) -> Prepared:
        """(S, ...) points on a path -> what `forward` takes, differentiably. No learned part
        that differs between models of one fold may be in it."""

    def located(self, attributions: NDArray[np.float32], raw: Any) -> Located:
        """Attributions of the shape of `values` without its first axis -> where they belong."""

    # Optional, where it applies:
    #   check(config, spec), static: raises InputError where the settings do not suit the input
    #   pretrained: nn.Module | None, the trainable part that came with weights
    #   token_dim: int, and with_tokens(**prepared) -> (vector (B, out_dim), values
    #     (B, T, token_dim), real (B, T) bool), the input in parts for fusions that read tokens
    #   lengths(prepared) -> (N,), what each case costs, so that like is read with like
    #   map_net: nn.Module, called once for each reading, whose output is feature maps (B, F, ...)
    #     or a tuple that ends in them; held: whether all models share it and `trunk` calls it
    #   attention(values, fixed) -> of the shape of values, the share of its attention that the
    #     network pays to each element, summing to 1; None where it pays none

    def __call__(self, **prepared: Tensor) -> Tensor:
        """(B, out_dim)."""
