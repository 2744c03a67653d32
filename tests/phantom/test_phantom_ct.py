"""The CT cohort: real series in Hounsfield units, with the truth of the radiographs."""

import numpy as np
import pydicom
import yaml

from clinmm.cohort.phantom import lesions, make_phantom
from clinmm.cohort.phantom.ct.volume import draw_volume
from clinmm.cohort.phantom.findings import FINDINGS
from clinmm.cohort.phantom.latents import draw_cases


def series(folder):
    """Voxels in Hounsfield units (PS3.3 C.7.6.2.1.1 and C.11.1) and headers, from the feet up."""
    slices = sorted(
        (pydicom.dcmread(path) for path in folder.iterdir()),
        key=lambda dataset: float(dataset.ImagePositionPatient[2]),
    )
    voxels = np.stack(
        [d.pixel_array * float(d.RescaleSlope) + float(d.RescaleIntercept) for d in slices]
    )
    return voxels, slices


def test_a_case_is_one_series_with_a_regular_grid(ct):
    kinds = set()
    for folder in sorted((ct.folder / "images").iterdir()):
        _, slices = series(folder)
        first = slices[0]
        assert first.SOPClassUID == pydicom.uid.CTImageStorage
        assert len({d.SeriesInstanceUID for d in slices}) == 1
        assert len({d.SOPInstanceUID for d in slices}) == len(slices)
        gaps = np.diff([float(d.ImagePositionPatient[2]) for d in slices])
        assert np.allclose(gaps, first.SpacingBetweenSlices, atol=1e-3)
        by_number = sorted(slices, key=lambda d: d.InstanceNumber)
        upward = by_number[0] is first
        assert [d.InstanceNumber for d in slices] == sorted(
            (d.InstanceNumber for d in slices), reverse=not upward
        )
        assert str(first.PatientName) == ""
        assert first.PatientID == ct.truth_of(folder.name)["patient_id"]
        kinds.add((first.ManufacturerModelName, first.PixelRepresentation, upward))
    assert len(kinds) >= 2


def test_file_names_do_not_give_the_order(ct):
    for folder in (ct.folder / "images").iterdir():
        height = [
            float(pydicom.dcmread(path, stop_before_pixels=True).ImagePositionPatient[2])
            for path in sorted(folder.iterdir())
        ]
        assert height not in (sorted(height), sorted(height, reverse=True))


def test_air_lung_soft_tissue_and_bone_have_their_hounsfield_units(ct):
    for folder in (ct.folder / "images").iterdir():
        voxels, _ = series(folder)
        n, rows, cols = voxels.shape
        assert np.abs(voxels[:, :3, :3] + 1000).mean() < 40  # noise only
        lungs = voxels[n // 2 : int(0.7 * n), int(0.4 * rows) : int(0.55 * rows)]
        lungs = lungs[:, :, int(0.22 * cols) : int(0.78 * cols)]
        assert -930 < np.percentile(lungs, 10) < -700
        liver = voxels[1, int(0.4 * rows) : int(0.6 * rows), int(0.3 * cols) : int(0.4 * cols)]
        assert 0 < np.median(liver) < 80
        assert np.percentile(voxels, 99.5) > 200


def test_the_image_input_has_three_dimensions_and_the_default_two(ct, clean):
    image = yaml.safe_load((ct.folder / "cohort.yaml").read_text())["inputs"]["image"]
    assert image == {"kind": "image", "column": "image", "dimensions": 3, "masks": "masks"}
    assert "dimensions" not in (clean.folder / "cohort.yaml").read_text()
    for row in ct.table.itertuples():
        assert (ct.folder / "images" / row.case_id).is_dir() == bool(row.image)


def test_notes_records_and_findings_are_those_of_the_radiographs(ct, clean):
    n = len(ct.table)
    columns = [name for name in ct.table.columns if name != "image"]
    assert ct.table[columns].equals(clean.table[columns].iloc[:n])
    ours, theirs = ct.truth["cases"], clean.truth["cases"][:n]
    for a, b in zip(ours, theirs, strict=True):
        assert a["image_evidence"] == b["image_evidence"]
        assert a.get("evident") == b.get("evident") or a["present"]["image"]


def test_the_same_seed_gives_the_same_bytes(tmp_path):
    for name in "ab":
        make_phantom(tmp_path / name, seed=5, n_patients=1, modality="ct")
    files = {p.relative_to(tmp_path / "a") for p in (tmp_path / "a").rglob("*") if p.is_file()}
    assert len(files) > 4
    for file in files:
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_more_evidence_draws_more_of_each_finding_and_no_more_of_the_others():
    case = draw_cases(0, 1)[0]
    case.labels = np.ones(4, dtype=int)
    for k, finding in enumerate(FINDINGS):
        seen = []
        for evidence in (0.0, 1.5, 3.0):
            case.image_evidence = np.full(4, -1.0)
            case.image_evidence[k] = evidence
            seen.append(draw_volume(0, case)[0])
        plain, _, strong = seen
        if finding == "cardiomegaly":
            drawn = [np.mean((v > -100) & (v < 150)) for v in seen]
        else:
            drawn = [float(np.abs(v - plain).sum()) for v in seen]
        assert drawn[0] < drawn[1] < drawn[2], finding
        assert np.abs(strong - plain)[:, :3].max() == 0  # nothing changes outside the body


def test_fluid_lies_at_the_back_and_masks_lie_where_the_finding_is():
    cases = [case for case in draw_cases(0, 60) if case.present["image"]]
    strong = lesions.amounts(np.array([0.0, 3.0, -1.0, -1.0]))
    assert strong["effusion"] > 60
    case = max(cases, key=lambda c: c.image_evidence[1] * c.labels[1])
    voxels, scanner, masks, _ = draw_volume(0, case)
    fluid = masks["effusion"]
    assert fluid.shape == scanner.shape == voxels.shape
    assert fluid.any()
    assert -60 < voxels[fluid].mean() < 60
    assert np.argwhere(fluid)[:, 1].mean() > 0.55 * voxels.shape[1]
    spotted = max(cases, key=lambda c: c.image_evidence[3] * c.labels[3])
    voxels, _, masks, _ = draw_volume(0, spotted)
    assert voxels[masks["nodule"]].mean() > -300
