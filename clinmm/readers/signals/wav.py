"""WAV: 8, 16, 24 or 32 bits, or floating point; integers become -1 to 1 of full scale."""

import struct
import warnings
from pathlib import Path

import numpy as np

from clinmm.errors import InputError
from clinmm.readers.signal import LARGEST, Signal


def read(path: Path) -> Signal:
    """Raises InputError for other encodings, such as A-law, and for a damaged file."""
    from scipy.io import wavfile

    if path.stat().st_size > 8 * LARGEST:
        raise InputError(f"{path} holds more than {LARGEST} samples; no more are read.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # chunks that hold no samples
            rate, samples = wavfile.read(path)
    except ValueError as error:
        raise InputError(
            f"{path} cannot be read as WAV: {error} Export it as PCM of 16 bits."
        ) from None
    except struct.error:
        raise InputError(f"{path} ends within its header: truncated. Export it again.") from None
    if samples.size == 0 or rate <= 0:
        raise InputError(f"{path} holds no sample. Export it again.")
    if samples.dtype == np.uint8:  # the one unsigned width of WAV, silent at 128
        values = (samples.astype(np.float32) - 128) / 128
    elif samples.dtype.kind == "i":  # 24 bits come in the upper three bytes of 32
        values = (samples / (np.iinfo(samples.dtype).max + 1.0)).astype(np.float32)
    else:
        values = samples.astype(np.float32)
    return Signal(np.atleast_2d(values.T), float(rate), "WAV")
