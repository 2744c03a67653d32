"""The fused model: encoders, a fusion, a head on all inputs together and one on each alone."""

from typing import Any, NamedTuple

import torch
from pydantic import BaseModel, ValidationError
from torch import Tensor, nn

from clinmm import registry
from clinmm.cases import Batch, Prepared
from clinmm.config import Component
from clinmm.intercept import intercept_shift
from clinmm.settings_errors import as_input_error

FROZEN = ("features", "embeddings")
"""What encoders call the output of a network that training does not change."""


class Logits(NamedTuple):
    """fused: (B, K). alone: input name -> (B, K), the head on that input alone; it means
    something only for cases that have the input."""

    fused: Tensor
    alone: dict[str, Tensor]


def settings_of(family: str, component: Component, where: str) -> Any:
    """The component's Config, checked. Raises InputError with every unknown or wrong key."""
    config: type[BaseModel] = registry.load(family, component.name).Config
    try:
        return config.model_validate(component.settings)
    except ValidationError as error:
        raise as_input_error(error, f"{where} ({component.name})", config) from None


def make_encoder(component: Component, facts: dict[str, Any], where: str) -> Any:
    """An encoder from its config entry and the facts it learned from training cases."""
    config = settings_of("encoders", component, where)
    return registry.load("encoders", component.name).Encoder(config, facts)


class MultimodalClassifier(nn.Module):
    """Encoders give Z_i; a head on each input alone reads its evidence; the evidence adds up, and
    the fusion learns what adding misses.

        logit = log-odds + sum over present i of w_i (logit_i - log-odds) + head(fusion(Z))

    With w = 1 and no correction this is the product of experts, exact where the inputs are
    independent given the class (Hinton, ICANN 1999); it is where training starts. With one input
    present the answer is that input's own, with none the training prevalence, so nothing has to
    be imputed.

    Args:
        encoders: input name -> encoder, in the order of the batch's inputs.
        fusion: the config's entry; not used with a single input.
        log_odds: (K,) of the training cases; where every head starts.
    """

    log_odds: Tensor
    shift: Tensor

    def __init__(
        self, encoders: dict[str, nn.Module], fusion: Component, log_odds: list[float]
    ) -> None:
        super().__init__()
        self.names = list(encoders)
        dims = [int(encoder.out_dim) for encoder in encoders.values()]  # type: ignore[arg-type]
        self.register_buffer("log_odds", torch.tensor(log_odds, dtype=torch.float32))
        self.register_buffer("shift", torch.zeros(len(log_odds)))
        # Prefixed, because a ModuleDict refuses the names of its own methods, such as `keys`.
        self.encoders = nn.ModuleDict({f"input_{name}": e for name, e in encoders.items()})
        self.heads = nn.ModuleDict(
            {f"input_{n}": self._evidence(d) for n, d in zip(self.names, dims, strict=True)}
        )
        self.fusion: nn.Module | None = None
        if len(encoders) > 1:
            config = settings_of("fusions", fusion, "fusion")
            self.fusion = registry.load("fusions", fusion.name).Fusion(config, dims)
            self.weight = nn.Parameter(torch.ones(len(dims), len(log_odds)))
            self.correction = self._evidence(int(self.fusion.out_dim))  # type: ignore[arg-type]

    def _evidence(self, dim: int) -> nn.Linear:
        """A linear reading that starts at no evidence either way."""
        head = nn.Linear(dim, len(self.log_odds))
        nn.init.zeros_(head.weight)
        nn.init.zeros_(head.bias)
        return head

    def encoder(self, name: str) -> Any:
        return self.encoders[f"input_{name}"]

    def start_from(self, batch: Batch) -> None:
        """Starting values from the training cases, input by input."""
        for i, name in enumerate(self.names):
            have = batch.present[:, i].nonzero()[:, 0]
            if len(have) > 1:
                self.encoder(name).start_from({k: v[have] for k, v in batch.inputs[name].items()})

    def take_over(self, alone: "dict[str, MultimodalClassifier]") -> None:
        """Starting values from models trained on each input alone, with the same facts."""
        for name, model in alone.items():
            self.encoder(name).load_state_dict(model.encoder(name).state_dict())
            head = f"input_{name}"
            self.heads[head].load_state_dict(model.heads[head].state_dict())

    def _encoded(self, name: str, prepared: Prepared, has: Tensor) -> Tensor:
        """(B, d), zero where the case lacks the input: batch statistics see real inputs only."""
        encoder = self.encoder(name)
        if bool(has.all()):
            whole: Tensor = encoder(**prepared)
            return whole
        out = torch.zeros(len(has), encoder.out_dim, device=has.device)
        if not bool(has.any()):
            return out
        some: Tensor = encoder(**{key: tensor[has] for key, tensor in prepared.items()})
        return out.to(some.dtype).index_put((has.nonzero()[:, 0],), some)

    @torch.no_grad()
    def embeddings(self, batch: Batch) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """(what is known of each input on its own, what the fusion sees of it), each input ->
        (B, d). The first is what a frozen network says of the input, else the same as the second:
        a projection keeps what tells the classes apart and loses what makes a picture strange.
        """
        self.eval()
        seen = {
            name: self._encoded(name, batch.inputs[name], batch.present[:, i])
            for i, name in enumerate(self.names)
        }
        own = {
            name: next((batch.inputs[name][k] for k in FROZEN if k in batch.inputs[name]), z)
            for name, z in seen.items()
        }
        return own, seen

    @torch.no_grad()
    def settle(self, batch: Batch, task: str) -> None:
        """Sets the intercept so that the mean risk of these cases is their observed rate; the
        answer for a case without any input stays the training prevalence."""
        self.eval()
        self.shift.zero_()
        some = batch.present.any(1)
        logits = self(batch.inputs, batch.present).fused
        self.shift.copy_(intercept_shift(logits[some], batch.target[some], batch.known[some], task))

    def forward(
        self, inputs: dict[str, Prepared], present: Tensor, recorded: Tensor | None = None
    ) -> Logits:
        """inputs: as Batch.inputs; present: (B, M) bool. Logits are (B, K).

        recorded: (B, M) bool, which inputs the cases have, where `present` hides some of them.
        """
        has = present if recorded is None else recorded
        encoded = [self._encoded(n, inputs[n], has[:, i]) for i, n in enumerate(self.names)]
        evidence = torch.stack(
            [self.heads[f"input_{n}"](z) for n, z in zip(self.names, encoded, strict=True)], dim=1
        )  # (B, M, K)
        alone = {name: self.log_odds + evidence[:, i] for i, name in enumerate(self.names)}
        seen = torch.where(present[..., None], evidence, torch.zeros_like(evidence))
        start = self.log_odds + self.shift * present.any(1, keepdim=True)
        if self.fusion is None:
            return Logits(start + seen.sum(1), alone)
        several = present.sum(1)[:, None] > 1
        together = (self.weight * seen).sum(1) + self.correction(self.fusion(encoded, present))
        return Logits(start + torch.where(several, together, seen.sum(1)), alone)
