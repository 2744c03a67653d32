"""DICOM images (PS3.3 C.7.6, C.8, C.11): grey, RGB, YBR and palette, one frame."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.uid import JPEG2000TransferSyntaxes

from clinmm.errors import InputError
from clinmm.readers import codestream, jpeg2000
from clinmm.readers.claims import deflated_bomb, false_size
from clinmm.readers.decoding import first_frame, stored_values
from clinmm.readers.display import Rule, padded, rule_of, show
from clinmm.readers.header import aspect_of, facts_of, spacing_of, syntax_of, whole
from clinmm.readers.lookup import palette
from clinmm.readers.pixels import PERCENTILE_SIDE, Picture, power_of_two, too_large
from clinmm.readers.scale import block_means, on_grid, scaled

_PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
_NARROWEST = 0.25
"""Share of the values' range that a window must span for a reduced JPEG 2000 to be shown with it:
clipping does not commute with averaging, and here it cannot come first."""

_FEWEST_GREYS = 32
"""Stored values within a window from which clipping to whole values costs less than 0.1 %."""


def read(path: Path, at_least: int | None = None) -> Picture:
    """The image as displayed.

    Grey: by the rule of `clinmm.readers.display`. Colour and palettes: as RGB, over the full range
    of their bits. Pixels that are not square become square: the axis of the smaller pitch is
    reduced. Overlays, presentation states, colour profiles and alpha are not applied.

    Args:
        path: the file.
        at_least: where given, grey images whose display is linear may be reduced by a power of
            two while their shorter side keeps this many pixels (and `PERCENTILE_SIDE`).

    Raises:
        InputError: not DICOM, no pixels, several frames, too large, or not decodable. The message
            holds the path and no value of the header but sizes.
    """
    # pydicom's warnings quote header values, which may identify somebody.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            if problem := deflated_bomb(path):
                raise InputError(f"{path}: {problem}")
            dataset = pydicom.dcmread(path, force=True)
            holds_pixels = any(dataset.get(keyword) for keyword in _PIXELS)
        except InputError:
            raise
        except Exception as error:  # a broken file can raise nearly anything
            raise InputError(
                f"{path} cannot be read as DICOM ({type(error).__name__}): damaged, cut short, or "
                "something else. Export it again."
            ) from None
        if not holds_pixels:
            no_image = len(dataset) and "Rows" not in dataset  # of a cut file nothing is left
            reason = "not an image" if no_image else "truncated, or the picture was taken out"
            raise InputError(
                f"{path} holds no pixels: {reason}. Copy it again or take it out of the table."
            )
        try:
            _refuse(dataset, path)
            return _picture(dataset, at_least)
        except InputError:
            raise
        except Exception as error:  # each decoder raises its own
            raise InputError(
                f"{path}: the pixels cannot be decoded ({type(error).__name__}): the file is "
                "truncated or its compression is not known. Export it again, uncompressed."
            ) from None


def _refuse(dataset: pydicom.Dataset, path: Path) -> None:
    height, width = whole(dataset.get("Rows")), whole(dataset.get("Columns"))
    n_frames = whole(dataset.get("NumberOfFrames")) or 1
    if height is None or width is None:
        raise InputError(f"{path}: the header does not say the size. Export it again.")
    if n_frames > 1:
        raise InputError(
            f"{path} holds {n_frames} frames, wanted one. Export the frame to use; "
            "to use them all as a volume, say `dimensions: 3` of the input."
        )
    if problem := too_large(height, width, path.stat().st_size):
        raise InputError(f"{path}: {problem}")
    if problem := false_size(dataset):
        raise InputError(f"{path}: {problem}")


def _picture(dataset: pydicom.Dataset, at_least: int | None) -> Picture:
    facts = facts_of(dataset)
    little_endian = syntax_of(dataset) != "1.2.840.10008.1.2.2"
    photometric = str(dataset.PhotometricInterpretation).strip()
    done: list[str] = []
    if photometric == "PALETTE COLOR":
        tables = palette(dataset, little_endian)
        if tables is None:
            raise ValueError("no usable palette")
        stored = stored_values(dataset)
        pixels = np.stack(
            [each(stored) / np.float32(2**each.bits - 1) for each in tables], dtype=np.float32
        )
        done.append("palette")
    elif (whole(dataset.get("SamplesPerPixel")) or 1) > 1:
        colour = stored_values(dataset)[..., :3].transpose(2, 0, 1)
        bits = whole(dataset.get("BitsStored")) or 8 * colour.itemsize
        pixels = colour.astype(np.float32) / np.float32(2**bits - 1)
        if photometric.startswith("YBR"):
            done.append(f"{photometric} to RGB")
    else:
        rule = rule_of(dataset, little_endian)
        stored = _grey_values(dataset, rule, at_least)
        if stored.shape != (facts["height"], facts["width"]):
            done.append(f"read at {stored.shape[0]} x {stored.shape[1]}")
        shown = show(stored, rule)
        pixels, facts["window"] = shown.pixels[None], shown.window
        done += shown.done
    pixels = _square(np.clip(pixels, 0, 1), aspect_of(dataset), done)
    spacing, source = spacing_of(dataset)
    facts["spacing"] = source
    if spacing is not None:
        facts["spacing"] = f"{spacing[0]:.4g} x {spacing[1]:.4g} mm, {source}"
        spacing = (
            spacing[0] * facts["height"] / pixels.shape[1],
            spacing[1] * facts["width"] / pixels.shape[2],
        )
    facts["done"] = "; ".join(done)
    return Picture(np.ascontiguousarray(pixels, dtype=np.float32), spacing, facts)


def _square(pixels: NDArray[np.float32], aspect: float, done: list[str]) -> NDArray[np.float32]:
    """Reduces the axis of the smaller pitch; pixels within 1 % of square stay."""
    _, height, width = pixels.shape
    square = _square_size(height, width, aspect)
    if square == (height, width):
        return pixels
    done.append(f"pixels made square, {square[0]} x {square[1]}")
    return scaled(pixels, *square)


def _square_size(height: int, width: int, aspect: float) -> tuple[int, int]:
    """Rows and columns once the pixels are square; what is beyond 10 to 1 is not believed."""
    if abs(aspect - 1) <= 0.01 or not 0.1 <= aspect <= 10:
        return height, width
    if aspect > 1:
        return height, max(1, round(width / aspect))
    return max(1, round(height * aspect)), width


def _grey_values(dataset: pydicom.Dataset, rule: Rule, at_least: int | None) -> NDArray[Any]:
    """(H, W) stored values, at a power of two less resolution where `at_least` and the rule allow.

    Rescale, a linear window and inversion commute with averaging; clipping does not, so where a
    window says what is clipped the full values are clipped to it (to the next whole value) first.
    """
    height, width = int(dataset.Rows), int(dataset.Columns)
    shown = _square_size(height, width, aspect_of(dataset))
    k = power_of_two(*shown, max(at_least, PERCENTILE_SIDE)) if at_least else 1
    if k == 1 or not rule.averages_commute:
        return stored_values(dataset)
    if syntax_of(dataset) in JPEG2000TransferSyntaxes:
        values = _reduced_jpeg_2000(dataset, rule, k)
        if values is not None:
            return values
    stored = clipped = stored_values(dataset)
    if (
        stored.dtype.kind not in "iu"
        or stored.itemsize > 2
        or padded(stored, rule.padding) is not None
    ):
        return stored
    if rule.stored_ends is not None:
        least, most = np.iinfo(stored.dtype).min, np.iinfo(stored.dtype).max
        low, high = (int(np.clip(end, least, most)) for end in rule.stored_ends)
        if high - low < _FEWEST_GREYS:
            return stored
        clipped = np.clip(stored, max(low - 1, least), min(high + 1, most))
        if clipped.min() == clipped.max():  # the rule passes over a window beside the values
            return stored
    return on_grid(block_means(clipped, k), k, height, width, first_centre=k / 2)


def _reduced_jpeg_2000(dataset: pydicom.Dataset, rule: Rule, k: int) -> NDArray[np.float32] | None:
    if rule.padding is not None:  # a reduced pixel may be padding in part
        return None
    frame = first_frame(dataset)
    stream = codestream.header_of(frame)
    if stream is None or stream.precision != whole(dataset.get("BitsStored")):
        return None
    values = jpeg2000.reduced(frame, stream, k, dataset.get("PixelRepresentation") == 1)
    if values is not None and rule.stored_ends is not None:
        low, high = rule.stored_ends
        if high - low < _NARROWEST * float(np.ptp(values)):
            return None
    return values
