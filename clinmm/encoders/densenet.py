"""DenseNet from MONAI, trained from its first layer.

The default is a small net for 128 pixels (hundreds of images a second on two cores); DenseNet-121
is `{init_features: 64, growth_rate: 32, block_config: [6, 12, 24, 16], size: 224}`.

Source: Huang et al., Densely Connected Convolutional Networks, CVPR 2017.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from monai.networks.layers import AffineTransform
from monai.networks.nets import DenseNet
from numpy.typing import NDArray
from pydantic import BaseModel, Field, PositiveInt
from torch import Tensor, nn
from torch.nn import functional

from clinmm.cases import Prepared
from clinmm.encoders.interface import Attributable, Located, Progress
from clinmm.encoders.pictures import as_map, pixels_of

COARSE = 4
"""Side of the grid on which positions are kept: which corner of a picture is blunted matters."""
MIDDLE_GREY = 0.5
"""Pixels are centred on it; a picture of middle grey is the reference of explanations."""


class Config(BaseModel, frozen=True, extra="forbid"):
    """size: side in pixels; augment: small random turns, shifts and zooms in training."""

    size: int = Field(default=128, ge=32)
    channels: int = Field(default=1, ge=1, le=3)
    init_features: PositiveInt = 16
    growth_rate: PositiveInt = 8
    block_config: tuple[PositiveInt, ...] = (2, 2, 2, 2)
    dropout: float = Field(default=0.0, ge=0, lt=1)
    augment: bool = True
    out_dim: PositiveInt = 64


class Encoder(nn.Module):
    kind: ClassVar[str] = "image"

    def __init__(self, config: Config, facts: dict[str, Any]) -> None:
        super().__init__()
        self.config, self.facts, self.out_dim = config, facts, config.out_dim
        self.maps = DenseNet(
            spatial_dims=2,
            in_channels=config.channels,
            out_channels=1,
            init_features=config.init_features,
            growth_rate=config.growth_rate,
            block_config=config.block_config,
            dropout_prob=config.dropout,
        ).features
        with torch.no_grad():
            empty = torch.zeros(1, config.channels, config.size, config.size)
            n_maps = self.maps.eval()(empty).shape[1]
        self.out = nn.Linear(n_maps * (2 + COARSE * COARSE), config.out_dim)
        self.move = AffineTransform(
            normalized=True, padding_mode="border", align_corners=False, reverse_indexing=False
        )

    @staticmethod
    def learn(config: Config, raw: Sequence[Path | None], spec: Any) -> dict[str, Any]:
        return {}

    def prepare(self, raw: Sequence[Path | None], progress: Progress | None = None) -> Prepared:
        return {"pixels": pixels_of(raw, self.config.size, self.config.channels, progress)}

    def start_from(self, prepared: Prepared) -> None:
        pass

    def forward(self, pixels: Tensor) -> Tensor:
        """pixels: (B, C, H, W) in [0, 1]. Returns (B, out_dim)."""
        if self.training and self.config.augment:
            pixels = self._moved(pixels)
        # Centred and scaled to about unit variance.
        maps = functional.relu(self.maps((pixels - MIDDLE_GREY) * 4))
        pooled = [maps.mean((2, 3)), maps.amax((2, 3))]
        grid = functional.adaptive_avg_pool2d(maps, COARSE).flatten(1)
        encoded: Tensor = self.out(torch.cat([*pooled, grid], dim=1))
        return encoded

    def _moved(self, pixels: Tensor) -> Tensor:
        """Each picture turned by up to 8 degrees, zoomed and shifted by up to 8 %, and its
        brightness and contrast changed by up to 10 %."""
        n = len(pixels)
        draw = torch.rand(n, 6, device=pixels.device) * 2 - 1
        angle, zoom = draw[:, 0] * (8 * torch.pi / 180), 1 + draw[:, 1] * 0.08
        theta = torch.zeros(n, 2, 3, device=pixels.device)
        theta[:, 0, 0] = theta[:, 1, 1] = torch.cos(angle) * zoom
        theta[:, 0, 1], theta[:, 1, 0] = -torch.sin(angle) * zoom, torch.sin(angle) * zoom
        theta[:, :, 2] = draw[:, 2:4] * 0.08
        moved = self.move(pixels, theta)
        contrast, brightness = 1 + draw[:, 4] * 0.1, draw[:, 5] * 0.1
        changed: Tensor = (moved - MIDDLE_GREY) * contrast.view(-1, 1, 1, 1) + (
            MIDDLE_GREY + brightness.view(-1, 1, 1, 1)
        )
        return changed

    def attributable(self, raw: Path) -> Attributable:
        pixels = self.prepare([raw])["pixels"]
        return Attributable(pixels, torch.full_like(pixels, MIDDLE_GREY))

    def trunk(self, values: Tensor, fixed: dict[str, Tensor]) -> Prepared:
        return {"pixels": values}

    def located(self, attributions: NDArray[np.float32], raw: Path) -> Located:
        return as_map(attributions)
