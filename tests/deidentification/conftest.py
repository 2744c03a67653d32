"""A cohort of real DICOM files and pictures with an invented person planted in every place."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, PngImagePlugin
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

PLANTED = (
    "Quagmire", "Zebediah", "Wintergreen", "Thistlewood", "Fairweather", "5550173", "H7734521",
    "19470611", "Bramblegate", "Larkspur", "q.zebediah", "Marmalade", "GIRAFFE99", "Okonjo",
    "Eisenstadt",
)  # fmt: skip
"""Strings of which none may appear in a finding, an evidence file or a cleaned copy."""

COHORT = """\
name: planted
table: cases.csv
case_id: id
patient_id: person
target: {name: ill, kind: binary, column: ill, positive: ["1"], negative: ["0"]}
inputs:
  image: {kind: image, column: image}
  note: {kind: note, column: note, mask: [secretword]}
  record: {kind: record, numeric: {age: years, crp: mg/L}, categorical: [sex, contact, dob]}
sensitive: {sex: sex}
site: site
index_time: {column: seen, formats: ["%d/%m/%Y"]}
"""

NOTES = (
    "Mr. Zebediah Quagmire, MRN: H7734521, was seen by Dr. Wintergreen on 06/11/1947 and again on "
    "12 March 2020. Call 617-555-0173. Foley in place for 7 days. secretword.",
    "Daughter Thistlewood Fairweather called. Lives at 12 Larkspur Lane. E-mail "
    "q.zebediah@Bramblegate.org. Kerley B lines, BP 120/80.",
    "A 93-year-old man, zebediah by name. See http://Bramblegate.org/x. Quagmire sleeps well.",
    "Improved. No pain for 3 days; T2DM, 500 mg metformin.",
)


def planted_dicom(name: str, path: Path) -> Path:
    """A file of pydicom's own with the person in plain, nested and private elements, in the
    preamble and in the file meta."""
    ds = dcmread(get_testdata_file(name))
    ds.PatientName = "Quagmire^Zebediah"
    ds.PatientID = "H7734521"
    ds.PatientBirthDate = "19470611"
    ds.PatientSex, ds.PatientAge = "M", "093Y"
    ds.StudyDate = "20200312"
    ds.PatientAddress = "12 Larkspur Lane"
    ds.OtherPatientIDs = "GIRAFFE99"
    ds.InstitutionName = "Bramblegate Infirmary"
    ds.ReferringPhysicianName = "Wintergreen^A"
    ds.StudyDescription = "CHEST for Quagmire"
    ds.ImageComments = "spoke with Thistlewood"
    ds.BurnedInAnnotation = "NO"
    # In no row of the table of PS3.15: only a look at the text itself can find it.
    ds.BodyPartExamined = "CHEST"
    ds.ManufacturerModelName = "Dr. Okonjo's own"
    request = Dataset()
    request.RequestedProcedureDescription = "for Zebediah"
    request.ScheduledPerformingPhysicianName = "Fairweather^B"
    deep = Dataset()
    deep.PatientID = "GIRAFFE99"
    deep.PatientName = "Marmalade^C"
    request.OtherPatientIDsSequence = Sequence([deep])
    ds.RequestAttributesSequence = Sequence([request])
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator = "51185008", "SCT"
    code.CodeMeaning = "Chest of Mr. Eisenstadt"
    ds.AnatomicRegionSequence = Sequence([code])
    block = ds.private_block(0x0029, "ZEBEDIAH TOOL", create=True)
    block.add_new(0x10, "LO", "Marmalade 5550173")
    inner = Dataset()
    inner.private_block(0x0031, "INNER", create=True).add_new(0x01, "PN", "Quagmire^Z")
    code.AnatomicRegionModifierSequence = Sequence([inner])
    ds.preamble = b"Quagmire".ljust(128, b"\0")
    ds.file_meta.SourceApplicationEntityTitle = "MARMALADE"
    ds.file_meta.PrivateInformationCreatorUID = "1.2.3"
    ds.file_meta.PrivateInformation = b"Quagmire"
    ds.save_as(path)
    return path


def planted_png(path: Path) -> Path:
    text = PngImagePlugin.PngInfo()
    text.add_text("Author", "Zebediah Quagmire")
    text.add_itxt("Description", "for Wintergreen, 19470611")
    rng = np.random.default_rng(0)
    picture = Image.fromarray(rng.integers(0, 60, (40, 50), dtype=np.uint8))
    exif = Image.Exif()
    exif[0x013B], exif[0x0112] = "Thistlewood", 6
    picture.save(path, pnginfo=text, exif=exif)
    path.write_bytes(path.read_bytes() + b"Quagmire")  # behind the end of the picture
    return path


def planted_jpeg(path: Path) -> Path:
    rng = np.random.default_rng(1)
    picture = Image.fromarray(rng.integers(0, 60, (48, 64, 3), dtype=np.uint8))
    exif = Image.Exif()
    exif[0x010E], exif[0x0112] = "Marmalade of Bramblegate", 8
    exif.get_ifd(0x8825)[1] = "N"
    picture.save(path, exif=exif, comment=b"Zebediah", progressive=True)
    path.write_bytes(path.read_bytes() + b"Fairweather")
    return path


@pytest.fixture
def planted(tmp_path: Path) -> Path:
    """The cohort file; four cases of three patients."""
    folder = tmp_path / "planted"
    (folder / "files").mkdir(parents=True)
    planted_dicom("CT_small.dcm", folder / "files/Quagmire_1.dcm")
    planted_dicom("JPEG2000.dcm", folder / "files/two.dcm")
    planted_png(folder / "files/three.png")
    planted_jpeg(folder / "files/four.jpg")
    rows = [
        ("Quagmire-1", "H7734521", "files/Quagmire_1.dcm", 0, 95, "q.zebediah@Bramblegate.org"),
        ("Quagmire-2", "H7734521", "files/two.dcm", 1, 95, "none"),
        ("c3", "H7734521", "files/three.png", 2, 93, "none"),
        ("c4", "p3", "files/four.jpg", 3, 40, "none"),
    ]  # fmt: skip
    lines = ["id,person,image,note,age,contact,sex,crp,site,seen,ill,dob,spare"]
    for case, person, image, note, age, contact in rows:
        lines.append(
            f'{case},{person},{image},"{NOTES[note]}",{age},{contact},M,3.5,Bramblegate,'
            f"12/03/2020,{note % 2},19470611,Marmalade"
        )
    (folder / "cases.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "cohort.yaml").write_text(COHORT, encoding="utf-8")
    return folder / "cohort.yaml"


@pytest.fixture
def rules_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where no extra is installed."""
    from clinmm.deidentification import burned_in, ner

    monkeypatch.setattr(burned_in, "installed", lambda: False)
    monkeypatch.setattr(ner, "installed", lambda: False)
