import time
from pathlib import Path

import pandas as pd
import pytest

from clinmm.cohort.table import read_table
from clinmm.errors import InputError
from clinmm.settings_file import read_settings


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"a,b\n1,2\n3\n4,5,6\n", "2 rows have another number of cells.*row 3 with 1"),
        (b"a;b\n1;2\n", "separated by semicolons"),
        (b"a\tb\n1\t2\n", "separated by tabs"),
        (b'a,b\n"1,2\n3,4\n', "cannot be read as CSV"),
        (b"a,b\n1,\x002\n", "line 2 holds zero bytes"),
        ("a,b\n1,2\n".encode("utf-16"), "in UTF-16"),
        (b"a\ncaf\xe9\n", "Windows-1252"),
        (b"PK\x03\x04abc", "Excel workbook"),
        (b"PAR1abc", "Name it .parquet"),
        (b"a\n" + b"x" * (2**20 + 1), "more than 1,048,576 characters"),
        (b'a\n"' + b"x\n" * 2**20 + b'"\n', "more than 1,048,576 characters"),
        (b"a\n" + b"x" * (2**24 + 1), "line 2 has more than 16,777,216"),
    ],
)
def test_a_bad_csv_file_is_refused(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(InputError, match=words):
        read_table(tmp_path / "t.csv")


@pytest.mark.parametrize("name", ["t.csv", "t.parquet"])
def test_two_gigabytes_are_refused_unread(tmp_path: Path, name: str) -> None:
    with (tmp_path / name).open("wb") as file:
        file.truncate(2**31)  # takes no space on the disk
    begun = time.process_time()
    with pytest.raises(InputError, match=r"2\.0 GiB; at most 1 GiB"):
        read_table(tmp_path / name)
    assert time.process_time() - begun < 1


def test_cells_come_as_they_were_written(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(b'\xef\xbb\xbfa,b\r\n" x ","1\n2"\r\n\r\nNA,"say ""a"""\r\n')
    assert read_table(tmp_path / "t.csv").to_dict("list") == {
        "a": [" x ", "NA"],
        "b": ["1\n2", 'say "a"'],
    }


def test_nested_and_damaged_parquet_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pd.DataFrame({"a": [[1, 2]], "b": [b"x"], "c": [{"k": 1}], "d": [1]}).to_parquet(path)
    with pytest.raises(InputError, match=r"columns \['a', 'b', 'c'\] hold lists"):
        read_table(path)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(InputError, match="cannot be read as Parquet"):
        read_table(path)
    pd.DataFrame({"a": ["x" * (2**20 + 1)]}).to_parquet(path)
    with pytest.raises(InputError, match="a cell has more than"):
        read_table(path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: &x [1]\nb: *x\n", "references"),
        ("a: " + "[" * 5000, "levels"),
        ("a: " + "{a: " * 40 + "1" + "}" * 40, "more than 30 levels"),
        ("a: 2020-13-41\n", "a value that YAML cannot read"),
        ("a: " + "9" * 5000, "a value that YAML cannot read"),
        ("a: \0", "not valid YAML"),
        ("? !!set {a}\n: 1\n", "a value that YAML cannot read"),
        ("#" * (2**20 + 1), "larger than 1 MiB"),
    ],
)
def test_a_bad_settings_file_is_refused(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "s.yaml").write_text(text)
    with pytest.raises(InputError, match=words):
        read_settings(tmp_path / "s.yaml")
