"""Audio, such as a cough or a heart sound, as a log-mel picture into a small convolutional net.

The power in a short window (Hann, by Fourier transform) is summed in triangular bands that are
evenly spaced on the mel scale, and its logarithm is taken: pitch upwards, time to the right. Each
band is standardised with the training cases' mean and deviation. Three stages halve both sides;
each piece of time keeps the rows of pitch apart, and the pieces are pooled by mean and maximum over
those in which anything was recorded. In training, stripes of pitch and time are blanked.

    mel(f) = 2595 log10(1 + f / 700), f in Hz

Reference:
    Davis, Mermelstein. Comparison of parametric representations for monosyllabic word recognition.
    IEEE Trans ASSP 28:357 (1980): triangular bands.
    O'Shaughnessy. Speech communication: human and machine. 1987, p. 150: the mel scale.
    Park et al. SpecAugment. Interspeech 2019: the stripes.
"""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, Field, PositiveInt
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
from clinmm.errors import InputError
from clinmm.readers.signal import SignalFile

QUIETEST = 1e-10
"""Power below this, of full scale squared, is silence: the logarithm starts here (-100 dB)."""
FURTHEST = 5.0
STAGES = 3


class Config(BaseModel, frozen=True, extra="forbid"):
    """bands: of pitch. window_s, hop_s: length of a window and the step to the next, in seconds.
    lowest_hz: where the bands begin; they end at half the rate. width: of the first stage of the
    net, doubled with each. augment: blank stripes of pitch and time in training."""

    bands: int = Field(default=64, ge=8, le=512)
    window_s: float = Field(default=0.025, gt=0, le=10)
    hop_s: float = Field(default=0.01, gt=0, le=10)
    lowest_hz: float = Field(default=20.0, ge=0)
    width: PositiveInt = 16
    dropout: float = Field(default=0.1, ge=0, lt=1)
    augment: bool = True
    out_dim: PositiveInt = 64


class Encoder(nn.Module):
    kind: ClassVar[str] = "signal"

    def __init__(self, config: Config, facts: dict[str, Any]) -> None:
        super().__init__()
        self.config, self.facts, self.out_dim = config, facts, config.out_dim
        widths = [config.width * 2**i for i in range(STAGES)]
        befores = [facts["channels"], *widths[:-1]]
        self.stages = nn.ModuleList(
            nn.ModuleDict({"conv": nn.Conv2d(a, b, 3, 2, 1, bias=False), "norm": nn.BatchNorm2d(b)})
            for a, b in zip(befores, widths, strict=True)
        )
        n_rows = config.bands
        for _ in range(STAGES):
            n_rows = -(-n_rows // 2)
        self.token_dim = widths[-1] * n_rows
        self.out = nn.Linear(2 * self.token_dim, config.out_dim)

    @staticmethod
    def check(config: Config, spec: Any) -> None:
        """Raises InputError where the rate is too low for the lowest band, or the window longer
        than the signal."""
        facts = shape_facts(spec)
        if config.lowest_hz >= facts["rate"] / 2 or config.window_s > facts["seconds"]:
            raise InputError(
                f"log_mel: wanted lowest_hz below half of {facts['rate']:g} samples a second and a "
                f"window within {facts['seconds']:g} s; got {config.lowest_hz:g} Hz and "
                f"{config.window_s:g} s. For slow signals take conv1d."
            )

    @staticmethod
    def learn(config: Config, raw: Sequence[SignalFile | None], spec: Any) -> dict[str, Any]:
        """How the files are read, and each band's mean and standard deviation."""
        Encoder.check(config, spec)
        facts = shape_facts(spec)
        here = [file for file in raw if file is not None]
        mean, deviation = level_and_spread(_pictures(here, facts, config), axis=2)
        return {**facts, "mean": mean, "deviation": deviation}

    def prepare(
        self, raw: Sequence[SignalFile | None], progress: Progress | None = None
    ) -> Prepared:
        """picture: (N, C, bands, F) standardised, 0 where not recorded; recorded: (N, F) bool."""
        every = _pictures(raw, self.facts, self.config, progress)
        known = np.isfinite(every)
        mean, deviation = (
            np.asarray(self.facts[key], np.float32)[..., None] for key in ("mean", "deviation")
        )
        every -= mean
        every /= deviation
        np.clip(every, -FURTHEST, FURTHEST, out=every)
        every[~known] = 0
        recorded = known.any(axis=(1, 2))
        return {"picture": torch.from_numpy(every), "recorded": torch.from_numpy(recorded)}

    def start_from(self, prepared: Prepared) -> None:
        pass

    def forward(self, picture: Tensor, recorded: Tensor) -> Tensor:
        """picture: (B, C, bands, F), recorded: (B, F) bool. Returns (B, out_dim)."""
        return self.with_tokens(picture, recorded)[0]

    def with_tokens(self, picture: Tensor, recorded: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(B, out_dim), the pieces of time (B, pieces, token_dim), and in which of them anything
        was recorded."""
        x = picture
        some = recorded[:, None, None].to(x.dtype)
        if self.training and self.config.augment:
            x = _with_blanks(x)
        x = x * some
        for stage in self.stages:
            x = stage["conv"](x)  # type: ignore[index]
            # Batch norm has no variance of one value a channel: the running statistics stand in.
            norm = stage["norm"]  # type: ignore[index]
            norm.train(self.training and x.shape[0] * x.shape[2] * x.shape[3] > 1)
            some = functional.max_pool2d(some, (1, 2), ceil_mode=True)
            x = functional.relu(norm(x)) * some
        pieces, known = x.flatten(1, 2).transpose(1, 2), some[:, 0, 0, :, None] > 0
        mean = pieces.sum(1) / known.sum(1).clamp_min(1)
        most = torch.where(known, pieces, torch.full_like(pieces, -torch.inf)).amax(1)
        most = torch.where(known.any(1), most, torch.zeros_like(most))
        pooled = functional.dropout(
            torch.cat([mean, most], dim=1), self.config.dropout, self.training
        )
        return self.out(pooled), pieces, known[..., 0]

    def attributable(self, raw: SignalFile) -> Attributable:
        """The standardised picture; the reference is each band's mean over the training cases."""
        prepared = self.prepare([raw])
        picture = prepared["picture"]
        return Attributable(picture, torch.zeros_like(picture), {"recorded": prepared["recorded"]})

    def trunk(self, values: Tensor, fixed: dict[str, Tensor]) -> Prepared:
        return {"picture": values, "recorded": fixed["recorded"].expand(len(values), -1)}

    def located(self, attributions: NDArray[np.float32], raw: SignalFile) -> Located:
        """A piece of time has the score of all its bands."""
        return in_pieces(attributions.sum(1), self.facts["seconds"])


def mel_filters(rate: float, n_fft: int, bands: int, lowest_hz: float) -> NDArray[np.float64]:
    """(bands, n_fft // 2 + 1) weights of each frequency in each band: triangles from the centre of
    the band below to that of the band above, their tops 1."""
    highest = 2595 * np.log10(1 + rate / 2 / 700)
    lowest = 2595 * np.log10(1 + lowest_hz / 700)
    edges = 700 * (10 ** (np.linspace(lowest, highest, bands + 2) / 2595) - 1)
    frequency = np.arange(n_fft // 2 + 1) * rate / n_fft
    low, top, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    rising, falling = (frequency - low) / (top - low), (high - frequency) / (high - top)
    weights: NDArray[np.float64] = np.clip(np.minimum(rising, falling), 0, None)
    return weights


def log_mel_picture(
    samples: NDArray[np.float32], rate: float, config: Config
) -> NDArray[np.float32]:
    """(C, bands, F) natural logarithm of the mean power in each band, from samples (C, T) at
    `rate`; NaN for windows in which nothing was recorded. Window f begins at f * hop.

    The Fourier transform is padded so that no band lies between two of its frequencies.
    """
    n_window, hop = max(2, round(config.window_s * rate)), max(1, round(config.hop_s * rate))
    n_fft = _n_fft(rate, n_window, config)
    filters = mel_filters(rate, n_fft, config.bands, config.lowest_hz)
    window = np.hanning(n_window + 1)[:-1]
    known = np.isfinite(samples)
    pieces = np.lib.stride_tricks.sliding_window_view(np.where(known, samples, 0), n_window, 1)
    spectrum = np.abs(np.fft.rfft(pieces[:, ::hop] * window, n_fft)) ** 2 / np.square(window).sum()
    power = spectrum @ (filters / filters.sum(1, keepdims=True)).T  # (C, F, bands)
    picture = np.log(np.maximum(power, QUIETEST)).astype(np.float32).transpose(0, 2, 1)
    any_known = np.lib.stride_tricks.sliding_window_view(known.any(0), n_window)[::hop].any(1)
    return np.where(any_known, picture, np.float32(np.nan))


def _n_fft(rate: float, n_window: int, config: Config) -> int:
    """A power of two, at least the window; doubled until every band has a frequency of its own."""
    n_fft: int = 2 ** int(np.ceil(np.log2(n_window)))
    while n_fft < 2**20:
        if mel_filters(rate, n_fft, config.bands, config.lowest_hz).sum(1).min() > 0:
            break
        n_fft *= 2
    return n_fft


def _pictures(
    files: Sequence[SignalFile | None],
    facts: dict[str, Any],
    config: Config,
    progress: Progress | None = None,
) -> NDArray[np.float32]:
    rate, n_samples = facts["rate"], round(facts["rate"] * facts["seconds"])
    n_window, hop = max(2, round(config.window_s * rate)), max(1, round(config.hop_s * rate))
    shape = (facts["channels"], config.bands, (n_samples - n_window) // hop + 1)
    read = [facts[key] for key in ("rate", "channels", "seconds")]
    drawn = [config.bands, config.window_s, config.hop_s, config.lowest_hz]
    return all_files(
        files,
        shape,
        f"log mel 1 {read} {drawn}",
        lambda file: log_mel_picture(samples_of(file, facts), rate, config),
        progress,
    )


def _with_blanks(picture: Tensor) -> Tensor:
    """Of each case up to an eighth of the bands and of the time set to the mean, in one stripe."""
    n, _, bands, frames = picture.shape
    draw = torch.rand(n, 4, 1, device=picture.device)
    kept = []
    for size, (start, width) in ((bands, draw[:, :2].unbind(1)), (frames, draw[:, 2:].unbind(1))):
        at = (torch.arange(size, device=picture.device) + 0.5) / size
        begins, reach = start * (7 / 8), width / 8
        kept.append((at < begins) | (at >= begins + reach))
    mask = kept[0][:, None, :, None] & kept[1][:, None, None, :]
    return picture * mask
