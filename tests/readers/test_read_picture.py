import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from clinmm.errors import InputError
from clinmm.readers import picture as picture_reader
from clinmm.readers import pixels as pixel_rules
from clinmm.readers import read_image

GREY = np.arange(200, dtype=np.uint8).reshape(10, 20)
COLOUR = np.random.default_rng(0).integers(0, 256, (10, 20, 3), dtype=np.uint8)


def saved(path: Path, array: NDArray[Any], mode: str | None = None, **options: Any) -> Path:
    image = Image.fromarray(array)
    (image.convert(mode) if mode else image).save(path, **options)
    return path


def test_grey_has_one_channel_and_colour_three(tmp_path: Path) -> None:
    grey = read_image(saved(tmp_path / "g.png", GREY))
    np.testing.assert_allclose(grey.pixels, GREY[None] / 255, atol=1e-6)
    assert grey.pixels.dtype == np.float32
    assert grey.spacing_mm is None
    colour = read_image(saved(tmp_path / "c.png", COLOUR))
    np.testing.assert_allclose(colour.pixels, COLOUR.transpose(2, 0, 1) / 255, atol=1e-6)


def test_a_palette_becomes_its_colours(tmp_path: Path) -> None:
    few = (COLOUR // 128) * 255
    path = saved(tmp_path / "p.png", few, "P", optimize=False)
    assert read_image(path).facts["photometric"] == "P"
    assert set(np.unique(read_image(path).pixels)) <= {0.0, 1.0}


def test_what_is_transparent_is_black(tmp_path: Path) -> None:
    rgba = np.dstack([COLOUR, np.full((10, 20), 255, np.uint8)])
    rgba[:5, :, 3] = 0
    pixels = read_image(saved(tmp_path / "a.png", rgba)).pixels
    assert (pixels[:, :5] == 0).all()
    np.testing.assert_allclose(pixels[:, 5:], COLOUR.transpose(2, 0, 1)[:, 5:] / 255, atol=1e-6)
    grey_alpha = np.dstack([GREY, np.full((10, 20), 128, np.uint8)])
    half = read_image(saved(tmp_path / "la.png", grey_alpha))
    np.testing.assert_allclose(half.pixels, GREY[None] / 255 * 128 / 255, atol=1e-6)


def test_sixteen_bits_use_the_range_they_hold(tmp_path: Path) -> None:
    values = np.linspace(500, 4500, 40_000).reshape(200, 200).astype(np.uint16)
    picture = read_image(saved(tmp_path / "d.png", values))
    assert picture.facts["bits"] == 16
    expected = np.clip((values - 520.0) / 3960, 0, 1)  # 0.5th and 99.5th percentile
    np.testing.assert_allclose(picture.pixels[0], expected, atol=1e-3)
    tiff = read_image(saved(tmp_path / "d.tiff", values))
    np.testing.assert_array_equal(tiff.pixels, picture.pixels)


def test_an_image_of_one_value_is_black_not_an_error(tmp_path: Path) -> None:
    path = saved(tmp_path / "d.png", np.full((5, 5), 1234, np.uint16))
    assert (read_image(path).pixels == 0).all()


def test_the_camera_turned_is_turned_back(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # shown after a quarter turn clockwise
    path = saved(tmp_path / "t.jpg", np.repeat(GREY, 8, 0).repeat(8, 1), exif=exif, quality=95)
    picture = read_image(path)
    assert picture.pixels.shape == (1, 160, 80)
    assert (picture.facts["height"], picture.facts["width"]) == (160, 80)
    top_right = picture.pixels[0, 4, -4]
    assert top_right == pytest.approx(GREY[0, 0] / 255, abs=0.03)


def refusal(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        read_image(path)
    assert str(path) in str(caught.value)
    return str(caught.value)


def test_absent_unknown_and_truncated_files_are_refused(tmp_path: Path) -> None:
    assert "no such file" in refusal(tmp_path / "none.png")
    (tmp_path / "text.png").write_text("no picture")
    assert "neither DICOM nor a picture" in refusal(tmp_path / "text.png")
    (tmp_path / "empty.png").write_bytes(b"")
    assert "is empty" in refusal(tmp_path / "empty.png")
    for name in ("c.png", "c.jpg"):
        whole = saved(tmp_path / name, COLOUR.repeat(20, 0).repeat(20, 1)).read_bytes()
        (tmp_path / name).write_bytes(whole[: len(whole) // 2])
        assert "truncated" in refusal(tmp_path / name)


def test_several_pages_are_refused(tmp_path: Path) -> None:
    pages = [Image.fromarray(GREY)] * 2
    pages[0].save(tmp_path / "p.tiff", save_all=True, append_images=pages[1:])
    assert "holds 2 frames" in refusal(tmp_path / "p.tiff")


def test_a_header_that_claims_too_much_is_refused_before_decoding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pixel_rules, "MOST_PIXELS", 100)

    def never(image: object) -> None:
        raise AssertionError("it was decoded")

    monkeypatch.setattr(picture_reader, "_eight_bits", never)
    assert "claims 10 x 20 pixels" in refusal(saved(tmp_path / "g.png", GREY))


def test_pillows_own_refusal_is_told_in_our_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 50)
    assert "claims more pixels than are read" in refusal(saved(tmp_path / "g.png", GREY))


@pytest.mark.parametrize(
    ("orientation", "turn"),
    [
        (1, lambda a: a),
        (2, np.fliplr),
        (3, lambda a: np.rot90(a, 2)),
        (4, np.flipud),
        (5, np.transpose),
        (6, lambda a: np.rot90(a, -1)),
        (7, lambda a: np.rot90(a, 2).T),
        (8, np.rot90),
    ],
)
def test_all_eight_exif_orientations(tmp_path: Path, orientation: int, turn: Any) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture = read_image(saved(tmp_path / "t.png", GREY, exif=exif))
    np.testing.assert_allclose(picture.pixels[0], turn(GREY) / 255, atol=1e-6)
    told = f"turned by EXIF orientation {orientation}"
    assert (told in picture.facts["done"]) == (orientation > 1)


def test_cmyk_jpeg_is_shown_in_its_colours(tmp_path: Path) -> None:
    red = np.zeros((32, 32, 3), np.uint8)
    red[..., 0] = 255
    picture = read_image(saved(tmp_path / "c.jpg", red, "CMYK", quality=95))
    assert picture.facts["photometric"] == "CMYK"
    assert picture.facts["done"] == "CMYK to RGB"
    np.testing.assert_allclose(picture.pixels[:, 16, 16], [1, 0, 0], atol=0.03)


def test_a_transparent_entry_of_a_palette_is_black(tmp_path: Path) -> None:
    image = Image.fromarray((np.arange(200) % 4).reshape(10, 20).astype(np.uint8), "L")
    image = image.convert("L").point([0, 80, 160, 240] + [0] * 252).convert("P")
    clear = int(np.asarray(image)[0, 3])
    image.save(tmp_path / "p.png", transparency=clear)
    pixels = read_image(tmp_path / "p.png").pixels
    assert (pixels[:, 0, 3] == 0).all()
    np.testing.assert_allclose(pixels[:, 0, 2], 160 / 255, atol=1e-6)


def test_float_tiff_uses_its_range_and_what_is_no_number_is_black(tmp_path: Path) -> None:
    values = np.linspace(-3, 5, 10_000, dtype=np.float32).reshape(100, 100)
    values[0, 0], values[0, 1], values[0, 2] = np.nan, np.inf, -np.inf
    picture = read_image(saved(tmp_path / "f.tiff", values))
    assert picture.facts["bits"] == 32
    assert (picture.pixels[0, 0, :3] == 0).all()
    expected = np.clip((values + 2.96) / 7.92, 0, 1)  # 0.5th and 99.5th percentile
    np.testing.assert_allclose(picture.pixels[0, 1:], expected[1:], atol=2e-3)


def test_colour_of_16_bits_is_told_as_such(tmp_path: Path) -> None:
    import struct
    import zlib

    def chunk(kind: bytes, data: bytes) -> bytes:
        crc = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + crc

    row = b"\0" + struct.pack(">6H", 65535, 0, 0, 0, 32896, 0)
    (tmp_path / "d.png").write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", 2, 1, 16, 2, 0, 0, 0))
        + chunk(b"IDAT", zlib.compress(row))
        + chunk(b"IEND", b"")
    )
    picture = read_image(tmp_path / "d.png")
    assert picture.facts["bits"] == 16
    np.testing.assert_allclose(picture.pixels[:, 0], [[1, 0], [0, 128 / 255], [0, 0]], atol=1e-2)


def test_deep_tiff_whose_zero_is_white_is_inverted(tmp_path: Path) -> None:
    values = np.random.default_rng(0).integers(0, 4096, (30, 40)).astype(np.uint16)
    Image.fromarray(values).save(tmp_path / "black.tif")
    tiff = bytearray((tmp_path / "black.tif").read_bytes())
    entry = tiff.index(struct.pack("<HHI", 262, 3, 1))  # PhotometricInterpretation, one SHORT
    assert tiff[entry + 8] == 1
    tiff[entry + 8] = 0
    (tmp_path / "white.tif").write_bytes(tiff)
    black, white = read_image(tmp_path / "black.tif"), read_image(tmp_path / "white.tif")
    np.testing.assert_allclose(white.pixels, 1 - black.pixels, atol=1e-6)
    assert "inverted white is zero" in white.facts["done"]
    assert "inverted" not in black.facts["done"]
