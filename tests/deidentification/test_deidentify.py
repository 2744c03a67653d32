"""`clinmm deidentify`: nothing planted is left anywhere, and the copy is the same cohort."""

import json
import stat
import zlib
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from pydicom import dcmread
from pydicom.data import get_testdata_file

from clinmm.cohort.manifest import load_cohort
from clinmm.cohort.phantom import make_phantom
from clinmm.deidentification.clean_dicom import clean_file
from clinmm.deidentification.clean_picture import clean_picture
from clinmm.deidentification.keys import Keys
from clinmm.errors import InputError
from clinmm.readers import read_image
from pipelines.deidentify import main
from tests.deidentification.conftest import PLANTED, planted_jpeg, planted_png

pytestmark = pytest.mark.usefixtures("rules_only")


def _leaks(folder: Path) -> list[tuple[str, str]]:
    """(file, planted string) found in names and bytes, compressed PNG text included."""
    found = []
    for path in folder.rglob("*"):
        data = path.read_bytes() if path.is_file() else b""
        text = (str(path.relative_to(folder)).encode() + data).lower()
        found += [(path.name, word) for word in PLANTED if word.lower().encode() in text]
        utf16 = [word for word in PLANTED if word.lower().encode("utf-16-le") in text]
        found += [(path.name, word) for word in utf16]
    return found


@pytest.fixture
def copied(planted: Path, tmp_path: Path):
    evidence, findings = main(planted, tmp_path / "copy")
    return tmp_path / "copy", evidence, findings


def test_the_search_for_leaks_finds_them_in_the_original(planted):
    found = {word for _, word in _leaks(planted.parent)}
    assert found == set(PLANTED)


def test_nothing_planted_is_left_in_the_copy(copied):
    folder, _, findings = copied
    assert _leaks(folder) == []
    assert not any(word.lower() in findings.to_json().lower() for word in PLANTED)


def test_the_copy_passes_our_own_gate(copied):
    _, evidence, findings = copied
    assert set(findings["severity"]) <= {"info"}, findings[["severity", "detail"]].to_string()
    assert evidence["gate"] == {"info": len(findings)}


def test_the_copy_holds_the_same_cases_and_pixels(planted, copied):
    before, after = load_cohort(planted), load_cohort(copied[0] / "cohort.yaml")
    key = json.loads((copied[0].parent / "copy.key.json").read_text())["pseudonyms"]
    assert after.n_cases == before.n_cases
    assert after.n_patients == before.n_patients
    row = {case: i for i, case in enumerate(after.table["case_id"])}
    for i, case in enumerate(before.table["case_id"]):
        j = row[key["case"][case]]
        assert after.table["patient_id"][j] == key["patient"][before.table["patient_id"][i]]
        one, two = before.image_paths("image")[i], after.image_paths("image")[j]
        assert np.array_equal(read_image(one).pixels, read_image(two).pixels)
        assert after.targets()[j] == before.targets()[i]
        assert after.table["crp"][j] == before.table["crp"][i]


def test_columns_are_changed_by_their_rule(planted, copied):
    before, after = load_cohort(planted), load_cohort(copied[0] / "cohort.yaml")
    key = json.loads((copied[0].parent / "copy.key.json").read_text())
    assert sorted(after.table["age"]) == ["40", "90", "90", "90"]
    assert after.table["dob"].isna().all()
    assert "spare" not in after.table
    assert after.table["site"].nunique() == 1
    days = key["days_back"]
    back = {new: days[old] for old, new in key["pseudonyms"]["patient"].items()}
    for person, seen in zip(after.table["patient_id"], after.table["seen"], strict=True):
        moved = datetime.strptime(seen, "%d/%m/%Y") + timedelta(days=back[person])
        assert moved == datetime(2020, 3, 12)
    assert before.spec.inputs["note"].mask == after.spec.inputs["note"].mask


def test_notes_keep_what_is_not_about_a_person(copied):
    table = pd.read_csv(copied[0] / "cases.csv", dtype=str)
    notes = " ".join(table["note"])
    for kept in (
        "Foley in place for 7 days", "Kerley B lines, BP 120/80.", "secretword",
        "Improved. No pain for 3 days; T2DM, 500 mg metformin.", "A 90-year-old man",
        "Mr. [NAME], MRN: [ID], was seen by Dr. [NAME] on [DATE]", "[ADDRESS]", "[EMAIL]", "[URL]",
    ):  # fmt: skip
        assert kept in notes, kept


def test_dicom_says_how_it_was_cleaned(copied):
    cohort = load_cohort(copied[0] / "cohort.yaml")
    for path, person in zip(cohort.image_paths("image"), cohort.table["patient_id"], strict=True):
        if path.suffix != ".dcm":
            continue
        ds = dcmread(path)
        assert ds.PatientIdentityRemoved == "YES"
        assert ds.LongitudinalTemporalInformationModified == "MODIFIED"
        codes = [item.CodeValue for item in ds.DeidentificationMethodCodeSequence]
        assert codes == ["113100", "113107", "113108"]
        assert ds.PatientID == person
        assert (ds.PatientSex, ds.PatientAge) == ("M", "090Y")
        assert ds.StudyDate < "20200312"
        assert ds.file_meta.MediaStorageSOPInstanceUID == ds.SOPInstanceUID
        assert ds.SOPInstanceUID.startswith("2.25.")
        assert not any(element.tag.is_private for element in ds.iterall())


def test_files_of_one_series_stay_one_series(tmp_path):
    keys, new = Keys(bytes(32)), []
    for number in (1, 2):
        ds = dcmread(get_testdata_file("CT_small.dcm"))
        ds.SOPInstanceUID = f"1.2.3.{number}"
        ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
        ds.ImagePositionPatient = [0, 0, number * 2.5]
        ds.save_as(tmp_path / f"{number}.dcm")
        clean_file(tmp_path / f"{number}.dcm", tmp_path / f"n{number}.dcm", keys, "p")
        new.append(dcmread(tmp_path / f"n{number}.dcm"))
    one, two = new
    assert one.SeriesInstanceUID == two.SeriesInstanceUID
    assert one.FrameOfReferenceUID == two.FrameOfReferenceUID
    assert one.SOPInstanceUID != two.SOPInstanceUID
    assert [ds.ImagePositionPatient[2] for ds in new] == [2.5, 5.0]
    assert one.PixelSpacing == dcmread(get_testdata_file("CT_small.dcm")).PixelSpacing


@pytest.mark.parametrize(
    "name", ["MR_small_implicit.dcm", "SC_rgb_rle.dcm", "MR_small_bigendian.dcm", "no_meta.dcm",
             "examples_overlay.dcm", "priv_SQ.dcm", "nested_priv_SQ.dcm", "test-SR.dcm"]
)  # fmt: skip
def test_odd_files_are_cleaned(tmp_path, name):
    from clinmm.deidentification.headers import read_header

    clean_file(Path(get_testdata_file(name)), tmp_path / "new.dcm", Keys(bytes(32)), "p")
    read = read_header(tmp_path / "new.dcm")
    standing = {g.name for g in read.kept if read.severity(g) != "info"}
    assert standing == set()


def test_the_same_key_gives_the_same_copy_and_another_does_not(planted, copied, tmp_path):
    main(planted, tmp_path / "again", tmp_path / "copy.key.json")
    for path in copied[0].rglob("*.*"):
        assert path.read_bytes() == (tmp_path / "again" / path.relative_to(copied[0])).read_bytes()
    main(planted, tmp_path / "other")
    ids = set(pd.read_csv(tmp_path / "other/cases.csv")["id"])
    assert not ids & set(pd.read_csv(copied[0] / "cases.csv")["id"])


def test_the_key_file_is_private_and_no_copy_holds_it(copied):
    key = copied[0].parent / "copy.key.json"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    secret = json.loads(key.read_text())["secret"].encode()
    assert not any(secret in p.read_bytes() for p in copied[0].rglob("*") if p.is_file())


def test_refusals_come_together_and_write_nothing(planted, tmp_path):
    full = tmp_path / "full"
    full.mkdir()
    (full / "x").write_text("x")
    with pytest.raises(InputError) as caught:
        main(planted, full, full / "key.json")
    assert [w in str(caught.value) for w in ("not empty", "lies in the copy")] == [True, True]
    (tmp_path / "bad.json").write_text("{}")
    with pytest.raises(InputError, match="no key file"):
        main(planted, tmp_path / "out", tmp_path / "bad.json")
    assert not (tmp_path / "out").exists()


def test_every_file_that_cannot_be_cleaned_is_named_and_nothing_is_written(planted, tmp_path):
    (planted.parent / "files/two.dcm").unlink()
    (planted.parent / "files/four.jpg").write_bytes(b"no picture")
    with pytest.raises(InputError) as caught:
        main(planted, tmp_path / "out")
    assert [p.split(":")[0] for p in caught.value.problems] == [
        "image, case Quagmire-2", "image, case c4",
    ]  # fmt: skip
    assert {p.name for p in tmp_path.iterdir()} == {"planted"}


@pytest.mark.parametrize(("make", "suffix"), [(planted_png, "png"), (planted_jpeg, "jpg")])
def test_pictures_keep_pixels_and_direction(tmp_path, make, suffix):
    source, target = make(tmp_path / f"a.{suffix}"), tmp_path / f"b.{suffix}"
    clean_picture(source, target)
    assert np.array_equal(read_image(source).pixels, read_image(target).pixels)
    with Image.open(target) as image:
        assert dict(image.getexif()) == {0x0112: 6 if suffix == "png" else 8}


def test_nifti_loses_its_words_and_extension_and_keeps_its_voxels(tmp_path):
    nib = pytest.importorskip("nibabel")
    image = nib.Nifti1Image(np.arange(24, dtype=np.int16).reshape(2, 3, 4), np.eye(4))
    image.header["descrip"] = b"for Quagmire"
    image.header.extensions.append(nib.nifti1.Nifti1Extension("comment", b"Zebediah"))
    nib.save(image, tmp_path / "a.nii.gz")
    clean_picture(tmp_path / "a.nii.gz", tmp_path / "b.nii.gz")
    new = nib.load(tmp_path / "b.nii.gz")
    assert np.array_equal(new.get_fdata(), image.get_fdata())
    plain = zlib.decompress((tmp_path / "b.nii.gz").read_bytes(), 31)
    assert b"Quagmire" not in plain
    assert b"Zebediah" not in plain


def test_the_phantom_goes_through(tmp_path):
    made = make_phantom(tmp_path / "phantom", n_patients=8)
    _, findings = main(made, tmp_path / "copy")
    assert set(findings["severity"]) <= {"info"}
    assert load_cohort(tmp_path / "copy/cohort.yaml").n_cases == load_cohort(made).n_cases


def test_volumes_stay_the_same_volumes(tmp_path):
    from clinmm.readers import read_volume

    made = make_phantom(tmp_path / "phantom", n_patients=2, modality="ct")
    main(made, tmp_path / "copy")
    before, after = load_cohort(made), load_cohort(tmp_path / "copy/cohort.yaml")
    key = json.loads((tmp_path / "copy.key.json").read_text())["pseudonyms"]["case"]
    new = dict(zip(after.table["case_id"], after.image_paths("image"), strict=True))
    pairs = zip(before.table["case_id"], before.image_paths("image"), strict=True)
    compared = [(one, new[key[case]]) for case, one in pairs if one is not None]
    assert compared
    for one, two in compared:
        assert np.array_equal(read_volume(one).voxels, read_volume(two).voxels)
        assert read_volume(one).spacing_mm == read_volume(two).spacing_mm


def test_a_note_of_several_sections_becomes_one_masked_column(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in/t.csv").write_text(
        "id,history,findings,ill\na1,Seen by Dr. Quagmire.,Clear.,1\na2,,Cloudy on 3/14/2019.,0\n"
    )
    (tmp_path / "in/cohort.yaml").write_text(
        "name: sections\ntable: t.csv\ncase_id: id\npatient_id: id\n"
        'target: {name: ill, kind: binary, column: ill, positive: ["1"], negative: ["0"]}\n'
        "inputs: {note: {kind: note, column: report, sections: [history, findings]}}\n"
    )
    main(tmp_path / "in/cohort.yaml", tmp_path / "copy")
    copy = load_cohort(tmp_path / "copy/cohort.yaml")
    notes = " ".join(copy.notes("note"))
    assert "Quagmire" not in notes
    assert "3/14/2019" not in notes
    assert "Clear." in notes
    assert set(copy.table) == {"id", "report", "ill", "case_id", "patient_id"}
