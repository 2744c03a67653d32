"""What plants do to a radiograph's pixels and file: burned-in words, headers, broken files."""

from pathlib import Path

import numpy as np

from clinmm.cohort.phantom.flaws import Flaws

PRIVATE_GROUP, PRIVATE_CREATOR = 0x0011, "CLINMM PHANTOM"


def burn_words(picture: np.ndarray, words: str) -> None:
    """Burn words into the lower left corner, in place, white on what is there."""
    from PIL import Image, ImageDraw, ImageFont

    rows, cols = picture.shape
    canvas = Image.new("L", (cols, rows), 0)
    font = ImageFont.load_default(size=max(12, rows // 26))
    ImageDraw.Draw(canvas).text((0.03 * cols, 0.92 * rows), words, fill=255, font=font)
    np.maximum(picture, np.asarray(canvas, dtype=np.float32) / 255.0, out=picture)


def spoil(path: Path, flaws: Flaws) -> None:
    """Put names into the header of the DICOM file at `path`, or break it, as `flaws` says."""
    import pydicom

    if not flaws.header and not flaws.broken:
        return
    dataset = pydicom.dcmread(path)
    for keyword, value in flaws.header.items():
        if keyword == "private":
            block = dataset.private_block(PRIVATE_GROUP, PRIVATE_CREATOR, create=True)
            block.add_new(0x01, "LO", value)
        else:
            setattr(dataset, keyword, value)
    if flaws.header:
        dataset.PatientIdentityRemoved = "NO"
        del dataset.DeidentificationMethod
    if flaws.broken == "photometric":
        swap = {"MONOCHROME1": "MONOCHROME2", "MONOCHROME2": "MONOCHROME1"}
        dataset.PhotometricInterpretation = swap[dataset.PhotometricInterpretation]
    elif flaws.broken == "no_pixels":
        del dataset.PixelData
    dataset.save_as(path, enforce_file_format=True)
    if flaws.broken == "truncated":
        whole = path.read_bytes()
        path.write_bytes(whole[: int(0.6 * len(whole))])
