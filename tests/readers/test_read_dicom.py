import shutil
from pathlib import Path

import numpy as np
import pydicom
import pytest
from dicom_files import write_dicom
from pydicom.dataset import Dataset
from pydicom.pixels import apply_voi_lut, pixel_array

from clinmm.errors import InputError
from clinmm.readers import read_image

FILES = Path(pydicom.__file__).parent / "data" / "test_files"
RAMP = (np.arange(256, dtype=np.uint16) * 16).reshape(16, 16)  # 0 .. 4080


def test_rescale_comes_before_the_window(tmp_path: Path) -> None:
    path = write_dicom(
        tmp_path / "a.dcm",
        RAMP,
        BitsStored=12,
        RescaleSlope=2,
        RescaleIntercept=-1000,
        WindowCenter=1000.5,
        WindowWidth=1001,
    )
    # PS3.3 C.11.2.1.2.1: ((x - (c - 0.5)) / (w - 1) + 0.5), so 500 is black and 1500 white
    expected = np.clip((RAMP * 2.0 - 1000 - 500) / 1000, 0, 1)
    picture = read_image(path)
    np.testing.assert_allclose(picture.pixels[0], expected, atol=1e-6)
    assert picture.pixels.dtype == np.float32
    assert picture.facts["window"] == "LINEAR 1000.5/1001"
    assert (picture.facts["bits"], picture.facts["modality"]) == (12, "DX")


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
def test_windows_agree_with_pydicom(tmp_path: Path, function: str) -> None:
    path = write_dicom(
        tmp_path / "a.dcm",
        RAMP,
        BitsStored=12,
        WindowCenter=[2000, 50],
        WindowWidth=[1500, 80],
        VOILUTFunction=function,
    )
    dataset = pydicom.dcmread(path)
    theirs = apply_voi_lut(pixel_array(dataset), dataset) / 4095  # onto 0 .. 2^12 - 1
    np.testing.assert_allclose(read_image(path).pixels[0], theirs, atol=1e-6)


def test_monochrome1_is_the_negative_of_monochrome2(tmp_path: Path) -> None:
    settings = {"BitsStored": 12, "WindowCenter": 2048, "WindowWidth": 4096}
    two = read_image(write_dicom(tmp_path / "2.dcm", RAMP, **settings))
    one = read_image(
        write_dicom(tmp_path / "1.dcm", RAMP, PhotometricInterpretation="MONOCHROME1", **settings)
    )
    np.testing.assert_allclose(one.pixels, 1 - two.pixels, atol=1e-6)
    assert one.facts["photometric"] == "MONOCHROME1"


def test_without_a_window_the_percentiles_are_black_and_white(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    values = rng.integers(1000, 1100, (200, 200)).astype(np.uint16)
    values[0, 0], values[0, 1] = 0, 65535  # two dead pixels must not set the scale
    pixels = read_image(write_dicom(tmp_path / "a.dcm", values)).pixels[0]
    np.testing.assert_allclose(pixels, np.clip((values - 1000.0) / 99, 0, 1), atol=0.02)


def test_a_window_without_width_is_no_window(tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "a.dcm", RAMP, WindowCenter=100, WindowWidth=0)
    assert read_image(path).facts["window"] == "percentiles"


def test_a_voi_table_is_used_before_a_window(tmp_path: Path) -> None:
    table = Dataset()
    table.LUTDescriptor = [4096, 0, 10]
    table.LUTData = (1023 - np.arange(4096, dtype=np.uint16) // 4).tobytes()
    path = write_dicom(
        tmp_path / "a.dcm",
        RAMP,
        BitsStored=12,
        VOILUTSequence=[table],
        WindowCenter=10,
        WindowWidth=10,
    )
    expected = (1023 - RAMP // 4) / 1023
    np.testing.assert_allclose(read_image(path).pixels[0], expected, atol=1e-6)


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_padding_is_black_and_does_not_set_the_scale(tmp_path: Path, photometric: str) -> None:
    values = np.tile(np.arange(1000, 1040, dtype=np.int16), (40, 1))
    values[:, :8] = -2000
    picture = read_image(
        write_dicom(
            tmp_path / "a.dcm",
            values,
            PhotometricInterpretation=photometric,
            PixelPaddingValue=-2000,
        )
    )
    assert (picture.pixels[0, :, :8] == 0).all()
    shown = picture.pixels[0, 0, 8:]
    assert shown.max() - shown.min() == pytest.approx(1)


def test_signed_values_are_read(tmp_path: Path) -> None:
    values = (RAMP.astype(np.int32) - 2048).astype(np.int16)
    path = write_dicom(tmp_path / "a.dcm", values, WindowCenter=0, WindowWidth=4097)
    np.testing.assert_allclose(
        read_image(path).pixels[0], (values - 0.5 + 1) / 4096 + 0.5, atol=1e-3
    )


def test_colour_is_given_as_rgb_over_its_bits(tmp_path: Path) -> None:
    colour = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    picture = read_image(write_dicom(tmp_path / "a.dcm", colour))
    np.testing.assert_allclose(picture.pixels, colour.transpose(2, 0, 1) / 255, atol=1e-6)


def test_every_way_to_store_one_colour_picture_gives_that_picture() -> None:
    names = [
        "SC_rgb_dcmtk_+eb+cr.dcm",  # RGB
        "SC_rgb_dcmtk_+eb+cy+n1.dcm",  # YBR_FULL
        "SC_rgb_dcmtk_+eb+cy+np.dcm",  # YBR_FULL_422
        "SC_rgb_rle.dcm",
        "SC_rgb_rle_16bit.dcm",
        "SC_rgb_gdcm_KY.dcm",
    ]
    pictures = [read_image(FILES / name) for name in names]
    assert pictures[0].spacing_mm == (1.0, 1.0)
    for picture in pictures[1:]:
        assert picture.pixels.shape == (3, 100, 100)
        assert np.abs(picture.pixels - pictures[0].pixels).mean() < 0.02


def test_palettes_become_colour() -> None:
    picture = read_image(FILES / "examples_palette.dcm")
    assert picture.pixels.shape == (3, 350, 800)
    assert picture.pixels.max() <= 1
    assert picture.pixels.std() > 0.05


@pytest.mark.parametrize("name", ["RLE", "jp2klossless", "jpeg_ls_lossless", "bigendian"])
def test_compression_does_not_change_the_picture(name: str) -> None:
    plain = read_image(FILES / "MR_small.dcm")
    stored = read_image(FILES / f"MR_small_{name}.dcm")
    np.testing.assert_array_equal(stored.pixels, plain.pixels)
    assert stored.spacing_mm == plain.spacing_mm == (0.3125, 0.3125)


def test_the_detectors_spacing_serves_where_there_is_no_other(tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "a.dcm", RAMP, ImagerPixelSpacing=[0.2, 0.2])
    assert read_image(path).spacing_mm == (0.2, 0.2)
    assert read_image(path).facts["spacing"] == "0.2 x 0.2 mm, ImagerPixelSpacing"
    assert read_image(write_dicom(tmp_path / "b.dcm", RAMP)).spacing_mm is None


def test_the_content_decides_not_the_name(tmp_path: Path) -> None:
    shutil.copy(FILES / "MR_small.dcm", tmp_path / "looks.png")
    assert read_image(tmp_path / "looks.png").facts["format"] == "DICOM"


def test_facts_hold_nobodys_identity(tmp_path: Path) -> None:
    facts = str(read_image(write_dicom(tmp_path / "a.dcm", RAMP)).facts)
    assert "Secret" not in facts
    assert "4711" not in facts


def refusal(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        read_image(path)
    assert "Secret" not in str(caught.value)
    assert "4711" not in str(caught.value)
    assert str(path) in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__cause__ is None
    return str(caught.value)


def test_files_without_pixels_are_refused(tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "a.dcm", RAMP, PixelData=None)
    assert "holds no pixels" in refusal(path)
    assert "holds no pixels" in refusal(FILES / "rtplan.dcm")


def test_truncated_files_are_refused(tmp_path: Path) -> None:
    whole = write_dicom(tmp_path / "a.dcm", RAMP).read_bytes()
    (tmp_path / "cut.dcm").write_bytes(whole[:-200])
    assert "truncated" in refusal(tmp_path / "cut.dcm")


def test_a_header_that_claims_too_much_is_refused_before_decoding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_dicom(tmp_path / "a.dcm", RAMP, Rows=60000, Columns=60000)

    def never(*arguments: object) -> None:
        raise AssertionError("it was decoded")

    monkeypatch.setattr("clinmm.readers.dicom.stored_values", never)
    assert "claims 60000 x 60000 pixels" in refusal(path)


def test_several_frames_are_refused(tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "a.dcm", RAMP, NumberOfFrames=2)
    assert "holds 2 frames, wanted one" in refusal(path)


def test_a_header_without_size_is_refused(tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "a.dcm", RAMP, Rows=None)
    assert "does not say the size" in refusal(path)


def test_random_bytes_called_dicom_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.dcm"
    path.write_bytes(np.random.default_rng(0).bytes(500))
    refusal(path)
