"""Do intervals of reading studies hold the truth of all readers and all patients?

    python benchmarks/reading_intervals.py          # five minutes on one core

Draws readers and patients (Roe, Metz. Acad Radiol 4:298, 1997: effects of reader, case and their
interactions with seeing the model on a latent scale, cut into ratings 1 to 5), makes the study's
estimates of all readers, and counts how often the 95 % interval holds the value of a population of
readers and patients. In brackets the exact 95 % interval of the count.

Further: the mean over two findings; two arms, where each reader reads half of the cases in each, or
half of the readers read all of them; helped less harmed of these readers, whose truth is that of
their own population of patients; and how often its exact p is .05 or less where the model does
nothing.
"""

import argparse
import sys
from collections.abc import Callable
from functools import cache

import numpy as np

from clinmm.intervals.limits import clopper_pearson
from clinmm.review.results.estimates import of_arms, of_readers, of_these
from clinmm.review.results.macro import BETWEEN, mean_over_classes
from clinmm.review.results.metrics import bound, net_help
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
FURTHER = (
    "mean auroc alone",
    "mean auroc gain",
    "arms by case, auroc",
    "arms by reader, auroc",
    "helped less harmed",
    "its p of .05 or less",
)


def study(
    rng: np.random.Generator,
    n_readers: int,
    n_cases: int,
    effect: float,
    who_reads: np.random.Generator | None = None,
    step: float = READER_STEP,
) -> Readings:
    """Every reader reads every case alone and with the model, which adds `effect` to the
    separation of the classes; 40 % of the cases have the finding. who_reads: draws the readers."""
    people = who_reads or rng
    truth = (np.arange(n_cases) < 0.4 * n_cases).astype(float)
    case = rng.normal(0, CASE, n_cases)
    columns: dict[str, np.ndarray] = {}
    of_reader = people.normal(0, READER, (n_readers, 1))
    of_both = rng.normal(0, CASE_READER, (n_readers, n_cases))
    for name, more in (("alone", 0.0), ("with_model", effect)):
        skill = SEPARATION + more + of_reader + people.normal(0, step, (n_readers, 1))
        latent = skill * truth + case + rng.normal(0, CASE_STEP, n_cases) + of_both
        latent = latent + rng.normal(0, REST, latent.shape)
        columns[f"answer_{name}"] = 1.0 + np.digitize(latent, CUTS).ravel()
        columns[f"call_{name}"] = (columns[f"answer_{name}"] >= 4).astype(float)
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


def in_mean(one: Readings, other: Readings) -> Readings:
    """Two findings side by side, as `macro.beside` has them."""
    values = {"weight": one["weight"]}
    for name, finding in (("one", one), ("other", other)):
        values |= {f"{name}{BETWEEN}{column}": of for column, of in finding.values.items()}
    return Readings(one.who, one.names, values)


def in_arms(readings: Readings, with_model: np.ndarray) -> tuple[dict[str, Readings], ...]:
    """What each reader ended with, by arm; with_model: (n,) which readings saw the model."""
    arms = []
    for keep, step in ((with_model, "with_model"), (~with_model, "alone")):
        values = {**readings.values, "answer_final": readings[f"answer_{step}"]}
        arms.append(Readings(readings.who, readings.names, values).take(keep).by("reader"))
    return tuple(arms)


@cache
def net_truth_of(n_readers: int, effect: float, seed: int) -> float:
    """Helped less harmed of the readers of this seed on many patients."""
    rng, people = np.random.default_rng((8, seed)), np.random.default_rng((7, seed))
    net = net_help(study(rng, n_readers, 5000, effect, people))
    return float(net.compute(net.readings["weight"][:, None])[0])


def further(n_readers: int, n_cases: int, effect: float, replicates: int) -> dict[str, int]:
    """How many of the replicates held the truth, for each of FURTHER."""
    held = dict.fromkeys(FURTHER, 0)
    for seed in range(replicates):
        rng = np.random.default_rng((6, n_readers, n_cases, seed))
        first, second = (study(rng, n_readers, n_cases, effect) for _ in range(2))
        both = in_mean(first, second)
        each = both.by("reader").values()
        for step in ("alone", "gain"):
            found = of_readers(
                [mean_over_classes("auroc", one, step) for one in each],
                mean_over_classes("auroc", both, step),
            )
            held[f"mean auroc {step}"] += found.low <= truth_of("auroc", step, effect) <= found.high
        reader, case = first.who["reader"], first.who["case_id"]
        turns = np.stack([rng.permuted(np.arange(n_cases) % 2) for _ in range(n_readers)])
        wide = study(rng, 2 * n_readers, n_cases, effect)
        for name, readings, drawn in (
            ("case", first, turns[reader, case] == 1),
            ("reader", wide, wide.who["reader"] < n_readers),
        ):
            arms = [
                {who: bound("auroc", of, "final") for who, of in arm.items()}
                for arm in in_arms(readings, drawn)
            ]
            found = of_arms(*arms)
            held[f"arms by {name}, auroc"] += (
                found.low <= truth_of("auroc", "gain", effect) <= found.high
            )
        people = np.random.default_rng((7, seed))
        found = of_these(net_help(study(rng, n_readers, n_cases, effect, people)))
        held["helped less harmed"] += (
            found.low <= net_truth_of(n_readers, effect, seed) <= found.high
        )
        nothing = of_these(net_help(study(rng, n_readers, n_cases, 0.0, step=0.0)))
        held["its p of .05 or less"] += nothing.p <= 0.05
    return held


def main(tell: Callable[[str], object] = lambda line: sys.stdout.write(line + "\n")) -> None:
    """Prints a table of coverage."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--replicates", type=int, default=300)
    n = parser.parse_args().replicates
    for names, count in (([" ".join(one) for one in MEASURED], coverage), (FURTHER, further)):
        tell("| readers | cases | effect | " + " | ".join(names) + " |")
        tell("|" + "---|" * (3 + len(names)))
        for effect in (0.0, 0.5):
            for n_readers in (3, 5):
                for n_cases in (40, 100):
                    cells = []
                    for hits in count(n_readers, n_cases, effect, n).values():
                        low, high = clopper_pearson(hits / n, n)
                        cells.append(f"{hits / n:.3f} ({low:.3f} to {high:.3f})")
                    tell(f"| {n_readers} | {n_cases} | {effect:g} | " + " | ".join(cells) + " |")
        tell("")


if __name__ == "__main__":
    main()
