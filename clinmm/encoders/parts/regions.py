"""Feature maps -> the regions of a picture, each with where it lies."""

import torch
from torch import Tensor
from torch.nn import functional

MOST_A_SIDE = {2: 8, 3: 4}
"""Regions along each axis of a picture and of a volume: 64 at most."""


def coarse(maps: Tensor, side: int) -> Tensor:
    """(B, F, H, W) or (B, F, D, H, W) -> the same with `side` cells along each axis, averaged."""
    if maps.dim() == 5:
        return functional.adaptive_avg_pool3d(maps, side)
    return functional.adaptive_avg_pool2d(maps, side)


def regions_of(maps: Tensor, most: int | None = None) -> Tensor:
    """(B, T, F): one row per region, in reading order.

    Args:
        maps: (B, F, H, W) or (B, F, D, H, W).
        most: regions along each axis, by default MOST_A_SIDE; a coarser map stays as it is.
    """
    side = min(most or MOST_A_SIDE[maps.dim() - 2], *maps.shape[2:])
    return coarse(maps, side).flatten(2).transpose(1, 2)


def with_places(regions: Tensor, dimensions: int) -> Tensor:
    """(B, T, F) -> (B, T, F + dimensions): the centre of each region on the scale -1 to 1."""
    side = round(regions.shape[1] ** (1 / dimensions))
    centres = (torch.arange(side, device=regions.device, dtype=regions.dtype) * 2 + 1) / side - 1
    grid = torch.stack(torch.meshgrid(*[centres] * dimensions, indexing="ij"), -1)
    places = grid.view(1, -1, dimensions).expand(len(regions), -1, -1)
    return torch.cat([regions, places], -1)
