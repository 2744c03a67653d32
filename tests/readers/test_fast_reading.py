"""`read_square` against the slow way and exact area means, and where it is the slow way."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from dicom_files import write_dicom
from numpy.typing import NDArray
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import JPEG2000Lossless

from clinmm.readers import codestream, dicom, jpeg2000, pixels, read_image
from clinmm.readers.resize import read_square, resize
from clinmm.readers.scale import block_means, on_grid

SIZE = 56
WINDOW = {"BitsStored": 12, "WindowCenter": 1500, "WindowWidth": 2600}


@pytest.fixture(autouse=True)
def a_quarter_of_the_real_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """512 pixels to 56 is as 2048 to 224: reduced by 4, like a real radiograph."""
    monkeypatch.setattr(dicom, "PERCENTILE_SIDE", 128)
    monkeypatch.setattr(pixels, "PERCENTILE_SIDE", 128)


def radiograph(height: int, width: int) -> NDArray[np.uint16]:
    """Smooth anatomy with noise in every pixel, 12 bits."""
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    body = 2300 * np.exp(-(x**4) - y**4) - 900 * np.exp(-((x / 0.5) ** 2) - (y / 0.7) ** 2)
    body += 300 * np.sin(6 * y + 3 * x)
    noise = np.random.default_rng(0).normal(0, 25, (height, width))
    return np.clip(np.round(body + 500 + noise), 0, 4095).astype(np.uint16)


def packed(path: Path, stored: NDArray[Any], **settings: Any) -> Path:
    """The same file in lossless JPEG 2000."""
    dataset = pydicom.dcmread(write_dicom(path, stored, **settings))
    dataset.compress(JPEG2000Lossless, generate_instance_uid=False)
    dataset.save_as(path)
    return path


def exact_area(values: NDArray[np.float32], size: int) -> NDArray[np.float64]:
    """Mean of each output pixel's exact footprint, float64."""

    def shares(n: int) -> NDArray[np.float64]:
        edges = np.arange(size + 1) * n / size
        lows = np.maximum(edges[:-1, None], np.arange(n)[None])
        highs = np.minimum(edges[1:, None], np.arange(1, n + 1)[None])
        return np.clip(highs - lows, 0, None) * size / n

    return shares(values.shape[0]) @ values.astype(np.float64) @ shares(values.shape[1]).T


SHAPES = [(512, 640), (515, 554)]  # that 4 divides, and that it does not


def tolerance(shape: tuple[int, int], settings: dict[str, Any]) -> float:
    """Putting blocks that do not divide the image back in place smooths noise a little, which moves
    percentiles; by a quarter as much at the real size."""
    moved = "WindowWidth" not in settings and shape != SHAPES[0]
    return 0.0025 if moved else 0.001


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("settings", [WINDOW, {"BitsStored": 12}])
@pytest.mark.parametrize("photometric", ["MONOCHROME1"])
def test_uncompressed_is_near_the_slow_way_and_exact_area(
    tmp_path: Path, shape: tuple[int, int], settings: dict[str, Any], photometric: str
) -> None:
    settings = {**settings, "PhotometricInterpretation": photometric}
    path = write_dicom(tmp_path / "a.dcm", radiograph(*shape), **settings)
    assert "read at" in read_image(path, at_least=2 * SIZE).facts["done"]
    slow, fast = resize(read_image(path), SIZE, 1), read_square(path, SIZE, 1)
    assert np.abs(fast - slow).mean() < tolerance(shape, settings)
    assert np.abs(fast - slow).max() < 0.02
    assert np.abs(fast[0] - exact_area(read_image(path).pixels[0], SIZE)).mean() < 0.0025


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("settings", [WINDOW, {"BitsStored": 12}])
def test_reduced_jpeg_2000_is_near_the_full_decode(
    tmp_path: Path, shape: tuple[int, int], settings: dict[str, Any]
) -> None:
    path = packed(tmp_path / "a.dcm", radiograph(*shape), **settings)
    assert "read at" in read_image(path, at_least=2 * SIZE).facts["done"]
    slow, fast = resize(read_image(path), SIZE, 1), read_square(path, SIZE, 1)
    assert np.abs(fast - slow).mean() < tolerance(shape, settings)
    # without putting the low-pass image back in its place this is several times as far
    shifted = np.abs(np.roll(fast, 1, axis=2) - slow)[:, :, 1:].mean()
    assert shifted > 0.005


def test_signed_jpeg_2000_is_reduced_alike(tmp_path: Path) -> None:
    values = radiograph(512, 512).astype(np.int32) - 2048
    settings = {"BitsStored": 12, "WindowCenter": -500, "WindowWidth": 2600}
    path = packed(tmp_path / "a.dcm", values.astype(np.int16), **settings)
    assert "read at 128 x 128" in read_image(path, at_least=2 * SIZE).facts["done"]
    slow, fast = resize(read_image(path), SIZE, 1), read_square(path, SIZE, 1)
    assert np.abs(fast - slow).mean() < 0.001


def test_the_low_pass_image_of_a_ramp_comes_back_onto_the_ramp() -> None:
    for height, width, k in ((64, 64, 4), (61, 50, 4), (33, 47, 2)):
        ramp = (np.arange(width)[None] * 20 + np.arange(height)[:, None] * 8).astype(np.uint16)
        held = io.BytesIO()
        Image.fromarray(ramp).save(held, "JPEG2000", no_jp2=True, irreversible=False)
        data = held.getvalue()
        header = codestream.header_of(data)
        assert header is not None
        assert (header.height, header.width, header.precision) == (height, width, 16)
        ours = jpeg2000.reduced(data, header, k, is_signed=False)
        assert ours is not None
        rows, columns = ours.shape
        y = (np.arange(rows) + 0.5) * height / rows - 0.5
        x = (np.arange(columns) + 0.5) * width / columns - 0.5
        expected = x[None] * 20 + y[:, None] * 8
        inner = (slice(4, -4), slice(4, -4))
        np.testing.assert_allclose(ours[inner], expected[inner], atol=1.5)


def test_block_means_by_hand() -> None:
    values = np.array([[1, 3, 10], [5, 7, 20], [2, 2, 8]], np.uint16)
    # the last row and column are repeated to fill their blocks
    np.testing.assert_array_equal(block_means(values, 2), [[4, 15], [2, 8]])
    full = np.random.default_rng(0).integers(0, 65536, (12, 20)).astype(np.uint16)
    slow = full.reshape(3, 4, 5, 4).mean((1, 3))
    np.testing.assert_allclose(block_means(full, 4), slow, rtol=1e-6)


def test_blocks_that_already_lie_right_are_left_alone() -> None:
    reduced = np.random.default_rng(0).random((5, 6), dtype=np.float32)
    assert on_grid(reduced, 4, 20, 24, first_centre=2) is reduced


def table() -> Dataset:
    item = Dataset()
    item.LUTDescriptor = [4096, 0, 12]
    item.LUTData = (np.arange(4096, dtype="<u2") // 2 * 2).tobytes()
    item["LUTData"].VR = "OW"
    return item


@pytest.mark.parametrize(
    "settings",
    [
        {"VOILUTSequence": [table()]},
        {"ModalityLUTSequence": [table()]},
        {"VOILUTFunction": "SIGMOID", **WINDOW},
        {"PixelPaddingValue": 500},
    ],
)
@pytest.mark.parametrize("write", [write_dicom, packed])
def test_what_does_not_commute_with_averaging_is_read_in_full(
    tmp_path: Path, settings: dict[str, Any], write: Any
) -> None:
    stored = radiograph(515, 512)
    stored[:100] = 500
    path = write(tmp_path / "a.dcm", stored, **{"BitsStored": 12, **settings})
    assert "read at" not in read_image(path, at_least=2 * SIZE).facts["done"]
    np.testing.assert_array_equal(read_square(path, SIZE, 1), resize(read_image(path), SIZE, 1))


def test_small_and_colour_images_are_read_in_full(tmp_path: Path) -> None:
    small = write_dicom(tmp_path / "s.dcm", radiograph(250, 300), BitsStored=12)
    colour = np.random.default_rng(0).integers(0, 256, (300, 300, 3), dtype=np.uint8)
    for path in (small, write_dicom(tmp_path / "c.dcm", colour)):
        np.testing.assert_array_equal(read_square(path, 64, 3), resize(read_image(path), 64, 3))


def test_a_narrow_window_on_jpeg_2000_is_shown_from_the_full_decode(tmp_path: Path) -> None:
    narrow = {"BitsStored": 12, "WindowCenter": 1500, "WindowWidth": 300}
    path = packed(tmp_path / "a.dcm", radiograph(512, 512), **narrow)
    slow, fast = resize(read_image(path), SIZE, 1), read_square(path, SIZE, 1)
    assert np.abs(fast - slow).mean() < 0.001


def codestream_of(stored: NDArray[np.uint16], **options: Any) -> bytes:
    held = io.BytesIO()
    Image.fromarray(stored).save(held, "JPEG2000", no_jp2=True, **options)
    return held.getvalue()


@pytest.mark.parametrize(
    ("options", "k", "signed"),
    [
        ({"tile_size": (64, 64)}, 2, False),  # several tiles
        ({"num_resolutions": 2}, 4, False),  # fewer levels than asked for
        ({}, 2, True),  # the header says signed, the codestream does not
    ],
)
def test_on_doubt_there_is_no_reduced_image(options: dict[str, Any], k: int, signed: bool) -> None:
    data = codestream_of(radiograph(128, 128), **options)
    header = codestream.header_of(data)
    assert header is not None
    assert jpeg2000.reduced(data, header, k, signed) is None


def test_a_broken_codestream_gives_none_and_precisions_must_agree(tmp_path: Path) -> None:
    data = codestream_of(radiograph(512, 512))
    header = codestream.header_of(data)
    assert header is not None
    assert jpeg2000.reduced(data[:300], header, 2, False) is None
    # Pillow writes 16 bits; a header of 12 stored disagrees and is decoded in full
    path = write_dicom(tmp_path / "a.dcm", radiograph(512, 512), BitsStored=12)
    dataset = pydicom.dcmread(path)
    dataset.file_meta.TransferSyntaxUID = JPEG2000Lossless
    dataset.PixelData = encapsulate([data])
    dataset["PixelData"].VR = "OB"
    dataset.save_as(path)
    # still reduced, but from the full decode: the same as the uncompressed file
    plain = write_dicom(tmp_path / "b.dcm", radiograph(512, 512), BitsStored=12)
    np.testing.assert_array_equal(read_square(path, SIZE, 1), read_square(plain, SIZE, 1))


def test_padding_the_square_keeps_the_aspect(tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "a.dcm", radiograph(1024, 512), **WINDOW)
    square = read_square(path, 64, 1, fit="pad")
    assert (square[:, :, :16] == 0).all()
    assert (square[:, :, 48:] == 0).all()
    slow = resize(read_image(path), 64, 1, fit="pad")
    assert np.abs(square - slow).mean() < 0.001


def test_what_becomes_square_keeps_its_pixels(tmp_path: Path) -> None:
    path = write_dicom(
        tmp_path / "a.dcm", radiograph(1024, 512), **WINDOW, PixelSpacing=[0.05, 0.2]
    )
    assert read_image(path).pixels.shape[1:] == (256, 512)
    reduced = read_image(path, at_least=128)
    assert reduced.pixels.shape[1:] == (128, 256), "1024 rows become 256: reduced by 2, not by 4"


def test_a_window_of_few_greys_is_the_slow_way(tmp_path: Path) -> None:
    settings = {**WINDOW, "WindowWidth": 8}
    path = write_dicom(tmp_path / "a.dcm", radiograph(512, 512), **settings)
    slow = resize(read_image(path), SIZE, 1)
    np.testing.assert_array_equal(read_square(path, SIZE, 1), slow)
