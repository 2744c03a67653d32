"""DenseNet from MONAI, for pictures and for volumes.

The default is a small net for 128 pixels, or 48 voxels, a side (hundreds of images a second on two
cores); DenseNet-121 is `{init_features: 64, growth_rate: 32, block_config: [6, 12, 24, 16],
size: 224}`, and takes torchvision's weights with `channels: 3`. Whether it is two- or
three-dimensional follows from the cohort file.

Source: Huang et al., Densely Connected Convolutional Networks, CVPR 2017.
"""

from collections import OrderedDict

from monai.networks.nets import DenseNet
from pydantic import Field, PositiveInt
from torch import nn

from clinmm.encoders.parts.pixel_net import Net, PixelEncoder, PixelSettings

IMAGENET: dict[tuple[int, ...], str] = {
    (6, 12, 24, 16): "https://download.pytorch.org/models/densenet121-a639ec97.pth",
    (6, 12, 32, 32): "https://download.pytorch.org/models/densenet169-b2777c0a.pth",
    (6, 12, 48, 32): "https://download.pytorch.org/models/densenet201-c1103571.pth",
}
"""Blocks -> weights, as in monai.networks.nets.densenet."""


class Config(PixelSettings, frozen=True, extra="forbid"):
    """init_features: maps of the first layer. growth_rate: maps that a layer adds. block_config:
    layers of each block."""

    init_features: PositiveInt = 16
    growth_rate: PositiveInt = 8
    block_config: tuple[PositiveInt, ...] = (2, 2, 2, 2)
    dropout: float = Field(default=0.0, ge=0, lt=1)


def body(config: Config, dimensions: int, size: int) -> nn.Module:
    features = DenseNet(
        spatial_dims=dimensions,
        in_channels=config.channels,
        out_channels=1,
        init_features=config.init_features,
        growth_rate=config.growth_rate,
        block_config=config.block_config,
        dropout_prob=config.dropout,
    ).features
    return nn.Sequential(OrderedDict([*features.named_children(), ("relu_last", nn.ReLU())]))


def offered(config: Config, dimensions: int) -> str | None:
    published = (config.init_features, config.growth_rate, config.channels) == (64, 32, 3)
    return IMAGENET.get(config.block_config) if published and dimensions == 2 else None


def same(name: str) -> str:
    """torchvision's `denselayer1.norm1.weight` and its older `denselayer1.norm.1.weight` are
    MONAI's `denselayer1.layers.norm1.weight`."""
    name = name.replace(".layers.", ".")
    return name.replace(".norm.", ".norm").replace(".conv.", ".conv")


class Encoder(PixelEncoder):
    net = Net("densenet", body, {2: 128, 3: 48}, offered, same)
