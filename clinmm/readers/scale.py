"""Fewer pixels: block means, a shifted grid put back in its place, anti-aliased scaling."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def block_means(values: NDArray[Any], k: int) -> NDArray[np.float32]:
    """Mean over blocks of k x k: (H, W) -> (ceil(H / k), ceil(W / k)) float32.

    Where k does not divide a side, its last row or column is repeated to fill the last block.
    """
    if k == 1:
        return values.astype(np.float32)
    height, width = values.shape
    if height % k or width % k:
        values = np.pad(values, ((0, -height % k), (0, -width % k)), mode="edge")
    # Slices are added because a sum over a short axis is slow; sums of whole numbers are exact.
    whole = values.dtype in (np.uint8, np.uint16, np.bool_)
    rows: NDArray[Any] = values[0::k].astype(np.uint32 if whole else np.float32)
    for i in range(1, k):
        rows += values[i::k]
    total = rows[:, 0::k].astype(np.float32)
    for i in range(1, k):
        total += rows[:, i::k]
    total /= np.float32(k * k)
    return total


def on_grid(
    reduced: NDArray[np.float32], k: int, height: int, width: int, first_centre: float
) -> NDArray[np.float32]:
    """Resamples a k-fold reduced image so that its edges are those of the full image.

    Args:
        reduced: (ceil(H / k), ceil(W / k)); neighbours are k full-size pixels apart.
        k: the reduction.
        height, width: of the full image.
        first_centre: where the centre of reduced pixel 0 lies in the full image, in its pixels
            from the outer edge: k / 2 for block means, 0.5 for the low-pass image of JPEG 2000.

    Returns:
        (round(H / k), round(W / k)) over exactly the full image, by bicubic interpolation.
    """
    from PIL import Image

    if (height % k, width % k, 2 * first_centre) == (0, 0, k):
        return reduced
    margin = 2  # the full image may begin and end beyond the outer centres
    start = 0.5 - first_centre / k + margin  # its left and upper edge, in reduced pixels
    image = Image.fromarray(np.pad(reduced, margin, mode="edge")).resize(
        (round(width / k), round(height / k)),
        Image.Resampling.BICUBIC,
        box=(start, start, start + width / k, start + height / k),
    )
    return np.asarray(image, dtype=np.float32)


def scaled(pixels: NDArray[np.float32], height: int, width: int) -> NDArray[np.float32]:
    """(C, H, W) -> (C, height, width), bilinear with anti-aliasing, clipped to [0, 1]."""
    if pixels.shape[1:] == (height, width):
        return pixels.copy()
    import torch

    out = torch.nn.functional.interpolate(
        torch.from_numpy(np.ascontiguousarray(pixels))[None],
        size=(height, width),
        mode="bilinear",
        antialias=True,
    )
    result: NDArray[np.float32] = out[0].clamp_(0, 1).numpy()
    return result
