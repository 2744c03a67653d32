"""ResNet from MONAI, for pictures and for volumes.

The default is ResNet-10 with a quarter of the published width. With `width: 64` it has the sizes,
and the names of weights, of torchvision's ResNets (pictures, `channels: 3`) and of MedicalNet
(volumes), whose weights `weights: monai` fetches.

Source: He et al., Deep Residual Learning for Image Recognition, CVPR 2016. Volumes: Hara et al.,
Can Spatiotemporal 3D CNNs Retrace the History of 2D CNNs and ImageNet?, CVPR 2018. MedicalNet:
Chen et al., Med3D, arXiv 1904.00625 (2019).
"""

from collections import OrderedDict
from typing import Literal

from monai.networks.nets.resnet import ResNet, resnet_params
from pydantic import PositiveInt
from torch import nn

from clinmm.encoders.parts.pixel_net import Net, PixelEncoder, PixelSettings
from clinmm.encoders.parts.weights import MONAI

PUBLISHED_WIDTH = 64
MEDICALNET = (
    "https://huggingface.co/TencentMedicalNet/MedicalNet-Resnet{0}/resolve/main/"
    "resnet_{0}_23dataset.pth"
)


class Config(PixelSettings, frozen=True, extra="forbid"):
    """depth: layers. width: maps of the first stage, doubled at each of the next three."""

    depth: Literal[10, 18, 34, 50] = 10
    width: PositiveInt = 16


def body(config: Config, dimensions: int, size: int) -> nn.Module:
    block, layers, shortcut, *_ = resnet_params[f"resnet{config.depth}"]
    net = ResNet(
        block,
        layers,
        [config.width * factor for factor in (1, 2, 4, 8)],
        spatial_dims=dimensions,
        n_input_channels=config.channels,
        conv1_t_stride=2,
        feed_forward=False,
        bias_downsample=False,
        # MedicalNet's 18 and 34 have shortcuts without weights, through which MONAI passes no
        # gradient: only for the weights that were made with them.
        shortcut_type=shortcut if config.weights == MONAI else "B",
    )
    pooled = ("avgpool", "fc")
    return nn.Sequential(OrderedDict((n, m) for n, m in net.named_children() if n not in pooled))


def offered(config: Config, dimensions: int) -> str | None:
    published = config.width == PUBLISHED_WIDTH and dimensions == 3
    return MEDICALNET.format(config.depth) if published else None


class Encoder(PixelEncoder):
    net = Net("resnet", body, {2: 128, 3: 48}, offered)
