"""Picture: an image as displayed, whatever file it came from."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clinmm.readers.scale import block_means

MOST_PIXELS = 2**27
"""Largest image that is decoded, in pixels: five times the largest detector. A header that
claims more is refused before anything is allocated."""

MOST_PIXELS_PER_BYTE = 2_000
"""Deflate, the best packer of those read, reaches 1,032 bytes a byte. A file that claims more
than this (and more than a million pixels) is a decompression bomb or cut short."""

PERCENTILES = (0.5, 99.5)
"""Black and white of a grey image with more than 8 bits that says no display window."""

PERCENTILE_SIDE = 512
"""The percentiles are taken of the image averaged over blocks of k x k, k the largest power of two
that leaves this many pixels on the shorter side. So they hardly depend on noise or dead pixels,
and are the same whether a file is read in full or at a reduced resolution."""


@dataclass(frozen=True, eq=False)
class Picture:
    """One image.

    pixels: float32, (C, H, W) with C 1 (grey) or 3 (RGB), in [0, 1]; 0 is black as displayed.
    spacing_mm: pitch of these pixels along (H, W), or None where the file does not say.
    facts: what the file says of the image and, under `done`, what the reader did; no identity.
    """

    pixels: NDArray[np.float32]
    spacing_mm: tuple[float, float] | None
    facts: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.pixels.ndim != 3 or self.pixels.shape[0] not in (1, 3):
            raise ValueError(
                "Picture.pixels needs (1 or 3, height, width), "
                f"got shape {self.pixels.shape}. Add a channel axis with pixels[None]."
            )


def too_large(height: int, width: int, file_bytes: int) -> str | None:
    """The reason to refuse an image of this size in a file of this length, or None."""
    if height < 1 or width < 1:
        return f"its header claims {height} x {width} pixels. Export it again."
    if height * width > MOST_PIXELS:
        return (
            f"its header claims {height} x {width} pixels, the most that is read is "
            f"{MOST_PIXELS} in all. Check the file; a large slide must be cut into parts first."
        )
    if height * width > max(2**20, MOST_PIXELS_PER_BYTE * file_bytes):
        return (
            f"its header claims {height} x {width} pixels, more than its {file_bytes} bytes can "
            "hold: truncated, or made to fill the memory. Export it again."
        )
    return None


def power_of_two(height: int, width: int, at_least: int) -> int:
    """The largest power of two by which the shorter side divides and keeps `at_least` pixels.

    >>> power_of_two(2500, 2048, 512)
    4
    """
    return int(2 ** max(0, (min(height, width) // max(1, at_least)).bit_length() - 1))


def stretch(
    values: NDArray[np.float32], counted: NDArray[np.bool_] | None = None
) -> NDArray[np.float32]:
    """Values from the 0.5th to the 99.5th percentile onto [0, 1], beyond is clipped.

    Args:
        values: (H, W), finite.
        counted: (H, W), pixels that count for the percentiles; all by default.

    The percentiles are those of block means, see `PERCENTILE_SIDE`; a block counts if all its
    pixels do. An image of one value is black.
    """
    height, width = values.shape
    k = power_of_two(height, width, PERCENTILE_SIDE)
    sample = block_means(values, k)
    if counted is not None:
        whole = block_means(counted, k) == 1
        if whole.any():
            sample = sample[whole]
        elif counted.any():
            sample = values[counted]
    low, high = (float(v) for v in np.percentile(sample, PERCENTILES))
    if high <= low:
        kept = values if counted is None or not counted.any() else values[counted]
        low, high = float(kept.min()), float(kept.max())
    if high <= low:
        return np.zeros_like(values, dtype=np.float32)
    return between(values, low, high)


def between(values: NDArray[Any], low: float, high: float) -> NDArray[np.float32]:
    """`low` onto 0 and `high` onto 1, beyond is clipped; float32."""
    shown = values.astype(np.float32)
    shown -= np.float32(low)
    shown *= np.float32(min(1 / (high - low), 1e38))  # of infinity times 0 no number comes
    np.clip(shown, 0, 1, out=shown)
    return shown
