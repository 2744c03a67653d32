"""False alarms and detection of the bias audit, on invented scores: nothing is trained.

    python benchmarks/bias_false_alarms.py [--replicates 300] [--detections 300] [--seed 0]

Patients have an age (young, middle, old; some not recorded) and a sex. Where nothing else is said,
old makes 25 % of them, has the disease in 50 % of cases and the others in 25 %, and twice as many
cases of each patient (2 to 6); outcomes and scores of a patient's cases share half of their
variance. The AUROC is .80 and the miss rate .24, and what is planted concerns the old: their scores
alone are changed, or their labels.

Of each replicate: whether the test of all groups at once has p below .05 for age (AUROC, FNR),
whether any of the group comparisons of age and sex, one Holm family, is better or worse, whether
any of the four verdicts is `gap_shown`, and of these the one that names the old; whether the 95 %
interval of the calibration intercept of the old against the others leaves out 0, which is
exploratory, and right wherever the old have another prevalence, since the scores do not know it.
Prints a markdown table of percentages with their exact 95 % intervals.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit, ndtri

from clinmm.fairness.audit import audit
from clinmm.fairness.verdicts import bias_verdicts
from clinmm.intervals.limits import clopper_pearson

Array = NDArray[np.float64]

AUROC = 0.80
DISTANCE = np.sqrt(2) * ndtri(AUROC)
THRESHOLD = 0.5  # on the score of the negatives, which is standard normal
LOOKS = ("AUROC, p < .05", "FNR, p < .05", "Holm family", "verdict", "names the old", "calibration")


@dataclass(frozen=True)
class Cell:
    """What differs between the old and the others. share: of patients. plant: changes (score,
    outcome) of the old, given (rng, score, outcome, noise)."""

    name: str
    n_patients: int = 300
    share: float = 0.25
    prevalence: tuple[float, float] = (0.25, 0.5)
    cases: tuple[int, int] = (2, 4)
    plant: Callable[[np.random.Generator, Array, Array, Array], tuple[Array, Array]] | None = None


def fainter(gap: float) -> Callable[..., tuple[Array, Array]]:
    """An AUROC lower by gap, because the positives stand out less."""
    distance = np.sqrt(2) * ndtri(AUROC - gap)
    return lambda rng, score, y, noise: (distance * y + noise, y)


def noisier_labels(share: float) -> Callable[..., tuple[Array, Array]]:
    """So many of the labels are wrong; the scores know the truth."""
    return lambda rng, score, y, noise: (score, np.where(rng.random(y.size) < share, 1 - y, y))


def shifted(by: float) -> Callable[..., tuple[Array, Array]]:
    """Every score is too high by so much."""
    return lambda rng, score, y, noise: (score + by, y)


def missing(share: float) -> Callable[..., tuple[Array, Array]]:
    """So many cases lack the better of two inputs: half of the distance is left."""

    def plant(
        rng: np.random.Generator, score: Array, y: Array, noise: Array
    ) -> tuple[Array, Array]:
        lacks = rng.random(y.size) < share
        return np.where(lacks, score - DISTANCE / 2 * y, score), y

    return plant


def spread(rng: np.random.Generator, score: Array, y: Array, noise: Array) -> tuple[Array, Array]:
    """Positives vary twice as much; AUROC and miss rate are those of the others."""
    centre = np.sqrt(5 / 2) * DISTANCE  # AUROC: distance over the root of the summed variances
    return np.where(y == 1, centre + 2 * noise, noise), y


NULL = [
    Cell("alike, one case each", prevalence=(0.3, 0.3), cases=(1, 1)),
    Cell("other prevalence, more cases"),
    Cell("the same, 600 patients, old 10 %", n_patients=600, share=0.1),
    Cell("the same, other spread", plant=spread),
]
DETECTION = [
    Cell(f"AUROC lower by {gap}, {n} patients, old {share:.0%}", n, share, plant=fainter(gap))
    for gap in (0.05, 0.1, 0.2)
    for n, share in ((300, 0.25), (600, 0.1))
]
PLANTED = [
    Cell("labels: 10 % wrong", plant=noisier_labels(0.1)),
    Cell("labels: 25 % wrong", plant=noisier_labels(0.25)),
    Cell("scores too high by half a unit", plant=shifted(0.5)),
    Cell("better input missing in 30 %", plant=missing(0.3)),
    Cell("better input missing in 70 %", plant=missing(0.7)),
]


def invent(rng: np.random.Generator, cell: Cell) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Predictions of the test cases, and their groups."""
    n = cell.n_patients
    old = rng.random(n) < cell.share
    times = np.where(old, cell.cases[1], cell.cases[0])
    patient = np.repeat(np.arange(n), rng.integers((times + 1) // 2, times + times // 2 + 1))

    def alike() -> Array:
        own, of_patient = rng.standard_normal(patient.size), rng.standard_normal(n)[patient]
        mixed: Array = np.sqrt(0.5) * (own + of_patient)
        return mixed

    of_old = old[patient]
    prevalence = np.where(of_old, cell.prevalence[1], cell.prevalence[0])
    y = (alike() > -ndtri(prevalence)).astype(np.float64)
    noise = alike()
    score = DISTANCE * y + noise
    if cell.plant is not None:
        planted = cell.plant(rng, score, y, noise)
        score, y = (
            np.where(of_old, new, as_is) for new, as_is in zip(planted, (score, y), strict=True)
        )
    p = expit(DISTANCE * (score - DISTANCE / 2) - np.log(3))  # calibrated at 25 %
    case_ids = [f"c{i:05d}" for i in range(patient.size)]
    rows = pd.DataFrame(
        {
            **{"arm": "fused", "repeat": 0, "fold": 0, "case_id": case_ids},
            **{"patient_id": [f"p{i:05d}" for i in patient], "split": "test", "class_name": "ill"},
            **{"target": y, "probability_raw": p, "probability": p, "pattern": "any"},
        }
    )
    age = np.where(old, "old", rng.choice(["young", "middle"], n, p=[0.4, 0.6]))
    age = np.where(rng.random(n) < 0.08, None, age.astype(object))
    sex = rng.choice(["F", "M"], n)
    groups = {"age": age[patient], "sex": sex[patient]}
    return rows, pd.DataFrame(groups, index=pd.Index(case_ids, name="case_id"))


def looked_at(rng: np.random.Generator, cell: Cell, permutations: int, seed: int) -> list[bool]:
    """One replicate: what was seen, in the order of LOOKS."""
    rows, groups = invent(rng, cell)
    cut = expit(DISTANCE * (THRESHOLD - DISTANCE / 2) - np.log(3))
    keys = ["arm", "repeat", "fold", "class_name"]
    thresholds = rows[keys].head(1).assign(operating_point="point", threshold=cut)
    compared = audit(rows, groups, thresholds, metrics=(), n_bootstrap=0).comparisons
    table = bias_verdicts(rows, thresholds, groups, compared, permutations=permutations, seed=seed)
    p = table[table["group_by"] == "age"].set_index("metric")["p"]
    shown = table[table["verdict"] == "gap_shown"]
    family = compared[compared["family"] == "gaps"]
    of_old = compared[(compared["group"] == "old") & (compared["rival"] == "complement")]
    tilt = of_old[of_old["metric"] == "calibration_intercept"]
    return [
        bool(p["auroc"] < 0.05),
        bool(p["fnr"] < 0.05),
        bool(family["verdict"].isin(["better", "worse"]).any()),
        len(shown) > 0,
        bool((shown["group"] == "old").any()),
        bool(((tilt["low"] > 0) | (tilt["high"] < 0)).any()),
    ]


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    asked.add_argument("--replicates", type=int, default=300)
    asked.add_argument("--detections", type=int, default=300, help="replicates where planted")
    asked.add_argument("--permutations", type=int, default=199)
    asked.add_argument("--seed", type=int, default=0)
    options = asked.parse_args()
    began = time.perf_counter()
    print(f"| | {' | '.join(LOOKS)} |\n|---|{'---|' * len(LOOKS)}")
    parts = [
        ("nothing planted", NULL, options.replicates),
        ("fainter", DETECTION, options.detections),
        ("other plants", PLANTED, options.detections),
    ]
    for place, (title, cells, replicates) in enumerate(parts):
        print(f"| **{title}**, {replicates} replicates |{' |' * len(LOOKS)}")
        for number, cell in enumerate(cells):
            rng = np.random.default_rng((options.seed, place, number))
            seen = [looked_at(rng, cell, options.permutations, r) for r in range(replicates)]
            told = []
            for share in np.mean(seen, axis=0).tolist():
                low, high = clopper_pearson(share, replicates)
                told.append(f"{100 * share:.1f} ({100 * low:.1f} to {100 * high:.1f})")
            print(f"| {cell.name} | {' | '.join(told)} |", flush=True)
    print(f"\n{(time.perf_counter() - began) / 60:.0f} minutes")


if __name__ == "__main__":
    main()
