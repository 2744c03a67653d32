"""A DICOM folder and a table of labels become a cohort that loads, and says nothing of persons."""

import json
import os
import shutil
import stat
from pathlib import Path

import pandas as pd
import pytest
from pydicom.data import get_testdata_file
from typer.testing import CliRunner
from what_is_said import SECRETS, all_text

from clinmm.cohort.manifest import load_cohort
from clinmm.cohort.phantom import make_phantom
from clinmm.cohort.sources.dicom_folder import draft_from_dicom
from clinmm.cohort.sources.dicom_headers import read_headers
from clinmm.cohort.sources.write import write_draft
from clinmm.errors import InputError
from pipelines.check import check_file
from pipelines.cohort import from_dicom


def _labels(tmp_path, rows, columns):
    path = tmp_path / "labels.csv"
    pd.DataFrame(rows, columns=columns).to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def phantom(tmp_path_factory):
    folder = tmp_path_factory.mktemp("phantom") / "ph"
    make_phantom(folder, n_patients=30, seed=1)
    cases = pd.read_csv(folder / "cases.csv", dtype=str, keep_default_na=False)
    return folder, cases[cases["image"] != ""]


@pytest.mark.parametrize("by", ["image", "name", "patient_id"])
def test_phantom_goes_round(phantom, tmp_path, table, by):
    folder, cases = phantom
    labels = cases[["patient_id", "image", "effusion"]].copy()
    labels["name"] = labels["image"].str.removeprefix("images/")
    if by == "patient_id":
        labels["effusion"] = labels["patient_id"].map(lambda p: "1" if int(p[1:]) % 2 else "0")
        labels = labels.drop_duplicates("patient_id")
    labels[[by, "effusion"]].to_csv(tmp_path / "labels.csv", index=False)
    made = from_dicom(folder, tmp_path / "labels.csv", tmp_path / "out", key=tmp_path / "k.csv")

    found = table(made.file)
    assert len(found) == len(cases)
    assert found["patient_id"].nunique() == cases["patient_id"].nunique()
    # Each picture still has its own label and patient, followed by its bytes and the key.
    key = pd.read_csv(tmp_path / "k.csv").set_index("pseudonym")["identifier"]
    bytes_of = {(folder / row.image).read_bytes(): row for row in cases.itertuples()}
    known = labels.set_index(by)["effusion"]
    for row in found.itertuples():
        was = bytes_of[(made.file.parent / row.image).read_bytes()]
        name = was.image.removeprefix("images/")
        assert key[row.patient_id] == was.patient_id
        assert row.effusion == known[{"image": was.image, "name": name}.get(by, was.patient_id)]
        assert row.index_time == was.seen_on[:4]
    cohort = load_cohort(made.file)
    assert cohort.spec.target.name == "effusion"


def test_phantom_passes_the_checks(phantom, tmp_path):
    folder, cases = phantom
    few = tmp_path / "images"
    few.mkdir()
    for path in [cases[cases["effusion"] == y]["image"].iloc[0] for y in "01"]:
        shutil.copy(folder / path, few)
    cases[["image", "effusion"]].to_csv(tmp_path / "labels.csv", index=False)
    made = from_dicom(few, tmp_path / "labels.csv", tmp_path / "out")
    findings, _ = check_file(made.file)
    errors = findings[findings["severity"] == "error"]
    # That the headers still name people is for `clinmm deidentify`, which comes after.
    assert set(errors["check"]) <= {"deidentification"}


def test_nothing_that_says_who_is_written(dicom, tmp_path):
    dicom("MRN-778123/Doe Jane.dcm", SOPInstanceUID="1.2.3.4.5.6")
    labels = _labels(
        tmp_path,
        [["1.2.3.4.5.6", "MRN-778123", "Jane Doe", "1956-02-03", "ACC-55012", "yes"]],
        ["uid", "hospital no", "who", "day", "order", "tumour"],
    )
    made = from_dicom(tmp_path / "source", labels, tmp_path / "out", key=tmp_path / "key.csv")
    said = all_text(made.file.parent) + json.dumps([made.counts, made.remarks])
    assert not [secret for secret in SECRETS if secret in said]
    assert "2021-04" not in said
    assert "yes" in said
    assert stat.S_IMODE((tmp_path / "key.csv").stat().st_mode) == 0o600
    assert "P0001,MRN-778123" in (tmp_path / "key.csv").read_text()


def test_errors_quote_no_identifier(dicom, tmp_path):
    dicom("a.dcm")
    rows = [["MRN-778123", "1"], ["MRN-778123", "0"]]
    labels = _labels(tmp_path, rows, ["mrn", "y"])
    with pytest.raises(InputError, match="several different rows") as refused:
        draft_from_dicom(tmp_path / "source", labels)
    assert not [secret for secret in SECRETS if secret in str(refused.value)]


def test_headers_become_columns(dicom, tmp_path):
    dicom("a", PatientAge="018M", ViewPosition="PA", BodyPartExamined="CHEST", PatientSex="M")
    dicom("b", PatientAge="095Y", PatientID="2", StudyDate="20200101", Manufacturer="Acme")
    dicom("c", PatientID="3", InstitutionName="", StationName="")
    cases = draft_from_dicom(tmp_path / "source", None, full_dates=True).cases
    by_day = cases.set_index("age")
    assert by_day.loc["1.5", ["view", "body_part", "sex"]].tolist() == ["PA", "CHEST", "M"]
    assert by_day.loc["90", "index_time"] == "2020-01-01"
    assert by_day.loc["90", "manufacturer"] == "Acme"
    assert by_day.loc["65", "site"] == ""  # born 3 February 1956, seen 5 April 2021
    assert by_day.loc["90", "site"] == "S0001"


def test_ct_series_is_one_case_and_its_scout_is_none(dicom, tmp_path, table):
    for slot in (2, 1, 3):
        dicom(f"one/{slot}", Modality="CT", SeriesInstanceUID="1.2.9.9.9", InstanceNumber=slot)
    for slot in (1, 2):
        dicom(f"one/m{slot}", Modality="MR", SeriesInstanceUID="1.2.9.9.8", InstanceNumber=slot)
    dicom("one/scout", Modality="CT", ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    dicom("one/alone", Modality="CT", PatientID="9")
    dicom("one/stack", Modality="MR", NumberOfFrames=4, PatientID="8")
    dicom("film", Modality="XA", NumberOfFrames=4)
    labels = _labels(tmp_path, [["1.2.9.9.9", "1"], ["1.2.9.9.8", "0"]], ["SeriesInstanceUID", "y"])
    made = from_dicom(tmp_path / "source", labels, tmp_path / "out")
    assert made.counts["volumes"] == 3
    assert made.counts["2-D pictures"] == 1
    assert made.counts["scout views"] == 1
    assert made.counts["films (several frames that are no volume)"] == 1
    cases = table(made.file).set_index("y")
    volume = made.file.parent / cases.loc["1", "volume"]
    sources = [(tmp_path / f"source/one/{slot}").read_bytes() for slot in (1, 2, 3)]
    assert [path.read_bytes() for path in sorted(volume.iterdir())] == sources
    assert load_cohort(made.file).spec.inputs["volume"].dimensions == 3


def test_real_files_of_every_kind(tmp_path):
    folder = tmp_path / "source"
    folder.mkdir()
    for name in (
        "CT_small.dcm", "MR_small.dcm", "MR_small_RLE.dcm", "JPEG2000.dcm", "no_meta.dcm",
        "ExplVR_LitEndNoMeta.dcm", "test-SR.dcm", "rtstruct.dcm", "reportsi.dcm", "test1.json",
        "MR_truncated.dcm", "waveform_ecg.dcm", "examples_rgb_color.dcm", "badVR.dcm",
    ):  # fmt: skip
        found = get_testdata_file(name, download=False)
        if found:
            shutil.copy(found, folder / f"file{len(list(folder.iterdir()))}")
    shutil.copy(get_testdata_file("DICOMDIR", download=False), folder / "DICOMDIR")
    (folder / "broken").write_bytes(b"\0" * 128 + b"DICM" + b"\x02\x00\xff\xff" * 20)
    os.symlink(get_testdata_file("CT_small.dcm"), folder / "link")
    instances, left_out = read_headers(folder)
    assert {"CT", "MR"} <= {instance.modality for instance in instances}
    assert left_out["DICOMDIR files"] == 1
    assert left_out["links, not followed"] == 1
    assert left_out["DICOM files without a picture"] >= 4
    assert left_out["files that are not DICOM"] >= 1
    assert left_out["copies of a file that is there (same SOPInstanceUID)"] >= 1
    assert len(instances) + sum(left_out.values()) == len(list(folder.iterdir()))


def test_the_same_folder_gives_the_same_bytes_in_whatever_order(dicom, tmp_path):
    for name in "abcdef":
        dicom(name, PatientID=f"patient {name}")
    first = from_dicom(tmp_path / "source", None, tmp_path / "one").file.parent
    (tmp_path / "source" / "a").rename(tmp_path / "source" / "zzz")
    second = from_dicom(tmp_path / "source", None, tmp_path / "two").file.parent
    assert (first / "cases.csv").read_bytes() == (second / "cases.csv").read_bytes()


def test_pictures_are_linked_or_copied(dicom, tmp_path):
    path = dicom("a")
    linked = from_dicom(tmp_path / "source", None, tmp_path / "one").file.parent
    copied = from_dicom(tmp_path / "source", None, tmp_path / "two", copy=True).file.parent
    assert (linked / "images/c0001.dcm").samefile(path)
    assert not (copied / "images/c0001.dcm").samefile(path)
    assert (copied / "images/c0001.dcm").read_bytes() == path.read_bytes()


def test_patients_without_an_id_count_by_study(dicom, tmp_path):
    dicom("a", PatientID="", StudyInstanceUID="1.2.3.4.1")
    dicom("b", PatientID="", StudyInstanceUID="1.2.3.4.1")
    dicom("c", PatientID="", StudyInstanceUID="1.2.3.4.2")
    draft = draft_from_dicom(tmp_path / "source", None)
    assert sorted(draft.cases["patient_id"].value_counts()) == [1, 2]
    assert draft.counts["pictures without a PatientID (each study counts as a patient)"] == 3


def test_places_that_cannot_be_written_are_refused_before_reading(dicom, tmp_path):
    dicom("a")
    source, out = tmp_path / "source", tmp_path / "out"
    out.mkdir()
    (out / "there").write_text("mine")
    (tmp_path / "key").write_text("mine")
    with pytest.raises(InputError, match="not empty"):
        from_dicom(source, None, out)
    with pytest.raises(InputError, match="lies in"):
        from_dicom(source, None, source / "out")
    with pytest.raises(InputError, match="key must not travel"):
        from_dicom(source, None, tmp_path / "new", key=tmp_path / "new" / "key.csv")
    with pytest.raises(InputError, match="is there already"):
        from_dicom(source, None, tmp_path / "new", key=tmp_path / "key")
    assert (tmp_path / "key").read_text() == (out / "there").read_text() == "mine"


def test_a_stop_in_the_middle_leaves_nothing(dicom, tmp_path, monkeypatch):
    dicom("a")
    draft = draft_from_dicom(tmp_path / "source", None)
    draft.files["images/gone.dcm"] = tmp_path / "gone"
    before = sorted(tmp_path.iterdir())
    with pytest.raises(InputError, match="cannot be written"):
        write_draft(draft, tmp_path / "out", key=tmp_path / "key")
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("content", [None, b"", b"a text"])
def test_a_folder_without_pictures_is_refused(tmp_path, content):
    (tmp_path / "source").mkdir()
    if content is not None:
        (tmp_path / "source" / "a").write_bytes(content)
    with pytest.raises(InputError, match="no DICOM picture"):
        draft_from_dicom(tmp_path / "source", None)


def test_no_folder_is_refused(tmp_path):
    with pytest.raises(InputError, match="is no folder"):
        draft_from_dicom(tmp_path / "none", None)


def test_command_writes_and_says_what(dicom, tmp_path):
    from pipelines.cli_cohort import app

    dicom("a", SOPInstanceUID="1.2.3.4.5.1")
    dicom("b", SOPInstanceUID="1.2.3.4.5.2", PatientID="2")
    labels = _labels(tmp_path, [["1.2.3.4.5.1", "1"], ["1.2.3.4.5.9", "0"]], ["image_uid", "y"])
    arguments = ["from-dicom", str(tmp_path / "source"), "--labels", str(labels)]
    ran = CliRunner().invoke(app, [*arguments, "--out", str(tmp_path / "one"), "--json"])
    said = json.loads(ran.stdout)
    assert ran.exit_code == 0
    assert said["counts"]["cases with a label, by 'image_uid' (SOPInstanceUID)"] == 1
    assert said["counts"]["cases without a label"] == 1
    assert said["counts"]["label rows without a picture"] == 1
    assert Path(said["cohort"]).is_file()
    ran = CliRunner().invoke(app, [*arguments, "--out", str(tmp_path / "two")])
    assert "clinmm check" in ran.stdout
    assert "Labels were matched by 'image_uid'" in ran.stdout


def test_the_draft_calls_unused_only_what_no_part_of_the_study_uses(dicom, tmp_path):
    dicom("a", SOPInstanceUID="1.2.3.4.5.1", InstitutionName="A", ViewPosition="PA")
    dicom("b", SOPInstanceUID="1.2.3.4.5.2", InstitutionName="B", PatientID="2")
    rows = [["1.2.3.4.5.1", "1", "Cough."], ["1.2.3.4.5.2", "0", "No cough."]]
    labels = _labels(tmp_path, rows, ["image_uid", "y", "letter"])
    text = from_dicom(tmp_path / "source", labels, tmp_path / "out").file.read_text()
    assert "site: site" in text
    assert text.rstrip().endswith("# Not used: modality, view, sex")
    assert "# No inputs unless you name them below; targets perhaps: letter" in text
