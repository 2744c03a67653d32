"""The fused model: encoders, a fusion, a head on all inputs together and one on each alone."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from pydantic import BaseModel, ValidationError
from torch import Tensor, nn

from clinmm import registry
from clinmm.cases import Batch, Prepared
from clinmm.config import Component
from clinmm.errors import InputError
from clinmm.intercept import intercept_shift
from clinmm.links import CumulativeLink, make_link
from clinmm.settings_errors import as_input_error

FROZEN = ("features", "embeddings")
"""What encoders call the output of a network that training does not change."""

AT_ONCE = 256
"""Cases that go through a model together where no gradient is kept."""

MASKED, LEARNED_TOKEN = "masked", "learned_token"
"""What the fusion sees in the slot of an absent input: nothing, or a vector that is learned."""


class Tokens(NamedTuple):
    """What an input says in parts, such as words, columns or regions.

    values: (B, T, d). real: (B, T) bool, False for padding and where the case lacks the input.
    """

    values: Tensor
    real: Tensor


class Encoded(NamedTuple):
    """vectors: M of (B, d_i), zero where the case lacks the input. tokens: M, where the fusion
    reads them. evidence: (B, M, width of the link)."""

    vectors: list[Tensor]
    tokens: list[Tokens] | None
    evidence: Tensor


class Logits(NamedTuple):
    """fused: (B, K). alone: input name -> (B, K), the head on that input alone; it means
    something only for cases that have the input."""

    fused: Tensor
    alone: dict[str, Tensor]


def settings_of(family: str, component: Component, where: str) -> Any:
    """The component's Config, checked. Raises InputError with every unknown or wrong key, or where
    nothing has the component's name; each begins with `where`."""
    try:
        config: type[BaseModel] = registry.load(family, component.name).Config
    except InputError as error:
        raise InputError(f"{where}: {error}") from None
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

        evidence = sum over present i of w_i evidence_i + head(fusion(Z))
        logit    = link(evidence), for classes without an order log-odds + evidence

    With w = 1 and no correction this is the product of experts, exact where the inputs are
    independent given the class (Hinton, ICANN 1999); it is where training starts. With one input
    present the answer is that input's own, with none the training prevalence, so nothing has to
    be imputed. A fusion of answers (`weighs_answers`) gives the weights instead: the evidence is
    the sum of weight_i evidence_i, and there is no correction.

    Args:
        encoders: input name -> encoder, in the order of the batch's inputs.
        fusion: the config's entry; not used with a single input.
        start: where every head starts, as from `losses.start_of_training`.
        task: binary, multilabel, multiclass or continuous.
        ordered: of a multiclass task, whether its classes have an order.
        absent: MASKED or LEARNED_TOKEN.
        answers_from: inputs whose evidence alone answers for cases that have one of them, the
            others being asked where a case has none of these; None: all of them.
    """

    def __init__(
        self,
        encoders: dict[str, nn.Module],
        fusion: Component,
        start: list[float],
        *,
        task: str = "multilabel",
        ordered: bool = False,
        absent: str = MASKED,
        answers_from: Sequence[str] | None = None,
    ) -> None:
        super().__init__()
        self.names, self.task = list(encoders), task
        self.answers_from = [name in answers_from for name in encoders] if answers_from else None
        dims = [int(encoder.out_dim) for encoder in encoders.values()]  # type: ignore[arg-type]
        self.link = make_link(task, start, ordered=ordered)
        # Prefixed, because a ModuleDict refuses the names of its own methods, such as `keys`.
        self.encoders = nn.ModuleDict({f"input_{name}": e for name, e in encoders.items()})
        self.heads = nn.ModuleDict(
            {f"input_{n}": self._evidence(d) for n, d in zip(self.names, dims, strict=True)}
        )
        self.fusion: nn.Module | None = None
        self.absent: nn.ParameterList | None = None
        if len(encoders) < 2:
            return
        module = registry.load("fusions", fusion.name)
        config = settings_of("fusions", fusion, "fusion")
        token_dims = [
            int(getattr(e, "token_dim", d)) for e, d in zip(encoders.values(), dims, strict=True)
        ]
        if getattr(module.Fusion, "reads_tokens", False):
            self.fusion = module.Fusion(config, dims, token_dims)
        else:
            self.fusion = module.Fusion(config, dims)
        # An input that is absent has no answer, so a fusion of answers has to know it is absent.
        if absent == LEARNED_TOKEN and not self.weighs_answers:
            widths = token_dims if self.reads_tokens else dims
            self.absent = nn.ParameterList(nn.Parameter(torch.zeros(d)) for d in widths)
        if not self.weighs_answers:
            self.weight = nn.Parameter(torch.ones(len(dims), self.link.width))
            self.correction = self._evidence(int(self.fusion.out_dim))  # type: ignore[arg-type]

    @property
    def start(self) -> Tensor:
        """(K,) the answer where a case has no input, in logits."""
        start: Tensor = self.link.start
        return start

    @property
    def weighs_answers(self) -> bool:
        return bool(getattr(self.fusion, "weighs_answers", False))

    @property
    def reads_tokens(self) -> bool:
        return bool(getattr(self.fusion, "reads_tokens", False))

    def _evidence(self, dim: int) -> nn.Linear:
        """A linear reading that starts at no evidence either way."""
        head = nn.Linear(dim, self.link.width)
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
        if isinstance(self.link, CumulativeLink):
            self.link.take_over([model.link for model in alone.values()])  # type: ignore[misc]

    def _vector(self, name: str, prepared: Prepared, has: Tensor) -> Tensor:
        """(B, d), zero where the case lacks the input: batch statistics see real inputs only."""
        encoder, rows = self.encoder(name), has.nonzero()[:, 0]
        if len(rows) == len(has):
            whole: Tensor = encoder(**prepared)
            return whole
        if not len(rows):
            return torch.zeros(len(has), encoder.out_dim, device=has.device)
        some: Tensor = encoder(**{key: t.index_select(0, rows) for key, t in prepared.items()})
        return some.new_zeros(len(has), encoder.out_dim).index_copy(0, rows, some)

    def _vector_and_tokens(
        self, name: str, prepared: Prepared, has: Tensor
    ) -> tuple[Tensor, Tokens]:
        """As `_vector`, and the input in parts; an encoder without parts gives one, its vector."""
        encoder = self.encoder(name)
        if not hasattr(encoder, "with_tokens"):
            vector = self._vector(name, prepared, has)
            return vector, Tokens(vector[:, None], has[:, None])
        out = torch.zeros(len(has), encoder.out_dim, device=has.device)
        if not bool(has.any()):
            empty = torch.zeros(len(has), 1, encoder.token_dim, device=has.device)
            return out, Tokens(empty, torch.zeros_like(has)[:, None])
        some, values, real = encoder.with_tokens(**{k: t[has] for k, t in prepared.items()})
        rows = (has.nonzero()[:, 0],)
        tokens = torch.zeros(len(has), *values.shape[1:], device=has.device, dtype=values.dtype)
        marks = torch.zeros(len(has), values.shape[1], dtype=torch.bool, device=has.device)
        return (
            out.to(some.dtype).index_put(rows, some),
            Tokens(tokens.index_put(rows, values), marks.index_put(rows, real)),
        )

    @torch.no_grad()
    def embeddings(self, batch: Batch) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """(what is known of each input on its own, what the fusion sees of it), each input ->
        (B, d). The first is what a frozen network says of the input, else the same as the second:
        a projection keeps what tells the classes apart and loses what makes a picture strange.
        """
        self.eval()
        seen = {
            name: self._vector(name, batch.inputs[name], batch.present[:, i])
            for i, name in enumerate(self.names)
        }
        own = {
            name: next((batch.inputs[name][k] for k in FROZEN if k in batch.inputs[name]), z)
            for name, z in seen.items()
        }
        return own, seen

    @torch.no_grad()
    def settle(self, batch: Batch) -> None:
        """Sets the intercept so that the mean risk of these cases is their observed rate (their
        mean value is the observed one); the answer without any input stays as it is."""
        self.eval()
        self.link.shift.zero_()
        some = batch.present.any(1)
        pieces = [
            batch.take(rows).to(self.start.device)
            for rows in torch.split(torch.arange(len(batch)), AT_ONCE)
        ]
        answers = torch.cat([self(piece.inputs, piece.present).fused.cpu() for piece in pieces])
        self.link.shift.copy_(
            intercept_shift(answers[some], batch.target[some], batch.known[some], self.task)
        )

    def encode(self, inputs: dict[str, Prepared], has: Tensor) -> Encoded:
        """What every input of the cases says. has: (B, M) bool, which inputs they have."""
        return self.gather(
            [self.encode_input(n, inputs[n], has[:, i]) for i, n in enumerate(self.names)]
        )

    def encode_input(
        self, name: str, prepared: Prepared, has: Tensor
    ) -> tuple[Tensor, Tokens | None]:
        """What one input says: its vector (B, d) and, where the fusion reads them, its tokens.
        has: (B,) bool."""
        if self.reads_tokens:
            return self._vector_and_tokens(name, prepared, has)
        return self._vector(name, prepared, has), None

    def gather(self, said: Sequence[tuple[Tensor, Tokens | None]]) -> Encoded:
        """What the inputs said one by one, in the model's order, together."""
        vectors = [vector for vector, _ in said]
        evidence = torch.stack(
            [self.heads[f"input_{n}"](z) for n, z in zip(self.names, vectors, strict=True)], dim=1
        )
        tokens = [parts for _, parts in said if parts is not None]
        return Encoded(vectors, tokens if self.reads_tokens else None, evidence)

    def answer(self, encoded: Encoded, present: Tensor) -> Tensor:
        """(B, K) from what the inputs said; present: (B, M) bool, which of them are asked."""
        if self.answers_from is not None:
            asked = present & torch.tensor(self.answers_from, device=present.device)
            present = torch.where(asked.any(1, keepdim=True), asked, present)
        seen = torch.where(present[..., None], encoded.evidence, torch.zeros_like(encoded.evidence))
        some, evidence = present.any(1, keepdim=True), seen.sum(1)
        if self.fusion is not None:
            fused = self._fused(encoded, present)
            if self.weighs_answers:
                together = (fused[..., None] * seen).sum(1)
            else:
                together = (self.weight * seen).sum(1) + self.correction(fused)
            evidence = torch.where(present.sum(1)[:, None] > 1, together, evidence)
        # The cuts between ordered classes are learned: without evidence they are no prevalence.
        return torch.where(some, self.link(evidence, some), self.start)

    def _fused(self, encoded: Encoded, present: Tensor) -> Tensor:
        """What the fusion makes of the inputs asked, with learned ones in place of the absent."""
        assert self.fusion is not None
        vectors, tokens, asked = encoded.vectors, encoded.tokens, present
        if self.absent is not None:
            asked = torch.ones_like(present)
            if tokens is not None:
                tokens = [
                    _in_place_of_absent(parts, present[:, i], self.absent[i])
                    for i, parts in enumerate(tokens)
                ]
            else:
                vectors = [
                    torch.where(present[:, i : i + 1], z, self.absent[i].to(z.dtype))
                    for i, z in enumerate(vectors)
                ]
        given = (vectors, asked) if tokens is None else (vectors, asked, tokens)
        fused: Tensor = self.fusion(*given)
        return fused

    def forward(
        self, inputs: dict[str, Prepared], present: Tensor, recorded: Tensor | None = None
    ) -> Logits:
        """inputs: as Batch.inputs; present: (B, M) bool. Logits are (B, K).

        recorded: (B, M) bool, which inputs the cases have, where `present` hides some of them.
        """
        encoded = self.encode(inputs, present if recorded is None else recorded)
        return Logits(self.answer(encoded, present), self.alone(encoded))

    def alone(self, encoded: Encoded) -> dict[str, Tensor]:
        """Input name -> (B, K), what the head on that input alone answers."""
        return dict(zip(self.names, self.answers_alone(encoded).unbind(1), strict=True))

    def answers_alone(self, encoded: Encoded) -> Tensor:
        """(B, M, K), what the head on each input alone answers; never shifted by `settle`."""
        evidence = encoded.evidence.flatten(0, 1)
        unshifted = torch.zeros(1, 1, dtype=torch.bool, device=evidence.device)
        answers: Tensor = self.link(evidence, unshifted)
        return answers.reshape(*encoded.evidence.shape[:2], -1)


def _in_place_of_absent(parts: Tokens, present: Tensor, learned: Tensor) -> Tokens:
    """Where a case lacks the input, one real token, which is learned. present: (B,) bool."""
    first = torch.zeros_like(parts.real)
    first[:, 0] = True
    absent = ~present[:, None]
    values = torch.where(present[:, None, None], parts.values, learned.to(parts.values.dtype))
    return Tokens(values, torch.where(absent, first, parts.real))
