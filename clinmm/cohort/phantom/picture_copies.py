"""Ways in which one picture comes to lie in two files."""

from pathlib import Path

import numpy as np

WAYS = (
    "same_bytes",
    "rewritten",  # other metadata, the same pixels
    "resized",
    "brighter",
    "cropped",
    "jpeg2000",
    "rle",
    "jpeg_file",
)
SMALLER, BORDER, JPEG_QUALITY, JPEG2000_DECIBEL = 0.72, 0.04, 85, 42


def altered(picture: np.ndarray, how: str) -> np.ndarray:
    """The picture resized, brighter or cropped; as it is for every other way.

    picture: (rows, cols) float32 in [0, 1], or bool for a mask.
    """
    rows, cols = picture.shape
    if how == "resized":
        return _smaller(picture)
    if how == "brighter" and picture.dtype != bool:
        return np.asarray(np.clip(0.05 + 1.08 * picture, 0.0, 1.0))
    if how == "cropped":
        top, left = round(BORDER * rows), round(BORDER * cols)
        return picture[top : rows - top, left : cols - left]
    return picture


def _smaller(picture: np.ndarray) -> np.ndarray:
    from PIL import Image

    mask = picture.dtype == bool
    size = (round(SMALLER * picture.shape[1]), round(SMALLER * picture.shape[0]))
    image = Image.fromarray(picture.astype(np.float32))
    small = image.resize(size, Image.Resampling.NEAREST if mask else Image.Resampling.LANCZOS)
    return np.asarray(small) > 0.5 if mask else np.clip(np.asarray(small), 0.0, 1.0)


def recompress(path: Path, how: str) -> None:
    """The DICOM file at `path`, compressed: `rle` keeps every pixel, `jpeg2000` nearly."""
    import pydicom
    from pydicom.uid import JPEG2000, RLELossless

    dataset = pydicom.dcmread(path)
    if how == "rle":
        dataset.compress(RLELossless, generate_instance_uid=False)
    else:
        dataset.compress(JPEG2000, j2k_psnr=[JPEG2000_DECIBEL], generate_instance_uid=False)
        dataset.LossyImageCompression = "01"
    dataset.save_as(path, enforce_file_format=True)


def write_jpeg(path: Path, picture: np.ndarray) -> None:
    """The picture as an 8-bit JPEG file."""
    from PIL import Image

    grey = np.round(255 * np.clip(picture, 0.0, 1.0)).astype(np.uint8)
    Image.fromarray(grey).save(path, quality=JPEG_QUALITY)
