"""Writes one scan in every form that volumes come in: a series, enhanced multi-frame, NIfTI."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

CT, ENHANCED_CT = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.2.1"
AXIAL = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0))
SPACING = (2.5, 0.75, 0.5)
SLOPE, INTERCEPT = 1.0, -1024.0


def scan() -> NDArray[np.float32]:
    """(7, 10, 12) Hounsfield units that no flip or swap leaves as it is."""
    rng = np.random.default_rng(0)
    voxels = rng.integers(-900, 900, (7, 10, 12)).astype(np.float32)
    voxels[0, 0, 0] = 1500
    return voxels


def _header(modality: str = "CT", sop_class: str = CT) -> Dataset:
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = sop_class
    dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    dataset.SOPClassUID = sop_class
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID
    dataset.PatientName = "Secret^Name"
    dataset.PatientID = "HOSPITAL-4711"
    dataset.Modality = modality
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 16, 15
    dataset.PixelRepresentation = 0
    return dataset


def _stored(values: NDArray[np.float32]) -> bytes:
    return ((values - INTERCEPT) / SLOPE).round().astype("<u2").tobytes()


def write_series(
    folder: Path,
    voxels: NDArray[np.float32],
    spacing: tuple[float, float, float] = SPACING,
    orientation: tuple[tuple[float, ...], tuple[float, ...]] = AXIAL,
    stack: tuple[float, float, float] | None = None,
    names: list[int] | None = None,
    **changes: Any,
) -> Path:
    """One file per slice.

    stack: from one slice to the next in mm; by default along the normal.
    names: number in the file's name and InstanceNumber per slice.
    changes: set or (None) remove elements by keyword.
    """
    folder.mkdir(parents=True, exist_ok=True)
    along, down = (np.array(v) for v in orientation)
    step = np.cross(along, down) * spacing[0] if stack is None else np.array(stack)
    series = changes.pop("SeriesInstanceUID", None) or generate_uid()
    for k, plane in enumerate(voxels):
        number = k if names is None else names[k]
        dataset = _header(changes.get("Modality", "CT"))
        dataset.SeriesInstanceUID = series
        dataset.InstanceNumber = number + 1
        dataset.Rows, dataset.Columns = plane.shape
        dataset.ImageOrientationPatient = [*map(float, along), *map(float, down)]
        dataset.ImagePositionPatient = [float(v) for v in np.array([-40, -60, 100]) + k * step]
        dataset.PixelSpacing = [spacing[1], spacing[2]]
        dataset.SliceThickness = spacing[0]
        dataset.RescaleSlope, dataset.RescaleIntercept = SLOPE, INTERCEPT
        dataset.PixelData = _stored(plane)
        for keyword, value in changes.items():
            if value is None:
                delattr(dataset, keyword)
            else:
                setattr(dataset, keyword, value)
        dataset.save_as(folder / f"IM{number:04d}", enforce_file_format=True)
    return folder


def write_enhanced(
    path: Path, voxels: NDArray[np.float32], order: list[int], shared_plane: bool = True
) -> Path:
    """One multi-frame file; frame i is slice order[i]. Every frame is rescaled its own way."""
    dataset = _header(sop_class=ENHANCED_CT)
    dataset.NumberOfFrames = len(voxels)
    dataset.Rows, dataset.Columns = voxels.shape[1:]
    plane, measures = Dataset(), Dataset()
    plane.ImageOrientationPatient = [*AXIAL[0], *AXIAL[1]]
    measures.PixelSpacing, measures.SliceThickness = [SPACING[1], SPACING[2]], SPACING[0]
    shared = Dataset()
    shared.PixelMeasuresSequence = [measures]
    if shared_plane:
        shared.PlaneOrientationSequence = [plane]
    dataset.SharedFunctionalGroupsSequence = [shared]
    frames, stored = [], []
    for k in order:
        place, value, frame = Dataset(), Dataset(), Dataset()
        place.ImagePositionPatient = [-40.0, -60.0, 100 + k * SPACING[0]]
        value.RescaleSlope, value.RescaleIntercept = 1.0, INTERCEPT - k
        frame.PlanePositionSequence, frame.PixelValueTransformationSequence = [place], [value]
        if not shared_plane:
            frame.PlaneOrientationSequence = [plane]
        frames.append(frame)
        stored.append((voxels[k] - INTERCEPT + k).astype("<u2"))
    dataset.PerFrameFunctionalGroupsSequence = frames
    dataset.PixelData = np.stack(stored).tobytes()
    dataset.save_as(path, enforce_file_format=True)
    return path


def write_nifti(path: Path, voxels: NDArray[np.float32], affine: Any = None, **header: Any) -> Path:
    """(depth, height, width) as RAS+ (width, height, depth), flipped to match."""
    import nibabel

    data = voxels.transpose(2, 1, 0)[::-1, ::-1]
    image = nibabel.Nifti1Image(
        np.ascontiguousarray(data),
        np.diag([SPACING[2], SPACING[1], SPACING[0], 1.0]) if affine is None else affine,
    )
    for key, value in header.items():
        image.header[key] = value
    nibabel.save(image, path)
    return path
