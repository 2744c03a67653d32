"""Picture or file -> a square of a given size, and -> a PNG for the screen."""

import zlib
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from clinmm.readers import read_image
from clinmm.readers.pixels import Picture
from clinmm.readers.scale import scaled

LUMA = (0.299, 0.587, 0.114)
"""Grey of RGB: ITU-R BT.601, as in Pillow's mode L."""


def resize(
    picture: Picture, size: int, channels: int, fit: Literal["stretch", "pad"] = "stretch"
) -> NDArray[np.float32]:
    """(channels, size, size) float32 in [0, 1], by bilinear interpolation with anti-aliasing.

    Args:
        picture: any image.
        size: side of the result in pixels.
        channels: 1 makes grey of colour, 3 repeats grey.
        fit: `stretch` fills the square and gives up the aspect ratio; `pad` keeps it, centred,
            with black beside the shorter side.

    Raises:
        ValueError: channels is neither 1 nor 3, size below 1, or fit unknown.
    """
    if channels not in (1, 3) or size < 1 or fit not in ("stretch", "pad"):
        raise ValueError(
            "resize needs channels 1 or 3, size 1 or more, fit 'stretch' or 'pad'; "
            f"got channels={channels}, size={size}, fit='{fit}'."
        )
    pixels = _with_channels(picture.pixels, channels)
    if fit == "stretch":
        return scaled(pixels, size, size)
    height, width = pixels.shape[1:]
    longest = max(height, width)
    h, w = max(1, round(size * height / longest)), max(1, round(size * width / longest))
    square = np.zeros((channels, size, size), dtype=np.float32)
    top, left = (size - h) // 2, (size - w) // 2
    square[:, top : top + h, left : left + w] = scaled(pixels, h, w)
    return square


def read_square(
    path: Path | str, size: int, channels: int, fit: Literal["stretch", "pad"] = "stretch"
) -> NDArray[np.float32]:
    """(channels, size, size) float32: `resize(read_image(path), ...)`, but fast on large files.

    Grey DICOM is averaged over blocks of a power of two before it is displayed, and JPEG 2000 is
    decoded no finer than needed, as long as the shorter side keeps twice `size`. Against the slow
    way the mean absolute difference is below 0.1 % of the range on radiographs with 12-bit noise
    (benchmarks/reading_speed.py prints it). Where display is not linear (lookup tables, SIGMOID,
    padding) or a file is unusual in any way, it is the slow way.

    Salt noise costs more where the header names no window (the percentile rule), as a dead pixel is
    then averaged over its block before it is clipped: with .01 % of the pixels at 65,535 in a
    picture of 12 bits the difference is 0.1 %, with .05 % it is 0.5 %. With a window, 0.02 %.

    Raises:
        InputError: the image cannot be read.
        ValueError: as `resize`.
    """
    return resize(read_image(path, at_least=2 * size), size, channels, fit)


def _with_channels(pixels: NDArray[np.float32], channels: int) -> NDArray[np.float32]:
    if pixels.shape[0] == channels:
        return pixels
    if channels == 3:
        return np.repeat(pixels, 3, axis=0)
    return np.tensordot(np.array(LUMA, dtype=np.float32), pixels, axes=1)[None]


def display_copy(path: Path, out_png: Path, max_side: int = 1024) -> None:
    """Writes the image as displayed to a PNG: grey in 16 bits (the upper 12 used), colour in 8.

    The longer side is brought down to max_side; nothing is enlarged and the aspect ratio stays.
    The PNG holds the pixels alone, nothing of the header.

    Raises:
        InputError: the image cannot be read.
    """
    from PIL import Image

    pixels = read_image(path).pixels
    height, width = pixels.shape[1:]
    scale = min(1.0, max_side / max(height, width))
    pixels = scaled(pixels, max(1, round(height * scale)), max(1, round(width * scale)))
    if pixels.shape[0] == 1:
        # 4,096 greys, more than a screen shows; noise in the lower bits would only fill the disk.
        image = Image.fromarray(np.round(pixels[0] * 4095).astype(np.uint16) << 4)
    else:
        image = Image.fromarray(np.round(pixels.transpose(1, 2, 0) * 255).astype(np.uint8))
    # Run lengths alone: on noisy images a tenth of the usual time, and no larger.
    image.save(out_png, format="PNG", compress_type=zlib.Z_RLE)
