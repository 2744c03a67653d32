"""Kills a study with SIGKILL at random moments until it is finished, again and again, and compares
what it ends with to an unbroken run, bit for bit.

    OMP_NUM_THREADS=1 python benchmarks/kill_marathon.py [--studies 3] [--kills 12] [--seed 0]

The study is a phantom's notes and records with every stage, `clinmm run` as a user would call it;
checkpoints are written a tenth of a second apart, so that many kills hit one. A killed call is gone
on with by the next, which is killed in turn: after `--kills` of them the last one runs to its end.
"""

import argparse
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd
import yaml
from safetensors.torch import load_file

from clinmm.cohort.phantom import make_phantom
from clinmm.runs import Run

PROGRAM = """
import sys
from pathlib import Path
from clinmm import train_arm
from clinmm.config import load_config
from pipelines import run
train_arm.CHECKPOINT_SECONDS = 0.1
run.main(load_config(sys.argv[1]), Path(sys.argv[2]))
"""
SETTINGS = {
    "split": {"folds": 2, "inner_folds": 2},
    "intake": {"accept": [{"check": "*", "reason": "made up"}]},
    "encoders": {"note": {"name": "bag_of_words"}, "record": {"name": "mlp"}},
    "train": {
        "epochs": 8,
        "batch_size": 8,
        "accumulate": 2,
        "ema": 0.9,
        "input_dropout": 0.3,
        "distillation": 0.5,
        "ensemble": 2,
        "balance": "slow_dominant",
        "optimiser": {"schedule": "one_cycle", "weight_decay": [0.01, 0.1]},
        "device": "cpu",
    },
    "explain": {"cases": 2, "steps": 8},
    "evaluate": {"n_bootstrap": 100},
}


def write_study(folder: Path) -> Path:
    """A config, and a phantom without its images, which take long to train."""
    cohort = make_phantom(folder / "cohort", seed=3, n_patients=60)
    spec = yaml.safe_load(cohort.read_text(encoding="utf-8"))
    spec["inputs"].pop("image", None)
    cohort.write_text(yaml.safe_dump(spec), encoding="utf-8")
    config = folder / "study.yaml"
    config.write_text(yaml.safe_dump({"cohort": str(cohort), **SETTINGS}), encoding="utf-8")
    return config


def call(config: Path, run: Path, seconds: float | None = None) -> bool:
    """One call, killed after so many seconds; whether it came to its end."""
    arguments = [sys.executable, "-c", PROGRAM, str(config), str(run)]
    process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        _, told = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.communicate()
        return False
    if process.returncode:
        raise SystemExit(f"the study failed instead of going on:\n{told.decode()}")
    return True


def differences(one: Path, other: Path) -> list[str]:
    """Names of tables and weights that are not equal to the last bit."""
    found = []
    for file in sorted(one.rglob("*.safetensors")):
        ours, theirs = load_file(file), load_file(other / file.relative_to(one))
        if ours.keys() != theirs.keys() or any(not ours[k].equal(theirs[k]) for k in ours):
            found.append(str(file.relative_to(one)))
    for file in sorted(one.glob("*.parquet")):
        frames = [Run(folder).read(file.stem) for folder in (one, other)]
        try:
            pd.testing.assert_frame_equal(*frames, check_exact=True)
        except AssertionError:
            found.append(file.name)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--studies", type=int, default=3)
    parser.add_argument("--kills", type=int, default=12)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    draw, unequal = random.Random(options.seed), 0
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        config = write_study(folder)
        began = time.monotonic()
        call(config, folder / "whole")
        whole = time.monotonic() - began
        print(f"unbroken: {whole:.1f} s")
        for study in range(options.studies):
            run, kills, in_training = folder / f"killed_{study}", 0, 0
            while kills < options.kills:
                if call(config, run, draw.uniform(0.1, 0.7) * whole):
                    break
                kills += 1
                in_training += (run / "checkpoints").is_dir()
            call(config, run)
            found = differences(folder / "whole", run)
            unequal += bool(found)
            said = f"not equal: {', '.join(found)}" if found else "equal to the last bit"
            print(f"study {study}: killed {kills} times, {in_training} in training: {said}")
    raise SystemExit(1 if unequal else 0)


if __name__ == "__main__":
    main()
