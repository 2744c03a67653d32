"""The files of a phantom cohort: complete, readable, consistent, the same for the same seed."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pydicom
import pytest
import yaml

from clinmm.cohort.phantom import make_phantom
from clinmm.cohort.phantom.findings import FINDINGS
from clinmm.errors import InputError


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(tmp_path):
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        make_phantom(tmp_path / name, seed=seed, n_patients=6, plant=["side_marker"])
    first, again, other = (digests(tmp_path / name) for name in "abc")
    assert first == again
    images = [name for name in first if name.startswith("images/")]
    assert images
    assert all(first[name] != other.get(name) for name in [*images, "cases.csv", "truth.json"])


def test_the_text_of_a_seed_is_what_it_was(clean):
    """On every machine: pixels may differ by one step where the machine rounds otherwise."""
    digest = hashlib.sha256()
    for name in ("cases.csv", "cohort.yaml", "README.txt"):
        digest.update((clean.folder / name).read_bytes())
    assert digest.hexdigest() == "c622bae9ea0d236a6b24147463370997ee3e9d71ce462f3d974f7dc0a03f8834"
    first = sorted((clean.folder / "images").iterdir())[0]
    dataset = pydicom.dcmread(first)
    assert (first.name, dataset.ManufacturerModelName) == ("c0002.dcm", "Phantom DX 2")
    assert dataset.SOPInstanceUID.endswith("610376918069")
    assert dataset.pixel_array.mean() == pytest.approx(2293.7, rel=1e-4)


def test_no_partial_folder_is_left_and_a_phantom_cohort_may_be_made_again(tmp_path):
    make_phantom(tmp_path / "cohort", n_patients=2)
    (tmp_path / "cohort" / "images" / "old.dcm").write_bytes(b"")
    path = make_phantom(tmp_path / "cohort", n_patients=2)
    assert path == tmp_path / "cohort" / "cohort.yaml"
    assert [p.name for p in tmp_path.iterdir()] == ["cohort"]
    assert not (tmp_path / "cohort" / "images" / "old.dcm").exists()


def test_an_interrupted_run_leaves_nothing_behind(tmp_path):
    def stop(done: int, total: int) -> None:
        assert 1 <= done <= total
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_phantom(tmp_path / "cohort", n_patients=2, progress=stop)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_holds_something_else_is_refused_and_left_as_it_is(tmp_path):
    (tmp_path / "thesis.txt").write_text("two years of work")
    with pytest.raises(InputError, match="is not a phantom cohort; nothing was written"):
        make_phantom(tmp_path, n_patients=2)
    (tmp_path / "truth.json").write_text(json.dumps({"generator": "another"}))
    with pytest.raises(InputError, match="Give an empty or new folder"):
        make_phantom(tmp_path, n_patients=2)
    assert (tmp_path / "thesis.txt").read_text() == "two years of work"
    with pytest.raises(InputError, match="is not a phantom cohort"):
        make_phantom(tmp_path / "thesis.txt", n_patients=2)


def test_all_refusals_come_at_once(tmp_path):
    with pytest.raises(InputError) as refused:
        make_phantom(tmp_path, seed=-1, n_patients=0, plant=["halo", "side_marker"])
    unknown, seed, patients = refused.value.problems
    assert "unknown 'halo'; choose from side_marker, stated_label, faint_group, " in unknown
    assert "got -1" in seed
    assert "got 0" in patients
    with pytest.raises(InputError, match="must be a list of names, got the text 'side_marker'"):
        make_phantom(tmp_path, n_patients=2, plant="side_marker")


def test_cohort_yaml_names_exactly_the_columns_of_the_table(clean):
    cohort = yaml.safe_load((clean.folder / "cohort.yaml").read_text())
    record = cohort["inputs"]["record"]
    named = [
        cohort["case_id"],
        cohort["patient_id"],
        cohort["site"],
        cohort["index_time"]["column"],
        cohort["inputs"]["image"]["column"],
        cohort["inputs"]["note"]["column"],
        *record["numeric"],
        *record["categorical"],
        *cohort["target"]["columns"],
    ]
    assert sorted(named) == sorted(clean.table.columns)
    assert tuple(cohort["target"]["columns"]) == FINDINGS
    assert record["numeric"]["leukocytes"] == "10^9/L"
    assert set(clean.table[list(FINDINGS)].stack()) <= {"0", "1", ""}


def test_every_patient_keeps_sex_age_and_site_and_ids_are_unique(clean):
    assert clean.table.case_id.is_unique
    cases = {}
    for case in clean.truth["cases"]:
        cases.setdefault(case["patient_id"], set()).add((case["sex"], case["age"]))
    assert all(len(seen) == 1 for seen in cases.values())
    assert (clean.table.groupby("patient_id").site.nunique() == 1).all()
    assert clean.table.groupby("patient_id").size().between(1, 3).all()


def test_every_case_has_an_input_and_what_is_absent_is_absent_in_the_table(clean):
    rows = clean.table.set_index("case_id")
    record = ["age", "sex", "temperature", "spo2", "leukocytes", "crp", "bnp"]
    for case in clean.truth["cases"]:
        row = rows.loc[case["case_id"]]
        here = {
            "image": bool(row.image),
            "note": bool(row.note),
            "record": bool((row[record] != "").any()),
        }
        assert here == case["present"]
        assert any(here.values())
        assert (clean.folder / "images" / f"{case['case_id']}.dcm").exists() == here["image"]
    assert {p for case in clean.truth["cases"] for p, v in case["present"].items() if not v}


def test_radiographs_read_back_as_de_identified_dx_of_several_kinds(clean):
    seen = set()
    for path in sorted((clean.folder / "images").iterdir()):
        ds = pydicom.dcmread(path)
        assert ds.SOPClassUID == pydicom.uid.DigitalXRayImageStorageForPresentation
        assert ds.file_meta.TransferSyntaxUID == pydicom.uid.ExplicitVRLittleEndian
        assert (ds.Modality, ds.ViewPosition, ds.PatientIdentityRemoved) == ("DX", "PA", "YES")
        assert ds.PatientID == clean.truth_of(path.stem)["patient_id"]
        assert str(ds.PatientName) == ""
        pixels = ds.pixel_array
        assert pixels.shape == (ds.Rows, ds.Columns)
        assert pixels.max() < 2**ds.BitsStored
        seen.add((ds.PhotometricInterpretation, ds.BitsStored, ds.Rows))
    assert {kind for kind, _, _ in seen} == {"MONOCHROME1", "MONOCHROME2"}
    assert {bits for _, bits, _ in seen} == {12, 16}
    assert len({rows for _, _, rows in seen}) >= 3


def test_windowed_and_inverted_where_due_bone_is_bright_and_air_dark(clean):
    for path in sorted((clean.folder / "images").iterdir()):
        shown = clean.displayed(path)
        rows, cols = shown.shape
        belly = shown[int(0.88 * rows) : int(0.93 * rows), int(0.4 * cols) : int(0.6 * cols)]
        lung = shown[int(0.3 * rows) : int(0.5 * rows), int(0.22 * cols) : int(0.32 * cols)]
        assert belly.mean() > lung.mean() + 0.1, path.stem
        assert 0.5 < belly.mean() < 1.0


def test_a_mask_is_there_exactly_where_a_present_finding_is_evident(clean):
    counted = {True: 0, False: 0}
    for path in sorted((clean.folder / "masks").iterdir()):
        truth = clean.truth_of(path.stem)
        ds = pydicom.dcmread(clean.folder / "images" / f"{path.stem}.dcm", stop_before_pixels=True)
        with np.load(path) as masks:
            assert set(masks) == set(FINDINGS)
            for finding in FINDINGS:
                mask = masks[finding]
                assert mask.dtype == bool
                assert mask.shape == (ds.Rows, ds.Columns)
                assert mask.any() == truth["evident"][finding]
                assert truth["labels"][finding] or not mask.any()
                counted[bool(mask.any())] += 1
    assert min(counted.values()) > 5
