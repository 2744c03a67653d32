"""The stored values of slices -> one block of voxels in the unit that the headers give."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray

from clinmm.errors import InputError
from clinmm.readers.claims import false_size
from clinmm.readers.decoding import stored_values
from clinmm.readers.dicom_series.slice import Slice
from clinmm.readers.display import padded, padding_of
from clinmm.readers.gdcm_process import GdcmProcess

AIR = -1024.0
"""Hounsfield units of what lies outside the scanned field."""


def voxels_of(path: Path, found: list[Slice], is_ct: bool) -> tuple[NDArray[np.float32], list[str]]:
    """(n, rows, columns) float32, rescaled slice by slice, padding as air; and what was done.

    Raises:
        InputError: pixels that cannot be decoded, or a rescale that gives no numbers.
    """
    voxels = np.empty((len(found), *found[0].shape), dtype=np.float32)
    padding: dict[int, NDArray[np.bool_]] = {}
    for row, stored, written in _planes(path, found):
        outside = padded(stored, written)
        voxels[row] = stored
        voxels[row] *= np.float32(found[row].slope)
        voxels[row] += np.float32(found[row].intercept)
        if outside is not None:
            padding[row] = outside
    scales = {(s.slope, s.intercept) for s in found} - {(1.0, 0.0)}
    n_bad = sum(not np.isfinite(plane).all() for plane in voxels) if scales else 0
    if n_bad:
        raise InputError(
            f"{path}: slope and intercept of {n_bad} of {len(found)} slices make values that are "
            "no numbers. Export the series again."
        )
    done = []
    if is_ct and not any(s.rescaled for s in found):
        done.append("no rescale in the header, stored values taken as Hounsfield units")
    if len(scales) > 1:
        done.append("rescaled slice by slice")
    elif scales:
        slope, intercept = scales.pop()
        done.append(f"rescaled {slope:g} {intercept:g}")
    if padding:
        lowest = min(float(voxels[row][~outside].min()) for row, outside in padding.items())
        for row, outside in padding.items():
            voxels[row][outside] = AIR if is_ct else lowest
        done.append("padding set to air" if is_ct else "padding set to the lowest value")
    return voxels, done


def _planes(
    path: Path, found: list[Slice]
) -> Iterator[tuple[int, NDArray[Any], tuple[int, int] | None]]:
    """Row of each slice, its stored values and what they write as padding; file after file.

    Raises:
        InputError: pixels that cannot be decoded, once all files were tried and are counted.
    """
    rows_of: dict[Path, list[int]] = {}
    for row, one in enumerate(found):
        rows_of.setdefault(one.file, []).append(row)
    n_broken = 0
    with GdcmProcess() as gdcm:
        for file, rows in rows_of.items():
            try:
                dataset = pydicom.dcmread(file, force=True)
                if problem := false_size(dataset):
                    raise InputError(problem)
                stored = stored_values(dataset, gdcm).reshape(-1, *found[0].shape)
                frames = [stored[found[row].frame] for row in rows]
                written = padding_of(dataset)
            except TimeoutError as error:  # the next may take as long: no more are tried
                raise InputError(
                    f"{path}: decoding was given up, {error}. Export it again, uncompressed."
                ) from None
            except Exception:  # each decoder raises its own
                n_broken += 1
                continue
            yield from ((row, frame, written) for row, frame in zip(rows, frames, strict=True))
    if n_broken:
        raise InputError(
            f"{path}: the pixels of {n_broken} of {len(rows_of)} files cannot be decoded: "
            "truncated, or a compression that is not known. Export the series again, uncompressed."
        )
