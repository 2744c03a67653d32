"""One scan, whatever form it came in; and what makes no regular grid is refused."""

import io
import shutil
from pathlib import Path

import nibabel
import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.encaps import encapsulate
from pydicom.pixels import apply_modality_lut
from pydicom.uid import DeflatedExplicitVRLittleEndian, JPEG2000Lossless
from volume_files import SPACING, scan, write_enhanced, write_nifti, write_series

from clinmm.errors import InputError
from clinmm.readers import claims, volume
from clinmm.readers.dicom_series import pixels
from clinmm.readers.volume import Volume, canonical, cube, middle_picture, read, slices, windowed

PYDICOM = Path(pydicom.__file__).parent / "data" / "test_files"
NIBABEL = Path(nibabel.__file__).parent / "tests" / "data"
SHUFFLED = [4, 0, 6, 2, 5, 1, 3]


def same(found: Volume, spacing: tuple[float, ...] = SPACING) -> None:
    np.testing.assert_array_equal(found.voxels, scan())
    assert found.voxels.dtype == np.float32
    assert found.spacing_mm == pytest.approx(spacing)
    assert (found.facts["depth"], found.facts["height"], found.facts["width"]) == (7, 10, 12)


# --- the same scan in every form --------------------------------------------------------------


def test_a_series_a_shuffled_one_multi_frame_and_nifti_are_the_same_scan(tmp_path: Path) -> None:
    same(read(write_series(tmp_path / "a", scan())))
    same(read(write_series(tmp_path / "b", scan(), names=SHUFFLED)))
    same(read(write_enhanced(tmp_path / "c.dcm", scan(), SHUFFLED)))
    same(read(write_enhanced(tmp_path / "d.dcm", scan(), SHUFFLED, shared_plane=False)))
    same(read(write_nifti(tmp_path / "e.nii", scan())))
    same(read(write_nifti(tmp_path / "f.nii.gz", scan())))


def test_a_scan_from_head_to_foot_and_one_from_foot_to_head_are_the_same(tmp_path: Path) -> None:
    down = write_series(tmp_path / "a", scan()[::-1], stack=(0, 0, -SPACING[0]))
    same(read(down))


@pytest.mark.parametrize(
    ("name", "axes", "orientation"),
    [
        ("sagittal", (2, 0, 1), ((0, 1, 0), (0, 0, -1))),
        ("coronal", (1, 0, 2), ((1, 0, 0), (0, 0, -1))),
    ],
)
def test_sagittal_and_coronal_slices_become_the_same_scan(
    tmp_path: Path, name: str, axes: tuple[int, int, int], orientation: object
) -> None:
    """Rows run from head to foot; the normal says which side the first slice is on."""
    along, down = (np.array(v, dtype=float) for v in orientation)  # type: ignore[attr-defined]
    planes = scan().transpose(axes)[:, ::-1]  # the second axis is depth, from superior on
    normal = np.cross(along, down)
    if normal[{"sagittal": 0, "coronal": 1}[name]] < 0:
        planes = planes[::-1]
    spacing = tuple(SPACING[a] for a in axes)
    found = read(write_series(tmp_path / name, planes, spacing, (tuple(along), tuple(down))))
    same(found)
    assert "axes reordered" in found.facts["done"]


def test_any_affine_of_nifti_gives_the_scan(tmp_path: Path) -> None:
    original = nibabel.load(write_nifti(tmp_path / "ras.nii", scan()))
    for code in ("LPS", "PIR", "SAL", "ARI"):
        target = nibabel.orientations.axcodes2ornt(tuple(code))
        turned = original.as_reoriented(
            nibabel.orientations.ornt_transform(nibabel.io_orientation(original.affine), target)
        )
        nibabel.save(turned, tmp_path / f"{code}.nii")
        same(read(tmp_path / f"{code}.nii"))


def test_turning_an_oblique_grid_moves_no_value_and_says_so() -> None:
    angle = np.radians(20)
    directions = np.array(
        [[0, 0, -1], [-np.sin(angle), np.cos(angle), 0], [np.cos(angle), np.sin(angle), 0]]
    )
    turned, spacing, words, done = canonical(scan(), directions, np.array([3.0, 2.0, 1.0]))
    np.testing.assert_array_equal(turned, scan()[::-1])
    assert spacing == (3.0, 2.0, 1.0)
    assert "oblique by 20 degrees" in words
    assert done == ["flipped depth", "oblique by 20 degrees, nearest axes taken"]


# --- DICOM: what belongs, and what was done --------------------------------------------------


def test_localizers_and_other_files_are_left_out_and_counted(tmp_path: Path) -> None:
    folder = write_series(tmp_path / "a", scan())
    write_series(
        folder / "scout",
        scan()[:1],
        orientation=((0, 1, 0), (0, 0, -1)),
        ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"],
    )
    (folder / "notes.txt").write_text("Secret^Name")
    shutil.copy(PYDICOM / "reportsi.dcm", folder)
    shutil.copy(PYDICOM / "dicomdirtests" / "DICOMDIR", folder)
    found = read(folder)
    same(found)
    assert "left out 3 files that are no images; left out 1 localizers" in found.facts["done"]
    assert "Secret" not in str(found.facts)


def test_slices_that_are_there_twice_are_taken_once(tmp_path: Path) -> None:
    folder = write_series(tmp_path / "a", scan())
    shutil.copy(folder / "IM0003", folder / "again")
    found = read(folder)
    same(found)
    assert "dropped 1 slices that are there twice" in found.facts["done"]


def test_different_slices_at_one_place_are_refused(tmp_path: Path) -> None:
    uid = pydicom.uid.generate_uid()
    folder = write_series(tmp_path / "a", scan(), SeriesInstanceUID=uid)
    write_series(folder / "late", scan() + 10, SeriesInstanceUID=uid)
    with pytest.raises(InputError, match=r"7 slices lie where another one lies.*phases"):
        read(folder)


@pytest.mark.parametrize(("gone", "said"), [([3], "about 1 slices"), ([2, 4, 5], "about 3 slices")])
def test_missing_slices_are_counted(tmp_path: Path, gone: list[int], said: str) -> None:
    folder = write_series(tmp_path / "a", np.repeat(scan(), 2, axis=0))
    for k in gone:
        (folder / f"IM{k:04d}").unlink()
    with pytest.raises(InputError, match=said):
        read(folder)


def test_positions_rounded_to_a_tenth_are_no_gap(tmp_path: Path) -> None:
    folder = write_series(tmp_path / "a", scan(), spacing=(0.625, 1, 1))
    for file in folder.iterdir():
        dataset = pydicom.dcmread(file)
        x, y, z = dataset.ImagePositionPatient
        dataset.ImagePositionPatient = [x, y, round(float(z), 1)]
        dataset.save_as(file)
    assert read(folder).spacing_mm[0] == pytest.approx(0.625, abs=0.02)


def test_an_uneven_stack_is_refused(tmp_path: Path) -> None:
    folder = write_series(tmp_path / "a", scan())
    dataset = pydicom.dcmread(folder / "IM0003")
    dataset.ImagePositionPatient[2] += 1.0
    dataset.save_as(folder / "IM0003")
    with pytest.raises(InputError, match="2 of 6 steps between slices differ"):
        read(folder)


def test_a_tilted_gantry_is_sheared_straight(tmp_path: Path) -> None:
    """A pillar that stands at a right angle to the slices, cut by slices that slip by 1 mm each."""
    voxels = np.full((5, 20, 20), -1000, np.float32)
    for k in range(5):
        voxels[k, 10 - (k - 2), 7] = 500
    found = read(write_series(tmp_path / "a", voxels, (3.0, 1.0, 1.0), stack=(0.0, 1.0, 3.0)))
    assert [tuple(np.argwhere(plane == 500)[0]) for plane in found.voxels] == [(10, 7)] * 5
    assert "gantry tilt of 18.4 degrees sheared straight" in found.facts["done"]
    with pytest.raises(InputError, match="leans by 56 degrees"):
        read(write_series(tmp_path / "b", voxels, (2.0, 1.0, 1.0), stack=(0.0, 3.0, 2.0)))


def test_each_slice_is_rescaled_by_its_own_slope(tmp_path: Path) -> None:
    folder = write_series(tmp_path / "a", scan(), Modality="PT")
    dataset = pydicom.dcmread(folder / "IM0002")
    dataset.RescaleSlope = 2.0
    dataset.save_as(folder / "IM0002")
    found = read(folder)
    np.testing.assert_array_equal(found.voxels[2], (scan()[2] + 1024) * 2 - 1024)
    np.testing.assert_array_equal(found.voxels[3], scan()[3])
    assert "rescaled slice by slice" in found.facts["done"]


@pytest.mark.parametrize("slope", [1e38, 1e300, -1e308])
def test_a_rescale_that_gives_no_numbers_is_refused(tmp_path: Path, slope: float) -> None:
    folder = write_series(tmp_path / "a", scan())
    dataset = pydicom.dcmread(folder / "IM0002")
    dataset.RescaleSlope = slope
    dataset.save_as(folder / "IM0002")
    with pytest.raises(InputError, match="slope and intercept of 1 of 7 slices"):
        read(folder)


def test_padding_of_ct_is_air(tmp_path: Path) -> None:
    voxels = scan()
    voxels[:, :2] = 976  # stored as 2000
    found = read(write_series(tmp_path / "a", voxels, PixelPaddingValue=2000))
    assert (found.voxels[:, :2] == -1024).all()
    np.testing.assert_array_equal(found.voxels[:, 2:], voxels[:, 2:])
    assert "padding set to air" in found.facts["done"]


def test_a_real_ct_series_is_what_pydicom_reads(tmp_path: Path) -> None:
    folder = PYDICOM / "dicomdirtests" / "98892001" / "CT5N"
    found = read(folder)
    files = sorted(map(pydicom.dcmread, folder.iterdir()), key=lambda d: d.ImagePositionPatient[2])
    expected = np.stack([apply_modality_lut(d.pixel_array, d) for d in files])
    np.testing.assert_array_equal(found.voxels, expected)
    assert found.spacing_mm == pytest.approx((2.5, 0.488281, 0.488281))
    assert found.facts["modality"] == "CT"


REAL_REFUSALS = {
    "77654033/CT2": "about 161 slices are missing",
    "77654033/CR1": "ImageOrientationPatient and ImagePositionPatient and PixelSpacing are absent",
    "98892001/CT2N": "2 localizers and no other image",
    "98892003/MR1": "3 series",
    "98892003/MR2": "4 of 7 slices lie in another orientation",
    "98892003/MR700": "6 of 7 slices lie in another orientation",
}


@pytest.mark.parametrize(("folder", "said"), REAL_REFUSALS.items())
def test_real_folders_that_are_no_stack_are_refused(folder: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        read(PYDICOM / "dicomdirtests" / folder)


REAL_FILES = {
    "CT_small.dcm": "one slice, wanted several",
    "rtdose.dcm": "a film, not a volume",
    "SC_rgb_jpeg.dcm": "colour",
    "badVR.dcm": "damaged",
    "liver_1frame.dcm": "cannot be decoded",
    "README.txt": "no DICOM image",
    "waveform_ecg.dcm": "no DICOM image",
}


@pytest.mark.parametrize(("name", "said"), REAL_FILES.items())
def test_real_files_that_are_no_volume_are_refused(name: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        read(PYDICOM / name)


def test_no_file_of_pydicom_or_nibabel_does_anything_but_read_or_refuse() -> None:
    n_read = 0
    for file in [*PYDICOM.iterdir(), *NIBABEL.iterdir()]:
        if file.is_file():
            try:
                read(file)
                n_read += 1
            except InputError:
                pass
    assert n_read >= 4


# --- refusals ---------------------------------------------------------------------------------


def test_what_the_header_lacks_is_named_with_how_many(tmp_path: Path) -> None:
    folder = write_series(tmp_path / "a", scan(), PixelSpacing=None, ImagePositionPatient=None)
    with pytest.raises(InputError, match=r"7 of 7 images ImagePositionPatient and PixelSpacing"):
        read(folder)


def test_no_error_names_the_person(tmp_path: Path) -> None:
    write_series(tmp_path / "a", scan(), PixelSpacing=None)
    with pytest.raises(InputError) as caught:
        read(tmp_path / "a")
    assert "Secret" not in str(caught.value)
    assert "4711" not in str(caught.value)


def test_a_slice_of_another_size_and_a_second_series_are_told_together(tmp_path: Path) -> None:
    folder = write_series(tmp_path / "a", scan())
    write_series(folder / "b", scan()[:, :8])
    with pytest.raises(InputError) as caught:
        read(folder)
    assert len(caught.value.problems) == 2


def test_truncated_pixels_are_counted(tmp_path: Path) -> None:
    folder = write_series(tmp_path / "a", scan())
    whole = (folder / "IM0004").read_bytes()
    (folder / "IM0004").write_bytes(whole[:-50])
    with pytest.raises(InputError, match="pixels of 1 of 7 files cannot be decoded"):
        read(folder)
    (folder / "IM0004").write_bytes(whole[:400])
    with pytest.raises(InputError, match="1 of 7 images the header is cut short"):
        read(folder)


def test_a_claim_of_too_many_voxels_is_refused_before_they_are_read(tmp_path: Path) -> None:
    folder = write_series(tmp_path / "a", scan(), Rows=60000, Columns=60000)
    with pytest.raises(InputError, match="the most that is read"):
        read(folder)
    header = nibabel.Nifti1Header()
    header.set_data_shape((30000, 30000, 3000))
    header.set_data_offset(352)
    (tmp_path / "huge.nii").write_bytes(header.binaryblock + b"\0" * 4)
    with pytest.raises(InputError, match="the most that is read"):
        read(tmp_path / "huge.nii")


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    folder = write_series(tmp_path / "a", scan())
    outside = tmp_path / "outside"
    outside.write_bytes((folder / "IM0006").read_bytes())
    (folder / "IM0006").unlink()
    (folder / "IM0006").symlink_to(outside)
    with pytest.raises(InputError, match="1 files are links that lead out of it"):
        read(folder)


def test_an_empty_folder_and_an_absent_one_are_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no DICOM image"):
        read(tmp_path / "empty")
    with pytest.raises(InputError, match="missing"):
        read(tmp_path / "nowhere")


def test_nifti_that_is_no_single_volume_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="128 x 96 x 24 x 2, wanted one volume"):
        read(NIBABEL / "example4d.nii.gz")
    path = write_nifti(tmp_path / "a.nii.gz", scan())
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(InputError, match="Export it again"):
        read(path)
    (tmp_path / "b.nii").write_text("not an image")
    with pytest.raises(InputError, match="cannot be read as NIfTI"):
        read(tmp_path / "b.nii")
    shear = np.diag([1.0, 1, 1, 1])
    shear[0, 1] = 0.5
    with pytest.raises(InputError, match="off right angles"):
        read(write_nifti(tmp_path / "c.nii", scan(), shear))


def test_nifti_scale_units_and_absent_orientation(tmp_path: Path) -> None:
    image = nibabel.Nifti1Image(scan().astype(np.int16), np.diag([0.001, 0.002, 0.003, 1]))
    image.header.set_slope_inter(0.5, 10)
    image.header.set_xyzt_units("meter")
    nibabel.save(image, tmp_path / "a.nii")
    found = read(tmp_path / "a.nii")
    assert found.spacing_mm == pytest.approx((3, 2, 1))
    assert "rescaled 0.5 10" in found.facts["done"]
    image.set_qform(None, 0)
    image.set_sform(None, 0)
    nibabel.save(image, tmp_path / "b.nii")
    assert "not said" in read(tmp_path / "b.nii").facts["orientation"]


def test_a_real_nifti_is_what_nibabel_reads() -> None:
    found = read(NIBABEL / "anatomical.nii")
    image = nibabel.as_closest_canonical(nibabel.load(NIBABEL / "anatomical.nii"))
    expected = image.get_fdata(dtype=np.float32)[::-1, ::-1].transpose(2, 1, 0)
    np.testing.assert_array_equal(found.voxels, expected)


# --- what nets and screens get ----------------------------------------------------------------


def of(voxels: object, modality: str = "CT", spacing: object = (1.0, 1.0, 1.0)) -> Volume:
    facts = {"modality": modality}
    return Volume(np.asarray(voxels, np.float32), spacing, facts)  # type: ignore[arg-type]


def test_ct_is_windowed_in_hounsfield_units_and_others_by_percentiles() -> None:
    values = np.array([[[-2000.0, -1000, 0, 500, 1000, 3000]]])
    np.testing.assert_allclose(windowed(of(values))[0, 0], [0, 0, 0.5, 0.75, 1, 1])
    np.testing.assert_allclose(windowed(of(values), (0, 1000))[0, 0], [0, 0, 0, 0.5, 1, 1])
    mr = windowed(of(values, "MR"))[0, 0]
    assert mr[0] == 0
    assert mr[-1] == 1
    assert not windowed(of(np.ones((2, 2, 2)), "MR")).any()


def test_values_almost_alike_are_still_numbers_in_the_window() -> None:
    tiny = np.array([[[0, 1e-42, 2e-42, 1e-38]]])
    shown = windowed(of(tiny, "MR"), (0.0, 2e-42))[0, 0]
    assert shown[0] == 0
    assert ((shown >= 0) & (shown <= 1)).all()


def test_a_cube_averages_before_it_thins() -> None:
    rng = np.random.default_rng(1)
    fine = of(rng.integers(0, 2, (60, 50, 40)) * 2000 - 1000.0)
    small = cube(fine, 10)
    assert small.shape == (1, 10, 10, 10)
    assert small.std() < 0.12, "every voxel stands for many"
    assert small.mean() == pytest.approx(0.5, abs=0.02)
    ramp = of(np.broadcast_to(np.linspace(-1000, 1000, 48)[:, None, None], (48, 8, 8)))
    assert (np.diff(cube(ramp, 12)[0, :, 3, 3]) > 0).all()


def test_a_cube_of_its_own_size_is_the_volume() -> None:
    voxels = np.random.default_rng(2).uniform(-1000, 1000, (16, 16, 16))
    np.testing.assert_allclose(cube(of(voxels), 16)[0], (voxels + 1000) / 2000, atol=1e-6)


def test_the_middle_picture_is_an_axial_slice(tmp_path: Path) -> None:
    picture = middle_picture(read(write_series(tmp_path / "a", scan())))
    np.testing.assert_allclose(picture.pixels[0], (scan()[3] + 1000) / 2000, atol=1e-6)
    assert picture.spacing_mm == pytest.approx(SPACING[1:])


def test_slices_for_the_screen_have_square_pixels_and_keep_their_values() -> None:
    thin = slices(of(np.full((200, 40, 30), 7.0), spacing=(1.0, 2.0, 1.0)), most=64, side=60)
    assert thin.voxels.shape == (64, 60, 22)
    assert np.allclose(thin.voxels, 7)
    assert thin.spacing_mm[1] == thin.spacing_mm[2]
    whole = of(np.random.default_rng(0).normal(size=(5, 8, 8)))
    np.testing.assert_array_equal(slices(whole, 64, 256).voxels, whole.voxels)


def test_a_volume_without_three_axes_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="depth, height, width"):
        Volume(np.zeros((2, 2), np.float32), (1, 1, 1))


def test_reading_needs_no_torch() -> None:
    assert "torch" not in vars(volume)


def test_a_deflated_bomb_among_the_slices_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claims, "MOST_INFLATED", 2**12)
    folder = write_series(tmp_path / "a", scan())
    dataset = pydicom.dcmread(folder / "IM0003")
    dataset.PixelData = bytes(2**14)
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    dataset.save_as(folder / "IM0003")
    with pytest.raises(InputError, match="in 1 of 7 images the file is deflated and unpacks to"):
        read(folder)


@pytest.mark.parametrize("inside", [5000, None])
def test_compressed_slices_of_another_size_are_not_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, inside: int | None
) -> None:
    """inside: side of the compressed image; None for a stream in which pydicom would loop."""
    folder = write_series(tmp_path / "a", scan())
    held = io.BytesIO()
    Image.fromarray(np.zeros((inside or 10, inside or 12), np.uint16)).save(held, "JPEG2000")
    frame = held.getvalue() if inside else b"\0\0\0\0jP  " + bytes(64)
    dataset = pydicom.dcmread(folder / "IM0003")
    dataset.file_meta.TransferSyntaxUID = JPEG2000Lossless
    dataset.PixelData = encapsulate([frame])
    dataset["PixelData"].VR = "OB"
    dataset.save_as(folder / "IM0003")
    unpacked = []
    whole = pixels.stored_values
    monkeypatch.setattr(
        pixels,
        "stored_values",
        lambda dataset, gdcm: (
            unpacked.append(str(dataset.file_meta.TransferSyntaxUID)) or whole(dataset, gdcm)
        ),
    )
    with pytest.raises(InputError, match="pixels of 1 of 7 files cannot be decoded"):
        read(folder)
    assert JPEG2000Lossless not in unpacked
    assert len(unpacked) == 6


def test_ct_without_rescale_says_that_its_units_are_assumed(tmp_path: Path) -> None:
    without = {"RescaleSlope": None, "RescaleIntercept": None}
    said = "no rescale in the header, stored values taken as Hounsfield units"
    found = read(write_series(tmp_path / "ct", scan(), **without))
    np.testing.assert_array_equal(found.voxels, scan() + 1024)
    assert said in found.facts["done"]
    assert said not in read(write_series(tmp_path / "whole", scan())).facts["done"]
    other = read(write_series(tmp_path / "mr", scan(), Modality="MR", **without))
    assert said not in other.facts["done"]


def test_padding_written_signed_beside_unsigned_pixels_is_air(tmp_path: Path) -> None:
    folder = write_series(tmp_path / "a", scan())
    for file in folder.iterdir():
        dataset = pydicom.dcmread(file)
        stored = dataset.pixel_array.copy()
        stored[0, :3] = 2**16 - 2000
        dataset.PixelData = stored.tobytes()
        dataset.add_new("PixelPaddingValue", "SS", -2000)
        dataset.save_as(file)
    found = read(folder)
    assert (found.voxels[:, 0, :3] == -1024).all()
    assert "padding set to air" in found.facts["done"]


def test_what_a_header_says_is_printable(tmp_path: Path) -> None:
    facts = read(write_series(tmp_path / "a", scan(), Manufacturer=" ACME\x07\x0cAG")).facts
    assert facts["manufacturer"] == "ACME AG"
