"""The slice finder on score-level simulations: what it finds, and how often it finds what is not.

    python benchmarks/slice_finder.py [--null 300] [--each 25] [--patients 400]

Patients have one to three cases, two findings, scores of three folds, four columns of numbers,
four of text, notes on four subjects and embeddings around five centres; a tenth of every cell is
not recorded. Without a plant scores depend on the finding alone, so that every slice that is
confirmed as worse is a false alarm: the rate is that of runs with any, with its exact interval.
With a plant, what tells ill and well apart in the first finding shrinks in one slice by `size`; it
is found where a confirmed slice is worse and names the column, topic or cluster.
"""

import argparse
import time
from collections.abc import Iterator

import numpy as np
import pandas as pd

from clinmm.fairness.slices.finder import find_slices
from clinmm.intervals.limits import clopper_pearson

SEPARATION = 1.8
"""Standard deviations between ill and well: an AUROC of .90 where nothing is planted."""

SUBJECTS = (
    "lung cough sputum fever",
    "heart ankle murmur pulse",
    "bone fall hip cast",
    "skin itch",
)
FILLER = ("seen", "asked", "family", "usual", "ward", "plan", "morning", "visit", "home", "note")
SIZES = (0.25, 0.5, 0.75, 1.0)
PLANTS = ("column", "columns", "note_topic", "embedding_cluster")


def simulated(seed: int, n_patients: int, plant: str | None, size: float) -> dict[str, object]:
    """Arguments of find_slices."""
    rng = np.random.default_rng(seed)
    patient = np.repeat(np.arange(n_patients), rng.integers(1, 4, n_patients))
    n = patient.size
    case_ids = [f"c{i:06d}" for i in range(n)]
    about = {f"x{i}": rng.normal(size=n) for i in range(4)}
    about |= {f"c{i}": rng.choice(list("abc"), n).astype(object) for i in range(4)}
    subject, centre = rng.integers(0, 4, n), rng.integers(0, 5, n)
    slices = {
        "column": about["c0"] == "a",
        "columns": (about["c0"] == "a") & (about["x0"] >= 0),
        "note_topic": subject == 0,
        "embedding_cluster": centre == 0,
    }
    planted = slices[plant] if plant else np.zeros(n, dtype=bool)
    for name, cells in about.items():
        about[name] = np.where(rng.random(n) < 0.1, np.nan if name[0] == "x" else None, cells)
    notes = [" ".join(_words(rng, SUBJECTS[s].split())) for s in subject]
    embeddings = rng.normal(size=(n, 8)) + 3 * rng.normal(size=(5, 8))[centre]
    return {
        "predictions": pd.concat(_rows(rng, patient, case_ids, planted * size)),
        "thresholds": pd.DataFrame(
            [
                ("fused", 0, fold, name, "sensitive", 0.4)
                for fold in range(3)
                for name in ("first", "second")
            ],
            columns=["arm", "repeat", "fold", "class_name", "operating_point", "threshold"],
        ),
        "about": pd.DataFrame(about, index=case_ids),
        "notes": pd.Series(notes, index=case_ids).where(rng.random(n) < 0.9),
        "embeddings": pd.DataFrame(embeddings, index=case_ids),
    }


def _words(rng: np.random.Generator, subject: list[str]) -> list[str]:
    return [*rng.choice(subject, 3), *rng.choice(FILLER, 4)]


def _rows(
    rng: np.random.Generator, patient: np.ndarray, case_ids: list[str], lost: np.ndarray
) -> Iterator[pd.DataFrame]:
    """The predictions of two findings; lost: share of the separation that a case loses in the
    first, half of it from either outcome."""
    n = patient.size
    of_patient = rng.normal(size=patient.max() + 1)
    for name, away in (("first", lost), ("second", np.zeros(n))):
        tendency = 0.5 * of_patient[patient] + rng.normal(size=n)
        target = (tendency > 0.7).astype(float)
        apart = (target - 0.5) * SEPARATION * (1 - away)
        score = (
            apart + 0.5 * rng.normal(size=patient.max() + 1)[patient] + 0.87 * rng.normal(size=n)
        )
        risk = 1 / (1 + np.exp(-2 * score))
        yield pd.DataFrame(
            {
                **{"arm": "fused", "repeat": 0, "fold": patient % 3, "case_id": case_ids},
                **{"patient_id": [f"p{i}" for i in patient], "split": "test", "class_name": name},
                **{"target": target, "probability_raw": risk, "probability": risk},
                "pattern": "any",
            }
        )


def confirmed(seed: int, n_patients: int, plant: str | None, size: float) -> pd.DataFrame:
    """The slices that were confirmed as worse."""
    given = simulated(seed, n_patients, plant, size)
    found = find_slices(**given, arm="fused", seed=seed)  # type: ignore[arg-type]
    return found[found["verdict"] == "worse"]


def named(worse: pd.DataFrame, plant: str) -> bool:
    """Whether one of the slices is, or lies in, or holds what was planted."""
    of_first = worse[worse["class_name"] == "first"]
    if plant in ("column", "columns"):
        words = of_first["slice"][of_first["kind"].isin(("column", "columns"))]
        return bool(words.str.contains("c0 is a").any())
    return bool((of_first["kind"] == plant).any())


def rate(hits: int, n: int) -> str:
    """A share with its exact 95 % interval (Clopper, Pearson, Biometrika 26:404, 1934)."""
    low, high = clopper_pearson(hits / n, n)
    return f"{hits:3d} of {n:3d}  {hits / n:6.1%} ({low:.1%} to {high:.1%})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--null", type=int, default=300)
    parser.add_argument("--each", type=int, default=25)
    parser.add_argument("--patients", type=int, nargs="+", default=[400, 1200])
    asked = parser.parse_args()
    for n_patients in asked.patients:
        began = time.perf_counter()
        alarms = sum(len(confirmed(s, n_patients, None, 0.0)) > 0 for s in range(asked.null))
        each = (time.perf_counter() - began) / max(asked.null, 1)
        if asked.null:
            told = rate(alarms, asked.null)
            print(f"{n_patients} patients, nothing planted: {told}, {each:.2f} s each", flush=True)
        for plant in PLANTS:
            for size in SIZES if asked.each else ():
                hits = [
                    named(confirmed(s, n_patients, plant, size), plant) for s in range(asked.each)
                ]
                told = rate(sum(hits), asked.each)
                print(f"{n_patients} patients, {plant:18s} {size:.2f}: {told}", flush=True)


if __name__ == "__main__":
    main()
