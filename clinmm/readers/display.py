"""Grey stored values of DICOM -> as displayed: modality, window, MONOCHROME1, padding.

The rule, in this order (PS3.3 C.11.1, C.11.2, C.7.6.3.1.2):

1. Modality LUT if there is a usable one, else RescaleSlope and RescaleIntercept.
2. The first VOI LUT if usable, else the first window, else the 0.5th to 99.5th percentile
   (`pixels.stretch`). A window is used if its width is positive (above 1 where the function is
   LINEAR, as the standard's formula needs) and it leaves more than one grey of an image that
   has more: a window of zeros, in other units or beside the values is passed over.
3. MONOCHROME1 is inverted. PresentationLUTShape is not read: where it is allowed it says the same.
4. Padding is black whatever the rest.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from clinmm.readers.lookup import Table, table
from clinmm.readers.pixels import between, stretch


@dataclass(frozen=True)
class Window:
    """A VOI window in modality units."""

    centre: float
    width: float
    function: str  # LINEAR, LINEAR_EXACT, SIGMOID

    @property
    def ends(self) -> tuple[float, float]:
        """The values shown black and white (LINEAR: PS3.3 C.11.2.1.2.1)."""
        if self.function == "LINEAR":
            return (
                self.centre - 0.5 - (self.width - 1) / 2,
                self.centre - 0.5 + (self.width - 1) / 2,
            )
        return self.centre - self.width / 2, self.centre + self.width / 2

    def __call__(self, values: NDArray[Any]) -> NDArray[np.float32]:
        if self.function != "SIGMOID":
            return between(values, *self.ends)
        steep = np.clip(4 * (values.astype(np.float32) - self.centre) / self.width, -80, 80)
        shown: NDArray[np.float32] = (1 / (1 + np.exp(-steep))).astype(np.float32)
        return shown


@dataclass(frozen=True)
class Rule:
    """What the header says of showing its stored values."""

    modality: Table | None
    slope: float
    intercept: float
    voi: Table | None
    window: Window | None
    inverted: bool
    padding: tuple[int, int] | None

    @property
    def averages_commute(self) -> bool:
        """Whether averaging stored values first gives the same picture, clipping apart."""
        curved = self.window is not None and self.window.function == "SIGMOID"
        return self.modality is None and self.voi is None and not curved

    @property
    def stored_ends(self) -> tuple[float, float] | None:
        """Black and white of the window in stored values, lower first."""
        if self.window is None or self.slope == 0:
            return None
        low, high = sorted((end - self.intercept) / self.slope for end in self.window.ends)
        return low, high


@dataclass(frozen=True, eq=False)
class Shown:
    """pixels: (H, W) in [0, 1]; window: its source; done: what was done, in order."""

    pixels: NDArray[np.float32]
    window: str
    done: list[str] = field(default_factory=list)


def rule_of(dataset: Dataset, little_endian: bool) -> Rule:
    """Reads the display rule from a header; what is unusable counts as absent."""
    slope, intercept = number(dataset.get("RescaleSlope")), number(dataset.get("RescaleIntercept"))
    return Rule(
        modality=_first_table(dataset, "ModalityLUTSequence", little_endian),
        slope=slope if slope else 1.0,
        intercept=intercept or 0.0,
        voi=_first_table(dataset, "VOILUTSequence", little_endian),
        window=_window(dataset),
        inverted=str(dataset.PhotometricInterpretation).strip() == "MONOCHROME1",
        padding=padding_of(dataset),
    )


def show(stored: NDArray[Any], rule: Rule) -> Shown:
    """(H, W) stored values -> as displayed."""
    done = []
    outside = padded(stored, rule.padding)
    counted = None if outside is None else ~outside
    values: NDArray[Any] = stored
    if rule.modality is not None:
        values = rule.modality(stored)
        done.append("modality LUT")
    elif (rule.slope, rule.intercept) != (1.0, 0.0):
        values = stored.astype(np.float32) * np.float32(rule.slope) + np.float32(rule.intercept)
        done.append(f"rescaled {rule.slope:g} {rule.intercept:g}")
    window, pixels = "percentiles", None
    if rule.voi is not None:
        window = "VOI LUT"
        pixels = rule.voi(values).astype(np.float32) / np.float32(2**rule.voi.bits - 1)
    elif rule.window is not None:
        window = f"{rule.window.function} {rule.window.centre:g}/{rule.window.width:g}"
        pixels = rule.window(values)
    if pixels is not None and _one_grey(pixels, counted) and not _one_grey(values, counted):
        done.append(f"passed over {window}, which leaves one grey")
        pixels, window = None, "percentiles"
    if pixels is None:
        pixels = stretch(values.astype(np.float32), counted)
    done.append(window if window == "VOI LUT" else f"window {window}")
    if rule.inverted:
        np.subtract(1, pixels, out=pixels)
        done.append("inverted MONOCHROME1")
    if outside is not None:
        pixels[outside] = 0
        done.append("padding black")
    return Shown(np.clip(pixels, 0, 1, out=pixels), window, done)


def padding_of(dataset: Dataset) -> tuple[int, int] | None:
    """Lowest and highest stored value that means padding, as written."""
    first, last = dataset.get("PixelPaddingValue"), dataset.get("PixelPaddingRangeLimit")
    if not isinstance(first, int):
        return None
    last = last if isinstance(last, int) else first
    return min(first, last), max(first, last)


def padded(stored: NDArray[Any], padding: tuple[int, int] | None) -> NDArray[np.bool_] | None:
    """Pixels outside the exposed field (PS3.3 C.7.5.1.1.2); None if there are none, or all are."""
    if padding is None:
        return None
    first, last = padding
    if stored.dtype.kind == "u" and last < 0:
        first, last = first & 0xFFFF, last & 0xFFFF  # written signed beside unsigned pixels
    elif stored.dtype.kind == "i" and first > 0x7FFF and stored.itemsize == 2:
        first, last = first - 0x10000, last - 0x10000
    outside: NDArray[np.bool_] = (stored >= first) & (stored <= last)
    return outside if outside.any() and not outside.all() else None


def number(value: Any) -> float | None:
    """The first of a possibly multiple value, None if empty, infinite or no number."""
    try:
        one = value if isinstance(value, str | int | float) else value[0]
        found = float(one)
    except (TypeError, ValueError, IndexError, KeyError, OverflowError):
        return None
    return found if np.isfinite(found) and abs(found) < 1e30 else None


def _first_table(dataset: Dataset, keyword: str, little_endian: bool) -> Table | None:
    sequence = dataset.get(keyword)
    if not sequence or not hasattr(sequence, "__getitem__") or isinstance(sequence, str | bytes):
        return None
    return table(sequence[0], little_endian)


def _window(dataset: Dataset) -> Window | None:
    centre, width = number(dataset.get("WindowCenter")), number(dataset.get("WindowWidth"))
    function = str(dataset.get("VOILUTFunction") or "LINEAR").strip().upper()
    if function not in ("LINEAR", "LINEAR_EXACT", "SIGMOID"):
        function = "LINEAR"
    least = 1 if function == "LINEAR" else 1e-20
    if centre is None or width is None or width <= least:
        return None
    return Window(centre, width, function)


def _one_grey(values: NDArray[Any], counted: NDArray[np.bool_] | None) -> bool:
    kept = values if counted is None else values[counted]
    return bool(kept.min() == kept.max())
