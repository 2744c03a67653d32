"""A run's arms against somebody else's predictions on the same folds, paired by patient.

    python benchmarks/against_baselines.py RUN BASELINE.csv ARM=BASELINE [ARM=BASELINE ...]

BASELINE.csv has one row per case, repeat and fold: arm, repeat, fold, case_id, patient_id, target
(0 or 1), logit; its arms are called `file:NAME` here. Without pairs, every arm of both is listed.
AUROC compares cases of one fold only; intervals are clustered by patient, differences paired.
"""

import sys

import numpy as np
import pandas as pd

from clinmm.comparisons import difference
from clinmm.intervals import estimate
from clinmm.runs import Run
from clinmm.samples import build

ASKED = [("auroc", "raw")]
THEIRS = "file:"
"""Before the arms of the file, whose names may be those of the run's own baselines."""


def read_baseline(file: str, class_name: str) -> pd.DataFrame:
    """The baseline as rows of a predictions table."""
    table = pd.read_csv(file, dtype={"case_id": str, "patient_id": str})
    probability = 1 / (1 + np.exp(-table["logit"]))
    return table.assign(
        arm=THEIRS + table["arm"],
        split="test",
        class_name=class_name,
        probability_raw=probability,
        probability=probability,
        pattern="baseline",
    )


def main(folder: str, file: str, pairs: list[str]) -> None:
    run = Run.open(folder)
    ours = run.read("predictions")
    theirs = read_baseline(file, run.facts["target"]["classes"][0])
    samples = build(pd.concat([ours, theirs], ignore_index=True), n_bootstrap=0)
    found = {
        arm: estimate(scored.sample, ASKED, samples.draws)[ASKED[0]]
        for (arm, _), scored in samples.parts.items()
    }
    for arm, one in found.items():
        low, high = one.interval()
        print(
            f"{arm:40s} AUROC {one.value:.3f} ({low:.3f} to {high:.3f}), "
            f"n {one.n_cases}, patients {one.n_patients}"
        )
    for pair in pairs:
        arm, rival = pair.split("=", 1)
        gap = difference(found[arm], found[rival])
        print(f"{arm} - {rival}: {gap.difference:+.3f} ({gap.low:+.3f} to {gap.high:+.3f})")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
