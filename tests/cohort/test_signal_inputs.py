"""A signal in the cohort file: what it may say, and what becomes of its files."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from scipy.io import wavfile

from clinmm.cohort.first_draft import draft_cohort
from clinmm.cohort.manifest import load_cohort, read_spec
from clinmm.cohort.spec import SignalInput
from clinmm.errors import InputError
from clinmm.intake.checks import files
from clinmm.intake.context import Context
from clinmm.intake.images_read import readable
from clinmm.uncertainty.outliers.aspects import signal_size
from clinmm.uncertainty.outliers.readings import SignalNumbers, read_inputs

SIGNAL = {"kind": "signal", "column": "file", "rate": 10, "channels": 2, "seconds": 3}


def write(folder: Path, cells: list[str], **signal: Any) -> Path:
    n = len(cells)
    table = pd.DataFrame({"case": [f"c{i}" for i in range(n)], "file": cells})
    table["patient"], table["died"] = [f"p{i}" for i in range(n)], [str(i % 2) for i in range(n)]
    table.to_csv(folder / "t.csv", index=False)
    died = {"name": "d", "kind": "binary", "column": "died", "positive": ["1"], "negative": ["0"]}
    settings = {
        "name": "n",
        "table": "t.csv",
        "case_id": "case",
        "patient_id": "patient",
        "target": died,
        "inputs": {"ecg": SIGNAL | signal},
    }
    (folder / "c.yaml").write_text(yaml.safe_dump(settings))
    return folder / "c.yaml"


def signal(folder: Path, name: str, n: int = 30, channels: int = 2) -> str:
    np.save(folder / name, np.random.default_rng(n).normal(size=(n, channels)))
    return name


def test_a_case_has_the_signal_if_its_cell_holds_a_path(tmp_path: Path) -> None:
    cohort = load_cohort(write(tmp_path, [signal(tmp_path, "a.npy"), "", "gone.npy"]))
    assert cohort.present("ecg").tolist() == [True, False, True]
    assert cohort.patterns() == ["ecg", "none", "ecg"]
    assert cohort.file_paths("ecg")[0] == tmp_path / "a.npy"
    assert [one is None for one in cohort.file_sha256("ecg")] == [False, True, True]
    (first, second, _) = cohort.signals("ecg")
    assert first is not None
    assert (first.path, first.file_rate, second) == (tmp_path / "a.npy", None, None)
    assert {"ecg", "ecg_sha256"} <= set(cohort.for_run())
    with pytest.raises(InputError, match="no image input 'ecg'"):
        cohort.image_paths("ecg")


def test_the_fingerprint_goes_by_the_bytes(tmp_path: Path) -> None:
    path = write(tmp_path, [signal(tmp_path, "a.npy"), ""])
    before = load_cohort(path).fingerprint
    assert load_cohort(path).fingerprint == before
    signal(tmp_path, "a.npy", n=31)
    assert load_cohort(path).fingerprint != before


def test_files_that_are_absent_or_no_signal_are_findings_and_count_as_absent(
    tmp_path: Path,
) -> None:
    (tmp_path / "torn.npy").write_bytes(b"\x93NUMPY")
    cells = [
        signal(tmp_path, "a.npy"),
        signal(tmp_path, "b.npy", channels=3),
        "torn.npy",
        "gone.npy",
    ]
    cohort = load_cohort(write(tmp_path, cells))
    context = Context()
    absent, unreadable = files.check(cohort, context)
    assert (absent.severity, unreadable.severity) == ("error", "error")
    assert (absent.case_ids, unreadable.case_ids) == (("c3",), ("c1", "c2"))
    assert "wanted a side of 2 (the channels)" in unreadable.detail
    assert str(tmp_path) not in unreadable.detail
    left = readable(cohort, context.images_of(cohort).facts)
    assert left.present("ecg").tolist() == [True, False, False, False]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"rate": 0}, "rate"),
        ({"rate": float("inf")}, "rate"),
        ({"channels": 0}, "channels"),
        ({"seconds": 1e9}, "are 20000000000 samples"),
        ({"seconds": 0.01}, "are 0 samples"),
        ({"sampling": 3}, "unknown key 'sampling'"),
        ({"column": "../file"}, "no column"),
    ],
)
def test_what_makes_no_signal_is_refused(tmp_path: Path, wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        load_cohort(write(tmp_path, [signal(tmp_path, "a.npy"), ""], **wrong))


def test_paths_out_of_the_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="1 paths lead out of the table's folder"):
        load_cohort(write(tmp_path, ["../a.npy", ""]))


def test_the_draft_knows_signals_by_their_endings(tmp_path: Path) -> None:
    for i in range(4):
        wavfile.write(tmp_path / f"{i}.wav", 800, np.ones((1600, 2), np.int16))
    table = pd.DataFrame({"id": range(4), "cough": [f"{i}.wav" for i in range(4)], "died": "0101"})
    table["died"], table["ecg"] = list("0101"), [f"e{i}.hea" for i in range(4)]
    table.to_csv(tmp_path / "t.csv", index=False)
    text = draft_cohort(tmp_path / "t.csv")
    (tmp_path / "c.yaml").write_text(text.replace("rate: FILL_IN", "rate: 100"))
    inputs = read_spec(tmp_path / "c.yaml").inputs
    assert inputs["signal_1"] == SignalInput(
        kind="signal", column="cough", rate=800, channels=2, seconds=2
    )
    assert inputs["signal_2"].columns == ("ecg",)


def test_a_signal_in_another_unit_is_odd_and_the_reason_names_the_channel(tmp_path: Path) -> None:
    names = [signal(tmp_path, f"{i}.npy", n=25 + i) for i in range(14)]
    cohort = load_cohort(write(tmp_path, [*names, ""]))
    readings = read_inputs(cohort)["ecg"]
    assert readings[14] is None
    first = np.load(tmp_path / "0.npy")
    np.testing.assert_allclose(readings[0].level, first.mean(0), rtol=1e-5)
    np.testing.assert_allclose(readings[0].spread, first.std(0), rtol=1e-5)
    np.testing.assert_allclose(readings[0].measured, 25 / 30)
    facts = signal_size.learn(readings[:14], None, cohort.spec.inputs["ecg"])
    one = readings[0]
    volts = SignalNumbers(one.level, one.spread * np.array([1, 1000]), one.measured)
    gone = SignalNumbers(one.level * np.nan, one.spread * np.nan, one.measured * 0)
    usual, odd, empty = signal_size.score(facts, [one, volts, gone])
    assert usual <= 1 < 5 < odd
    assert empty == 0
    assert "standard deviation of channel 2 is" in signal_size.reason(facts, volts)
