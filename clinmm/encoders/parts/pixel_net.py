"""What every network over pixels shares: reading, moving, pooling, weights, explaining.

An encoder file says which network it puts in (`Net`) and which settings that has. The network turns
pixels into maps; mean, maximum and a coarse grid of the maps become the vector, and the regions of
the maps are the parts that fusions of tokens read.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor, nn

from clinmm.cases import Prepared
from clinmm.encoders.interface import Attributable, Located, Progress
from clinmm.encoders.parts import weights
from clinmm.encoders.parts.augment import MIDDLE_GREY, moved
from clinmm.encoders.parts.batch_norm import set_mode
from clinmm.encoders.parts.pictures import as_map
from clinmm.encoders.parts.reading import Reading
from clinmm.encoders.parts.regions import coarse, regions_of, with_places
from clinmm.errors import InputError

COARSE = {2: 4, 3: 3}
"""Side of the grid on which positions are kept: which corner of a picture is blunted matters."""


class PixelSettings(Reading, frozen=True, extra="forbid"):
    """augment: small random turns, shifts and zooms in training. weights: a .safetensors, .pt or
    .pth file, or `monai` where MONAI offers weights for the network; None: trained from its first
    layer."""

    size: int | None = Field(default=None, ge=32)
    augment: bool = True
    weights: str | None = None


def scaled(pixels: Tensor) -> Tensor:
    """[0, 1] -> centred and of about unit variance, which is near ImageNet's scale too."""
    return (pixels - MIDDLE_GREY) * 4


def _nothing_offered(config: Any, dimensions: int) -> str | None:
    return None


def _no_problems(config: Any, dimensions: int, size: int) -> list[str]:
    return []


@dataclass(frozen=True)
class Net:
    """A network and what it needs.

    name: of the encoder, for errors. body: (config, dimensions, size) -> module from (B, C, ...)
    pixels, centred on 0 with about unit variance, to (B, F, ...) maps. size: default side for
    pictures (2) and volumes (3). offered: address of the weights that MONAI has for the settings.
    same: brings spellings of the names of weights together. problems: what else is wrong with
    (config, dimensions, size).
    """

    name: str
    body: Callable[[Any, int, int], nn.Module]
    size: dict[int, int]
    offered: Callable[[Any, int], str | None] = _nothing_offered
    same: Callable[[str], str] = str
    problems: Callable[[Any, int, int], list[str]] = _no_problems


class PixelEncoder(nn.Module):
    """An encoder file's `Encoder` once it names its `net`."""

    net: ClassVar[Net]
    kind: ClassVar[str] = "image"
    reads_dimensions: ClassVar[tuple[int, ...]] = (2, 3)

    def __init__(self, config: Any, facts: dict[str, Any]) -> None:
        super().__init__()
        self.config, self.facts, self.out_dim = config, facts, config.out_dim
        self.dimensions = int(facts.get("dimensions", 2))
        self.size = config.size or self.net.size[self.dimensions]
        self.body = self.net.body(config, self.dimensions, self.size)
        with torch.no_grad():
            empty = torch.zeros(1, config.channels, *[self.size] * self.dimensions)
            n_maps = self.body.eval()(empty).shape[1]
        self.token_dim = n_maps + self.dimensions
        n_cells = COARSE[self.dimensions] ** self.dimensions
        self.out = nn.Linear(n_maps * (2 + n_cells), self.out_dim)

    @classmethod
    def check(cls, config: Any, spec: Any) -> None:
        """Raises InputError where the settings do not suit pictures, or volumes, or there is no
        file of weights."""
        dimensions, name = getattr(spec, "dimensions", 2), cls.net.name
        size = config.size or cls.net.size[dimensions]
        if problems := config.problems(dimensions) + cls.net.problems(config, dimensions, size):
            raise InputError([f"{name}: {problem}" for problem in problems])
        if config.weights:
            weights.file_of(config.weights, cls.net.offered(config, dimensions), name)

    @classmethod
    def learn(cls, config: Any, raw: Sequence[Path | None], spec: Any) -> dict[str, Any]:
        """dimensions of a volume; with weights their identity and how many of them fit."""
        cls.check(config, spec)
        dimensions, name = getattr(spec, "dimensions", 2), cls.net.name
        size = config.size or cls.net.size[dimensions]
        facts: dict[str, Any] = {} if dimensions == 2 else {"dimensions": dimensions}
        if config.weights:
            file = weights.file_of(config.weights, cls.net.offered(config, dimensions), name)
            body = cls.net.body(config, dimensions, size)
            facts |= weights.facts_of_weights(body, file, name, cls.net.same)
        return facts

    @property
    def pretrained(self) -> nn.Module | None:
        return self.body if "weights_sha256" in self.facts else None

    @property
    def map_net(self) -> nn.Module:
        return self.body

    def prepare(self, raw: Sequence[Path | None], progress: Progress | None = None) -> Prepared:
        """pixels: (N, C, H, W) or (N, 1, D, H, W) in [0, 1]."""
        prepared: Prepared = self.config.read(raw, self.dimensions, self.size, progress)
        return prepared

    def start_from(self, prepared: Prepared) -> None:
        """Loads the weights. A model that was stored has its own and needs the file no more.

        Raises:
            InputError: the file is not the one from which the facts were learned.
        """
        if self.pretrained is None:
            return
        name = self.net.name
        offered = self.net.offered(self.config, self.dimensions)
        file = weights.file_of(self.config.weights, offered, name)
        if (came := weights.sha256_of_weights(file)) != self.facts["weights_sha256"]:
            raise InputError(
                f"{name}: {file} has sha256 {came}, wanted {self.facts['weights_sha256']}. "
                "It changed while the study ran: start the study again."
            )
        weights.take_weights(self.body, weights.tensors_of(file, name), self.net.same)

    def forward(self, pixels: Tensor) -> Tensor:
        """pixels: (B, C, H, W) or (B, C, D, H, W) in [0, 1]. Returns (B, out_dim)."""
        return self._vector(self._maps(pixels))

    def with_tokens(self, pixels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(vector, regions of the maps with where they lie (B, T, token_dim), all real)."""
        maps = self._maps(pixels)
        tokens = with_places(regions_of(maps), self.dimensions)
        real = torch.ones(tokens.shape[:2], dtype=torch.bool, device=tokens.device)
        return self._vector(maps), tokens, real

    def _maps(self, pixels: Tensor) -> Tensor:
        if self.training and self.config.augment:
            pixels = moved(pixels)
        pretrained = self.pretrained is not None
        set_mode(self.body, training=self.training, n_cases=len(pixels), pretrained=pretrained)
        maps: Tensor = self.body(scaled(pixels))
        return maps

    def _vector(self, maps: Tensor) -> Tensor:
        every = tuple(range(2, maps.dim()))
        pooled = [maps.mean(every), maps.amax(every)]
        grid = coarse(maps, COARSE[self.dimensions]).flatten(1)
        encoded: Tensor = self.out(torch.cat([*pooled, grid], dim=1))
        return encoded

    def attributable(self, raw: Path) -> Attributable:
        pixels = self.prepare([raw])["pixels"]
        return Attributable(pixels, torch.full_like(pixels, MIDDLE_GREY))

    def trunk(self, values: Tensor, fixed: dict[str, Tensor]) -> Prepared:
        return {"pixels": values}

    def located(self, attributions: NDArray[np.float32], raw: Path) -> Located:
        return as_map(attributions)
