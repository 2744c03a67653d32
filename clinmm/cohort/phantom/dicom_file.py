"""Write one picture as a DX DICOM file (Digital X-Ray Image Storage - For Presentation).

PS3.3 A.26 (DX image) with the modules' Type 1 and 2 attributes; Explicit VR Little Endian,
uncompressed. Files differ as files from several machines do: see `MACHINES`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pydicom.dataset import Dataset


@dataclass(frozen=True)
class Machine:
    """How one make of detector writes its pictures."""

    model: str
    rows: int
    cols: int
    imager_mm: float  # pitch on the detector
    magnification: float  # 1: PixelSpacing is not written; else patient pitch = imager / this
    photometric: str
    bits: int
    slope: float
    intercept: float
    noise: float


MACHINES = (
    Machine("Phantom DX 1", 416, 416, 0.90, 1.10, "MONOCHROME2", 12, 1.0, 0.0, 0.030),
    Machine("Phantom DX 2", 384, 448, 0.92, 1.08, "MONOCHROME1", 12, 1.0, -1024.0, 0.034),
    Machine("Phantom DX 3", 480, 448, 0.75, 1.00, "MONOCHROME2", 16, 1.0, 0.0, 0.026),
    Machine("Phantom DX 4", 384, 384, 1.00, 1.12, "MONOCHROME1", 16, 0.25, 0.0, 0.038),
    Machine("Phantom DX 5", 576, 512, 0.66, 1.05, "MONOCHROME2", 12, 2.0, -500.0, 0.030),
)
# In no cohort but one with a planted site shortcut.
SITE_MACHINE = Machine("Phantom DX 6", 448, 384, 0.85, 1.04, "MONOCHROME2", 16, 1.0, 0.0, 0.032)


def write_dicom(
    path: Path,
    picture: np.ndarray,
    machine: Machine,
    *,
    case_id: str,
    patient_id: str,
    sex: str,
    age: int,
    seen_on: date,
    entropy: list[str],
) -> None:
    """Write `picture` to `path`.

    picture: (rows, cols) float32 in [0, 1], bone bright.
    entropy: what the UIDs are made from; the same words give the same UIDs.
    """
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import (
        DigitalXRayImageStorageForPresentation,
        ExplicitVRLittleEndian,
        generate_uid,
    )

    stored, centre, width = _stored(picture, machine)
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = DigitalXRayImageStorageForPresentation
    meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=[*entropy, case_id, "image"])
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds = Dataset()
    ds.file_meta = meta
    identify(ds, case_id, patient_id, sex, age, seen_on)
    ds.SOPClassUID = meta.MediaStorageSOPClassUID
    ds.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
    ds.StudyInstanceUID = generate_uid(entropy_srcs=[*entropy, case_id, "study"])
    ds.SeriesInstanceUID = generate_uid(entropy_srcs=[*entropy, case_id, "series"])
    _acquire(ds, machine)
    ds.SamplesPerPixel = 1
    ds.PhotometricInterpretation = machine.photometric
    ds.Rows, ds.Columns = stored.shape
    ds.BitsAllocated = 16
    ds.BitsStored = machine.bits
    ds.HighBit = machine.bits - 1
    ds.PixelRepresentation = 0
    inverse = machine.photometric == "MONOCHROME1"
    ds.PixelIntensityRelationship = "LOG"
    ds.PixelIntensityRelationshipSign = 1 if inverse else -1
    ds.PresentationLUTShape = "INVERSE" if inverse else "IDENTITY"
    ds.RescaleSlope = machine.slope
    ds.RescaleIntercept = machine.intercept
    ds.RescaleType = "US"
    ds.WindowCenter = round(centre, 2)
    ds.WindowWidth = round(width, 2)
    ds.PixelData = stored.tobytes()
    ds.save_as(path, enforce_file_format=True)


def _stored(picture: np.ndarray, machine: Machine) -> tuple[np.ndarray, float, float]:
    """Stored values, and the window (after rescale) that shows the picture's 0 to 1."""
    top = 2**machine.bits - 1
    low, high = 0.06 * top, 0.92 * top
    values = np.rint(low + np.clip(picture, -0.06, 1.06) * np.float32(high - low))
    if machine.photometric == "MONOCHROME1":
        values, low, high = top - values, top - high, top - low
    centre = machine.slope * (low + high) / 2.0 + machine.intercept
    return values.astype("<u2"), centre, machine.slope * (high - low)


def identify(ds: Dataset, case_id: str, patient_id: str, sex: str, age: int, seen_on: date) -> None:
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.PatientName = ""
    ds.PatientID = patient_id
    ds.PatientBirthDate = ""
    ds.PatientSex = sex
    ds.PatientAge = f"{age:03d}Y"
    ds.PatientIdentityRemoved = "YES"
    ds.DeidentificationMethod = "Synthetic: no person behind it"
    ds.StudyDate = ds.SeriesDate = ds.ContentDate = ds.AcquisitionDate = f"{seen_on:%Y%m%d}"
    ds.StudyTime = ds.SeriesTime = ds.ContentTime = ds.AcquisitionTime = "120000"
    ds.StudyID = case_id
    ds.AccessionNumber = ""
    ds.ReferringPhysicianName = ""
    ds.SeriesNumber = 1
    ds.InstanceNumber = 1


def _acquire(ds: Dataset, machine: Machine) -> None:
    from pydicom.dataset import Dataset
    from pydicom.sequence import Sequence

    ds.Modality = "DX"
    ds.PresentationIntentType = "FOR PRESENTATION"
    ds.Manufacturer = "clinmm phantom"
    ds.ManufacturerModelName = machine.model
    ds.ImageType = ["DERIVED", "PRIMARY", ""]
    ds.ViewPosition = "PA"
    ds.PatientOrientation = ["L", "F"]
    ds.ImageLaterality = "U"
    ds.BodyPartExamined = "CHEST"
    ds.BurnedInAnnotation = "NO"  # nothing burned in identifies a person
    ds.LossyImageCompression = "00"
    ds.ImagerPixelSpacing = [machine.imager_mm] * 2
    if machine.magnification != 1.0:
        ds.PixelSpacing = [round(machine.imager_mm / machine.magnification, 4)] * 2
        ds.PixelSpacingCalibrationType = "GEOMETRY"
        ds.EstimatedRadiographicMagnificationFactor = machine.magnification
    region = Dataset()
    region.CodeValue, region.CodingSchemeDesignator = "51185008", "SCT"
    region.CodeMeaning = "Chest"
    ds.AnatomicRegionSequence = Sequence([region])
    ds.AcquisitionContextSequence = Sequence([])
    ds.DetectorType = "DIRECT"
    ds.PositionerType = "NONE"
