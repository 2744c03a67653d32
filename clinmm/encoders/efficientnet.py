"""EfficientNet from MONAI, for pictures and for volumes.

b0 to b4 are the published depths and widths; `width` narrows them. With `width: 1` and
`channels: 3` the pictures' networks take the ImageNet weights that `weights: monai` fetches.

Source: Tan & Le, EfficientNet, ICML 2019.
"""

import re
from collections import OrderedDict
from typing import Literal

from monai.networks.nets.efficientnet import EfficientNet, efficientnet_params, url_map
from pydantic import Field
from torch import nn

from clinmm.cases import Prepared
from clinmm.encoders.parts.batch_norm import settle_batch_norm
from clinmm.encoders.parts.pixel_net import Net, PixelEncoder, PixelSettings, scaled

BLOCKS = (
    "r1_k3_s11_e1_i32_o16_se0.25",
    "r2_k3_s22_e6_i16_o24_se0.25",
    "r2_k5_s22_e6_i24_o40_se0.25",
    "r3_k3_s22_e6_i40_o80_se0.25",
    "r3_k5_s11_e6_i80_o112_se0.25",
    "r4_k5_s22_e6_i112_o192_se0.25",
    "r1_k3_s11_e6_i192_o320_se0.25",
)
"""Table 1 of the paper: r repeats, k kernel, s strides, e expansion, i and o channels."""


class Config(PixelSettings, frozen=True, extra="forbid"):
    """version: b0 to b4. width: channels as a share of the published ones."""

    version: Literal["b0", "b1", "b2", "b3", "b4"] = "b0"
    width: float = Field(default=0.5, gt=0, le=2)


def body(config: Config, dimensions: int, size: int) -> nn.Module:
    width, depth, *_ = efficientnet_params[f"efficientnet-{config.version}"]
    net = EfficientNet(
        list(BLOCKS),
        spatial_dims=dimensions,
        in_channels=config.channels,
        width_coefficient=width * config.width,
        depth_coefficient=depth,
        image_size=size,
        # The published momentum, 0.01, is for hundreds of thousands of steps.
        norm=("batch", {"eps": 1e-3, "momentum": 0.1}),
    )
    stem = ["_conv_stem_padding", "_conv_stem", "_bn0", "_swish"]
    head = ["_conv_head_padding", "_conv_head", "_bn1"]
    steps = [(name, getattr(net, name)) for name in [*stem, "_blocks", *head]]
    return nn.Sequential(OrderedDict([*steps, ("_swish_last", net._swish)]))


def offered(config: Config, dimensions: int) -> str | None:
    published = config.width == 1 and config.channels == 3 and dimensions == 2
    return str(url_map[f"efficientnet-{config.version}"]) if published else None


def same(name: str) -> str:
    """`_blocks.3._bn0.weight` of the published weights is MONAI's `_blocks.1.3._bn0.weight`."""
    return re.sub(r"_blocks\.\d+\.(\d+)\.", r"_blocks.\1.", name)


class Encoder(PixelEncoder):
    net = Net("efficientnet", body, {2: 128, 3: 48}, offered, same)

    def start_from(self, prepared: Prepared) -> None:
        """Without weights what goes in fades over so many layers, unless each is scaled first."""
        super().start_from(prepared)
        if self.pretrained is None:
            settle_batch_norm(self.body, scaled(prepared["pixels"]))
