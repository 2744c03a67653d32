"""Damaged, disguised and hostile files: one InputError each, or a picture; nothing else."""

import io
import os
import struct
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from dicom_files import write_dicom
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from pydicom.encaps import encapsulate
from pydicom.uid import DeflatedExplicitVRLittleEndian, JPEG2000Lossless, RLELossless

from clinmm.errors import InputError
from clinmm.readers import claims, codestream, read_image

FILES = Path(pydicom.__file__).parent / "data" / "test_files"
GREY = np.arange(240, dtype=np.uint8).reshape(12, 20)
DEEP = (np.arange(256, dtype=np.uint16) * 16).reshape(16, 16)


def refusal(path: Path) -> str:
    """The one problem of a file, read without a big allocation."""
    tracemalloc.start()
    try:
        with pytest.raises(InputError) as caught:
            read_image(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 64e6, f"{peak / 1e6:.0f} MB allocated"
    assert len(caught.value.problems) == 1
    message = caught.value.problems[0]
    assert message.startswith(str(path))
    assert "Secret" not in message
    assert "4711" not in message
    assert caught.value.__suppress_context__ or caught.value.__cause__ is None
    return message


def packed(path: Path, syntax: str, frame: bytes, **changes: object) -> Path:
    """A DICOM file with these compressed bytes inside."""
    dataset = pydicom.dcmread(write_dicom(path, DEEP, **changes))
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.PixelData = encapsulate([frame])
    dataset["PixelData"].VR = "OB"
    dataset.save_as(path)
    return path


def jpeg_2000(**options: object) -> bytes:
    held = io.BytesIO()
    Image.fromarray(DEEP).save(held, "JPEG2000", **options)  # type: ignore[arg-type]
    return held.getvalue()


# --- not an image ------------------------------------------------------------------------------


def test_a_folder_is_told_that_it_is_a_volume(tmp_path: Path) -> None:
    assert "is a folder" in refusal(tmp_path)
    assert "`dimensions: 3`" in refusal(tmp_path)


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.dcm")
    assert "is no file" in refusal(tmp_path / "a.dcm")


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.dcm").write_bytes(b"")
    assert "is empty" in refusal(tmp_path / "a.dcm")


@pytest.mark.parametrize(
    "content", [b"%PDF-1.7\n%...", b"A letter about a patient", b"PK\3\4zip", bytes(99)]
)
def test_other_files_called_dicom_are_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.dcm").write_bytes(content * 20)
    assert "neither DICOM nor a picture" in refusal(tmp_path / "a.dcm")


def test_postscript_is_not_opened(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n"
    )
    assert "neither DICOM nor a picture" in refusal(tmp_path / "a.png")


def test_a_picture_called_dicom_is_read_as_what_it_is(tmp_path: Path) -> None:
    Image.fromarray(GREY).save(tmp_path / "a.dcm", format="PNG")
    assert read_image(tmp_path / "a.dcm").facts["format"] == "PNG"


@pytest.mark.parametrize("keep", [100, 140, 200, 300, 500])
def test_a_header_cut_short_is_refused(tmp_path: Path, keep: int) -> None:
    whole = write_dicom(tmp_path / "a.dcm", DEEP).read_bytes()
    (tmp_path / "a.dcm").write_bytes(whole[:keep])
    refusal(tmp_path / "a.dcm")


@pytest.mark.parametrize(
    "name", ["MR_small_RLE", "MR_small_jpeg_ls_lossless", "SC_rgb_jpeg_gdcm", "JPGExtended"]
)
def test_compressed_pixels_cut_short_are_refused(tmp_path: Path, name: str) -> None:
    whole = (FILES / f"{name}.dcm").read_bytes()
    (tmp_path / "a.dcm").write_bytes(whole[: len(whole) * 2 // 3])
    assert "truncated" in refusal(tmp_path / "a.dcm")


# --- more claimed than there is ----------------------------------------------------------------


def test_several_frames_are_refused_with_what_to_do(tmp_path: Path) -> None:
    assert "`dimensions: 3`" in refusal(write_dicom(tmp_path / "a.dcm", DEEP, NumberOfFrames=9))


def test_dicom_that_claims_60000_squared_is_refused(tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "a.dcm", DEEP, Rows=60000, Columns=60000)
    assert "claims 60000 x 60000 pixels" in refusal(path)
    below = write_dicom(tmp_path / "b.dcm", DEEP, Rows=11000, Columns=11000)
    assert "can hold" in refusal(below)


def test_run_lengths_that_cannot_fill_the_size_are_refused(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.dcm", RLELossless, b"\1" + bytes(70), Rows=1000, Columns=1000)
    assert "truncated" in refusal(path)


def test_a_codestream_of_another_size_than_the_header_is_refused(tmp_path: Path) -> None:
    bare = bytearray(jpeg_2000(no_jp2=True))
    bare[8:16] = struct.pack(">II", 60000, 60000)
    header = codestream.header_of(bytes(bare))
    assert header is not None
    assert (header.height, header.width) == (60000, 60000)
    path = packed(tmp_path / "a.dcm", JPEG2000Lossless, bytes(bare))
    assert "claims 16 x 16 pixels, the compressed image inside 60000 x 60000" in refusal(path)
    jpeg = FILES / "SC_rgb_jpeg_dcmtk.dcm"
    dataset = pydicom.dcmread(jpeg)
    dataset.Rows = 90
    dataset.save_as(tmp_path / "b.dcm")
    assert "the compressed image inside 100 x 100" in refusal(tmp_path / "b.dcm")


def test_boxes_that_lead_nowhere_are_refused_and_do_not_loop(tmp_path: Path) -> None:
    endless = bytearray(jpeg_2000())
    endless[12:16] = bytes(4)  # a box that says it has no length
    refusal(packed(tmp_path / "a.dcm", JPEG2000Lossless, bytes(endless)))


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


@pytest.mark.parametrize("side", [60000, 11000])
def test_a_png_that_claims_too_much_is_refused(tmp_path: Path, side: int) -> None:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
    body = chunk(b"IDAT", zlib.compress(bytes(10_000))) + chunk(b"IEND", b"")
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + header + body)
    assert "claims" in refusal(tmp_path / "a.png")


@pytest.mark.parametrize("side", [60000, 11000])
def test_a_tiff_that_claims_too_much_is_refused(tmp_path: Path, side: int) -> None:
    held = io.BytesIO()
    Image.fromarray(GREY).save(held, "TIFF")
    data = bytearray(held.getvalue())
    first = int.from_bytes(data[4:8], "little")
    for entry in range(int.from_bytes(data[first : first + 2], "little")):
        at = first + 2 + 12 * entry
        if int.from_bytes(data[at : at + 2], "little") in (256, 257):  # width, length
            data[at + 2 : at + 12] = struct.pack("<HII", 4, 1, side)
    (tmp_path / "a.tiff").write_bytes(bytes(data))
    assert "claims" in refusal(tmp_path / "a.tiff")


@pytest.mark.parametrize("side", [60000, 11000])
def test_a_jpeg_2000_file_that_claims_too_much_is_refused(tmp_path: Path, side: int) -> None:
    bare = bytearray(jpeg_2000(no_jp2=True))
    bare[8:16] = struct.pack(">II", side, side)
    (tmp_path / "a.j2k").write_bytes(bytes(bare))
    assert "claims" in refusal(tmp_path / "a.j2k")


def test_a_jp2_file_whose_codestream_is_larger_than_it_says_is_refused(tmp_path: Path) -> None:
    whole = bytearray(jpeg_2000())
    at = whole.find(b"\xff\x4f\xff\x51")
    whole[at + 8 : at + 16] = struct.pack(">II", 60000, 60000)
    (tmp_path / "a.jp2").write_bytes(bytes(whole))
    refusal(tmp_path / "a.jp2")


def test_a_deflated_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claims, "MOST_INFLATED", 2**25)
    zeros = np.zeros((5000, 5000), np.uint16)  # 50 MB in 50 kB
    dataset = pydicom.dcmread(write_dicom(tmp_path / "a.dcm", zeros))
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    dataset.save_as(tmp_path / "a.dcm")
    assert "is deflated and unpacks to more than" in refusal(tmp_path / "a.dcm")


# --- fuzz: benchmarks/fuzz_readers.py does the same by the ten thousand ---------------------------


def as_bytes(kind: str, array: np.ndarray, **options: object) -> bytes:
    held = io.BytesIO()
    Image.fromarray(array).save(held, kind, **options)  # type: ignore[arg-type]
    return held.getvalue()


SEEDS: dict[str, Callable[[], bytes]] = {
    "dicom": lambda: (FILES / "MR_small.dcm").read_bytes(),
    "big endian": lambda: (FILES / "MR_small_bigendian.dcm").read_bytes(),
    "run lengths": lambda: (FILES / "MR_small_RLE.dcm").read_bytes(),
    "jpeg-ls": lambda: (FILES / "MR_small_jpeg_ls_lossless.dcm").read_bytes(),
    "png": lambda: as_bytes("PNG", GREY),
    "jpeg": lambda: as_bytes("JPEG", GREY),
    "tiff": lambda: as_bytes("TIFF", DEEP),
}


@given(data=st.data(), kind=st.sampled_from(list(SEEDS)))
@settings(
    max_examples=200,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_damage_gives_a_picture_or_one_refusal(
    tmp_path: Path, data: st.DataObject, kind: str
) -> None:
    content = bytearray(SEEDS[kind]())
    reach = min(len(content), 2500)
    for at, byte in data.draw(
        st.lists(st.tuples(st.integers(0, reach - 1), st.integers(0, 255)), max_size=6)
    ):
        content[at] = byte
    if data.draw(st.integers(0, 9)) == 0:
        del content[data.draw(st.integers(1, len(content))) :]
    path = tmp_path / "input"
    path.write_bytes(bytes(content))
    problems, pixels = [str(path)], np.zeros(1, np.float32)
    try:
        pixels = read_image(path).pixels
    except InputError as error:
        problems = error.problems
    assert len(problems) == 1
    assert problems[0].startswith(str(path))
    assert pixels.dtype == np.float32
    assert pixels.min() >= 0
    assert pixels.max() <= 1
