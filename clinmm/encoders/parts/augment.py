"""Small random turns, shifts, zooms and changes of grey for pictures and volumes in training."""

import torch
from torch import Tensor

MIDDLE_GREY = 0.5
"""Pixels are centred on it; a picture of middle grey is the reference of explanations."""


def moved(pixels: Tensor) -> Tensor:
    """Each picture turned by up to 8 degrees, zoomed and shifted by up to 8 %, and its brightness
    and contrast changed by up to 10 %. A volume is turned within its slices.

    Args:
        pixels: (B, C, H, W) or (B, C, D, H, W) in [0, 1]; beyond its border it is continued.

    Returns:
        The same shape. Drawn from torch's global generator, which training seeds.
    """
    from monai.networks.layers import AffineTransform

    n, d = len(pixels), pixels.dim() - 2
    draw = torch.rand(n, 4 + d, device=pixels.device) * 2 - 1
    angle, zoom = draw[:, 0] * (8 * torch.pi / 180), 1 + draw[:, 1] * 0.08
    theta = torch.zeros(n, d, d + 1, device=pixels.device)  # x, y and, for volumes, z
    theta[:, 0, 0] = theta[:, 1, 1] = torch.cos(angle) * zoom
    theta[:, 0, 1], theta[:, 1, 0] = -torch.sin(angle) * zoom, torch.sin(angle) * zoom
    if d == 3:
        theta[:, 2, 2] = zoom
    theta[:, :, d] = draw[:, 2 : 2 + d] * 0.08
    move = AffineTransform(
        normalized=True, padding_mode="border", align_corners=False, reverse_indexing=False
    )
    each = (-1, *[1] * (d + 1))
    contrast, brightness = 1 + draw[:, 2 + d] * 0.1, draw[:, 3 + d] * 0.1
    changed: Tensor = (move(pixels, theta) - MIDDLE_GREY) * contrast.view(each) + (
        MIDDLE_GREY + brightness.view(each)
    )
    return changed
