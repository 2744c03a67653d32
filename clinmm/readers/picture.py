"""Pictures that Pillow reads: PNG, JPEG, TIFF, BMP ...; 8 or 16 bits, palette, alpha, EXIF."""

import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from clinmm.errors import InputError
from clinmm.readers.pixels import Picture, stretch, too_large

FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "GIF", "WEBP", "JPEG2000", "PPM")
"""What is opened. Pillow knows more; EPS would start another program."""

_PHOTOMETRIC = 262


def read(path: Path) -> Picture:
    """The image as displayed, turned as its EXIF says.

    8 bits: over the full range. Grey with more bits: the 0.5th to 99.5th percentile, because such
    files rarely fill their range; what is not a number is black. What is transparent shows black.

    Raises:
        InputError: not an image of these formats, several frames, too large, or truncated.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path, formats=FORMATS) as image:
                return _picture(image, path)
    except InputError:
        raise
    except UnidentifiedImageError:
        raise InputError(
            f"{path} is neither DICOM nor a picture that can be read (PNG, JPEG, TIFF ...). "
            "Export it again in one of these."
        ) from None
    except Image.DecompressionBombError:
        raise InputError(
            f"{path}: its header claims more pixels than are read. Check the file."
        ) from None
    except Exception as error:  # a broken file can raise nearly anything
        raise InputError(
            f"{path} cannot be decoded ({type(error).__name__}): truncated or damaged. "
            "Export it again."
        ) from None


def _picture(image: Image.Image, path: Path) -> Picture:
    if problem := too_large(image.height, image.width, path.stat().st_size):
        raise InputError(f"{path}: {problem}")
    n_frames = getattr(image, "n_frames", 1)
    if n_frames > 1 and image.format != "MPO":  # the second of an MPO is a preview
        raise InputError(
            f"{path} holds {n_frames} frames or pages, wanted one. Export the one to use."
        )
    facts = {"format": str(image.format), "photometric": image.mode, "bits": _bits(image)}
    orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
    turned = ImageOps.exif_transpose(image)
    done = []
    if orientation in range(2, 9):
        done.append(f"turned by EXIF orientation {orientation}")
    facts["height"], facts["width"] = turned.height, turned.width
    if _is_deep(turned):
        grey = np.asarray(turned, dtype=np.float32)
        known = np.isfinite(grey)
        pixels = stretch(np.where(known, grey, 0), None if known.all() else known)[None]
        done.append("window percentiles")
        if _white_is_zero(image):
            np.subtract(1, pixels, out=pixels)
            done.append("inverted white is zero")
        pixels[0, ~known] = 0
        facts["window"] = "percentiles"
    else:
        pixels = _eight_bits(turned)
        if turned.mode in ("P", "CMYK", "YCbCr", "LAB", "PA"):
            done.append(f"{turned.mode} to RGB")
        if _is_transparent(turned):
            done.append("transparent black")
    facts["done"] = "; ".join(done)
    return Picture(pixels, None, facts)


def _is_deep(image: Image.Image) -> bool:
    return image.mode in ("I", "F") or image.mode.startswith("I;16")


def _white_is_zero(image: Image.Image) -> bool:
    """TIFF 6.0, PhotometricInterpretation 0; Pillow inverts such grey of 8 bits, but not deeper."""
    tags = getattr(image, "tag_v2", {})
    return image.format == "TIFF" and tags.get(_PHOTOMETRIC) == 0


def _is_transparent(image: Image.Image) -> bool:
    return image.mode in ("LA", "PA", "RGBA", "RGBa", "La") or "transparency" in image.info


def _bits(image: Image.Image) -> int:
    """Of a sample in the file; Pillow gives colour of 16 bits with 8."""
    if image.mode in ("I", "F"):
        return 32
    raw = str(image.tile[0][3]) if image.tile else ""  # type: ignore[attr-defined]
    return 16 if _is_deep(image) or ";16" in raw else 8


def _eight_bits(image: Image.Image) -> NDArray[np.float32]:
    """(1 or 3, H, W) in [0, 1]."""
    grey = image.mode in ("1", "L", "LA", "La")
    if _is_transparent(image):
        rgba = np.asarray(image.convert("RGBA"), dtype=np.float32) / np.float32(255)
        shown = (rgba[..., :3] * rgba[..., 3:]).transpose(2, 0, 1)
        return np.ascontiguousarray(shown[:1] if grey else shown)
    if grey:
        values = np.asarray(image.convert("L"))[None]
    else:
        values = np.asarray(image.convert("RGB")).transpose(2, 0, 1)
    return np.ascontiguousarray(values, dtype=np.float32) / np.float32(255)
