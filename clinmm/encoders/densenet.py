"""DenseNet from MONAI, trained from its first layer, for pictures and for volumes.

The default is a small net for 128 pixels, or 48 voxels, a side (hundreds of images a second on two
cores); DenseNet-121 is `{init_features: 64, growth_rate: 32, block_config: [6, 12, 24, 16],
size: 224}`. Whether it is two- or three-dimensional follows from the cohort file.

Source: Huang et al., Densely Connected Convolutional Networks, CVPR 2017.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import torch
from monai.networks.layers import AffineTransform
from monai.networks.nets import DenseNet
from numpy.typing import NDArray
from pydantic import BaseModel, Field, PositiveInt, model_validator
from torch import Tensor, nn
from torch.nn import functional

from clinmm.cases import Prepared
from clinmm.encoders.interface import Attributable, Located, Progress
from clinmm.encoders.pictures import as_map, pixels_of, voxels_of
from clinmm.errors import InputError

DEFAULT_SIZE = {2: 128, 3: 48}
COARSE = {2: 4, 3: 3}
"""Side of the grid on which positions are kept: which corner of a picture is blunted matters."""
MIDDLE_GREY = 0.5
"""Pixels are centred on it; a picture of middle grey is the reference of explanations."""


class Config(BaseModel, frozen=True, extra="forbid"):
    """size: side in pixels or voxels, by default 128 for pictures and 48 for volumes.

    channels: 1 grey or 3 colour; a volume has 1. window: values of a volume that become black and
    white; by default -1000 to 1000 Hounsfield units for CT, else the 0.5th to 99.5th percentile.
    augment: small random turns, shifts and zooms in training.
    """

    size: int | None = Field(default=None, ge=32)
    window: tuple[float, float] | None = None
    channels: int = Field(default=1, ge=1, le=3)
    init_features: PositiveInt = 16
    growth_rate: PositiveInt = 8
    block_config: tuple[PositiveInt, ...] = (2, 2, 2, 2)
    dropout: float = Field(default=0.0, ge=0, lt=1)
    augment: bool = True
    out_dim: PositiveInt = 64

    @model_validator(mode="after")
    def _window_rises(self) -> Self:
        if self.window and not self.window[0] < self.window[1]:
            raise ValueError(f"window: wanted [low, high], got {list(self.window)}.")
        return self


class Encoder(nn.Module):
    kind: ClassVar[str] = "image"
    reads_dimensions: ClassVar[tuple[int, ...]] = (2, 3)

    def __init__(self, config: Config, facts: dict[str, Any]) -> None:
        super().__init__()
        self.config, self.facts, self.out_dim = config, facts, config.out_dim
        self.dimensions = int(facts.get("dimensions", 2))
        self.size = config.size or DEFAULT_SIZE[self.dimensions]
        self.maps = DenseNet(
            spatial_dims=self.dimensions,
            in_channels=config.channels,
            out_channels=1,
            init_features=config.init_features,
            growth_rate=config.growth_rate,
            block_config=config.block_config,
            dropout_prob=config.dropout,
        ).features
        with torch.no_grad():
            empty = torch.zeros(1, config.channels, *[self.size] * self.dimensions)
            n_maps = self.maps.eval()(empty).shape[1]
        self.out = nn.Linear(
            n_maps * (2 + COARSE[self.dimensions] ** self.dimensions), self.out_dim
        )
        self.move = AffineTransform(
            normalized=True, padding_mode="border", align_corners=False, reverse_indexing=False
        )

    @staticmethod
    def learn(config: Config, raw: Sequence[Path | None], spec: Any) -> dict[str, Any]:
        dimensions = getattr(spec, "dimensions", 2)
        if dimensions == 2 and config.window is not None:
            raise InputError("densenet: window is for volumes (dimensions: 3). Leave it out.")
        if dimensions == 3 and config.channels != 1:
            raise InputError(f"densenet: a volume has 1 channel, got channels {config.channels}.")
        return {} if dimensions == 2 else {"dimensions": dimensions}

    def prepare(self, raw: Sequence[Path | None], progress: Progress | None = None) -> Prepared:
        if self.dimensions == 3:
            return {"pixels": voxels_of(raw, self.size, self.config.window, progress)}
        return {"pixels": pixels_of(raw, self.size, self.config.channels, progress)}

    def start_from(self, prepared: Prepared) -> None:
        pass

    def forward(self, pixels: Tensor) -> Tensor:
        """pixels: (B, C, H, W) or (B, C, D, H, W) in [0, 1]. Returns (B, out_dim)."""
        if self.training and self.config.augment:
            pixels = self._moved(pixels)
        # Batch norm has no variance of one value a channel: the running statistics stand in.
        self.maps.train(self.training and len(pixels) > 1)
        # Centred and scaled to about unit variance.
        maps = functional.relu(self.maps((pixels - MIDDLE_GREY) * 4))
        every = tuple(range(2, maps.dim()))
        pooled = [maps.mean(every), maps.amax(every)]
        coarse = COARSE[self.dimensions]
        if self.dimensions == 3:
            grid = functional.adaptive_avg_pool3d(maps, coarse).flatten(1)
        else:
            grid = functional.adaptive_avg_pool2d(maps, coarse).flatten(1)
        encoded: Tensor = self.out(torch.cat([*pooled, grid], dim=1))
        return encoded

    def _moved(self, pixels: Tensor) -> Tensor:
        """Each picture turned by up to 8 degrees, zoomed and shifted by up to 8 %, and its
        brightness and contrast changed by up to 10 %. A volume is turned within its slices."""
        n, d = len(pixels), self.dimensions
        draw = torch.rand(n, 4 + d, device=pixels.device) * 2 - 1
        angle, zoom = draw[:, 0] * (8 * torch.pi / 180), 1 + draw[:, 1] * 0.08
        theta = torch.zeros(n, d, d + 1, device=pixels.device)  # x, y and, for volumes, z
        theta[:, 0, 0] = theta[:, 1, 1] = torch.cos(angle) * zoom
        theta[:, 0, 1], theta[:, 1, 0] = -torch.sin(angle) * zoom, torch.sin(angle) * zoom
        if d == 3:
            theta[:, 2, 2] = zoom
        theta[:, :, d] = draw[:, 2 : 2 + d] * 0.08
        moved = self.move(pixels, theta)
        each = (-1, *[1] * (d + 1))
        contrast, brightness = 1 + draw[:, 2 + d] * 0.1, draw[:, 3 + d] * 0.1
        changed: Tensor = (moved - MIDDLE_GREY) * contrast.view(each) + (
            MIDDLE_GREY + brightness.view(each)
        )
        return changed

    def attributable(self, raw: Path) -> Attributable:
        pixels = self.prepare([raw])["pixels"]
        return Attributable(pixels, torch.full_like(pixels, MIDDLE_GREY))

    def trunk(self, values: Tensor, fixed: dict[str, Tensor]) -> Prepared:
        return {"pixels": values}

    def located(self, attributions: NDArray[np.float32], raw: Path) -> Located:
        return as_map(attributions)
