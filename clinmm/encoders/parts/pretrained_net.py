"""What every pretrained network over pictures shares: frozen with cached features, or trained on.

Frozen, the network is one of the process, its features are computed once per content and kept on
disk. Released, each model has a copy of its own, reads pixels, and stores it with its weights.
Either way a `Projection` that starts at the principal components of the training cases' features
stands between the network and the fusion.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, Field, PositiveInt
from torch import Tensor, nn

from clinmm.cases import Prepared
from clinmm.encoders.interface import Attributable, Located, Progress
from clinmm.encoders.parts.augment import moved
from clinmm.encoders.parts.batch_norm import set_mode
from clinmm.encoders.parts.feature_cache import cached
from clinmm.encoders.parts.pictures import as_map, pixels_of
from clinmm.encoders.parts.projection import Projection
from clinmm.encoders.parts.regions import regions_of, with_places
from clinmm.encoders.parts.release import Train, trains
from clinmm.errors import InputError
from clinmm.readers import READER_VERSION
from clinmm.readers.cache import content_of

AT_ONCE = 16
START_CASES = 1000
"""Training cases whose features set the start of a released network's projection, at most."""
BLUR = 0.09
"""Standard deviation of the blur in the reference of explanations, as a share of the side."""


class PretrainedSettings(BaseModel, frozen=True, extra="forbid"):
    """train: frozen, released, or auto, which releases from so many training cases on (see
    `parts/release.py`). augment: small random turns, shifts and zooms where it is released.
    regions: side of the grid of regions for fusions that read tokens; 0: the picture as a whole.
    """

    train: Train = "auto"
    augment: bool = True
    regions: int = Field(default=0, ge=0, le=8)
    out_dim: PositiveInt = 32


@dataclass(frozen=True)
class Pretrained:
    """A network with weights.

    name: of the encoder, for errors. load: config -> (body, JSON facts), shared by the process and
    not to be changed; a body turns (B, C, H, W) pixels in [0, 1] into (whole (B, W), maps
    (B, F, h, w)), W may be 0; the facts have `weights`, which identifies them, `size`, `channels`,
    and from `shape_of` `n_whole`, `n_maps`, `side`. bare: (config, facts) -> a body of the same
    shape without its weights.
    """

    name: str
    load: Callable[[Any], tuple[nn.Module, dict[str, Any]]]
    bare: Callable[[Any, dict[str, Any]], nn.Module]


def shape_of(body: nn.Module, channels: int, size: int) -> dict[str, int]:
    """What a body gives for pictures of this size: values of the whole, maps, side of the maps."""
    with torch.no_grad():
        whole, maps = body.eval()(torch.zeros(1, channels, size, size))
    return {"n_whole": whole.shape[1], "n_maps": maps.shape[1], "side": min(maps.shape[2:])}


def seen_by(body: nn.Module, pixels: Tensor, regions: int) -> tuple[Tensor, Tensor]:
    """(features (B, F): the whole, then the mean of the maps; regions (B, T, maps), T 0 or more)"""
    whole, maps = body(pixels)
    features = torch.cat([whole, maps.mean((2, 3))], 1)
    if not regions:
        return features, maps.new_zeros(len(maps), 0, maps.shape[1])
    return features, regions_of(maps, regions)


class PretrainedEncoder(nn.Module):
    """An encoder file's `Encoder` once it names its `net`.

    stand_in: a network to ask instead of the one that the process shares, such as a copy without
    what it learned; its features are not kept.
    """

    net: ClassVar[Pretrained]
    kind: ClassVar[str] = "image"
    reads_dimensions: ClassVar[tuple[int, ...]] = (2,)

    def __init__(self, config: Any, facts: dict[str, Any]) -> None:
        super().__init__()
        self.config, self.facts, self.out_dim = config, facts, config.out_dim
        self.size, self.n_whole, self.n_maps = (facts[k] for k in ("size", "n_whole", "n_maps"))
        self.n_regions = min(config.regions, facts["side"]) ** 2
        self.token_dim = config.out_dim + (2 if self.n_regions else 0)
        self.project = Projection(self.n_whole + self.n_maps, config.out_dim)
        self.body: nn.Module | None = None
        self.stand_in: nn.Module | None = None
        if facts["train"] == "released":
            self.body = self.net.bare(config, facts)
            _hold_unused(self.body, facts["channels"], self.size)

    @classmethod
    def learn(cls, config: Any, raw: Sequence[Path | None], spec: Any) -> dict[str, Any]:
        """What identifies the network, its shape, and whether it is trained (`train`, `why`)."""
        if getattr(spec, "dimensions", 2) == 3:
            raise InputError(
                f"{cls.net.name} reads pictures, the input is a volume (dimensions: 3). "
                "Use densenet or resnet for it."
            )
        decision, why = trains(config.train, sum(path is not None for path in raw))
        return cls.net.load(config)[1] | {"train": decision, "why": why}

    @property
    def pretrained(self) -> nn.Module | None:
        return self.body

    @property
    def map_net(self) -> nn.Module:
        return self._network()

    @property
    def held(self) -> bool:
        """Whether the network is the one that the process shares."""
        return self.body is None

    def _network(self) -> nn.Module:
        """The body that computes features: the model's own, its stand-in, or the one that the
        process shares.

        Raises:
            InputError: the weights at hand are not those of the facts.
        """
        if self.body is not None:
            return self.body
        return self.stand_in if self.stand_in is not None else self._shared()

    def shared_network(self) -> nn.Module | None:
        """What `stand_in` would stand in for; None where the model has a body of its own."""
        return self._shared() if self.body is None else None

    def _shared(self) -> nn.Module:
        body, facts = self.net.load(self.config)
        if facts["weights"] != self.facts["weights"]:
            raise InputError(
                f"{self.net.name}: the weights at hand are {facts['weights']}, but this model was "
                f"trained on {self.facts['weights']}. Put those back, or train again."
            )
        return body

    def prepare(self, raw: Sequence[Path | None], progress: Progress | None = None) -> Prepared:
        """Released: pixels (N, C, H, W) in [0, 1]. Frozen: features (N, F) and, where they are
        asked for, regions (N, T, maps)."""
        if self.body is not None:
            return {"pixels": pixels_of(raw, self.size, self.facts["channels"], progress)}
        if self.stand_in is not None:
            return self._split(self._features(raw, progress))
        side = min(self.config.regions, self.facts["side"])
        network = f"{self.net.name} {self.facts['weights']} size {self.size} regions {side} "
        contents = [None if path is None else str(content_of(path)) for path in raw]
        both = cached(
            f"{network} reader {READER_VERSION}", contents, lambda: self._features(raw, progress)
        )
        return self._split(both)

    def _split(self, both: Tensor) -> Prepared:
        """(N, F + T maps) -> features and regions."""
        n_features = self.n_whole + self.n_maps
        if not self.n_regions:
            return {"features": both}
        regions = both[:, n_features:].reshape(len(both), self.n_regions, self.n_maps)
        return {"features": both[:, :n_features], "regions": regions}

    def _features(self, raw: Sequence[Path | None], progress: Progress | None) -> Tensor:
        width = self.n_whole + self.n_maps * (1 + self.n_regions)
        both = torch.zeros(len(raw), width)
        rows = [row for row, path in enumerate(raw) if path is not None]
        for first in range(0, len(rows), AT_ONCE):
            some = rows[first : first + AT_ONCE]
            with torch.no_grad():
                both[some] = self._both(self._pixels([raw[i] for i in some]))
            if progress:
                progress(first + len(some), len(rows))
        return both

    def _both(self, pixels: Tensor) -> Tensor:
        features, regions = seen_by(self._network().to(pixels.device), pixels, self.config.regions)
        return torch.cat([features, regions.flatten(1)], 1)

    def _pixels(self, raw: Sequence[Path | None]) -> Tensor:
        # Features are kept, so pixels need not be.
        return pixels_of(raw, self.size, self.facts["channels"], keep=False)

    def start_from(self, prepared: Prepared) -> None:
        """The projection starts at the principal components; a released body at its weights."""
        if self.body is None:
            self.project.start_from(prepared["features"])
            return
        self.body.load_state_dict(self._shared().state_dict())
        pixels = prepared["pixels"]
        spread = np.linspace(0, len(pixels) - 1, min(len(pixels), START_CASES)).astype(int)
        self.body.eval()
        with torch.no_grad():
            parts = torch.split(torch.from_numpy(spread), AT_ONCE)
            features = [seen_by(self.body, pixels[part], 0)[0] for part in parts]
        self.project.start_from(torch.cat(features))

    def forward(self, **prepared: Tensor) -> Tensor:
        """pixels: (B, C, H, W) in [0, 1], or features: (B, F). Returns (B, out_dim)."""
        encoded: Tensor = self.project(self._seen(**prepared)[0])
        return encoded

    def with_tokens(self, **prepared: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(vector, regions through the same projection with where they lie (B, T, token_dim), all
        real); without regions the only token is the vector."""
        features, regions = self._seen(**prepared)
        vector: Tensor = self.project(features)
        tokens = vector[:, None]
        if self.n_regions:
            whole = features[:, None, : self.n_whole].expand(-1, self.n_regions, -1)
            tokens = with_places(self.project(torch.cat([whole, regions], -1)), 2)
        real = torch.ones(tokens.shape[:2], dtype=torch.bool, device=tokens.device)
        return vector, tokens, real

    def _seen(self, **prepared: Tensor) -> tuple[Tensor, Tensor]:
        if self.body is None:
            features = prepared["features"]
            return features, prepared.get("regions", features)
        pixels = prepared["pixels"]
        if self.training and self.config.augment:
            pixels = moved(pixels)
        set_mode(self.body, training=self.training, n_cases=len(pixels), pretrained=True)
        return seen_by(self.body, pixels, self.config.regions)

    def attributable(self, raw: Path) -> Attributable:
        """Pixels; the reference is the same picture without detail.

        A plain reference leads the path through pictures unlike any that the network has seen,
        where its output swings by tens of logits and no number of steps adds up.
        """
        from monai.networks.layers import GaussianFilter

        pixels = self._pixels([raw])
        return Attributable(pixels, GaussianFilter(2, sigma=BLUR * self.size)(pixels))

    def trunk(self, values: Tensor, fixed: dict[str, Tensor]) -> Prepared:
        return {"pixels": values} if self.body is not None else self._split(self._both(values))

    def located(self, attributions: NDArray[np.float32], raw: Path) -> Located:
        return as_map(attributions)


def _hold_unused(body: nn.Module, channels: int, size: int) -> None:
    """Parameters on which the output does not depend, such as those of a pooler that is not read,
    are not trained, so that weight decay does not move them either."""
    whole, maps = body.eval()(torch.zeros(1, channels, size, size))
    trained = [p for p in body.parameters() if p.requires_grad]
    gradients = torch.autograd.grad(whole.sum() + maps.sum(), trained, allow_unused=True)
    for parameter, gradient in zip(trained, gradients, strict=True):
        parameter.requires_grad_(gradient is not None)
