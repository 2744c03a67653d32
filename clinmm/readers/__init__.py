"""Files -> Picture. `read_image` looks at the content, not at the name."""

from pathlib import Path

from clinmm.errors import InputError
from clinmm.readers.pixels import Picture


def read_image(path: Path | str) -> Picture:
    """One 2-D image file as displayed: DICOM, or anything Pillow reads (PNG, JPEG, TIFF ...).

    Raises:
        InputError: absent, of no known kind, without pixels, truncated, several frames, or
            larger than is read.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path} is missing: there is no such file.")
    if _is_dicom(path):
        from clinmm.readers import dicom

        return dicom.read(path)
    from clinmm.readers import picture

    return picture.read(path)


def _is_dicom(path: Path) -> bool:
    """PS3.10 7.1: `DICM` after a preamble of 128 bytes. Old files lack it; then the name says."""
    with path.open("rb") as file:
        start = file.read(132)
    return start[128:] == b"DICM" or path.suffix.lower() in (".dcm", ".dicom")
