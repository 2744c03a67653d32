"""How often the 95 % intervals hold the truth, on invented patients of one to six cases.

    python benchmarks/coverage.py [--replicates 5000] [--seed 0]

Outcomes and scores of a patient's cases share a patient effect that makes half of their variance;
the probabilities are calibrated. The true values come from one sample of 400,000 patients. The
difference is that of the AUROC to a second score, .05 lower, on the same cases.

Prints a markdown table by the mean number of patients in the smallest class that a metric
conditions on (of the rarer outcome, where it conditions on none).
"""

import argparse
import time
from functools import cache
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit, ndtri

from clinmm.comparisons import difference
from clinmm.intervals import Draws, Sample, estimate, module_of

PATIENTS = (30, 60, 120, 300, 1000)
PREVALENCES = (0.05, 0.2, 0.5)
AUROCS = (0.6, 0.75, 0.9)
LOWER = 0.05
SHARED = 0.5
KEYS = [
    *((metric, "first") for metric in ("auroc", "auprc", "brier", "log_loss")),
    *((metric, "call") for metric in ("sensitivity", "specificity", "ppv", "npv")),
    ("auroc", "second"),
]
DIFFERENCE = "difference of AUROC"
NAMES = [*(metric for metric, column in KEYS if column != "second"), DIFFERENCE]
STRATA = ((0, 5), (5, 10), (10, 20), (20, 50), (50, np.inf))
TRUTH_PATIENTS = 400_000


def invent(rng: np.random.Generator, n: int, prevalence: float, auroc: float) -> Sample:
    """Cases of n patients with two scores and calls at a probability of the prevalence."""
    patient = np.repeat(np.arange(n), rng.integers(1, 7, n))

    def alike() -> NDArray[np.float64]:
        own = rng.standard_normal(patient.size)
        of_patient = rng.standard_normal(n)[patient]
        mixed: NDArray[np.float64] = np.sqrt(SHARED) * of_patient + np.sqrt(1 - SHARED) * own
        return mixed

    y = (alike() > -ndtri(prevalence)).astype(float)
    noise, other = alike(), alike()
    distance, shorter = (np.sqrt(2) * ndtri(a) for a in (auroc, auroc - LOWER))
    p = expit(logit(prevalence) + distance * (distance * y + noise) - distance**2 / 2)
    second = expit(shorter * y + (noise + other) / np.sqrt(2))
    columns = {"first": p, "second": second, "call": (p >= prevalence).astype(float)}
    zeros = np.zeros(patient.size, dtype=np.int64)
    return Sample(y, columns, patient, np.arange(patient.size), zeros, zeros)


@cache
def truths(seed: int, prevalence: float, auroc: float) -> dict[str, float]:
    """The value of every name, from a large sample; AUROCs are known."""
    sample = invent(np.random.default_rng((seed, 1)), TRUTH_PATIENTS, prevalence, auroc)
    values = {
        metric: module_of(metric).influence(sample.y_true, sample.columns[column])[0]
        for metric, column in KEYS
    }
    return {**values, "auroc": auroc, DIFFERENCE: LOWER}


def patients_behind(sample: Sample, name: str) -> int:
    """Patients of the smallest class that a metric conditions on."""
    groups = {
        "positive": sample.y_true == 1,
        "negative": sample.y_true == 0,
        "predicted_positive": sample.columns["call"] == 1,
        "predicted_negative": sample.columns["call"] == 0,
    }
    conditions = () if name == DIFFERENCE else module_of(name).CONDITIONS_ON
    asked = conditions or ("positive", "negative")
    return min(int(np.count_nonzero(np.bincount(sample.patient[groups[c]]))) for c in asked)


def cell(
    replicates: int, seed: int, n: int, prevalence: float, auroc: float
) -> dict[str, tuple[float, NDArray[np.float64]]]:
    """Name -> mean patients behind it, and (replicates, 3) limits, NaN if suppressed, and truth."""
    draws = Draws(np.arange(n).astype(object), 0, 0)
    true = truths(seed, prevalence, auroc)
    found = {name: np.empty((replicates, 3)) for name in NAMES}
    behind = dict.fromkeys(NAMES, 0.0)
    rng = np.random.default_rng((seed, n, int(1000 * prevalence), int(1000 * auroc)))
    for r in range(replicates):
        sample = invent(rng, n, prevalence, auroc)
        got = estimate(sample, KEYS, draws)
        for metric, column in KEYS[:-1]:
            found[metric][r] = *got[metric, column].interval(), true[metric]
        gap = difference(got["auroc", "first"], got["auroc", "second"])
        found[DIFFERENCE][r] = gap.low, gap.high, LOWER
        if r % 10 == 0:
            for name in NAMES:
                behind[name] += patients_behind(sample, name)
    return {name: (behind[name] / ((replicates + 9) // 10), found[name]) for name in NAMES}


def table(cells: list[dict[str, tuple[float, NDArray[np.float64]]]]) -> str:
    """Markdown: coverage with that of the lowest and highest cell, width, share suppressed."""
    lines = [
        "| metric | patients of the smallest class | coverage | lowest and highest cell "
        "| median width | suppressed |",
        "|---|---|---|---|---|---|",
    ]
    for name in NAMES:
        for low, high in STRATA:
            parts = [c[name][1] for c in cells if low <= c[name][0] < high]
            if not parts:
                continue
            limits = np.concatenate(parts)
            shown = ~np.isnan(limits[:, 0])
            words = f"{low} to {high - 1}" if np.isfinite(high) else f"{low} and more"
            covered = [_coverage(part) for part in parts if (~np.isnan(part[:, 0])).mean() > 0.5]
            cells_words = f"{min(covered):.1f} to {max(covered):.1f}" if covered else ""
            width = np.median((limits[:, 1] - limits[:, 0])[shown]) if shown.any() else np.nan
            lines.append(
                f"| {name} | {words} | {_coverage(limits):.1f} % | {cells_words} | {width:.3f} "
                f"| {100 * (1 - shown.mean()):.0f} % |"
            )
    return "\n".join(lines)


def _coverage(limits: NDArray[np.float64]) -> float:
    low, high, true = limits[~np.isnan(limits[:, 0])].T
    return 100 * float(np.mean((low <= true) & (true <= high))) if low.size else float("nan")


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    asked.add_argument("--replicates", type=int, default=5000)
    asked.add_argument("--seed", type=int, default=0)
    options = asked.parse_args()
    began = time.perf_counter()
    cells = [
        cell(options.replicates, options.seed, *of) for of in product(PATIENTS, PREVALENCES, AUROCS)
    ]
    print(table(cells))
    print(
        f"\n{len(cells)} cells of {options.replicates} replicates, "
        f"{(time.perf_counter() - began) / 60:.0f} minutes"
    )


if __name__ == "__main__":
    main()
