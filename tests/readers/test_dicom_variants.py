"""The many ways in which DICOM files say the same picture, on pydicom's files and variants."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from dicom_files import write_dicom
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.pixels import apply_color_lut, apply_modality_lut, pixel_array
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    HTJ2KLossless,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from clinmm.readers import read_image
from clinmm.readers.decoding import PLUGINS, stored_values

FILES = Path(pydicom.__file__).parent / "data" / "test_files"
RAMP = (np.arange(256, dtype=np.uint16) * 16).reshape(16, 16)  # 0 .. 4080
WHOLE = {"BitsStored": 12, "WindowCenter": 2048, "WindowWidth": 4096}


def table(first: int, bits: int, data: Any, n: int | None = None) -> Dataset:
    item = Dataset()
    entries = len(data) if n is None else n
    item.LUTDescriptor = [entries % 65536, first, bits]
    item.LUTData = data if isinstance(data, bytes) else np.asarray(data, "<u2").tobytes()
    item["LUTData"].VR = "OW"
    return item


# --- transfer syntaxes -------------------------------------------------------------------------


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian])
def test_encodings_do_not_change_the_picture(tmp_path: Path, syntax: str) -> None:
    plain = write_dicom(tmp_path / "plain.dcm", RAMP, **WHOLE)
    dataset = pydicom.dcmread(plain)
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.save_as(tmp_path / "other.dcm", implicit_vr=syntax == ImplicitVRLittleEndian)
    other = read_image(tmp_path / "other.dcm")
    np.testing.assert_array_equal(other.pixels, read_image(plain).pixels)
    assert other.facts["transfer_syntax"] == pydicom.uid.UID(syntax).name


@pytest.mark.parametrize("syntax", [RLELossless, JPEGLSLossless, JPEG2000Lossless])
@pytest.mark.parametrize("signed", [False, True])
def test_lossless_compression_does_not_change_the_picture(
    tmp_path: Path, syntax: str, signed: bool
) -> None:
    rng = np.random.default_rng(0)
    values = rng.integers(0, 4096, (40, 50)).astype(np.uint16)
    if signed:
        values = (values.astype(np.int32) - 2048).astype(np.int16)
    window = {"WindowCenter": 0 if signed else 2048, "WindowWidth": 4096}
    plain = write_dicom(tmp_path / "plain.dcm", values, **window)
    dataset = pydicom.dcmread(plain)
    dataset.compress(syntax, generate_instance_uid=False)
    dataset.save_as(tmp_path / "packed.dcm")
    packed = read_image(tmp_path / "packed.dcm")
    np.testing.assert_array_equal(packed.pixels, read_image(plain).pixels)
    assert packed.facts["transfer_syntax"] == pydicom.uid.UID(syntax).name


def test_high_throughput_jpeg_2000_has_a_decoder() -> None:
    assert "pylibjpeg" in pydicom.pixels.get_decoder(HTJ2KLossless).available_plugins


@pytest.mark.parametrize("syntax", list(PLUGINS))
def test_the_decoder_named_for_each_compression_is_there(syntax: str) -> None:
    assert PLUGINS[syntax] in pydicom.pixels.get_decoder(syntax).available_plugins


@pytest.mark.parametrize("name", ["JPEG-lossy.dcm", "JPGExtended.dcm"])
def test_jpeg_of_12_bits_agrees_with_the_same_image_in_jpeg_2000(name: str) -> None:
    ours = stored_values(pydicom.dcmread(FILES / name)).astype(float)
    other = stored_values(pydicom.dcmread(FILES / "JPEG2000.dcm")).astype(float)
    assert np.corrcoef(ours.ravel(), other.ravel())[0, 1] > 0.95  # both lossy, differently
    assert (ours[420, 140], ours[230, 120]) == (244, 95)


def test_lossless_jpeg_is_read_whatever_the_decoder_does_on_damage(tmp_path: Path) -> None:
    path = FILES / "SC_rgb_jpeg_gdcm.dcm"
    assert pydicom.dcmread(path).file_meta.TransferSyntaxUID.name.startswith("JPEG Lossless")
    rle = read_image(FILES / "SC_rgb_rle.dcm")
    np.testing.assert_array_equal(read_image(path).pixels, rle.pixels)


def test_lossless_jpeg_in_ybr_becomes_rgb_unless_it_names_its_components_rgb(
    tmp_path: Path,
) -> None:
    dataset = pydicom.dcmread(FILES / "SC_rgb_jpeg_gdcm.dcm")  # its components are named R, G, B
    as_stored = read_image(FILES / "SC_rgb_jpeg_gdcm.dcm").pixels
    dataset.PhotometricInterpretation = "YBR_FULL"
    dataset.save_as(tmp_path / "named.dcm")
    np.testing.assert_array_equal(read_image(tmp_path / "named.dcm").pixels, as_stored)
    frame = bytearray(next(generate_frames(dataset.PixelData, number_of_frames=1)))
    in_frame, in_scan = frame.find(b"\xff\xc3") + 10, frame.find(b"\xff\xda") + 5
    for number in range(3):
        frame[in_frame + 3 * number] = frame[in_scan + 2 * number] = number + 1
    dataset.PixelData = encapsulate([bytes(frame)])
    dataset.save_as(tmp_path / "numbered.dcm")
    y, cb, cr = as_stored * 255 - np.array([0, 128, 128]).reshape(3, 1, 1)  # PS3.3 C.7.6.3.1.2
    wanted = np.stack([y + 1.402 * cr, y - 0.344136 * cb - 0.714136 * cr, y + 1.772 * cb])
    shown = read_image(tmp_path / "numbered.dcm").pixels * 255
    assert np.abs(shown - wanted.clip(0, 255)).max() < 1


def test_a_file_without_meta_header_is_read(tmp_path: Path) -> None:
    plain = write_dicom(tmp_path / "a.dcm", RAMP, **WHOLE)
    whole = plain.read_bytes()
    length = int.from_bytes(whole[140:144], "little")  # of the meta header
    bare = tmp_path / "image"  # neither preamble nor ending
    bare.write_bytes(whole[144 + length :])
    np.testing.assert_array_equal(read_image(bare).pixels, read_image(plain).pixels)


# --- bits --------------------------------------------------------------------------------------


def test_values_above_unused_low_bits_are_brought_down(tmp_path: Path) -> None:
    low = write_dicom(tmp_path / "low.dcm", RAMP, **WHOLE)
    high = write_dicom(tmp_path / "high.dcm", RAMP << 4, **WHOLE, HighBit=15)
    np.testing.assert_array_equal(read_image(high).pixels, read_image(low).pixels)


def test_an_overlay_in_unused_high_bits_is_not_seen(tmp_path: Path) -> None:
    plain = write_dicom(tmp_path / "plain.dcm", RAMP, **WHOLE)
    marked = RAMP.copy()
    marked[3, :] |= 0x8000
    other = write_dicom(tmp_path / "marked.dcm", marked, **WHOLE)
    np.testing.assert_array_equal(read_image(other).pixels, read_image(plain).pixels)


def test_one_bit_and_float_pixels_are_read() -> None:
    assert set(np.unique(read_image(FILES / "liver_1frame.dcm").pixels)) == {0, 1}


# --- modality and VOI tables -------------------------------------------------------------------


def test_a_modality_table_agrees_with_pydicom_and_replaces_rescale(tmp_path: Path) -> None:
    entries = (np.arange(4096) ** 2 // 4096).astype(np.uint16)
    path = write_dicom(
        tmp_path / "a.dcm",
        RAMP,
        **WHOLE,
        ModalityLUTSequence=[table(0, 16, entries)],
        RescaleSlope=50,
        RescaleIntercept=7,
    )
    dataset = pydicom.dcmread(path)
    theirs = apply_modality_lut(pixel_array(dataset), dataset).astype(float)
    picture = read_image(path)
    np.testing.assert_allclose(picture.pixels[0], np.clip(theirs / 4095, 0, 1), atol=1e-6)
    assert picture.facts["done"] == "modality LUT; window LINEAR 2048/4096"


def test_values_beyond_a_table_get_its_ends(tmp_path: Path) -> None:
    path = write_dicom(
        tmp_path / "a.dcm",
        np.array([[0, 9, 10, 11, 12, 13]], np.uint16),
        VOILUTSequence=[table(10, 10, [100, 500, 900])],
    )
    expected = np.array([100, 100, 100, 500, 900, 900]) / 1023
    np.testing.assert_allclose(read_image(path).pixels[0, 0], expected, atol=1e-6)


@pytest.mark.parametrize("packed", [True, False])
def test_tables_of_8_bits_are_read_packed_or_in_words(tmp_path: Path, packed: bool) -> None:
    entries = np.array([0, 50, 100, 255], np.uint8)
    data = entries.tobytes() if packed else entries.astype("<u2").tobytes()
    path = write_dicom(
        tmp_path / "a.dcm",
        np.array([[0, 1, 2, 3]], np.uint8),
        VOILUTSequence=[table(0, 8, data, n=4)],
    )
    np.testing.assert_allclose(read_image(path).pixels[0, 0], entries / 255, atol=1e-6)


def test_a_table_may_begin_below_zero(tmp_path: Path) -> None:
    path = write_dicom(
        tmp_path / "a.dcm",
        np.array([[-2, -1, 0, 1]], np.int16),
        VOILUTSequence=[table(-2, 10, [0, 300, 600, 1023])],
    )
    expected = np.array([0, 300, 600, 1023]) / 1023
    np.testing.assert_allclose(read_image(path).pixels[0, 0], expected, atol=1e-6)


def test_an_unusable_table_is_passed_over_for_the_window(tmp_path: Path) -> None:
    short = table(0, 12, np.arange(10), n=4096)
    path = write_dicom(tmp_path / "a.dcm", RAMP, **WHOLE, VOILUTSequence=[short])
    assert read_image(path).facts["window"] == "LINEAR 2048/4096"


def test_a_window_beside_the_values_is_passed_over_and_said(tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "a.dcm", RAMP + 100, WindowCenter=60000, WindowWidth=10)
    picture = read_image(path)
    assert picture.pixels.max() == 1
    assert picture.facts["window"] == "percentiles"
    assert "passed over LINEAR 60000/10, which leaves one grey" in picture.facts["done"]


@pytest.mark.parametrize(
    ("function", "width", "used"),
    [
        ("LINEAR", 1, "percentiles"),
        ("LINEAR", -5, "percentiles"),
        ("LINEAR_EXACT", 1, "LINEAR_EXACT 2000/1"),
        ("SIGMOID", 0.5, "SIGMOID 2000/0.5"),
        ("NONSENSE", 100, "LINEAR 2000/100"),
    ],
)
def test_widths_at_the_edge(tmp_path: Path, function: str, width: float, used: str) -> None:
    path = write_dicom(
        tmp_path / "a.dcm", RAMP, WindowCenter=2000, WindowWidth=width, VOILUTFunction=function
    )
    picture = read_image(path)
    assert picture.facts["window"] == used
    assert np.isfinite(picture.pixels).all()


# --- colour ------------------------------------------------------------------------------------


def test_planes_one_after_the_other_are_the_same_colours(tmp_path: Path) -> None:
    colour = np.random.default_rng(0).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    mixed = write_dicom(tmp_path / "0.dcm", colour)
    planes = np.ascontiguousarray(colour.transpose(2, 0, 1)).tobytes()
    apart = write_dicom(tmp_path / "1.dcm", colour, PlanarConfiguration=1, PixelData=planes)
    np.testing.assert_array_equal(read_image(apart).pixels, read_image(mixed).pixels)


def test_ybr_full_becomes_rgb_by_hand(tmp_path: Path) -> None:
    y, cb, cr = 120, 90, 200
    colour = np.full((2, 2, 3), (y, cb, cr), np.uint8)
    path = write_dicom(tmp_path / "a.dcm", colour, PhotometricInterpretation="YBR_FULL")
    # PS3.3 C.7.6.3.1.2
    red = y + 1.402 * (cr - 128)
    green = y - 0.344136 * (cb - 128) - 0.714136 * (cr - 128)
    blue = y + 1.772 * (cb - 128)
    picture = read_image(path)
    np.testing.assert_allclose(
        picture.pixels[:, 0, 0], np.array([red, green, blue]) / 255, atol=1 / 255
    )
    assert picture.facts["done"] == "YBR_FULL to RGB"


def paletted(path: Path, stored: NDArray[Any], bits: int, **tables: Any) -> Path:
    n = tables.pop("n", 256)
    more = {
        f"{colour}PaletteColorLookupTableDescriptor": [n % 65536, 0, bits]
        for colour in ("Red", "Green", "Blue")
    }
    return write_dicom(path, stored, PhotometricInterpretation="PALETTE COLOR", **more, **tables)


def test_palettes_agree_with_pydicom() -> None:
    dataset = pydicom.dcmread(FILES / "examples_palette.dcm")
    theirs = apply_color_lut(pixel_array(dataset), dataset)
    ours = read_image(FILES / "examples_palette.dcm").pixels
    white = np.iinfo(theirs.dtype).max
    np.testing.assert_allclose(ours, theirs.transpose(2, 0, 1) / white, atol=1e-6)


def test_a_palette_of_8_bits_serves_an_image_of_16(tmp_path: Path) -> None:
    ramp = np.arange(256, dtype=np.uint8)
    path = paletted(
        tmp_path / "a.dcm",
        np.array([[0, 100, 255, 700]], np.uint16),  # 700 is beyond: the last entry
        8,
        RedPaletteColorLookupTableData=ramp.tobytes(),
        GreenPaletteColorLookupTableData=ramp[::-1].tobytes(),
        BluePaletteColorLookupTableData=bytes(256),
    )
    pixels = read_image(path).pixels[:, 0]
    np.testing.assert_allclose(pixels[0], np.array([0, 100, 255, 255]) / 255, atol=1e-6)
    np.testing.assert_allclose(pixels[1], np.array([255, 155, 0, 0]) / 255, atol=1e-6)
    assert (pixels[2] == 0).all()


def test_segmented_palettes_are_unfolded_by_hand(tmp_path: Path) -> None:
    # copy 0, 100; a line of 4 up to 500; again the two segments from the start
    segments = np.array([0, 2, 0, 100, 1, 4, 500, 2, 2, 0, 0], "<u2").tobytes()
    unfolded = [0, 100, 200, 300, 400, 500, 0, 100, 200, 300, 400, 500]
    path = paletted(
        tmp_path / "a.dcm",
        np.arange(12, dtype=np.uint8)[None],
        16,
        n=12,
        SegmentedRedPaletteColorLookupTableData=segments,
        SegmentedGreenPaletteColorLookupTableData=segments,
        SegmentedBluePaletteColorLookupTableData=segments,
    )
    np.testing.assert_allclose(read_image(path).pixels[0, 0], np.array(unfolded) / 65535, atol=1e-6)


# --- padding, aspect, facts --------------------------------------------------------------------


def test_a_range_of_padding_is_black(tmp_path: Path) -> None:
    values = np.array([[-2000, -1990, -1980, 0, 100, 200]], np.int16)
    path = write_dicom(
        tmp_path / "a.dcm",
        values,
        PixelPaddingValue=-2000,
        PixelPaddingRangeLimit=-1980,
        PhotometricInterpretation="MONOCHROME1",
        WindowCenter=100.5,
        WindowWidth=201,
    )
    pixels = read_image(path).pixels[0, 0]
    np.testing.assert_allclose(pixels, [0, 0, 0, 1, 0.5, 0], atol=1e-6)
    assert read_image(path).facts["done"].endswith("inverted MONOCHROME1; padding black")


def test_pixels_become_square_by_reducing_the_finer_axis(tmp_path: Path) -> None:
    values = np.repeat(np.arange(40, dtype=np.uint16)[None], 20, axis=0)
    path = write_dicom(tmp_path / "a.dcm", values, PixelSpacing=[0.4, 0.2])
    picture = read_image(path)
    assert picture.pixels.shape == (1, 20, 20)
    assert picture.spacing_mm == (0.4, 0.4)
    assert "pixels made square, 20 x 20" in picture.facts["done"]
    assert picture.facts["spacing"] == "0.4 x 0.2 mm, PixelSpacing"
    tall = write_dicom(tmp_path / "b.dcm", values, PixelAspectRatio=[1, 2])
    assert read_image(tall).pixels.shape == (1, 10, 40)
    near = write_dicom(tmp_path / "c.dcm", values, PixelSpacing=[0.2, 0.2001])
    assert read_image(near).pixels.shape == (1, 20, 40)


def test_facts_are_short_and_printable(tmp_path: Path) -> None:
    settings = {
        "ManufacturerModelName": "Model 1",
        "ViewPosition": "PA",
        "PatientOrientation": ["L", "F"],
        "StationName": "Secret ward",
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # too long for its VR
        maker = "ACME\x07 " + "x" * 200
        path = write_dicom(tmp_path / "a.dcm", RAMP, Manufacturer=maker, **settings)
    facts = read_image(path).facts
    assert facts["manufacturer"].startswith("ACME xxx")
    assert len(facts["manufacturer"]) == 64
    assert (facts["model"], facts["view"], facts["orientation"]) == ("Model 1", "PA", "L\\F")
    assert facts["transfer_syntax"] == "Explicit VR Little Endian"
    assert "Secret" not in str(facts)
