"""JPEG 2000 decoded at a reduced resolution: the low-pass image of an inner wavelet level."""

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clinmm.readers.codestream import Codestream
from clinmm.readers.scale import on_grid


def reduced(data: bytes, stream: Codestream, k: int, is_signed: bool) -> NDArray[np.float32] | None:
    """Stored values at 1/k of the resolution, on the full image's own place.

    Args:
        data: a codestream of one component.
        stream: its header.
        k: a power of two.
        is_signed: whether the DICOM header calls the values signed.

    Returns:
        (round(H / k), round(W / k)), or None where anything is unusual; then decode in full.

    The low-pass filters are symmetric about every 2nd sample (ISO 15444-1 Annex F), so reduced
    sample i lies on full sample k i: (k - 1) / 2 full pixels before the middle of its block.
    """
    level = k.bit_length() - 1
    usual = (
        stream.plain
        and stream.components == 1
        and stream.is_signed == is_signed
        and 8 <= stream.precision <= 16
        and stream.levels is not None
        and level <= stream.levels
    )
    if not usual:
        return None
    try:
        decoded = _decoded(data, level)
    except Exception:  # each broken stream raises its own; the full decode will say what is wrong
        return None
    if decoded.shape != (-(-stream.height // k), -(-stream.width // k)):
        return None
    if decoded.dtype == np.uint16:  # Pillow shifts to the upper bits and makes signed unsigned
        decoded = decoded >> (16 - stream.precision)
    elif stream.precision != 8:
        return None
    values = decoded.astype(np.float32)
    if is_signed:
        values -= np.float32(2 ** (stream.precision - 1))
    return on_grid(values, k, stream.height, stream.width, first_centre=0.5)


def _decoded(data: bytes, level: int) -> NDArray[Any]:
    """Pillow's own `reduce` rounds sizes where JPEG 2000 rounds up, so its tile is set here."""
    from PIL import Image

    with Image.open(io.BytesIO(data), formats=["JPEG2000"]) as image:
        width, height = (-(-side // 2**level) for side in image.size)
        image._size = (width, height)
        (tile,) = image.tile
        codec, _, *rest = tuple(tile.args or ())
        image.tile = [tile._replace(extents=(0, 0, width, height), args=(codec, level, *rest))]
        image.load()
        return np.asarray(image)
