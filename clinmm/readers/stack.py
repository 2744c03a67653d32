"""The slices of a volume in one PNG, one under the other, for the run folder.

Grey of 16 bits. CT keeps its Hounsfield units (value less 1,024), so that a reader can choose the
window; other scans are windowed to 0..65,520 like the copies of pictures. A text chunk says how
many slices there are, of how many, and the unit.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clinmm.readers.volume import Volume, slices, windowed

MOST_SLICES = 64
SIDE = 256
"""Longer side of a slice in pixels, at most."""
HU_OFFSET = 1024
_CHUNK = "clinmm-slices"


@dataclass(frozen=True, eq=False)
class Stack:
    """Axial slices as they are shown, from inferior to superior.

    pixels: uint16, (n, height, width). of: slices that the scan had. unit: `HU`, or empty.
    offset: stored value of 0 units.
    """

    pixels: NDArray[np.uint16]
    of: int
    unit: str
    offset: int

    def place(self, number: int) -> float:
        """Where slice `number` lies in the scan, from 0 (inferior) to 1."""
        last = max(len(self.pixels) - 1, 1)
        return (round(number * (self.of - 1) / last) + 0.5) / self.of

    def of_map(self, attribution: NDArray[Any], number: int) -> NDArray[Any]:
        """The slice of a (D, H, W) map over the whole scan that lies over slice `number`."""
        depth = len(attribution)
        shown: NDArray[Any] = attribution[min(int(self.place(number) * depth), depth - 1)]
        return shown


def save(volume: Volume, out_png: Path) -> None:
    """Writes at most MOST_SLICES slices of at most SIDE pixels; nothing of the header."""
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    shown = slices(volume, MOST_SLICES, SIDE)
    if volume.is_ct:
        values = np.clip(np.round(shown.voxels) + HU_OFFSET, 0, 65535).astype(np.uint16)
    else:
        values = np.round(windowed(shown) * 4095).astype(np.uint16) * np.uint16(16)
    said = {
        "slices": len(values),
        "of": len(volume.voxels),
        "unit": "HU" if volume.is_ct else "",
        "offset": HU_OFFSET if volume.is_ct else 0,
    }
    chunk = PngInfo()
    chunk.add_text(_CHUNK, json.dumps(said))
    Image.fromarray(values.reshape(-1, values.shape[2])).save(out_png, pnginfo=chunk)


def load(path: Path) -> Stack | None:
    """The slices of a file that `save` wrote; None for a copy of a picture."""
    from PIL import Image

    with Image.open(path) as opened:
        text = getattr(opened, "text", {}).get(_CHUNK)
        if text is None:
            return None
        said = json.loads(text)
        pixels = np.asarray(opened).astype(np.uint16)
    pixels = pixels.reshape(said["slices"], -1, pixels.shape[1])
    return Stack(pixels, said["of"], said["unit"], said["offset"])
