"""Pixel data of DICOM -> stored values, by the decoders that a damaged file cannot bring down.

Found by fuzzing: GDCM aborts the process on damaged JPEG, pylibjpeg-rle panics. So each transfer
syntax has its one decoder, and where only GDCM can (JPEG lossless, JPEG of 12 bits) it runs in a
process of its own (`gdcm_process`).
"""

from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.encaps import generate_frames
from pydicom.pixels import convert_color_space, pixel_array
from pydicom.uid import (
    HTJ2K,
    JPEG2000,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

from clinmm.readers import codestream
from clinmm.readers.gdcm_process import GdcmProcess, PixelFormat
from clinmm.readers.header import syntax_of, whole

PLUGINS = {
    JPEGBaseline8Bit: "pillow",
    JPEGExtended12Bit: "pillow",  # of 8 bits
    JPEGLSLossless: "pyjpegls",
    JPEGLSNearLossless: "pyjpegls",
    JPEG2000Lossless: "pylibjpeg",
    JPEG2000: "pylibjpeg",
    HTJ2KLossless: "pylibjpeg",
    HTJ2KLosslessRPCL: "pylibjpeg",
    HTJ2K: "pylibjpeg",
    RLELossless: "pydicom",
}
"""Transfer syntax -> pydicom's decoding plugin."""


def stored_values(dataset: pydicom.Dataset, gdcm: GdcmProcess | None = None) -> NDArray[Any]:
    """(H, W), or (H, W, 3) with YBR already RGB; of several frames (N, ...). Floats are finite.

    Args:
        dataset: one file.
        gdcm: the process that decodes what only GDCM can, where several files are read; by default
            one of its own is started, which takes 0.1 s.

    Raises:
        TimeoutError: GDCM did not come to an end.
        Exception: whatever the decoder raises on damaged data.
    """
    syntax = syntax_of(dataset)
    if not getattr(dataset, "file_meta", {}).get("TransferSyntaxUID"):
        dataset.file_meta = pydicom.dataset.FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = syntax
    twelve = syntax == JPEGExtended12Bit and whole(dataset.get("BitsStored")) != 8
    if twelve or syntax in (JPEGLossless, JPEGLosslessSV1):
        if gdcm is not None:
            return _by_gdcm(dataset, syntax, gdcm)
        with GdcmProcess() as for_this_file:
            return _by_gdcm(dataset, syntax, for_this_file)
    stored: NDArray[Any]
    unused = _low_unused_bits(dataset)
    if unused and not syntax.is_encapsulated:
        above = int(dataset.BitsAllocated) - int(dataset.HighBit) - 1
        stored = pixel_array(dataset, correct_unused_bits=False) << above >> (above + unused)
    else:  # clears unused high bits and extends the sign
        stored = pixel_array(dataset, decoding_plugin=PLUGINS.get(syntax, ""))
    if stored.dtype.kind == "f":
        stored = np.nan_to_num(stored.astype(np.float32), posinf=0, neginf=0)
    return stored


def first_frame(dataset: pydicom.Dataset) -> bytes:
    """The compressed bytes of the first frame, its fragments joined."""
    frame: bytes = next(generate_frames(dataset.PixelData, number_of_frames=1))
    return frame


def _low_unused_bits(dataset: pydicom.Dataset) -> int:
    """Bits below the value (retired): HighBit is more than BitsStored - 1."""
    allocated, stored, high = (
        whole(dataset.get(keyword)) for keyword in ("BitsAllocated", "BitsStored", "HighBit")
    )
    if not allocated or not stored or not high or not stored <= high < allocated:
        return 0
    return high + 1 - stored


def _by_gdcm(dataset: pydicom.Dataset, syntax: str, gdcm: GdcmProcess) -> NDArray[Any]:
    n_frames = whole(dataset.get("NumberOfFrames")) or 1
    form = PixelFormat(
        width=int(dataset.Columns),
        height=int(dataset.Rows),
        samples=whole(dataset.get("SamplesPerPixel")) or 1,
        allocated=int(dataset.BitsAllocated),
        stored=int(dataset.BitsStored),
        signed=int(dataset.PixelRepresentation == 1),
    )
    if (
        form.samples not in (1, 3)
        or form.allocated not in (8, 16)
        or not 1 <= form.stored <= form.allocated
    ):
        raise ValueError("no such pixel format")
    frames = [
        gdcm.decode(frame, syntax, form)
        for frame in generate_frames(dataset.PixelData, number_of_frames=n_frames)
    ]
    kind = f"<{'i' if form.signed else 'u'}{form.allocated // 8}"
    shape = (n_frames, form.height, form.width, form.samples)
    values = np.frombuffer(b"".join(frames), kind)
    values = values.reshape(shape[0 if n_frames > 1 else 1 : 4 if form.samples == 3 else 3])
    photometric = str(dataset.PhotometricInterpretation).strip()
    if form.samples == 3 and photometric.startswith("YBR_FULL") and not _named_rgb(dataset):
        values = convert_color_space(values, "YBR_FULL", "RGB", per_frame=n_frames > 1)
    return values


def _named_rgb(dataset: pydicom.Dataset) -> bool:
    """Whether the JPEG itself calls its components R, G and B, whatever the header says."""
    stream = codestream.header_of(first_frame(dataset))
    return stream is not None and stream.ids.upper() == b"RGB"
