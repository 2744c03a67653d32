"""Picture: an image as displayed, whatever file it came from."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

MOST_PIXELS = 2**27
"""Largest image that is decoded, in pixels: five times the largest detector. A header that
claims more is refused before anything is allocated."""

PERCENTILES = (0.5, 99.5)
"""Black and white of a grey image with more than 8 bits that says no display window."""


@dataclass(frozen=True, eq=False)
class Picture:
    """One image.

    pixels: float32, (C, H, W) with C 1 (grey) or 3 (RGB), in [0, 1]; 0 is black as displayed.
    spacing_mm: pixel pitch along (H, W), or None where the file does not say.
    facts: format, photometric, bits, height, width and what else the file says; no identity.
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


def too_large(height: int, width: int) -> str | None:
    """The reason to refuse an image of this size, or None."""
    if height < 1 or width < 1:
        return f"its header claims {height} x {width} pixels. Export it again."
    if height * width > MOST_PIXELS:
        return (
            f"its header claims {height} x {width} pixels, the most that is read is "
            f"{MOST_PIXELS} in all. Check the file; a large slide must be cut into parts first."
        )
    return None


def stretch(
    values: NDArray[np.float32], counted: NDArray[np.bool_] | None = None
) -> NDArray[np.float32]:
    """Values from the 0.5th to the 99.5th percentile onto [0, 1], beyond is clipped.

    Args:
        values: (H, W).
        counted: (H, W), pixels that count for the percentiles; all by default.

    The percentiles are taken on every k-th row and column, about 250,000 pixels. An image of
    one value is black.
    """
    step = max(1, int((values.size / 250_000) ** 0.5))
    sample = values[::step, ::step]
    if counted is not None and counted[::step, ::step].any():
        sample = sample[counted[::step, ::step]]
    low, high = np.percentile(sample, PERCENTILES)
    if high <= low:
        low, high = float(values.min()), float(values.max())
    if high <= low:
        return np.zeros_like(values, dtype=np.float32)
    shown: NDArray[np.float32] = np.clip((values - low) / (high - low), 0, 1).astype(np.float32)
    return shown
