"""Where one slice lies and what its stored values mean (PS3.3 C.7.6.2, C.7.6.16, C.11.1)."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray

from clinmm.errors import InputError
from clinmm.readers.volume import too_many_voxels


@dataclass(frozen=True, eq=False)
class Slice:
    """Where one slice lies and what its stored values mean, from the header alone.

    position: (3,) of the centre of the first pixel, in mm, (left, posterior, superior).
    rows, columns: (3,) unit vectors along which the row and the column number grow.
    pitch: spacing of (rows, columns) in mm. frame: its number in the file, 0 for single images.
    rescaled: whether the header gives slope or intercept; without, they are 1 and 0.
    """

    file: Path
    frame: int
    series: str
    shape: tuple[int, int]
    position: NDArray[np.float64]
    rows: NDArray[np.float64]
    columns: NDArray[np.float64]
    pitch: tuple[float, float]
    slope: float
    intercept: float
    rescaled: bool
    thickness: float | None

    @property
    def normal(self) -> NDArray[np.float64]:
        return np.cross(self.columns, self.rows)


def slices_of(file: Path, header: pydicom.Dataset) -> list[Slice]:
    """The slices of one file. Raises InputError whose problem ends a sentence."""
    if int(header.get("SamplesPerPixel") or 1) != 1:
        raise InputError("the pixels are colour, wanted one number per voxel.")
    shared = _item(header, "SharedFunctionalGroupsSequence", 0)
    n_frames = int(header.get("NumberOfFrames") or 1)
    if problem := too_many_voxels((n_frames, int(header.Rows), int(header.Columns))):
        raise InputError(problem)
    groups = header.get("PerFrameFunctionalGroupsSequence")
    if n_frames > 1 and (not groups or len(groups) != n_frames):
        raise InputError(
            "there are several frames without a position each: a film, not a volume. Export the "
            "series as single slices or as enhanced multi-frame."
        )
    places = list(groups) if groups else [None] * n_frames
    return [_slice(file, header, [place, shared, header], i) for i, place in enumerate(places)]


def _slice(file: Path, header: pydicom.Dataset, levels: list[Any], frame: int) -> Slice:
    """One slice; a value is looked for in the frame's groups, the shared ones, the header."""
    orientation = _numbers(levels, "PlaneOrientationSequence", "ImageOrientationPatient", 6)
    position = _numbers(levels, "PlanePositionSequence", "ImagePositionPatient", 3)
    pitch = _numbers(levels, "PixelMeasuresSequence", "PixelSpacing", 2)
    absent = [
        name
        for name, value in (
            ("ImageOrientationPatient", orientation),
            ("ImagePositionPatient", position),
            ("PixelSpacing", pitch),
        )
        if value is None
    ]
    if orientation is None or position is None or pitch is None:
        raise InputError(
            f"{' and '.join(absent)} are absent or no numbers: where the slices lie is not known. "
            "Export the series again with its geometry."
        )
    along, down = orientation[:3], orientation[3:]
    lengths = float(np.linalg.norm(along)), float(np.linalg.norm(down))
    if max(abs(lengths[0] - 1), abs(lengths[1] - 1), abs(float(along @ down))) > 0.01:
        raise InputError("ImageOrientationPatient holds no two unit vectors at a right angle.")
    if not (pitch > 0).all():
        raise InputError("PixelSpacing is not above zero. Export the series again.")
    slope = _numbers(levels, "PixelValueTransformationSequence", "RescaleSlope", 1)
    intercept = _numbers(levels, "PixelValueTransformationSequence", "RescaleIntercept", 1)
    thickness = _numbers(levels, "PixelMeasuresSequence", "SpacingBetweenSlices", 1)
    if thickness is None:
        thickness = _numbers(levels, "PixelMeasuresSequence", "SliceThickness", 1)
    return Slice(
        file=file,
        frame=frame,
        series=str(header.get("SeriesInstanceUID", "")),
        shape=(int(header.Rows), int(header.Columns)),
        position=position,
        rows=down / lengths[1],
        columns=along / lengths[0],
        pitch=(float(pitch[0]), float(pitch[1])),
        slope=1.0 if slope is None else float(slope[0]),
        intercept=0.0 if intercept is None else float(intercept[0]),
        rescaled=slope is not None or intercept is not None,
        thickness=None if thickness is None else float(thickness[0]),
    )


def _item(dataset: Any, keyword: str, number: int) -> Any:
    sequence = dataset.get(keyword) if dataset is not None else None
    return sequence[number] if sequence and len(sequence) > number else None


def _numbers(levels: Sequence[Any], group: str, keyword: str, n: int) -> NDArray[np.float64] | None:
    for level in levels:
        for place in (_item(level, group, 0), level):
            value = None if place is None else place.get(keyword)
            if value is None:
                continue
            try:
                numbers = np.atleast_1d(np.asarray(value, dtype=np.float64))
            except (TypeError, ValueError):
                continue
            if numbers.shape == (n,) and np.isfinite(numbers).all():
                return numbers
    return None
