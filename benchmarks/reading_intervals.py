"""Do intervals of reading studies hold the truth of all readers and all patients?

    python benchmarks/reading_intervals.py          # two minutes on one core

Draws readers and patients (Roe, Metz. Acad Radiol 4:298, 1997: effects of reader, case and their
interactions with seeing the model on a latent scale, cut into ratings 1 to 5), makes the study's
estimates of all readers, and counts how often the 95 % interval holds the value of a population of
readers and patients. In brackets the exact 95 % interval of the count.
"""

import argparse
import sys
from collections.abc import Callable
from functools import cache

import numpy as np

from clinmm.intervals.limits import clopper_pearson
from clinmm.review.results.estimates import of_readers
from clinmm.review.results.metrics import bound
from clinmm.review.results.side_by_side import Readings

CUTS = (-0.4, 0.5, 1.0, 1.7)
SEPARATION = 1.6
READER, READER_STEP = 0.2, 0.1
CASE, CASE_STEP, CASE_READER, REST = 0.55, 0.35, 0.45, 0.6
"""Standard deviations of the latent scale."""

MEASURED = (
    ("auroc", "alone"),
    ("sensitivity", "alone"),
    ("auroc", "gain"),
    ("sensitivity", "gain"),
)


def study(rng: np.random.Generator, n_readers: int, n_cases: int, effect: float) -> Readings:
    """Every reader reads every case alone and with the model, which adds `effect` to the
    separation of the classes; 40 % of the cases have the finding."""
    truth = (np.arange(n_cases) < 0.4 * n_cases).astype(float)
    case = rng.normal(0, CASE, n_cases)
    columns: dict[str, np.ndarray] = {}
    of_reader = rng.normal(0, READER, (n_readers, 1))
    of_both = rng.normal(0, CASE_READER, (n_readers, n_cases))
    for step, more in (("alone", 0.0), ("with_model", effect)):
        skill = SEPARATION + more + of_reader + rng.normal(0, READER_STEP, (n_readers, 1))
        latent = skill * truth + case + rng.normal(0, CASE_STEP, n_cases) + of_both
        latent = latent + rng.normal(0, REST, latent.shape)
        columns[f"answer_{step}"] = 1.0 + np.digitize(latent, CUTS).ravel()
        columns[f"call_{step}"] = (columns[f"answer_{step}"] >= 4).astype(float)
    reader, number = (part.ravel() for part in np.mgrid[:n_readers, :n_cases])
    who = {"reader": reader, "case_id": number, "patient_id": number}
    columns |= {"truth": np.tile(truth, n_readers), "weight": np.ones(reader.size)}
    return Readings(who, {"reader": [f"r{i:03d}" for i in range(n_readers)]}, columns)


@cache
def truth_of(metric: str, step: str, effect: float) -> float:
    """Mean over many readers on many patients."""
    found = []
    for seed in range(20):
        readings = study(np.random.default_rng((9, seed)), 20, 2000, effect)
        for own in readings.by("reader").values():
            one = bound(metric, own, step)
            found.append(one.compute(one.readings["weight"][:, None])[0])
    return float(np.mean(found))


def coverage(n_readers: int, n_cases: int, effect: float, replicates: int) -> dict[str, int]:
    """How many of the replicates held the truth, per metric and step."""
    held = {f"{metric} {step}": 0 for metric, step in MEASURED}
    want = {(metric, step): truth_of(metric, step, effect) for metric, step in MEASURED}
    for seed in range(replicates):
        readings = study(
            np.random.default_rng((n_readers, n_cases, seed)), n_readers, n_cases, effect
        )
        each = readings.by("reader").values()
        for metric, step in MEASURED:
            found = of_readers(
                [bound(metric, r, step) for r in each], bound(metric, readings, step)
            )
            held[f"{metric} {step}"] += found.low <= want[metric, step] <= found.high
    return held


def main(tell: Callable[[str], object] = lambda line: sys.stdout.write(line + "\n")) -> None:
    """Prints a table of coverage."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--replicates", type=int, default=300)
    n = parser.parse_args().replicates
    tell("| readers | cases | effect | " + " | ".join(" ".join(one) for one in MEASURED) + " |")
    tell("|" + "---|" * (3 + len(MEASURED)))
    for effect in (0.0, 0.5):
        for n_readers in (3, 5):
            for n_cases in (40, 100):
                cells = []
                for hits in coverage(n_readers, n_cases, effect, n).values():
                    low, high = clopper_pearson(hits / n, n)
                    cells.append(f"{hits / n:.3f} ({low:.3f} to {high:.3f})")
                tell(f"| {n_readers} | {n_cases} | {effect:g} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
