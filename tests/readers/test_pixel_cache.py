"""The cache serves what was asked for or nothing, whatever happened to its files."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from clinmm.encoders.parts.pictures import pixels_of
from clinmm.readers import cache, read_image
from clinmm.readers.resize import resize

SHAPE = (1, 32, 32)


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CLINMM_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("CLINMM_CACHE_GB", raising=False)
    return tmp_path / "cache" / "pixels"


def picture(path: Path, seed: int = 0) -> Path:
    pixels = np.random.default_rng(seed).integers(0, 255, (40, 40), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return path


def entries(folder: Path) -> list[Path]:
    return [p for p in folder.rglob("*") if p.is_file()]


def asked(path: Path, settings: str = "s") -> tuple[np.ndarray, bool]:
    return cache.pixels(path, SHAPE, settings, lambda p: resize(read_image(p), 32, 1))


def test_the_second_time_nothing_is_read_and_every_bit_is_the_same(tmp_path: Path) -> None:
    path = picture(tmp_path / "a.png")
    first, made = asked(path)
    second, made_again = asked(path)
    assert (made, made_again) == (True, False)
    assert isinstance(second, np.memmap)
    np.testing.assert_array_equal(first, second)


def test_a_changed_file_setting_or_reader_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = picture(tmp_path / "a.png")
    old, _ = asked(path)
    times = path.stat().st_atime_ns, path.stat().st_mtime_ns
    picture(path, seed=1)
    os.utime(path, ns=times)  # as a careless copy would
    new, made = asked(path)
    assert made
    assert not np.array_equal(old, new)
    assert asked(path, "other")[1]
    assert not asked(path, "other")[1]
    monkeypatch.setattr(cache, "READER_VERSION", -1)
    assert asked(path)[1]


def test_a_file_that_settled_is_hashed_once_by_a_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = picture(tmp_path / "a.png")
    monkeypatch.setattr(cache, "SETTLED_NS", 0)
    key = cache.key_of(path, "s")
    monkeypatch.setattr(cache, "sha256_of", lambda path: pytest.fail("hashed again"))
    assert cache.key_of(path, "s") == key


def test_a_remembered_hash_does_not_outlive_a_change_that_keeps_size_and_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "SETTLED_NS", 0)
    path = tmp_path / "a"
    path.write_bytes(b"one")
    before, times = cache.key_of(path, "s"), path.stat()
    time.sleep(0.02)
    path.write_bytes(b"two")
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert path.stat().st_mtime_ns == times.st_mtime_ns
    assert cache.key_of(path, "s") != before


def test_a_changed_slice_of_a_series_is_another_key(tmp_path: Path) -> None:
    (tmp_path / "series").mkdir()
    (tmp_path / "series" / "1").write_bytes(b"one")
    before = cache.key_of(tmp_path / "series", "s")
    (tmp_path / "series" / "1").write_bytes(b"two")
    assert cache.key_of(tmp_path / "series", "s") != before


def test_what_is_not_there_is_kept_for_nobody(tmp_path: Path, own_cache: Path) -> None:
    made = np.ones(SHAPE, np.float32)
    for name in ("a.png", "b.png"):
        _, new = cache.pixels(tmp_path / name, SHAPE, "s", lambda path: made)
        assert new
    assert entries(own_cache) == []


@pytest.mark.parametrize(
    "damage",
    [
        lambda raw: b"",
        lambda raw: raw[:10],
        lambda raw: raw[: len(raw) // 2],
        lambda raw: raw[:-1],
        lambda raw: raw + b"\0",
        lambda raw: raw[:-5] + bytes([raw[-5] ^ 1]) + raw[-4:],
        lambda raw: b"x" + raw[1:],
        lambda raw: bytes(len(raw)),
    ],
)
def test_a_damaged_entry_is_made_again(tmp_path: Path, own_cache: Path, damage: object) -> None:
    path = picture(tmp_path / "a.png")
    good, _ = asked(path)
    entry = entries(own_cache)[0]
    entry.write_bytes(damage(entry.read_bytes()))  # type: ignore[operator]
    again, made = asked(path)
    assert made
    np.testing.assert_array_equal(again, good)
    assert not asked(path)[1]


def test_a_full_disk_costs_only_time(
    tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    path = picture(tmp_path / "a.png")
    with monkeypatch.context() as patched:
        patched.setattr("os.replace", full)
        assert asked(path)[1]
        assert asked(path)[1]
        patched.setattr("os.posix_fallocate", full)
        patched.setattr(cache, "IN_MEMORY", 10)
        assert not isinstance(cache.zeros((4, 4)), np.memmap)
    assert entries(own_cache) == [], "no part of an entry may be left"
    assert asked(path)[1]
    assert not asked(path)[1]


def test_a_folder_that_cannot_be_written_harms_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("CLINMM_CACHE", str(tmp_path / "file"))
    assert asked(picture(tmp_path / "a.png"))[1]
    assert cache.trim() == 0


def test_the_oldest_entries_go_when_it_grows_too_large(
    tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for i in range(6):
        asked(picture(tmp_path / f"{i}.png", i))
        newest = max(entries(own_cache), key=lambda p: p.stat().st_mtime_ns)
        os.utime(newest, (i, i))
    size = entries(own_cache)[0].stat().st_size
    monkeypatch.setenv("CLINMM_CACHE_GB", str(2.5 * size / 1e9))
    assert cache.trim() == 4
    assert {int(p.stat().st_mtime) for p in entries(own_cache)} == {4, 5}
    monkeypatch.setenv("CLINMM_CACHE_GB", "much")
    assert cache.trim() == 0


def test_what_a_killed_process_left_is_swept(own_cache: Path) -> None:
    (own_cache / "ab").mkdir(parents=True)
    old, fresh = own_cache / "ab" / ".old", own_cache / "ab" / ".fresh"
    for file in (old, fresh):
        file.write_bytes(b"half")
    long_ago = time.time() - 2 * cache.ABANDONED_S
    os.utime(old, (long_ago, long_ago))
    assert cache.trim() == 1
    assert [p.name for p in entries(own_cache)] == [".fresh"]


def test_a_large_array_is_mapped_and_leaves_no_file(
    own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "IN_MEMORY", 1000)
    large = cache.zeros((30, 30))
    assert isinstance(large, np.memmap)
    large[3, 4] = 5
    assert large.sum() == 5
    assert entries(own_cache) == []


def test_batches_come_out_the_same_cached_mapped_or_neither(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [picture(tmp_path / f"{i}.png", i) for i in range(3)] + [None]
    plain = pixels_of(paths, 32, 1, keep=False)
    first, second = pixels_of(paths, 32, 1), pixels_of(paths, 32, 1)
    monkeypatch.setattr(cache, "IN_MEMORY", 10)
    mapped = pixels_of(paths, 32, 1)
    for other in (first, second, mapped):
        assert other.equal(plain)
    assert not plain[3].any()


FILLER = """
import sys, time
from pathlib import Path
import numpy as np
from clinmm.readers import cache
def make(path):
    return np.full((1, 64, 64), float(path.read_text()), np.float32)
slow = sys.argv[2] == "slow"
if slow:  # stops in the middle of writing
    def stuck(*args):
        print("writing", flush=True)
        time.sleep(600)
    cache.os.replace = stuck
for path in sorted(Path(sys.argv[1]).iterdir()):
    array, _ = cache.pixels(path, (1, 64, 64), "s", make)
    assert (array == float(path.read_text())).all()
print("done", flush=True)
"""


def test_processes_fill_it_together_and_one_that_is_killed_harms_nothing(
    tmp_path: Path, own_cache: Path
) -> None:
    sources = tmp_path / "sources"
    sources.mkdir()
    for i in range(60):
        (sources / f"{i:02d}").write_text(str(i))

    def start(how: str) -> "subprocess.Popen[str]":
        command = [sys.executable, "-c", FILLER, str(sources), how]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    killed = start("slow")
    assert killed.stdout is not None
    assert killed.stdout.readline() == "writing\n"
    others = [start("quick") for _ in range(3)]
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    killed.stdout.close()
    for process in others:
        out, _ = process.communicate(timeout=300)
        assert (process.returncode, out) == (0, "done\n")
    whole = [p for p in entries(own_cache) if not p.name.startswith(".")]
    assert len(whole) == 60
    assert len(entries(own_cache)) == 61, "the half-written file of the killed process"
    for i in range(60):
        array, made = cache.pixels(
            sources / f"{i:02d}", (1, 64, 64), "s", lambda p: pytest.fail("made")
        )
        assert not made
        assert (array == i).all()
