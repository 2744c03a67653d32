"""Signal files as they come: NumPy, tables, WAV, WFDB; on one grid, gaps marked, else refused."""

import struct
import wave
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from clinmm.errors import InputError
from clinmm.readers.curve import POINTS, thinned
from clinmm.readers.signal import Signal, on_grid, read_signal, signal_sha256

RNG = np.random.default_rng(0)
TWO = RNG.normal(size=(50, 2)).astype(np.float32)
"""Samples by channels."""


def pcm(path: Path, samples: np.ndarray, width: int, rate: int = 100) -> Path:
    """A WAV file by the standard library; samples (T, C) in -1 to 1."""
    top = 2 ** (8 * width - 1)
    whole = np.clip(np.round(samples * top), -top, top - 1).astype(np.int64)
    whole = whole + 128 if width == 1 else whole
    raw = b"".join(int(v).to_bytes(width, "little", signed=width > 1) for v in whole.ravel())
    with wave.open(str(path), "wb") as file:
        file.setnchannels(samples.shape[1])
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(raw)
    return path


def record(folder: Path, table: np.ndarray, form: int, gain: str = "200(10)/mV") -> Path:
    """A WFDB record; table (T, C) of stored whole numbers. Packed by hand, pair by pair."""
    flat = [int(value) for value in table.ravel()]
    if form == 16:
        raw = struct.pack(f"<{len(flat)}h", *flat)
    else:
        raw = b""
        for first, second in zip(flat[::2], [*flat[1::2], 0], strict=False):
            a, b = first & 0xFFF, second & 0xFFF
            raw += bytes([a & 0xFF, (a >> 8) | (b >> 8) << 4, b & 0xFF])
    (folder / "r.dat").write_bytes(raw)
    lines = [f"r {table.shape[1]} 100 {len(table)}"]
    for channel in table.T:
        check = (int(channel.sum()) + 2**15) % 2**16 - 2**15
        lines.append(f"r.dat {form} {gain} 12 0 {channel[0]} {check} 0 I")
    (folder / "r.hea").write_text("\n".join([*lines, "# age 61"]) + "\n")
    return folder / "r.hea"


def test_numpy_files_hold_samples_by_channels_or_channels_by_samples(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", TWO)
    np.save(tmp_path / "b.npy", TWO.T)
    np.savez(tmp_path / "c.npz", signal=TWO, rate=100, other=np.zeros(3))
    np.save(tmp_path / "d.npy", TWO[:, 0])
    for name in ("a.npy", "b.npy", "c.npz"):
        samples = on_grid(read_signal(tmp_path / name), 100, 2, 0.5)
        np.testing.assert_array_equal(samples, TWO.T)
    assert read_signal(tmp_path / "c.npz").rate == 100
    assert read_signal(tmp_path / "a.npy").rate is None
    np.testing.assert_array_equal(on_grid(read_signal(tmp_path / "d.npy"), 1, 1, 50)[0], TWO[:, 0])


def test_a_square_array_is_samples_by_channels(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", TWO[:2])
    np.testing.assert_array_equal(on_grid(read_signal(tmp_path / "a.npy"), 1, 2, 2), TWO[:2].T)


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_wav_of_any_width_is_parts_of_full_scale(tmp_path: Path, width: int) -> None:
    wanted = RNG.uniform(-0.9, 0.9, (40, 2))
    read = read_signal(pcm(tmp_path / "a.wav", wanted, width))
    assert (read.rate, read.format) == (100, "WAV")
    np.testing.assert_allclose(read.values, wanted.T, atol=0.51 / 2 ** (8 * width - 1) + 1e-7)


def test_wav_of_floating_point_is_as_it_is(tmp_path: Path) -> None:
    from scipy.io import wavfile

    wavfile.write(tmp_path / "a.wav", 8000, TWO)
    np.testing.assert_array_equal(read_signal(tmp_path / "a.wav").values, TWO.T)


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_tables_clock_gives_the_rate_and_what_it_leaves_out_is_a_gap(
    tmp_path: Path, ending: str
) -> None:
    table = pd.DataFrame({"s": np.round(np.arange(50) / 30, 3), "one": TWO[:, 0], "two": TWO[:, 1]})
    table.loc[4, "two"] = np.nan
    table = table.drop(index=[10, 11])
    path = tmp_path / f"a.{ending}"
    table.to_csv(path, index=False) if ending == "csv" else table.to_parquet(path)
    read = read_signal(path, clock="s")
    assert read.rate == pytest.approx(30, rel=1e-3)
    assert np.isnan(read.values[:, [10, 11]]).all()
    assert np.isnan(read.values[1, 4])
    known = np.isfinite(read.values)
    assert known.sum() == 2 * 48 - 1
    np.testing.assert_allclose(read.values[known], TWO.T[known], rtol=1e-6)
    assert read_signal(path).values.shape == (3, 48), "without a clock every column is a channel"


@pytest.mark.parametrize("form", [16, 212])
def test_wfdb_records_are_in_their_physical_unit(tmp_path: Path, form: int) -> None:
    stored = RNG.integers(-2000, 2000, (31, 3))
    stored[5, 1] = -(2**15) if form == 16 else -(2**11)
    header = record(tmp_path, stored, form)
    read = read_signal(header)
    wanted = (stored.T - 10) / 200
    assert np.isnan(read.values[1, 5])
    known = np.isfinite(read.values)
    assert known.sum() == stored.size - 1
    np.testing.assert_allclose(read.values[known], wanted[known], rtol=1e-6)
    assert read.rate == 100
    np.testing.assert_array_equal(read_signal(tmp_path / "r").values, read.values)


def test_a_records_hash_is_that_of_all_its_files(tmp_path: Path) -> None:
    header = record(tmp_path, RNG.integers(-9, 9, (8, 1)), 16)
    before = signal_sha256(header)
    assert signal_sha256(tmp_path / "r") == before
    (tmp_path / "r.dat").write_bytes(b"\0" * 16)
    assert signal_sha256(header) != before
    assert signal_sha256(tmp_path / "none.npy") is None


def test_resampling_keeps_a_slow_wave_and_removes_a_fast_one() -> None:
    t = np.arange(4000) / 400
    slow, fast = np.sin(2 * np.pi * 3 * t), np.sin(2 * np.pi * 140 * t)
    signal = Signal((slow + fast + 5)[None].astype(np.float32), 400, "NumPy")
    samples = on_grid(signal, 100, 1, 10)
    assert samples.shape == (1, 1000)
    wanted = np.sin(2 * np.pi * 3 * np.arange(1000) / 100) + 5
    assert np.abs(samples[0] - wanted)[20:-20].max() < 0.02
    assert np.abs(samples[0] - wanted).max() < 0.5, "the ends are no edges to zero"


def test_short_files_are_padded_long_ones_cut_and_gaps_stay_gaps() -> None:
    values = np.arange(300, dtype=np.float32)[None].copy()
    values[0, 100:150] = np.nan
    samples = on_grid(Signal(values, 50, "WAV"), 25, 1, 8)
    assert samples.shape == (1, 200)
    assert np.isnan(samples[0, 150:]).all()
    assert np.isnan(samples[0, 50:75]).all()
    assert np.isfinite(samples[0, :50]).all()
    assert np.isfinite(samples[0, 75:150]).all()
    np.testing.assert_allclose(samples[0, 80:140], np.arange(160, 280, 2), atol=0.1)
    assert on_grid(Signal(values, 50, "WAV"), 50, 1, 2).shape == (1, 100)


def test_a_cut_signal_is_the_beginning_of_the_whole() -> None:
    values = RNG.normal(size=(1, 5000)).astype(np.float32).cumsum(1)
    signal = Signal(values, 500, "WAV")
    np.testing.assert_allclose(
        on_grid(signal, 100, 1, 2), on_grid(signal, 100, 1, 10)[:, :200], atol=1e-4
    )


def test_the_files_rate_is_what_it_says_or_what_is_said_of_it() -> None:
    silent = Signal(TWO.T, None, "NumPy")
    assert np.isfinite(on_grid(silent, 25, 2, 2)[:, :50]).all()
    assert np.isnan(on_grid(silent, 25, 2, 2, file_rate=50)[:, 25:]).all()
    stated = Signal(TWO.T, 25, "WAV")
    assert np.isfinite(on_grid(stated, 25, 2, 2, file_rate=50)).all()


def test_what_is_no_signal_is_refused_with_the_way_out(tmp_path: Path) -> None:
    files = {
        "empty.npy": b"",
        "text.wav": b"RIFFnothing at all here",
        "cut.wav": b"RIFF\x10",
        "other.xyz": b"\x01\x02\x03",
        "words.csv": b"a,b\n1,high\n2,3\n",
        "cut.npy": b"\x93NUMPY\x01\x00\x10\x00",
        "page.hea": b"no header\n",
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    np.save(tmp_path / "deep.npy", np.zeros((2, 2, 2)))
    np.save(tmp_path / "nan.npy", np.full(5, np.nan))
    np.save(tmp_path / "text.npy", np.array(["a"]))
    np.save(tmp_path / "object.npy", np.array([{}]), allow_pickle=True)
    np.savez(tmp_path / "two.npz", a=TWO, b=TWO)
    np.savez(tmp_path / "rate.npz", a=TWO, rate=-1.0)
    for name, said in {
        "absent.npy": "is missing",
        "empty.npy": "is empty",
        "text.wav": "WAV|decoded",
        "cut.wav": "ends within its header",
        "other.xyz": "is no signal that can be read",
        "words.csv": "cells that are no numbers: 1",
        "cut.npy": "cannot be decoded",
        "page.hea": "is no WFDB header",
        "deep.npy": r"shape \(2, 2, 2\)",
        "nan.npy": "holds no number",
        "text.npy": "wanted numbers",
        "object.npy": "cannot be decoded|wanted numbers",
        "two.npz": "arrays a, b",
        "rate.npz": "its rate is -1",
    }.items():
        with pytest.raises(InputError, match=said):
            read_signal(tmp_path / name)
    with pytest.raises(InputError, match="is no file"):
        read_signal(tmp_path)


@pytest.mark.parametrize(
    ("times", "said"),
    [
        ([0, 1, 1, 2], "does not rise"),
        ([0, 1, 2.5, 3.4, 4], "unevenly"),
        ([0, 1, 2, 1e12], "jumps"),
    ],
)
def test_a_clock_that_is_none_is_refused(tmp_path: Path, times: list[float], said: str) -> None:
    pd.DataFrame({"s": times, "x": range(len(times))}).to_csv(tmp_path / "a.csv", index=False)
    with pytest.raises(InputError, match=said):
        read_signal(tmp_path / "a.csv", clock="s")
    with pytest.raises(InputError, match="no column 'clock'"):
        read_signal(tmp_path / "a.csv", clock="clock")


def test_damaged_and_unknown_wfdb_records_are_refused(tmp_path: Path) -> None:
    table = RNG.integers(-90, 90, (8, 2))
    header = record(tmp_path, table, 16)
    whole, text = (tmp_path / "r.dat").read_bytes(), header.read_text()
    (tmp_path / "r.dat").write_bytes(whole[:-4])
    with pytest.raises(InputError, match="truncated"):
        read_signal(header)
    (tmp_path / "r.dat").write_bytes(bytes([whole[0] ^ 1]) + whole[1:])
    with pytest.raises(InputError, match="checksum"):
        read_signal(header)
    (tmp_path / "r.dat").unlink()
    with pytest.raises(InputError, match=r"r\.dat is missing"):
        read_signal(header)
    for changed, said in [
        (text.replace(" 16 ", " 80 "), "format 80"),
        (text.replace(" 16 ", " 16x2 "), "format 16x2"),
        (text.replace("r.dat", "../r.dat"), "another folder"),
        (text.replace("r 2", "r/3 2", 1), "segments"),
        (text.replace("200(10)/mV", "wide"), "cannot be understood"),
    ]:
        header.write_text(changed)
        with pytest.raises(InputError, match=said):
            read_signal(header)


def test_samples_behind_a_link_out_of_the_folder_are_not_read(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    header = record(tmp_path / "in", RNG.integers(-9, 9, (8, 1)), 16)
    (tmp_path / "in" / "r.dat").rename(tmp_path / "secret")
    (tmp_path / "in" / "r.dat").symlink_to(tmp_path / "secret")
    with pytest.raises(InputError, match="behind a link"):
        read_signal(header)


def test_channels_and_rates_that_do_not_fit_are_refused() -> None:
    with pytest.raises(InputError, match=r"x has the shape 2 by 50.* a side of 12"):
        on_grid(Signal(TWO.T, None, "NumPy"), 10, 12, 1, name="x")
    with pytest.raises(InputError, match="x has 2 channels, wanted 1"):
        on_grid(Signal(TWO.T, 8000, "WAV"), 10, 1, 1, name="x")
    with pytest.raises(InputError, match="too far"):
        on_grid(Signal(TWO.T, 1e6, "WAV"), 0.001, 2, 1e6, name="x")


def test_a_drawn_curve_keeps_every_peak_and_gap() -> None:
    samples = RNG.normal(size=(2, 30_000)).astype(np.float32)
    samples[0, 12_345], samples[1, 20_000:25_000] = 99, np.nan
    curve = thinned(samples, 1000)
    assert curve.values.shape == (2, POINTS)
    assert curve.length_s == 30
    assert np.nanmax(curve.values[0]) == 99
    assert np.nanmin(curve.values) == np.nanmin(samples)
    gap = np.isnan(curve.values[1])
    assert curve.seconds[gap].min() == pytest.approx(20, abs=0.1)
    assert curve.seconds[gap].max() == pytest.approx(25, abs=0.1)
    short = thinned(samples[:, :100], 1000)
    np.testing.assert_array_equal(short.values, samples[:, :100])
