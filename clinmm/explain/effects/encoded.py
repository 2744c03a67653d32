"""Cases of one fold, each input encoded once, asked again with one input changed."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from clinmm.cases import Batch, Prepared
from clinmm.model import AT_ONCE, MultimodalClassifier, Tokens

Said = tuple[Tensor, Tokens | None]
"""What an encoder says of N cases."""


class EncodedCases:
    """The answers of a fold's models to N cases, and to variants of them.

    models: in evaluation mode; their logits are averaged, as in prediction.
    batch: the cases.
    """

    def __init__(self, models: Sequence[MultimodalClassifier], batch: Batch) -> None:
        self.models, self.names = models, models[0].names
        self.present = batch.present
        self._said = [self._encoded(model, batch) for model in models]

    @torch.no_grad()
    def _encoded(self, model: MultimodalClassifier, batch: Batch) -> list[Said]:
        pieces = [batch.take(rows) for rows in torch.split(torch.arange(len(batch)), AT_ONCE)]
        return [
            _joined([model.encode_input(n, p.inputs[n], p.present[:, i]) for p in pieces])
            for i, n in enumerate(self.names)
        ]

    @torch.no_grad()
    def answers(
        self,
        cases: NDArray[np.int_],
        asked: Tensor | None = None,
        changed: tuple[str, Prepared] | None = None,
    ) -> NDArray[np.float64]:
        """(S, K) mean logits.

        Args:
            cases: (S,) position of the case that each variant is of.
            asked: (S, M) bool, the inputs that may answer; one that the case lacks never does. All
                by default.
            changed: an input and what its encoder takes instead, S rows.
        """
        index = torch.as_tensor(cases, dtype=torch.long)
        present = self.present[index]
        asked = present if asked is None else asked & present
        out = []
        for rows in torch.split(torch.arange(len(index)), AT_ONCE):
            piece = None
            if changed is not None:
                name, prepared = changed
                piece = name, {key: tensor[rows] for key, tensor in prepared.items()}
            out.append(self.logits(index[rows], asked[rows], piece).double().numpy())
        return np.concatenate(out)

    def logits(
        self, index: Tensor, asked: Tensor, changed: tuple[str, Prepared] | None = None
    ) -> Tensor:
        """As `answers`, in one go and differentiable in what is changed."""
        total = []
        for model, of_model in zip(self.models, self._said, strict=True):
            said = [
                model.encode_input(name, changed[1], self.present[index, i])
                if changed is not None and changed[0] == name
                else _taken(of_model[i], index)
                for i, name in enumerate(self.names)
            ]
            total.append(model.answer(model.gather(said), asked))
        return torch.stack(total).mean(0)


def _joined(pieces: Sequence[Said]) -> Said:
    """Pieces of cases as one; those with fewer tokens are filled up with padding."""
    vectors = torch.cat([vector for vector, _ in pieces])
    tokens = [parts for _, parts in pieces if parts is not None]
    if not tokens:
        return vectors, None
    longest = max(parts.real.shape[1] for parts in tokens)
    more = [longest - parts.real.shape[1] for parts in tokens]
    values = [functional.pad(t.values, (0, 0, 0, n)) for t, n in zip(tokens, more, strict=True)]
    real = [functional.pad(t.real, (0, n)) for t, n in zip(tokens, more, strict=True)]
    return vectors, Tokens(torch.cat(values), torch.cat(real))


def _taken(said: Said, index: Tensor) -> Said:
    vector, tokens = said
    return vector[index], None if tokens is None else Tokens(*(part[index] for part in tokens))
