"""Signals in a de-identified copy: the samples, and nothing else of the file."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from scipy.io import wavfile

from clinmm.cohort.manifest import load_cohort
from clinmm.deidentification.copy_cohort import write_copy
from clinmm.deidentification.keys import new_keys
from clinmm.errors import InputError


def write(folder: Path) -> Path:
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"case": ["a1", "b2"], "patient": ["p1", "p2"], "died": ["1", "0"]})
    table["cough"] = ["Smith_John.wav", ""]
    table["ward"] = ["w1.csv", "w2.csv"]
    table.to_csv(folder / "t.csv", index=False)
    wavfile.write(folder / "Smith_John.wav", 400, (rng.normal(size=300) * 3000).astype(np.int16))
    for i in (1, 2):
        vitals = pd.DataFrame({"s": np.arange(20) * 0.5, "hr": 80 + i, "rr": np.arange(20.0)})
        vitals.to_csv(folder / f"w{i}.csv", index=False)
    settings = {
        "name": "n",
        "table": "t.csv",
        "case_id": "case",
        "patient_id": "patient",
        "target": {
            "name": "d",
            "kind": "binary",
            "column": "died",
            "positive": ["1"],
            "negative": ["0"],
        },
        "inputs": {
            "cough": {"kind": "signal", "column": "cough", "rate": 400, "seconds": 1},
            "vitals": {
                "kind": "signal",
                "column": "ward",
                "rate": 2,
                "channels": 2,
                "seconds": 10,
                "clock": "s",
            },
        },
    }
    (folder / "c.yaml").write_text(yaml.safe_dump(settings))
    return folder / "c.yaml"


def test_a_copy_holds_the_samples_under_new_names_and_reads_the_same(tmp_path: Path) -> None:
    cohort = load_cohort(write(tmp_path))
    (tmp_path / "copy").mkdir()
    said = write_copy(cohort, tmp_path / "copy", new_keys(), look_at_pixels=False)
    assert "files copied as samples alone" in str(said)
    copy = load_cohort(tmp_path / "copy" / "cohort.yaml")
    assert not list((tmp_path / "copy").rglob("*mith*"))
    from clinmm.encoders.parts.samples import samples_of, shape_facts

    for name in ("cough", "vitals"):
        one, two = (
            sorted(
                samples_of(file, shape_facts(each.spec.inputs[name])).tobytes()
                for file in each.signals(name)
                if file is not None
            )
            for each in (cohort, copy)
        )
        assert one == two


def test_a_signal_that_cannot_be_read_stops_the_copy(tmp_path: Path) -> None:
    path = write(tmp_path)
    (tmp_path / "w1.csv").unlink()
    (tmp_path / "copy").mkdir()
    with pytest.raises(InputError, match="vitals, case a1: is missing"):
        write_copy(load_cohort(path), tmp_path / "copy", new_keys(), look_at_pixels=False)
