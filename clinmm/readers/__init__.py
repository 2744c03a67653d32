"""Files -> Picture or Volume. The content decides what a file is, not its name."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from clinmm.errors import InputError
from clinmm.readers.pixels import Picture

if TYPE_CHECKING:
    from clinmm.readers.volume import Volume

READER_VERSION = 2
"""Rises with every change that gives other pixels for the same file; part of every cache key."""

# Group 0002 or 0008, element below 0x0100, little or big endian: how a file without the preamble
# of PS3.10 begins.
_BARE_STARTS = ((b"\x02\x00", b"\x08\x00"), (b"\x00\x02", b"\x00\x08"))


def read_image(path: Path | str, at_least: int | None = None) -> Picture:
    """One 2-D image file as displayed: DICOM, PNG, JPEG, TIFF, BMP, GIF, WebP, JPEG 2000 or PPM.

    Args:
        path: the file.
        at_least: where given, the reader may reduce the image by a power of two, as long as its
            shorter side keeps this many pixels, if that makes reading faster.

    Raises:
        InputError: absent, a folder, of no known kind, without pixels, truncated, several frames,
            or larger than is read.
    """
    path = Path(path)
    if os.path.isdir(path):
        raise InputError(
            f"{path} is a folder, wanted one image file. "
            "A series is a volume: say `dimensions: 3` of the input."
        )
    if os.path.exists(path) and not os.path.isfile(path):  # a pipe would be waited for
        raise InputError(f"{path} is no file, wanted one image file.")
    try:
        with path.open("rb") as file:
            start = file.read(132)
    except FileNotFoundError:
        raise InputError(f"{path} is missing: there is no such file.") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be opened ({type(error).__name__}).") from None
    if not start:
        raise InputError(f"{path} is empty (0 bytes). Copy it again.")
    if begins_as_dicom(start):
        from clinmm.readers import dicom

        return dicom.read(path, at_least)
    from clinmm.readers import picture

    return picture.read(path)


def read_volume(path: Path | str) -> "Volume":
    """One 3-D image: a DICOM series (a folder), a multi-frame DICOM file, or NIfTI.

    Raises:
        InputError: what `clinmm.readers.volume.read` refuses.
    """
    from clinmm.readers import volume

    return volume.read(Path(path))


def begins_as_dicom(start: bytes) -> bool:
    """PS3.10 7.1: `DICM` after 128 bytes; older files begin with their first element."""
    if start[128:132] == b"DICM":
        return True
    little, big = _BARE_STARTS
    return (start[:2] in little and start[3:4] == b"\0") or (
        start[:2] in big and start[2:3] == b"\0"
    )
