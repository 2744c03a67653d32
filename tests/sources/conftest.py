"""Headers of DICOM files as small files, and a way to read what a source wrote."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest


@pytest.fixture
def dicom(tmp_path: Path) -> Callable[..., Path]:
    """Writes a picture of 8x8 below tmp_path/source with the attributes given."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian

    def write(name: str, **values: Any) -> Path:
        path = tmp_path / "source" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        header = Dataset()
        given = {
            "SOPInstanceUID": f"1.2.826.0.1.{abs(hash(name)) % 10**9}",
            "SeriesInstanceUID": f"1.2.826.0.2.{abs(hash(name)) % 10**9}",
            "StudyInstanceUID": f"1.2.826.0.3.{abs(hash(name)) % 10**9}",
            "PatientID": "MRN-778123",
            "PatientName": "Doe^Jane",
            "PatientBirthDate": "19560203",
            "PatientSex": "F",
            "StudyDate": "20210405",
            "AccessionNumber": "ACC-55012",
            "Modality": "DX",
            "InstitutionName": "St Elsewhere",
        } | values
        for keyword, value in given.items():
            setattr(header, keyword, value)
        header.SOPClassUID = DigitalXRayImageStorageForPresentation
        header.Rows = header.Columns = 8
        header.SamplesPerPixel, header.PhotometricInterpretation = 1, "MONOCHROME2"
        header.BitsAllocated = header.BitsStored = 16
        header.HighBit, header.PixelRepresentation = 15, 0
        header.PixelData = np.arange(64, dtype="<u2").tobytes() * given.get("NumberOfFrames", 1)
        header.file_meta = FileMetaDataset()
        header.file_meta.MediaStorageSOPClassUID = header.SOPClassUID
        header.file_meta.MediaStorageSOPInstanceUID = header.SOPInstanceUID
        header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        header.save_as(path, enforce_file_format=True)
        return path

    return write


@pytest.fixture
def table() -> Callable[[Path], pd.DataFrame]:
    """The table beside a cohort file, cell for cell."""
    return lambda file: pd.read_csv(file.parent / "cases.csv", dtype=str, keep_default_na=False)
