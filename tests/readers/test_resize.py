from pathlib import Path

import numpy as np
import pytest
from dicom_files import write_dicom
from PIL import Image

from clinmm.errors import InputError
from clinmm.readers import read_image
from clinmm.readers.pixels import Picture
from clinmm.readers.resize import display_copy, resize


def picture(*shape: int) -> Picture:
    return Picture(np.random.default_rng(0).random(shape, dtype=np.float32), None)


def test_resizing_agrees_with_pillows_filter() -> None:
    big = picture(1, 300, 200)
    image = Image.fromarray(big.pixels[0])
    theirs = np.asarray(image.resize((32, 32), Image.Resampling.BILINEAR))
    ours = resize(big, 32, 1)
    assert (ours.shape, ours.dtype) == ((1, 32, 32), np.float32)
    np.testing.assert_allclose(ours[0], theirs, atol=1e-5)


def test_fine_stripes_turn_grey_and_do_not_alias() -> None:
    stripes = np.tile(np.array([0, 1], np.float32), (256, 128))[None]
    small = resize(Picture(stripes, None), 16, 1)
    np.testing.assert_allclose(small[:, :, 1:-1], 0.5, atol=0.01)


def test_grey_is_repeated_and_colour_is_weighted() -> None:
    grey = resize(picture(1, 20, 20), 8, 3)
    assert (grey[0] == grey[1]).all()
    assert (grey[0] == grey[2]).all()
    red = np.zeros((3, 8, 8), np.float32)
    red[0] = 1
    np.testing.assert_allclose(resize(Picture(red, None), 8, 1), 0.299, atol=1e-6)


def test_padding_keeps_the_aspect_ratio_with_black_beside() -> None:
    white = Picture(np.ones((1, 100, 50), np.float32), None)
    square = resize(white, 20, 1, fit="pad")[0]
    np.testing.assert_allclose(square[:, 5:15], 1, atol=1e-6)
    assert (square[:, :5] == 0).all()
    assert (square[:, 15:] == 0).all()
    assert (resize(white, 20, 1) > 0.99).all()


def test_the_same_size_is_a_copy_not_the_same_array() -> None:
    original = picture(1, 8, 8)
    copy = resize(original, 8, 1)
    np.testing.assert_array_equal(copy, original.pixels)
    copy[:] = 0
    assert original.pixels.any()


@pytest.mark.parametrize("arguments", [(0, 1), (8, 2), (8, 1, "crop")])
def test_other_arguments_are_refused(arguments: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="resize needs channels"):
        resize(picture(1, 9, 9), *arguments)


def test_a_picture_without_a_channel_axis_is_refused() -> None:
    with pytest.raises(ValueError, match=r"Add a channel axis with pixels\[None\]"):
        Picture(np.zeros((4, 4), np.float32), None)


def test_display_copies_keep_grey_in_16_bits_and_the_aspect_ratio(tmp_path: Path) -> None:
    ramp = np.tile(np.arange(2000, dtype=np.uint16), (500, 1))
    path = write_dicom(tmp_path / "a.dcm", ramp, BitsStored=12, WindowCenter=1000, WindowWidth=2000)
    display_copy(path, tmp_path / "a.png", max_side=1000)
    with Image.open(tmp_path / "a.png") as copy:
        assert copy.size == (1000, 250)
        assert copy.mode == "I;16"
        assert not copy.info
        values = np.asarray(copy)
    assert len(np.unique(values)) > 900  # 8 bits would leave 256
    assert values.max() > 65000


def test_display_copies_keep_colour_and_are_never_enlarged(tmp_path: Path) -> None:
    colour = np.random.default_rng(0).integers(0, 256, (10, 20, 3), dtype=np.uint8)
    Image.fromarray(colour).save(tmp_path / "c.png")
    display_copy(tmp_path / "c.png", tmp_path / "copy.png")
    np.testing.assert_allclose(
        read_image(tmp_path / "copy.png").pixels, read_image(tmp_path / "c.png").pixels
    )


def test_an_unreadable_image_leaves_no_copy(tmp_path: Path) -> None:
    (tmp_path / "bad.png").write_bytes(b"bad")
    with pytest.raises(InputError):
        display_copy(tmp_path / "bad.png", tmp_path / "copy.png")
    assert not (tmp_path / "copy.png").exists()
