"""Residual convolutions along time, for an ECG or vital signs of one or many channels.

Each channel is standardised with the mean and deviation of the training cases. Where nothing was
measured the samples are zero, and a channel beside each says so. Stages of two residual blocks
halve the rate; what they find is pooled over the pieces of time in which anything was measured, by
mean and maximum. A linear path carries each channel's mean, spread and measured share past them:
for vital signs the level itself is the finding.

Reference:
    Wang, Yan, Oates. Time series classification from scratch with deep neural networks. IJCNN 2017.
    Ribeiro et al. Automatic diagnosis of the 12-lead ECG. Nat Commun 11:1760 (2020).
"""

from collections.abc import Sequence
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, Field, PositiveInt, model_validator
from torch import Tensor, nn
from torch.nn import functional

from clinmm.cases import Prepared
from clinmm.encoders.interface import Attributable, Located, Progress
from clinmm.encoders.parts.samples import (
    all_files,
    in_pieces,
    level_and_spread,
    samples_of,
    shape_facts,
)
from clinmm.readers.signal import SignalFile

FURTHEST = 20.0
"""Standardised samples beyond this are held: an electrode that falls off is no finding."""


class Config(BaseModel, frozen=True, extra="forbid"):
    """width: channels of the first stage; each next has half as many again. stages: how often the
    rate is halved, after a first stride of two. kernel: samples that a convolution spans.

    augment: in training, random shifts in time, and small changes of size and noise.
    """

    width: PositiveInt = 32
    stages: int = Field(default=4, ge=1, le=10)
    kernel: int = Field(default=7, ge=3, le=101)
    dropout: float = Field(default=0.1, ge=0, lt=1)
    augment: bool = True
    out_dim: PositiveInt = 64

    @model_validator(mode="after")
    def _kernel_has_a_middle(self) -> Self:
        if self.kernel % 2 == 0:
            raise ValueError(f"kernel: wanted an odd number of samples, got {self.kernel}.")
        return self


class Encoder(nn.Module):
    kind: ClassVar[str] = "signal"

    def __init__(self, config: Config, facts: dict[str, Any]) -> None:
        super().__init__()
        self.config, self.facts, self.out_dim = config, facts, config.out_dim
        channels, n = facts["channels"], round(facts["rate"] * facts["seconds"])
        self.shape = (channels, n)
        widths = [round(config.width * 1.5**i) for i in range(config.stages)]
        self.first = _Block(2 * channels, config.width, config, stride=2)
        befores = [config.width, *widths[:-1]]
        self.stages = nn.ModuleList(
            nn.ModuleList([_Block(a, b, config, stride=2), _Block(b, b, config)])
            for a, b in zip(befores, widths, strict=True)
        )
        self.token_dim = widths[-1]
        self.out = nn.Linear(2 * widths[-1] + 3 * channels, config.out_dim)

    @staticmethod
    def learn(config: Config, raw: Sequence[SignalFile | None], spec: Any) -> dict[str, Any]:
        """How the files are read, and each channel's mean and standard deviation."""
        facts = shape_facts(spec)
        here = [file for file in raw if file is not None]
        mean, deviation = level_and_spread(_read(here, facts), axis=1)
        return {**facts, "mean": mean, "deviation": deviation}

    def prepare(
        self, raw: Sequence[SignalFile | None], progress: Progress | None = None
    ) -> Prepared:
        """samples: (N, C, T) standardised, 0 where not measured; measured: (N, C, T) bool."""
        every = _read(raw, self.facts, progress)
        measured = np.isfinite(every)
        mean, deviation = (
            np.asarray(self.facts[key], np.float32)[:, None] for key in ("mean", "deviation")
        )
        every -= mean
        every /= deviation
        np.clip(every, -FURTHEST, FURTHEST, out=every)
        every[~measured] = 0
        return {"samples": torch.from_numpy(every), "measured": torch.from_numpy(measured)}

    def start_from(self, prepared: Prepared) -> None:
        pass

    def forward(self, samples: Tensor, measured: Tensor) -> Tensor:
        """samples: (B, C, T), measured: (B, C, T) bool. Returns (B, out_dim)."""
        return self.with_tokens(samples, measured)[0]

    def with_tokens(self, samples: Tensor, measured: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(B, out_dim), the pieces of time (B, pieces, token_dim), and in which of them anything
        was measured."""
        if self.training and self.config.augment:
            samples, measured = _moved(samples, measured)
        marks = measured.to(samples.dtype)
        samples = samples * marks
        some = measured.any(1, keepdim=True).to(samples.dtype)
        x, some = self.first(torch.cat([samples, marks], dim=1), some)
        for stage in self.stages:
            for block in stage:  # type: ignore[attr-defined]
                x, some = block(x, some)
        known = some > 0
        n = some.sum(2).clamp_min(1)
        mean = (x * some).sum(2) / n
        most = torch.where(known, x, torch.full_like(x, -torch.inf)).amax(2)
        most = torch.where(known.any(2), most, torch.zeros_like(most))
        pooled = functional.dropout(
            torch.cat([mean, most], dim=1), self.config.dropout, self.training
        )
        encoded = self.out(torch.cat([pooled, *_level(samples, marks)], dim=1))
        return encoded, (x * some).transpose(1, 2), known[:, 0]

    def attributable(self, raw: SignalFile) -> Attributable:
        """Standardised samples; the reference is each channel's mean, measured as in the case."""
        prepared = self.prepare([raw])
        samples = prepared["samples"]
        return Attributable(samples, torch.zeros_like(samples), {"measured": prepared["measured"]})

    def trunk(self, values: Tensor, fixed: dict[str, Tensor]) -> Prepared:
        return {"samples": values, "measured": fixed["measured"].expand(len(values), -1, -1)}

    def located(self, attributions: NDArray[np.float32], raw: SignalFile) -> Located:
        return in_pieces(attributions, self.facts["seconds"])


class _Block(nn.Module):
    """Two convolutions beside a straight path. What follows from nothing measured stays zero."""

    def __init__(self, before: int, after: int, config: Config, stride: int = 1) -> None:
        super().__init__()
        self.stride, pad = stride, config.kernel // 2
        self.one = nn.Conv1d(before, after, config.kernel, stride, pad, bias=False)
        self.norm_one, self.norm_two = nn.BatchNorm1d(after), nn.BatchNorm1d(after)
        self.two = nn.Conv1d(after, after, config.kernel, 1, pad, bias=False)
        self.straight = nn.Conv1d(before, after, 1) if before != after else nn.Identity()

    def forward(self, x: Tensor, some: Tensor) -> tuple[Tensor, Tensor]:
        """x: (B, before, T); some: (B, 1, T), 1 where anything was measured."""
        y = self.one(x)
        # Batch norm has no variance of one value a channel: the running statistics stand in.
        for norm in (self.norm_one, self.norm_two):
            norm.train(self.training and y.shape[0] * y.shape[2] > 1)
        y = self.norm_two(self.two(functional.relu(self.norm_one(y))))
        if self.stride > 1:
            x, some = (functional.max_pool1d(one, self.stride, ceil_mode=True) for one in (x, some))
        return functional.relu(y + self.straight(x)) * some, some


def _read(
    files: Sequence[SignalFile | None], facts: dict[str, Any], progress: Progress | None = None
) -> NDArray[np.float32]:
    shape = (facts["channels"], round(facts["rate"] * facts["seconds"]))
    settings = f"samples {[facts[key] for key in ('rate', 'channels', 'seconds')]}"
    return all_files(files, shape, settings, lambda file: samples_of(file, facts), progress)


def _level(samples: Tensor, marks: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Mean, standard deviation and measured share of each channel, (B, C) each."""
    n = marks.sum(2)
    mean = samples.sum(2) / n.clamp_min(1)
    apart = (samples - mean[..., None]) * marks
    spread = (apart.square().sum(2) / n.clamp_min(1) + 1e-6).sqrt()
    return mean, spread * (n > 0), n / samples.shape[2]


def _moved(samples: Tensor, measured: Tensor) -> tuple[Tensor, Tensor]:
    """Each case rolled in time by up to a tenth of its length, made up to 10 % larger or smaller,
    and with noise of 2 % of a deviation."""
    n, channels, length = samples.shape
    shift = (torch.rand(n, device=samples.device) * 2 - 1) * (length / 10)
    at = torch.arange(length, device=samples.device) - shift.round().long()[:, None]
    at = (at % length)[:, None].expand(-1, channels, -1)
    size = 1 + (torch.rand(n, 1, 1, device=samples.device) * 2 - 1) * 0.1
    noise = torch.randn_like(samples) * 0.02
    return samples.gather(2, at) * size + noise, measured.gather(2, at)
