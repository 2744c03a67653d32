"""The flaws of files, times and ids: on file as `truth.json` says, and nowhere else."""

import re
from datetime import date

import numpy as np
import pydicom
import pytest
import yaml
from PIL import Image

from clinmm.cohort.manifest import load_cohort
from clinmm.cohort.phantom import ALL_PLANTS, make_phantom
from clinmm.cohort.phantom.findings import FINDINGS
from clinmm.cohort.phantom.latents import PLANT, draw_cases, stream
from clinmm.cohort.phantom.picture_copies import WAYS
from clinmm.cohort.phantom.planting import RADIOGRAPHS_ONLY, REGISTRY
from clinmm.errors import InputError
from clinmm.readers import read_image


def entry(made, name):
    return next(planted for planted in made.truth["planted"] if planted["name"] == name)


def picture(made, case_id) -> np.ndarray:
    """As displayed, on 64 x 64 pixels."""
    path = made.folder / made.table.set_index("case_id").image[case_id]
    jpeg = path.suffix == ".jpg"
    shown = np.asarray(Image.open(path)) / 255 if jpeg else made.displayed(path)
    return np.asarray(Image.fromarray(shown.astype(np.float32)).resize((64, 64), Image.BOX))


def test_every_plant_is_recorded_and_the_cohort_still_loads(full_of_flaws):
    names = [planted["name"] for planted in full_of_flaws.truth["planted"]]
    assert names == list(ALL_PLANTS[3:11])
    cohort = load_cohort(full_of_flaws.folder / "cohort.yaml")
    assert cohort.n_cases == len(full_of_flaws.table)
    for planted in full_of_flaws.truth["planted"]:
        assert planted["case_ids"]
        assert set(planted["case_ids"]) <= set(full_of_flaws.table.case_id)


def test_a_copy_shows_the_picture_of_another_patient_with_the_same_findings(twice):
    made = twice
    planted = entry(made, "duplicate_images")
    ways = {case: how for how, cases in planted["parameters"]["how"].items() for case in cases}
    assert set(ways.values()) == set(WAYS)
    assert set(ways) == set(planted["case_ids"])
    paths = made.table.set_index("case_id").image
    for copy, source in planted["parameters"]["copy_of"].items():
        a, b = made.truth_of(copy), made.truth_of(source)
        assert a["patient_id"] != b["patient_id"]
        assert (a["labels"], a["sex"]) == (b["labels"], b["sex"])
        how = ways[copy]
        same = (made.folder / paths[copy]).read_bytes() == (
            made.folder / paths[source]
        ).read_bytes()
        assert same == (how == "same_bytes")
        alike = np.corrcoef(picture(made, copy).ravel(), picture(made, source).ravel())[0, 1]
        assert alike > (0.7 if how == "cropped" else 0.99), how
        if how in ("rewritten", "rle"):
            first, second = (pydicom.dcmread(made.folder / paths[c]) for c in (copy, source))
            assert (first.pixel_array == second.pixel_array).all()
            assert first.SOPInstanceUID != second.SOPInstanceUID
            assert first.PatientID == a["patient_id"]
        masks = np.load(made.folder / "masks" / f"{copy}.npz")
        shown = Image.open(made.folder / paths[copy]).size[::-1] if how == "jpeg_file" else None
        if how in ("resized", "cropped"):
            shown = pydicom.dcmread(made.folder / paths[copy]).pixel_array.shape
        assert shown is None or masks["nodule"].shape == shown


@pytest.mark.parametrize(
    ("how", "syntax", "off"),
    [
        ("rle", pydicom.uid.RLELossless, 0.0),
        ("jpeg2000", pydicom.uid.JPEG2000, 0.01),
        ("jpeg_file", "", 0.02),
    ],
)
def test_compressed_copies_are_read_as_what_they_are_a_copy_of(twice, how, syntax, off):
    planted = entry(twice, "duplicate_images")["parameters"]
    paths = twice.table.set_index("case_id").image
    for copy in planted["how"][how]:
        path = twice.folder / paths[copy]
        if syntax:
            assert pydicom.dcmread(path).file_meta.TransferSyntaxUID == syntax
        ours, theirs = (
            read_image(twice.folder / paths[case]).pixels
            for case in (copy, planted["copy_of"][copy])
        )
        assert ours.shape == theirs.shape
        assert np.abs(ours - theirs).mean() <= off


def test_a_second_id_has_nearly_the_same_record_and_note_and_a_picture_of_its_own(twice, clean):
    made = twice
    rows = made.table.set_index("case_id")
    again = entry(made, "same_patient")["parameters"]["copy_of"]
    assert len(again) == 3
    for second, first in again.items():
        a, b = rows.loc[second], rows.loc[first]
        assert a.patient_id != b.patient_id
        assert (a.age, a.sex, a.bnp, a.leukocytes) == (b.age, b.sex, b.bnp, b.leukocytes)
        ours, theirs = set(a.note.split()), set(b.note.split())
        assert a.note != b.note
        assert len(ours & theirs) / len(ours | theirs) > 0.8
        if a.image:
            one, other = (made.folder / path for path in (a.image, b.image))
            assert one.read_bytes() != other.read_bytes()
    before = made.table.iloc[: len(clean.table)]
    assert before.drop(columns="image").equals(clean.table.drop(columns="image"))


@pytest.mark.parametrize(
    ("name", "finding", "has"),
    [
        ("missing_note", 0, lambda case: not case.present["note"]),
        ("site_shortcut", 3, lambda case: case.flaws.own_machine),
    ],
)
def test_what_gives_a_class_away_goes_with_it(name, finding, has):
    cases = draw_cases(0, 600)
    planted = REGISTRY[name](cases, stream(0, PLANT, 0))
    assert planted.class_name == FINDINGS[finding]
    label = np.array([case.labels[finding] for case in cases])
    there = np.array([has(case) for case in cases])
    assert there[label == 1].mean() > 0.55
    assert there[label == 0].mean() < 0.25
    assert all(any(case.present.values()) for case in cases)


def test_every_case_of_the_site_comes_from_its_own_machine(full_of_flaws):
    copies = set(entry(full_of_flaws, "duplicate_images")["case_ids"])
    table = full_of_flaws.table[full_of_flaws.table.image != ""]
    for row in table[~table.case_id.isin(copies)].itertuples():
        model = pydicom.dcmread(full_of_flaws.folder / row.image, force=True).ManufacturerModelName
        assert (row.site == "B") == (model == "Phantom DX 6")


def test_times_after_the_index_time_are_exactly_those_planted(full_of_flaws):
    planted = entry(full_of_flaws, "time_travel")["parameters"]["how"]
    for name in ("note", "record"):
        late = {
            row.case_id
            for row in full_of_flaws.table.itertuples()
            if (on := getattr(row, f"{name}_on"))
            and date.fromisoformat(on) > date.fromisoformat(row.seen_on)
        }
        assert late == set(planted[name])
    spec = yaml.safe_load((full_of_flaws.folder / "cohort.yaml").read_text())
    assert spec["inputs"]["note"]["time"] == "note_on"
    assert spec["inputs"]["record"]["time"] == "record_on"


def test_implausible_values_stand_in_exactly_the_recorded_cells(full_of_flaws):
    cells = entry(full_of_flaws, "implausible")["parameters"]["how"]
    for column, limit in (("temperature", 45), ("spo2", 100)):
        values = full_of_flaws.table[full_of_flaws.table[column] != ""]
        wrong = values[values[column].astype(float) > limit]
        assert set(wrong.case_id) == set(cells[column])
        assert len(wrong) >= 2


def test_names_are_in_exactly_the_recorded_headers_and_notes(full_of_flaws):
    where = entry(full_of_flaws, "identifiers")["parameters"]["how"]
    named = set()
    for path in (full_of_flaws.folder / "images").glob("*.dcm"):
        dataset = pydicom.dcmread(path, force=True)
        if str(dataset.get("PatientName", "")):
            named.add(path.stem)
            assert dataset.PatientIdentityRemoved == "NO"
            block = dataset.private_block(0x0011, "CLINMM PHANTOM")
            assert block[0x01].value
    assert named == set(where["header"])
    pattern = re.compile(r"555-\d{4}|\d\d/\d\d/2019|@example\.org")
    told = full_of_flaws.table[full_of_flaws.table.note.str.contains(pattern)]
    assert set(told.case_id) == set(where["note"])


def test_broken_files_are_broken_as_recorded(full_of_flaws):
    for how, case_ids in entry(full_of_flaws, "wrong_pixels")["parameters"]["how"].items():
        assert case_ids
        for case_id in case_ids:
            path = full_of_flaws.folder / "images" / f"{case_id}.dcm"
            dataset = pydicom.dcmread(path, force=True)
            if how == "no_pixels":
                assert "PixelData" not in dataset
            elif how == "photometric":
                shape = {"MONOCHROME1": "INVERSE", "MONOCHROME2": "IDENTITY"}
                assert dataset.PresentationLUTShape != shape[dataset.PhotometricInterpretation]
            else:
                wanted = dataset.Rows * dataset.Columns * 2
                assert path.stat().st_size < wanted


def test_plants_of_radiographs_are_refused_for_ct(tmp_path):
    with pytest.raises(InputError, match="site_shortcut: for radiographs only"):
        make_phantom(tmp_path / "ct", n_patients=2, modality="ct", plant=["site_shortcut"])
    with pytest.raises(InputError, match="modality must be dx or ct, got 'mr'"):
        make_phantom(tmp_path / "mr", n_patients=2, modality="mr")
    assert set(RADIOGRAPHS_ONLY) < set(ALL_PLANTS)
