"""A study killed with SIGKILL, at a step in the middle of an epoch and in the middle of writing a
checkpoint, goes on and ends bit-equal to one that nobody stopped."""

import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from safetensors.torch import load_file

from clinmm import train_arm
from clinmm.config import load_config
from clinmm.runs import Run
from pipelines import run

STAGES = ("check", "train")

KILLED = """
import os, signal, sys
from io import BytesIO
from pathlib import Path
import torch
from clinmm import train_arm
from clinmm.config import load_config
from clinmm.training import checkpoint
from pipelines import run

config, folder, where, after = sys.argv[1], Path(sys.argv[2]), sys.argv[3], int(sys.argv[4])
train_arm.CHECKPOINT_SECONDS = 0.0
run.STAGES = ("check", "train")
seen, save, write = [], checkpoint.save, torch.save

def die():
    os.kill(os.getpid(), signal.SIGKILL)

def save_and_die(file, state, precision):
    save(file, state, precision)
    if state.steps:  # in the middle of an epoch
        seen.append(file)
        if len(seen) == after:
            die()

def write_half_and_die(content, file):
    seen.append(file)
    if len(seen) < after:
        return write(content, file)
    whole = BytesIO()
    write(content, whole)
    with open(file, "wb") as half:
        half.write(whole.getvalue()[: len(whole.getvalue()) // 2])
    die()

if where == "step":
    checkpoint.save = save_and_die
else:
    torch.save = write_half_and_die
run.main(load_config(config), folder)
"""


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """A config whose training draws at random and remembers in every way there is."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 72)
    pd.DataFrame(
        {
            "case_id": [f"c{i}" for i in range(72)],
            "patient_id": [f"p{i}" for i in range(72)],
            "y": y,
            "note": [
                f"{'fever and cough' if v else 'no pain'} on day {i}" for i, v in enumerate(y)
            ],
            "lab": (rng.normal(size=72) + y).round(3),
        }
    ).to_csv(tmp_path / "cases.csv", index=False)
    cohort = {
        "name": "killed",
        "table": "cases.csv",
        "case_id": "case_id",
        "patient_id": "patient_id",
        "target": {"name": "y", "kind": "binary", "column": "y", "positive": [1], "negative": [0]},
        "inputs": {
            "note": {"kind": "note", "column": "note"},
            "labs": {"kind": "record", "numeric": {"lab": "mg/L"}},
        },
    }
    settings = {
        "cohort": "cohort.yaml",
        "split": {"fractions": {"train": 0.5, "validate": 0.2, "calibrate": 0.15, "test": 0.15}},
        "intake": {"accept": [{"check": "*", "reason": "made up"}]},
        "encoders": {"note": {"name": "bag_of_words", "out_dim": 4}, "labs": {"name": "mlp"}},
        "fusion": {"name": "concat"},
        "train": {
            "epochs": 3,
            "batch_size": 4,
            "accumulate": 2,
            "input_dropout": 0.3,
            "distillation": 0.5,
            "ema": 0.9,
            "balance": "slow_dominant",
            "optimiser": {"schedule": "one_cycle", "weight_decay": [0.01, 0.1]},
            "baselines": False,
            "device": "cpu",
        },
    }
    (tmp_path / "cohort.yaml").write_text(yaml.safe_dump(cohort))
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(settings))
    return tmp_path / "study.yaml"


def kill(study: Path, folder: Path, where: str, after: int) -> None:
    arguments = [str(study), str(folder), where, str(after)]
    done = subprocess.run(
        [sys.executable, "-c", KILLED, *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == -signal.SIGKILL, done.stderr


def test_a_study_that_was_killed_ends_as_if_nobody_had(
    study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "STAGES", STAGES)
    whole = run.main(load_config(study), tmp_path / "whole")
    folder = tmp_path / "killed"
    kill(study, folder, "step", 8)
    assert [file.suffix for file in (folder / "checkpoints").iterdir()].count(".ckpt") == 1
    kill(study, folder, "checkpoint", 40)
    halves = [f for f in (folder / "checkpoints").iterdir() if f.suffix == ".writing"]
    assert len(halves) == 1, "a checkpoint is half-written"
    began: list[str] = []
    monkeypatch.setattr(train_arm, "CHECKPOINT_SECONDS", 0.0)
    again = run.main(load_config(study), folder, began=began.append)
    assert began == ["train"]
    assert not (folder / "checkpoints").exists()
    same_to_the_last_bit(whole, again)


def same_to_the_last_bit(one: Run, other: Run) -> None:
    for table in ("splits", "predictions", "training", "training_inputs"):
        pd.testing.assert_frame_equal(one.read(table), other.read(table), check_exact=True)
    files = sorted(file.relative_to(one.folder) for file in one.folder.rglob("*.safetensors"))
    assert len(files) >= 3
    for file in files:
        ours, theirs = load_file(one.folder / file), load_file(other.folder / file)
        assert ours.keys() == theirs.keys()
        assert all(np.array_equal(ours[key].numpy(), theirs[key].numpy()) for key in ours), file
