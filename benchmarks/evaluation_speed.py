"""Time and memory of metrics with intervals, against resampling with scikit-learn.

    OMP_NUM_THREADS=1 python benchmarks/evaluation_speed.py [--cases 100000] [--rounds 5]

Ours: AUROC, AUPRC, Brier score, debiased ECE and sensitivity of 14 classes, over all cases and in
each of 20 groups (four attributes), every one with its interval clustered by patient; 2.5 cases a
patient. The loop: scikit-learn's AUROC of one class over all cases in 10 draws of the patients,
from which 1,000 draws of all classes and groups are extrapolated by the number of cases. The two
alternate in one process, on one core.
"""

import argparse
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import resource
import statistics
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.metrics import roc_auc_score

from clinmm.intervals import Draws, Estimate, Sample, estimate

N_CLASSES = 14
ATTRIBUTES = (2, 4, 6, 8)
"""Groups of each attribute: 20 in all."""
CASES_PER_PATIENT = 2.5
AUROC = [("auroc", "calibrated")]
KEYS = [*((m, "calibrated") for m in ("auroc", "auprc", "brier", "ece_debiased"))]
KEYS += [("sensitivity", "call")]
N_BOOTSTRAP, TRIED = 1000, 10


def invent(n: int) -> tuple[list[Sample], list[NDArray[np.bool_]], Draws]:
    """A sample for each class, the members of each group, and the draws."""
    rng = np.random.default_rng(0)
    n_patients = int(n / CASES_PER_PATIENT)
    patient, case = rng.integers(0, n_patients, n), np.arange(n)
    zeros = np.zeros(n, dtype=np.int64)
    samples = []
    for prevalence in np.linspace(0.02, 0.4, N_CLASSES):
        logits = np.log(prevalence / (1 - prevalence)) + 1.2 * rng.standard_normal(n)
        p = expit(logits)
        y = (rng.random(n) < p).astype(float)
        columns = {"calibrated": p, "call": (p >= prevalence).astype(float)}
        samples.append(Sample(y, columns, patient, case, zeros, zeros))
    groups = []
    for size in ATTRIBUTES:
        of_patient = rng.integers(0, size, n_patients)
        groups += [of_patient[patient] == group for group in range(size)]
    return samples, groups, Draws(np.arange(n_patients).astype(object), N_BOOTSTRAP, 0)


def ours(
    samples: list[Sample],
    groups: list[NDArray[np.bool_]],
    draws: Draws,
    keys: list[tuple[str, str]],
) -> list[Estimate]:
    """Every estimate, with its interval computed."""
    made: list[Estimate] = []
    for sample in samples:
        for subset in (sample, *(sample.take(group) for group in groups)):
            made += estimate(subset, keys, draws).values()
    for one in made:
        one.interval()
    return made


def loop(sample: Sample) -> list[float]:
    """scikit-learn's AUROC in TRIED draws of the patients."""
    rng = np.random.default_rng(1)
    by_patient = np.argsort(sample.patient, kind="stable")
    ends = np.cumsum(np.bincount(sample.patient))
    cases = np.split(by_patient, ends[:-1])
    values = []
    for _ in range(TRIED):
        rows = np.concatenate([cases[i] for i in rng.integers(0, len(cases), len(cases))])
        values.append(roc_auc_score(sample.y_true[rows], sample.columns["calibrated"][rows]))
    return values


def seconds(of: Callable[..., object], *given: object) -> float:
    """Of processor time, which on one idle core is the time that passes."""
    began = time.process_time()
    of(*given)
    return time.process_time() - began


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    asked.add_argument("--cases", type=int, default=100_000)
    asked.add_argument("--rounds", type=int, default=5)
    options = asked.parse_args()
    samples, groups, draws = invent(options.cases)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    work = N_CLASSES * (1 + len(ATTRIBUTES))  # each attribute holds every case once
    everything, auroc, looped, peak = [], [], [], 0.0
    for _ in range(options.rounds):
        fresh = Draws(draws.patients, draws.n_bootstrap, draws.seed)
        everything.append(seconds(ours, samples, groups, fresh, KEYS))
        auroc.append(seconds(ours, samples, groups, fresh, AUROC))
        peak = peak or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        looped.append(seconds(loop, samples[0]) / TRIED * N_BOOTSTRAP * work)
    ratios = [slow / fast for slow, fast in zip(looped, auroc, strict=True)]
    print(
        f"{options.cases} cases of {draws.patients.size} patients, {N_CLASSES} classes, "
        f"{len(groups)} groups, {options.rounds} alternating rounds: median (lowest to highest)"
    )
    for name, values, unit in (
        ("five metrics with intervals", everything, "s"),
        ("AUROC with intervals", auroc, "s"),
        ("scikit-learn and bootstrap, AUROC, extrapolated", looped, "s"),
        ("ratio for AUROC", ratios, ""),
    ):
        shown = f"{statistics.median(values):.4g} {unit} ({min(values):.4g} to {max(values):.4g})"
        print(f"{name}: {shown}")
    print(f"peak memory {peak:.0f} MB, of which {before:.0f} MB are the data and the imports")


if __name__ == "__main__":
    main()
