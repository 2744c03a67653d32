"""Text in pixels: what counts, what is made black, and the real detector from end to end."""

import json

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont
from pydicom import dcmread
from pydicom.data import get_testdata_file

from clinmm.cohort.manifest import load_cohort
from clinmm.cohort.phantom import make_phantom
from clinmm.deidentification import burned_in, gate
from clinmm.deidentification.burned_in import TextBox
from clinmm.deidentification.clean_dicom import clean_file
from clinmm.deidentification.clean_picture import clean_picture
from clinmm.deidentification.keys import Keys
from clinmm.readers import read_image
from pipelines.deidentify import main

BOX = TextBox(top=10, bottom=20, left=30, right=60)


@pytest.fixture
def detector():
    pytest.importorskip("rapidocr", reason="the extra `ocr` is not installed")
    pytest.importorskip("onnxruntime", reason="the extra `ocr` is not installed")


@pytest.mark.parametrize(
    ("text", "tells"), [("L", False), ("R", False), ("PORTABLE", False),
                        ("SEMI ERECT", False), ("Patient sitting", False), ("LARSEN", True),
                        ("1950-03", True), ("70 kV", False),
                        ("AP", False), ("SMITH", True), ("12/03/1950", True)]
)  # fmt: skip
def test_marks_of_technique_do_not_count(text, tells):
    assert burned_in.counts(text) is tells


@pytest.mark.parametrize("name", ["CT_small.dcm", "JPEG2000.dcm", "SC_rgb_rle.dcm"])
def test_boxes_of_a_dicom_picture_become_black_and_nothing_else_changes(tmp_path, name):
    source = get_testdata_file(name)
    clean_file(source, tmp_path / "b.dcm", Keys(bytes(32)), "p", boxes=[BOX])
    before, after = dcmread(source).pixel_array, dcmread(tmp_path / "b.dcm").pixel_array
    inside = np.zeros(before.shape[:2], dtype=bool)
    inside[BOX.top : BOX.bottom, BOX.left : BOX.right] = True
    assert np.array_equal(after[~inside], before[~inside])
    assert read_image(tmp_path / "b.dcm").pixels[:, inside].max() <= 0.01


@pytest.mark.parametrize(("suffix", "beside"), [("png", 0.0), ("jpg", 0.02)])
def test_boxes_of_other_pictures_become_black(tmp_path, suffix, beside):
    rows, columns = np.mgrid[0:64, 0:96]
    Image.fromarray((rows + columns + 40).astype(np.uint8)).save(tmp_path / f"a.{suffix}")
    clean_picture(tmp_path / f"a.{suffix}", tmp_path / f"b.{suffix}", [BOX])
    before = read_image(tmp_path / f"a.{suffix}").pixels[0]
    after = read_image(tmp_path / f"b.{suffix}").pixels[0]
    assert after[12:18, 34:56].max() < 0.03  # JPEG blurs the edge
    assert np.abs(after - before)[32:].max() <= beside


def _drawn(words):
    picture = Image.fromarray(np.full((400, 500), 40, dtype=np.uint8))
    ImageDraw.Draw(picture).text((60, 80), words, fill=230, font=ImageFont.load_default(24))
    return np.asarray(picture)


@pytest.mark.usefixtures("detector")
def test_the_detector_finds_text_and_no_side_marker():
    (box,) = burned_in.find_text(_drawn("ZEBEDIAH 1947"))
    assert box.top < 90 < box.bottom
    assert box.left < 80 < box.right
    assert burned_in.find_text(_drawn("L")) == []
    assert burned_in.find_text(_drawn(" ")) == []


def _burn(path):
    """Writes a name over the upper left corner of a DICOM file's pixels; its rows."""
    dataset = dcmread(path)
    pixels = dataset.pixel_array
    words = Image.new("L", pixels.shape[::-1], 0)
    ImageDraw.Draw(words).text((20, 30), "ZEBEDIAH 1947", 255, ImageFont.load_default(22))
    bright = pixels.min() if dataset.PhotometricInterpretation == "MONOCHROME1" else pixels.max()
    dataset.PixelData = np.where(np.asarray(words) > 127, bright, pixels).tobytes()
    dataset.save_as(path)


@pytest.mark.usefixtures("detector")
def test_a_planted_name_is_found_and_cannot_be_read_in_the_copy(tmp_path, monkeypatch):
    made = make_phantom(tmp_path / "phantom", seed=3, n_patients=5)
    cohort = load_cohort(made)
    paths = dict(zip(cohort.table["case_id"], cohort.image_paths("image"), strict=True))
    paths = {case: path for case, path in paths.items() if path is not None}
    burned = list(paths)[:2]
    for case in burned:
        _burn(paths[case])
    (finding,) = gate.burned_in(cohort, "image")
    assert (finding.severity, finding.case_ids) == ("warning", tuple(burned))

    evidence, findings = main(made, tmp_path / "copy")
    assert set(findings["severity"]) <= {"info"}
    assert evidence["changed"]["image"]["pixels: boxes of text made black"] >= 2
    copy = load_cohort(tmp_path / "copy/cohort.yaml")
    new = dict(zip(copy.table["case_id"], copy.image_paths("image"), strict=True))
    key = json.loads((tmp_path / "copy.key.json").read_text())["pseudonyms"]["case"]
    for case, path in paths.items():
        cleaned = new[key[case]]
        assert burned_in.find_text(burned_in.as_shown(cleaned)) == []
        changed = dcmread(path).pixel_array != dcmread(cleaned).pixel_array
        assert changed.any() == (case in burned)
        assert not changed[80:].any()

    monkeypatch.setattr(gate, "MOST_PICTURES_READ", 2)
    (finding,) = gate.burned_in(copy, "image")
    assert finding.detail.startswith("not checked:")
