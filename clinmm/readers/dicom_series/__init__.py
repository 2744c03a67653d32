"""A DICOM series, or one multi-frame file, as a volume on a regular grid.

Slices are put in order by where they lie in the patient (PS3.3 C.7.6.2), never by file name or
InstanceNumber. A stack that is no regular grid is refused and the message says what is wrong; a
tilted gantry is sheared straight.
"""

import warnings
from pathlib import Path

import numpy as np

from clinmm.errors import InputError
from clinmm.readers.dicom_series import grid
from clinmm.readers.dicom_series.headers import slices_in
from clinmm.readers.dicom_series.pixels import voxels_of
from clinmm.readers.volume import Volume, canonical, size_facts, too_many_voxels


def read(path: Path) -> Volume:
    """The series of a folder, or the frames of one file.

    Localizers and files that are no images are left out and counted; slices that are there twice
    are taken once.

    Raises:
        InputError: see `clinmm.readers.volume.read`.
    """
    with warnings.catch_warnings():  # pydicom's warnings quote header values
        warnings.simplefilter("ignore")
        found, said, done = slices_in(path)
        grid.refuse_other_than_one_grid(path, found)
        found = sorted(found, key=lambda s: float(s.position @ found[0].normal))
        if problem := too_many_voxels((len(found), *found[0].shape)):
            raise InputError(f"{path}: {problem}")
        voxels, painted = voxels_of(path, found, said.get("modality") == "CT")
    found, voxels, dropped = grid.without_copies(path, found, voxels)
    step, gaps = grid.step_between(path, found)
    voxels, straightened = grid.straightened(path, found, voxels, step)
    first = found[0]
    directions = np.stack([first.normal, first.rows, first.columns])
    spacing = np.array([step, *first.pitch])
    turned, spacing_mm, orientation, how = canonical(voxels, directions, spacing)
    facts = {
        "format": "DICOM",
        **said,
        **size_facts(turned.shape, spacing_mm),
        "orientation": orientation,
        "done": "; ".join([*done, *dropped, *painted, *gaps, *straightened, *how]),
    }
    return Volume(turned, spacing_mm, facts)
