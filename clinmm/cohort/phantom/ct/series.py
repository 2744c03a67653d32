"""Write one volume as a CT series: a folder with one file per slice (PS3.3 A.3, CT Image).

Explicit VR Little Endian, uncompressed. Series differ as those of several scanners do: matrix,
slice distance, signed or unsigned pixels, slices numbered from the head or from the feet. File
names are in no order: the position in the header is what counts.
"""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pydicom.dataset import Dataset


@dataclass(frozen=True)
class Scanner:
    """How one make of scanner writes its series."""

    model: str
    shape: tuple[int, int, int]  # slices, rows, cols
    spacing: tuple[float, float, float]  # mm
    thickness: float  # mm
    signed: bool
    intercept: float
    from_head: bool  # which end instance number 1 is
    kernel: str
    noise: float  # Hounsfield units


SCANNERS = (
    Scanner("Phantom CT 1", (32, 96, 96), (9.0, 3.6, 3.6), 9.0, False, -1024.0, True, "B30", 18.0),
    Scanner("Phantom CT 2", (36, 96, 96), (8.0, 3.7, 3.7), 8.0, True, 0.0, False, "STD", 24.0),
    Scanner("Phantom CT 3", (28, 108, 108), (10.0, 3.2, 3.2), 8.0, True, -1024.0, True, "FC10", 14),
)


def write_series(
    folder: Path,
    voxels: np.ndarray,
    scanner: Scanner,
    *,
    case_id: str,
    patient_id: str,
    sex: str,
    age: int,
    seen_on: date,
    entropy: list[str],
) -> None:
    """Write `voxels` into `folder`, which is made.

    voxels: (slices, rows, cols) float32 in Hounsfield units; slices from the feet up, rows to the
        back, columns to the patient's left.
    entropy: what the UIDs are made from; the same words give the same UIDs.
    """
    from pydicom.uid import generate_uid

    folder.mkdir()
    n = len(voxels)
    dataset = _common(scanner, case_id, patient_id, sex, age, seen_on, entropy)
    kind = "<i2" if scanner.signed else "<u2"
    stored = np.rint(voxels - scanner.intercept).astype(kind)
    seed = [int(case_id[1:]), n]
    names = np.random.default_rng(seed).permutation(n)
    depth, down, across = scanner.spacing
    corner = [-across * (scanner.shape[2] - 1) / 2, -down * (scanner.shape[1] - 1) / 2]
    for at, name in enumerate(names):
        height = (at - (n - 1) / 2) * depth
        uid = generate_uid(entropy_srcs=[*entropy, case_id, f"slice {at}"])
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID = uid
        dataset.InstanceNumber = n - at if scanner.from_head else at + 1
        dataset.ImagePositionPatient = [round(corner[0], 3), round(corner[1], 3), round(height, 3)]
        dataset.SliceLocation = round(height, 3)
        dataset.PixelData = stored[at].tobytes()
        dataset.save_as(folder / f"{name:03d}.dcm", enforce_file_format=True)


def _common(
    scanner: Scanner,
    case_id: str,
    patient_id: str,
    sex: str,
    age: int,
    seen_on: date,
    entropy: list[str],
) -> "Dataset":
    """What all slices of the series say."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

    from clinmm.cohort.phantom.dicom_file import identify

    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID = CTImageStorage
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    identify(dataset, case_id, patient_id, sex, age, seen_on)
    dataset.StudyInstanceUID = generate_uid(entropy_srcs=[*entropy, case_id, "study"])
    dataset.SeriesInstanceUID = generate_uid(entropy_srcs=[*entropy, case_id, "series"])
    dataset.FrameOfReferenceUID = generate_uid(entropy_srcs=[*entropy, case_id, "frame"])
    dataset.PositionReferenceIndicator = ""
    dataset.Modality = "CT"
    dataset.Manufacturer = "clinmm phantom"
    dataset.ManufacturerModelName = scanner.model
    dataset.ImageType = ["DERIVED", "PRIMARY", "AXIAL"]
    dataset.BodyPartExamined = "CHEST"
    dataset.PatientPosition = "HFS"
    dataset.BurnedInAnnotation = "NO"  # nothing burned in identifies a person
    dataset.LossyImageCompression = "00"
    dataset.KVP = 120
    dataset.ConvolutionKernel = scanner.kernel
    dataset.AcquisitionNumber = 1
    dataset.SliceThickness = scanner.thickness
    dataset.SpacingBetweenSlices = scanner.spacing[0]
    dataset.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    dataset.PixelSpacing = list(scanner.spacing[1:])
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    _, dataset.Rows, dataset.Columns = scanner.shape
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit = 15
    dataset.PixelRepresentation = int(scanner.signed)
    dataset.RescaleSlope = 1
    dataset.RescaleIntercept = scanner.intercept
    dataset.RescaleType = "HU"
    dataset.WindowCenter, dataset.WindowWidth = -300, 1500
    return dataset
