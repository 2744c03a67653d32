"""DICOM images (PS3.3 C.7.6, C.8, C.11): grey, RGB, YBR and palette, one frame."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.pixels import apply_color_lut, apply_modality_lut, apply_voi, pixel_array

from clinmm.errors import InputError
from clinmm.readers.pixels import Picture, stretch, too_large

_PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")


def read(path: Path) -> Picture:
    """The image as displayed.

    Grey: stored values, modality LUT or rescale, then the file's first VOI LUT or window if it
    has one, else the 0.5th to 99.5th percentile; MONOCHROME1 is inverted; padding is black.
    Colour: converted to RGB, over the full range of its bits. Overlays and presentation states
    are not drawn.

    Raises:
        InputError: not DICOM, no pixels, several frames, too large, or not decodable. The message
            holds the path and no value of the header but the size.
    """
    # pydicom's warnings quote header values, which may identify somebody.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            dataset = pydicom.dcmread(path, force=True)
        except Exception as error:  # a broken file can raise nearly anything
            raise InputError(
                f"{path} cannot be read as DICOM ({type(error).__name__}). Export it again."
            ) from None
        _refuse(dataset, path)
        try:
            return _picture(dataset)
        except InputError:
            raise
        except Exception as error:  # each decoder raises its own
            raise InputError(
                f"{path}: the pixels cannot be decoded ({type(error).__name__}): the file is "
                "truncated or its compression is not known. Export it again, uncompressed."
            ) from None


def _refuse(dataset: pydicom.Dataset, path: Path) -> None:
    if not any(keyword in dataset for keyword in _PIXELS):
        raise InputError(f"{path} holds no pixels: not an image. Take it out of the table.")
    try:
        n_frames = int(dataset.get("NumberOfFrames") or 1)
        problem = too_large(int(dataset.Rows), int(dataset.Columns))
    except (AttributeError, TypeError, ValueError):
        raise InputError(f"{path}: the header does not say the size. Export it again.") from None
    if n_frames > 1:
        raise InputError(f"{path} holds {n_frames} frames, wanted one. Export the frame to use.")
    if problem:
        raise InputError(f"{path}: {problem}")


def _picture(dataset: pydicom.Dataset) -> Picture:
    photometric = str(dataset.PhotometricInterpretation)
    stored = pixel_array(dataset)  # YBR comes back as RGB, planes interleaved
    facts = {
        "format": "DICOM",
        "photometric": photometric,
        "bits": int(dataset.get("BitsStored", 0)),
        "height": int(dataset.Rows),
        "width": int(dataset.Columns),
        "modality": str(dataset.get("Modality", "")),
    }
    if photometric == "PALETTE COLOR":
        stored = apply_color_lut(stored, dataset)
        pixels = _full_range(stored, 8 * stored.itemsize)
    elif stored.ndim == 3:
        pixels = _full_range(stored, int(dataset.BitsStored))
    else:
        grey, facts["window"] = _grey(dataset, stored)
        pixels = grey[None]
    spacing, facts["spacing"] = _spacing(dataset)
    return Picture(np.ascontiguousarray(pixels, dtype=np.float32), spacing, facts)


def _full_range(colour: NDArray[Any], bits: int) -> NDArray[np.float32]:
    scaled = colour[..., :3].astype(np.float32) / float(2**bits - 1)
    planes: NDArray[np.float32] = np.clip(scaled, 0, 1).transpose(2, 0, 1)
    return planes


def _grey(dataset: pydicom.Dataset, stored: NDArray[Any]) -> tuple[NDArray[np.float32], str]:
    """(H, W) in [0, 1] and where its window came from."""
    padding = _padding(dataset, stored)
    values = apply_modality_lut(stored, dataset)
    shown, window = _voi(dataset, values)
    if shown is None:
        counted = None if padding is None else ~padding
        shown = stretch(values.astype(np.float32), counted)
    if dataset.PhotometricInterpretation == "MONOCHROME1":
        shown = 1 - shown
    if padding is not None:
        shown[padding] = 0
    return shown, window


def _padding(dataset: pydicom.Dataset, stored: NDArray[Any]) -> NDArray[np.bool_] | None:
    """Pixels outside the exposed field: PS3.3 C.7.5.1.1.2, in stored values."""
    first = dataset.get("PixelPaddingValue")
    if not isinstance(first, int):
        return None
    last = dataset.get("PixelPaddingRangeLimit")
    last = last if isinstance(last, int) else first
    if min(first, last) < 0 <= stored.min() and dataset.get("PixelRepresentation") == 0:
        first, last = first & 0xFFFF, last & 0xFFFF  # written signed beside unsigned pixels
    padding: NDArray[np.bool_] = (stored >= min(first, last)) & (stored <= max(first, last))
    return padding if padding.any() and not padding.all() else None


def _voi(dataset: pydicom.Dataset, values: NDArray[Any]) -> tuple[NDArray[np.float32] | None, str]:
    """The first VOI LUT of more than 8 bits, else the first window (PS3.3 C.11.2), onto [0, 1];
    None if neither."""
    if dataset.get("VOILUTSequence"):
        table = dataset.VOILUTSequence[0]
        # pydicom reads tables of 8 bits as packed bytes, which many files do not mean.
        deep = bool(table.get("LUTDescriptor")) and int(table.LUTDescriptor[2]) > 8
        if deep and np.issubdtype(values.dtype, np.integer):
            white = float(2 ** int(table.LUTDescriptor[2]) - 1)
            shown = apply_voi(values, dataset).astype(np.float32) / white
            return np.clip(shown, 0, 1), "VOI LUT"
    centre, width = _first(dataset.get("WindowCenter")), _first(dataset.get("WindowWidth"))
    function = str(dataset.get("VOILUTFunction") or "LINEAR").upper()
    if centre is None or width is None or width < 1 or (function == "LINEAR" and width == 1):
        return None, "percentiles"
    x = values.astype(np.float32)
    if function == "SIGMOID":
        shown = 1 / (1 + np.exp(-4 * (x - centre) / width))
    elif function == "LINEAR_EXACT":
        shown = (x - centre) / width + 0.5
    else:
        shown = (x - (centre - 0.5)) / (width - 1) + 0.5
    return np.clip(shown, 0, 1).astype(np.float32), f"{function} {centre:g}/{width:g}"


def _first(value: Any) -> float | None:
    """The first of a possibly multiple value, None if empty or no number."""
    if value is None or value == "":
        return None
    try:
        number = float(value[0] if hasattr(value, "__getitem__") else value)
    except (TypeError, ValueError, IndexError):
        return None
    return number if np.isfinite(number) else None


def _spacing(dataset: pydicom.Dataset) -> tuple[tuple[float, float] | None, str]:
    """Pixel pitch and its source; ImagerPixelSpacing is on the detector, not in the patient."""
    for keyword in ("PixelSpacing", "ImagerPixelSpacing"):
        value = dataset.get(keyword)
        try:
            row, column = (float(v) for v in value)
        except (TypeError, ValueError):
            continue
        if row > 0 and column > 0:
            return (row, column), keyword
    return None, "none"
