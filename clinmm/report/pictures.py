"""A case's picture, and the same with its attribution map, small enough to stand in a page."""

import base64
import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clinmm.explain.figures.maps import AGAINST, FOR

SIDE = 380
"""Longer side in pixels."""
STRONGEST = 0.75
"""Opacity where the map is strongest."""
SMOOTHING = 0.015
"""Standard deviation of the smoothing of a drawn map, as a part of the picture's longer side."""


def pixels(path: Path) -> NDArray[np.uint8]:
    """(H, W, 3) of a display copy, its longer side at most SIDE; grey from black to white."""
    from PIL import Image

    with Image.open(path) as opened:
        if opened.mode.startswith(("I", "F")):
            grey = np.asarray(opened, dtype=np.float32)
            low, high = float(grey.min()), float(grey.max())
            scaled = (grey - low) / (high - low if high > low else 1.0)
            image = Image.fromarray(np.round(255 * scaled).astype(np.uint8))
        else:
            image = opened
        image = image.convert("RGB")
        image.thumbnail((SIDE, SIDE))
        return np.asarray(image, dtype=np.uint8)


def overlaid(picture: NDArray[np.uint8], attribution: NDArray[Any]) -> NDArray[np.uint8]:
    """The picture under its map; opacity grows with |attribution|, orange for, blue against.

    Attributions of neighbouring pixels differ in sign; smoothed, they show which place speaks for
    the class on balance.

    Args:
        picture: (H, W, 3).
        attribution: (h, w) over the whole of the picture, in logits.
    """
    from PIL import Image
    from scipy.ndimage import gaussian_filter

    values = np.nan_to_num(np.asarray(attribution, dtype=np.float32))
    height, width = picture.shape[:2]
    resized = Image.fromarray(values).resize((width, height), Image.Resampling.BILINEAR)
    values = gaussian_filter(np.asarray(resized), SMOOTHING * max(height, width))
    top = float(np.quantile(np.abs(values), 0.995)) or 1.0
    opacity = STRONGEST * np.clip(np.abs(values) / top, 0, 1)[..., None]
    colour = np.where((values > 0)[..., None], np.array(FOR), np.array(AGAINST))
    mixed = picture * (1 - opacity) + colour * opacity
    out: NDArray[np.uint8] = np.round(mixed).astype(np.uint8)
    return out


def data_uri(picture: NDArray[np.uint8]) -> str:
    """The picture as JPEG within the page."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, format="JPEG", quality=84, optimize=True)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"
