"""Series in lossless JPEG, which only GDCM decodes: in one process, whatever a frame does to it."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.encaps import encapsulate, generate_frames
from pydicom.uid import JPEGLosslessSV1
from volume_files import scan, write_enhanced, write_series

from clinmm.errors import InputError
from clinmm.readers import gdcm_process, read_image, read_volume
from clinmm.readers.gdcm_process import GdcmProcess, PixelFormat

GDCMCONV = Path(sys.executable).with_name("gdcmconv")
FORM = PixelFormat(width=12, height=10, samples=1, allocated=16, stored=16, signed=0)
PRECISION, FIRST_TABLE = 6, 16
"""Bytes of these frames: bits a sample, and the second byte of the marker of the Huffman table."""


def packed(path: Path) -> Path:
    """A file, or every file of a folder, as lossless JPEG."""
    for file in path.iterdir() if path.is_dir() else [path]:
        subprocess.run([GDCMCONV, "--jpeg", file, file], check=True, capture_output=True)
        assert pydicom.dcmread(file).file_meta.TransferSyntaxUID == JPEGLosslessSV1
    return path


def frame_of(file: Path) -> bytes:
    frame: bytes = next(generate_frames(pydicom.dcmread(file).PixelData, number_of_frames=1))
    return frame


def change(file: Path, how: Callable[[bytearray], Any]) -> None:
    dataset, frame = pydicom.dcmread(file), bytearray(frame_of(file))
    how(frame)
    dataset.PixelData = encapsulate([bytes(frame)])
    dataset.save_as(file)


def halve(frame: bytearray) -> None:
    del frame[len(frame) // 2 :]


def claim_255_bits(frame: bytearray) -> None:
    frame[PRECISION] = 255


def lose_a_table(frame: bytearray) -> None:
    frame[FIRST_TABLE] = 0


@pytest.fixture(scope="module")
def packed_scan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return packed(write_series(tmp_path_factory.mktemp("jpeg") / "a", scan()))


@pytest.fixture
def series(packed_scan: Path, tmp_path: Path) -> Path:
    """A copy to change."""
    return shutil.copytree(packed_scan, tmp_path / "a")


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[subprocess.Popen[bytes]]:
    """The processes that were started."""
    found: list[subprocess.Popen[bytes]] = []
    start = subprocess.Popen

    def remember(*given: Any, **named: Any) -> subprocess.Popen[bytes]:
        found.append(start(*given, **named))
        return found[-1]

    monkeypatch.setattr("clinmm.readers.gdcm_process.subprocess.Popen", remember)
    return found


def test_a_series_is_decoded_by_one_process_which_ends_with_it(
    series: Path, started: list[subprocess.Popen[bytes]]
) -> None:
    started.clear()
    np.testing.assert_array_equal(read_volume(series).voxels, scan())
    assert len(started) == 1
    assert started[0].returncode is not None


def test_frames_of_one_file_are_the_same_scan(
    tmp_path: Path, started: list[subprocess.Popen[bytes]]
) -> None:
    file = packed(write_enhanced(tmp_path / "a.dcm", scan(), [4, 0, 6, 2, 5, 1, 3]))
    started.clear()
    np.testing.assert_array_equal(read_volume(file).voxels, scan())
    assert len(started) == 1


def test_an_uncompressed_series_starts_no_process(
    tmp_path: Path, started: list[subprocess.Popen[bytes]]
) -> None:
    read_volume(write_series(tmp_path / "a", scan()))
    assert not started


@pytest.mark.parametrize("how", [halve, claim_255_bits, lose_a_table])
def test_damaged_frames_among_good_ones_are_counted(
    series: Path, how: Callable[[bytearray], Any]
) -> None:
    for number in (2, 5):
        change(series / f"IM{number:04d}", how)
    with pytest.raises(InputError, match="pixels of 2 of 7 files cannot be decoded"):
        read_volume(series)


@pytest.mark.parametrize(("how", "signal"), [(claim_255_bits, 11), (lose_a_table, 6)])
def test_a_frame_that_ends_the_process_costs_no_other(
    series: Path,
    started: list[subprocess.Popen[bytes]],
    how: Callable[[bytearray], Any],
    signal: int,
) -> None:
    file = series / "IM0000"
    good, bad = frame_of(file), bytearray(frame_of(file))
    how(bad)
    started.clear()
    with GdcmProcess() as gdcm:
        first = gdcm.decode(good, JPEGLosslessSV1, FORM)
        with pytest.raises(ValueError, match="cannot decode"):
            gdcm.decode(bytes(bad), JPEGLosslessSV1, FORM)
        assert gdcm.decode(good, JPEGLosslessSV1, FORM) == first
    assert first == pydicom.dcmread(file).pixel_array.tobytes()
    assert [process.returncode for process in started] == [-signal, -9]


def test_a_frame_without_end_is_given_up_and_no_other_is_tried(
    series: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    started: list[subprocess.Popen[bytes]],
) -> None:
    started.clear()
    (tmp_path / "endless.py").write_text("import time\ntime.sleep(600)\n")
    monkeypatch.setattr(gdcm_process, "_WORKER", str(tmp_path / "endless.py"))
    monkeypatch.setattr(gdcm_process, "LONGEST_DECODE", 0.05)
    with pytest.raises(InputError, match=r"given up, a frame took more than 0\.05 s"):
        read_volume(series)
    assert len(started) == 1
    with pytest.raises(InputError, match="cannot be decoded"):
        read_image(series / "IM0000")
