"""Vision transformer from MONAI, for pictures and for volumes.

Without weights it needs far more cases than a network of convolutions, which knows beforehand that
neighbours belong together.

Source: Dosovitskiy et al., An Image is Worth 16x16 Words, ICLR 2021.
"""

import torch
from monai.networks.nets import ViT
from pydantic import Field, PositiveInt
from torch import Tensor, nn

from clinmm.encoders.parts.looked_at import over_pixels, rolled_out
from clinmm.encoders.parts.pixel_net import Net, PixelEncoder, PixelSettings

PATCH = {2: 16, 3: 12}


class Config(PixelSettings, frozen=True, extra="forbid"):
    """patch: side of a patch, by default 16 pixels or 12 voxels; it must divide the size. width: of
    a token, shared out among the heads."""

    patch: PositiveInt | None = None
    width: PositiveInt = 96
    depth: PositiveInt = 4
    heads: PositiveInt = 4
    dropout: float = Field(default=0.1, ge=0, lt=1)


class Maps(nn.Module):
    """The last tokens of a ViT, laid out as the patches lie."""

    def __init__(self, net: nn.Module, dimensions: int, side: int) -> None:
        super().__init__()
        self.net, self.grid = net, [side] * dimensions

    def forward(self, pixels: Tensor) -> Tensor:
        """(B, C, ...) -> (B, width, side, side) or (B, width, side, side, side)."""
        tokens: Tensor = self.net(pixels)[0]
        return tokens.transpose(1, 2).reshape(len(tokens), -1, *self.grid)


def body(config: Config, dimensions: int, size: int) -> nn.Module:
    patch = config.patch or PATCH[dimensions]
    net = ViT(
        in_channels=config.channels,
        img_size=[size] * dimensions,
        patch_size=[patch] * dimensions,
        hidden_size=config.width,
        mlp_dim=4 * config.width,
        num_layers=config.depth,
        num_heads=config.heads,
        dropout_rate=config.dropout,
        spatial_dims=dimensions,
        qkv_bias=True,
    )
    for block in net.blocks:
        block.norm_cross_attn = nn.Identity()  # for cross attention, which is not here
    return Maps(net, dimensions, size // patch)


def problems(config: Config, dimensions: int, size: int) -> list[str]:
    patch = config.patch or PATCH[dimensions]
    found = []
    if size % patch:
        found.append(f"size {size} is no multiple of patch {patch}. Set patch or size.")
    if config.width % config.heads:
        found.append(f"width {config.width} is no multiple of heads {config.heads}.")
    return found


def same(name: str) -> str:
    return name.removeprefix("net.")


class Encoder(PixelEncoder):
    net = Net("vit", body, {2: 128, 3: 48}, same=same, problems=problems)

    def attention(self, values: Tensor, fixed: dict[str, Tensor]) -> Tensor:
        """What the mean of the last tokens takes from each patch, through all layers."""
        blocks = [block.attn for block in self.body.net.blocks]  # type: ignore[union-attr]
        for block in blocks:
            block.save_attn = True
        try:
            self(values)
            layers = [block.att_mat for block in blocks]
        finally:
            for block in blocks:
                block.save_attn, block.att_mat = False, torch.Tensor()
        return over_pixels(rolled_out(layers).mean(1), values)
