"""Record columns: how laboratory values and vital signs follow from the findings.

A latent z = intercept + sum over present findings of shift + N(0, spread); the column is
written as `z` (temperature), `exp(z)` (leukocytes, CRP, BNP) or `100 - exp(z)` (SpO2).
"""

from dataclasses import dataclass

import numpy as np

from clinmm.cohort.phantom.findings import COMBINATIONS, FINDINGS


@dataclass(frozen=True)
class Lab:
    """One column. shifts: finding -> change of the latent z; missing: P(not measured)."""

    unit: str
    intercept: float
    spread: float
    shifts: dict[str, float]
    scale: str
    decimals: int
    missing: float
    missing_if_dyspnoea: float

    def mean(self, labels: np.ndarray) -> np.ndarray:
        """Mean of the latent z for findings (..., 4)."""
        shifts = np.array([self.shifts.get(finding, 0.0) for finding in FINDINGS])
        return np.asarray(self.intercept + np.asarray(labels) @ shifts)

    def written(self, z: float) -> float:
        """The value as the table holds it."""
        value = {"linear": z, "log": np.exp(z), "deficit": 100.0 - np.exp(z)}[self.scale]
        return round(float(value), self.decimals)

    def latent(self, value: float) -> float:
        """The z of a written value; what lies beyond the rounding is taken at its edge."""
        if self.scale == "linear":
            return value
        half = 0.5 * 10.0**-self.decimals
        return float(np.log(max(value if self.scale == "log" else 100.0 - value, half)))


LABS = {
    "temperature": Lab("degC", 36.9, 0.55, {"consolidation": 0.50}, "linear", 1, 0.10, 0.10),
    "spo2": Lab(
        "percent",
        1.1,
        0.40,
        {"cardiomegaly": 0.20, "effusion": 0.35, "consolidation": 0.35},
        "deficit",
        1,
        0.10,
        0.10,
    ),
    "leukocytes": Lab("10^9/L", 2.05, 0.33, {"consolidation": 0.22}, "log", 1, 0.15, 0.15),
    "crp": Lab(
        "mg/L",
        2.0,
        1.0,
        {"consolidation": 0.9, "effusion": 0.4, "nodule": 0.3},
        "log",
        1,
        0.25,
        0.25,
    ),
    "bnp": Lab("ng/L", 4.3, 0.85, {"cardiomegaly": 1.3, "effusion": 0.6}, "log", 0, 0.40, 0.15),
}


def draw_record(
    rng: np.random.Generator, labels: np.ndarray, *, dyspnoea: bool
) -> tuple[dict[str, float], dict[str, bool]]:
    """Values of every lab column and whether each was measured.

    BNP is measured more often in patients who complain of dyspnoea, so that its absence says
    something; the other columns are missing at random.
    """
    noise, chance = rng.standard_normal(len(LABS)), rng.random(len(LABS))
    values: dict[str, float] = {}
    measured: dict[str, bool] = {}
    for (name, lab), e, u in zip(LABS.items(), noise, chance, strict=True):
        values[name] = lab.written(float(lab.mean(labels)) + lab.spread * float(e))
        measured[name] = bool(u >= (lab.missing_if_dyspnoea if dyspnoea else lab.missing))
    return values, measured


def log_likelihood(values: dict[str, float], measured: dict[str, bool]) -> np.ndarray:
    """log p(measured values | findings) for the 16 COMBINATIONS, up to a constant: (16,)."""
    total = np.zeros(len(COMBINATIONS))
    for name, lab in LABS.items():
        if measured[name]:
            z = lab.latent(values[name])
            total -= 0.5 * ((z - lab.mean(COMBINATIONS)) / lab.spread) ** 2
    return total


def log_likelihood_of_ordering(measured: dict[str, bool], p_dyspnoea: np.ndarray) -> np.ndarray:
    """log P(which columns were measured | findings), where the note is not known: (16,).

    p_dyspnoea: (16,) chance that dyspnoea was complained of, for each of the COMBINATIONS.
    """
    total = np.zeros(len(COMBINATIONS))
    for name, lab in LABS.items():
        missing = p_dyspnoea * lab.missing_if_dyspnoea + (1.0 - p_dyspnoea) * lab.missing
        total += np.log(1.0 - missing if measured[name] else missing)
    return total
