from pathlib import Path

import pytest

from clinmm.errors import InputError
from clinmm.settings_file import read_settings


def settings(tmp_path: Path, text: str) -> dict[str, object]:
    (tmp_path / "s.yaml").write_text(text, encoding="utf-8")
    return read_settings(tmp_path / "s.yaml", "s.yaml")


def test_yes_and_no_stay_words_and_true_is_a_truth(tmp_path: Path) -> None:
    assert settings(tmp_path, "a: [yes, No, on, N, true]") == {"a": ["yes", "No", "on", "N", True]}


def test_a_number_in_scientific_notation_is_a_number(tmp_path: Path) -> None:
    assert settings(tmp_path, "lr: 1e-3\nb: 1.0e-4\nc: e3\nd: 12") == {
        "lr": 0.001,
        "b": 0.0001,
        "c": "e3",
        "d": 12,
    }


def test_a_key_that_comes_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"s\.yaml, line 3, .*key 'a' is written twice"):
        settings(tmp_path, "a: 1\nb: 2\na: 3")


def test_broken_yaml_says_where(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"s\.yaml, line 2.*not valid YAML"):
        settings(tmp_path, "a: [1,\nb: }")


def test_a_list_at_the_top_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no `key: value` lines"):
        settings(tmp_path, "- a")


def test_python_objects_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not valid YAML"):
        settings(tmp_path, "a: !!python/object/apply:os.system [ls]")


def test_an_absent_file_and_a_file_in_another_encoding_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_settings(tmp_path / "none.yaml")
    (tmp_path / "latin.yaml").write_bytes("name: café".encode("latin-1"))
    with pytest.raises(InputError, match="UTF-8"):
        read_settings(tmp_path / "latin.yaml")
