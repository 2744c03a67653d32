"""Swin transformer from MONAI (the encoder of SwinUNETR), for pictures and for volumes.

Attention within windows that shift from layer to layer; each of four stages halves the resolution.
Weights of a SwinUNETR fit where `width`, `depths`, `heads` and `window_size` are its own
(`{width: 48, depths: [2, 2, 2, 2], heads: [3, 6, 12, 24], window_size: 7, size: 96}`).

Source: Liu et al., Swin Transformer, ICCV 2021; Hatamizadeh et al., Swin UNETR, BrainLes 2021.
"""

from monai.networks.nets.swin_unetr import SwinTransformer
from pydantic import Field, PositiveInt
from torch import Tensor, nn

from clinmm.encoders.parts.pixel_net import Net, PixelEncoder, PixelSettings

Four = tuple[PositiveInt, PositiveInt, PositiveInt, PositiveInt]


class Config(PixelSettings, frozen=True, extra="forbid"):
    """patch: side of the first patches. width: of a token of the first stage, doubled after each
    stage. depths, heads: layers and attention heads of each stage. window_size: side of a window
    in tokens. dropout: chance that a layer is passed over in training, rising to it."""

    patch: PositiveInt = 2
    width: PositiveInt = 12
    depths: Four = (2, 2, 2, 2)
    heads: Four = (1, 2, 4, 8)
    window_size: int = Field(default=4, ge=2)
    dropout: float = Field(default=0.1, ge=0, lt=1)


class Maps(nn.Module):
    """The last maps of a Swin transformer."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, pixels: Tensor) -> Tensor:
        """(B, C, ...) -> (B, 16 width, ...), of 1 / (16 patch) the side."""
        maps: Tensor = self.net(pixels)[-1]
        return maps


def body(config: Config, dimensions: int, size: int) -> nn.Module:
    net = SwinTransformer(
        in_chans=config.channels,
        embed_dim=config.width,
        window_size=[config.window_size] * dimensions,
        patch_size=[config.patch] * dimensions,
        depths=config.depths,
        num_heads=config.heads,
        drop_path_rate=config.dropout,
        spatial_dims=dimensions,
    )
    return Maps(net)


def problems(config: Config, dimensions: int, size: int) -> list[str]:
    return [
        f"width {config.width} times {2**stage} in stage {stage + 1} is no multiple of its heads, "
        f"{heads}."
        for stage, heads in enumerate(config.heads)
        if config.width * 2**stage % heads
    ]


def same(name: str) -> str:
    return name.removeprefix("net.")


class Encoder(PixelEncoder):
    net = Net("swin", body, {2: 96, 3: 48}, same=same, problems=problems)
