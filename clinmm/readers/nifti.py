"""NIfTI-1 and NIfTI-2 files of one volume, read with nibabel.

Source: Cox et al., A (sort of) new image data format standard: NIfTI-1, 2004.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clinmm.errors import InputError
from clinmm.readers.volume import Volume, canonical, size_facts, too_many_voxels

MOST_SHEAR_DEGREES = 1.0
"""Axes further than this from right angles are refused."""

_MM = {"meter": 1000.0, "mm": 1.0, "micron": 0.001, "unknown": 1.0}


def read(path: Path) -> Volume:
    """One NIfTI file; scl_slope and scl_inter applied, RAS+ turned to the canonical orientation.

    NIfTI does not say what was scanned, so `facts` holds no modality: give a CT its window.

    Raises:
        InputError: not NIfTI, several volumes, colour or complex, without a usable affine, too
            large, or truncated.
    """
    import nibabel
    from nibabel.nifti1 import Nifti1Image

    try:
        image: Any = nibabel.load(path)
        header: Any = image.header
        affine = np.asarray(image.affine, dtype=np.float64)
        unit = _MM[header.get_xyzt_units()[0]]
    except Exception as error:  # gzip, zlib, struct and nibabel raise their own
        raise InputError(
            f"{path} cannot be read as NIfTI ({type(error).__name__}). Export it again."
        ) from None
    if not isinstance(image, Nifti1Image):  # NIfTI-2 is a subclass
        raise InputError(f"{path} is not a single NIfTI file. Convert it to .nii.gz.")
    shape = _shape(header, path)
    directions, spacing = _grid(affine * unit, path)
    try:
        voxels = np.asarray(image.dataobj, dtype=np.float32).reshape(shape)
    except Exception as error:  # as above
        raise InputError(
            f"{path}: the voxels cannot be read ({type(error).__name__}): the file is truncated "
            "or damaged. Export it again."
        ) from None
    done = []
    stored: Any = image.dataobj
    slope, intercept = stored.slope, stored.inter
    if (slope, intercept) != (1.0, 0.0):
        done.append(f"rescaled {slope:g} {intercept:g}")
    if n_bad := int((~np.isfinite(voxels)).sum()):
        finite = voxels[np.isfinite(voxels)]
        voxels = np.where(np.isfinite(voxels), voxels, finite.min() if finite.size else 0)
        done.append(f"{n_bad} voxels that are no number set to the lowest value")
    turned, spacing_mm, orientation, how = canonical(voxels, directions, spacing)
    if not header["qform_code"] and not header["sform_code"]:
        orientation = "not said by the file; taken as left-anterior-superior"
    facts = {
        "format": "NIfTI",
        "bits": 8 * header.get_data_dtype().itemsize,
        **size_facts(turned.shape, spacing_mm),
        "orientation": orientation,
        "done": "; ".join(done + how),
    }
    return Volume(turned, spacing_mm, facts)


def _shape(header: Any, path: Path) -> tuple[int, int, int]:
    full = tuple(int(n) for n in header.get_data_shape())
    shape = full[:3] if set(full[3:]) <= {1} else full
    if len(shape) != 3:
        raise InputError(
            f"{path} holds an array of {' x '.join(map(str, full))}, wanted one volume (three "
            "axes). Save the volume to use in a file of its own."
        )
    if problem := too_many_voxels(shape):
        raise InputError(f"{path}: {problem}")
    if header.get_data_dtype().kind not in "iuf":
        raise InputError(f"{path} holds colour or complex values, wanted one number per voxel.")
    return shape


def _grid(
    affine: NDArray[np.float64], path: Path
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Directions in (left, posterior, superior) and spacing in mm, per array axis."""
    axes = affine[:3, :3].T
    spacing = np.linalg.norm(axes, axis=1)
    if not np.isfinite(axes).all() or not (spacing > 0).all():
        raise InputError(f"{path}: its affine gives no voxel spacing. Export it again.")
    units = axes / spacing[:, None]
    off = np.abs(units @ units.T - np.eye(3)).max()
    if off > np.sin(np.radians(MOST_SHEAR_DEGREES)):
        raise InputError(
            f"{path}: its axes are {np.degrees(np.arcsin(min(off, 1))):.0f} degrees off right "
            "angles. Resample it to a regular grid first."
        )
    return units * np.array([-1.0, -1.0, 1.0]), spacing
