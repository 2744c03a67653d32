"""Pictures that Pillow reads: PNG, JPEG, TIFF, BMP ...; 8 or 16 bits, palette, alpha, EXIF."""

import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from clinmm.errors import InputError
from clinmm.readers.pixels import Picture, stretch, too_large

_DEEP = ("I;16", "I;16B", "I;16L", "I", "F")


def read(path: Path) -> Picture:
    """The image as displayed, turned as its EXIF says.

    8 bits: over the full range. Grey with more bits: the 0.5th to 99.5th percentile, because such
    files rarely fill their range. What is transparent shows black.

    Raises:
        InputError: not an image that Pillow knows, several frames, too large, or truncated.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path) as image:
                return _picture(image, path)
    except UnidentifiedImageError:
        raise InputError(
            f"{path} is neither DICOM nor a picture that can be read (PNG, JPEG, TIFF ...). "
            "Export it again in one of these."
        ) from None
    except Image.DecompressionBombError:
        raise InputError(
            f"{path}: its header claims more pixels than are read. Check the file."
        ) from None
    except (OSError, SyntaxError, ValueError, EOFError, MemoryError) as error:
        raise InputError(
            f"{path} cannot be decoded ({type(error).__name__}): truncated or damaged. "
            "Export it again."
        ) from None


def _picture(image: Image.Image, path: Path) -> Picture:
    n_frames = getattr(image, "n_frames", 1)
    if n_frames > 1 and image.format != "MPO":  # the second of an MPO is a preview
        raise InputError(f"{path} holds {n_frames} frames, wanted one. Export the frame to use.")
    if problem := too_large(image.height, image.width):
        raise InputError(f"{path}: {problem}")
    facts = {
        "format": str(image.format),
        "photometric": image.mode,
        "bits": 16 if image.mode in _DEEP else 8,
        "height": image.height,
        "width": image.width,
    }
    turned = ImageOps.exif_transpose(image)
    facts["height"], facts["width"] = turned.height, turned.width
    if turned.mode in _DEEP:
        grey = np.nan_to_num(np.asarray(turned, dtype=np.float32))
        return Picture(stretch(grey)[None], None, facts)
    return Picture(_eight_bits(turned), None, facts)


def _eight_bits(image: Image.Image) -> NDArray[np.float32]:
    """(1 or 3, H, W) in [0, 1]."""
    if image.mode in ("1", "L") and "transparency" not in image.info:
        grey_only = np.asarray(image.convert("L"), dtype=np.float32) / np.float32(255)
        return grey_only[None]
    if image.mode in ("LA", "PA", "RGBA", "RGBa", "La") or "transparency" in image.info:
        grey = image.mode in ("1", "L", "LA", "La")
        rgba = np.asarray(image.convert("RGBA"), dtype=np.float32) / 255
        shown = (rgba[..., :3] * rgba[..., 3:]).transpose(2, 0, 1)
        return np.ascontiguousarray(shown[:1] if grey else shown, dtype=np.float32)
    rgb = np.asarray(image.convert("RGB"), dtype=np.float32) / 255
    return np.ascontiguousarray(rgb.transpose(2, 0, 1), dtype=np.float32)
