"""Platt scaling by pattern of inputs or by group, each held towards the fit of all together."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clinmm.calibration import platt
from clinmm.calibration.inputs import Kind, Labels, checked, checked_logits
from clinmm.calibration.logistic import smoothed, solve
from clinmm.calibration.logits import Array, to_probabilities

KIND: Kind = "binary"
MIN_PATIENTS_PER_CLASS = 20
"""As platt: for all cells together. A cell may be as small as it is; it is then the pooled fit."""
COMPLEXITY = 4
MIN_PATIENTS_FOR_SLOPE = 20
"""A cell with fewer patients in a class gets an intercept of its own, not a slope."""
INTERCEPT_SD = (0.0, 0.125, 0.25, 0.5, 1.0)
SLOPE_SD = (0.0, 0.125, 0.25, 0.5)
"""Settings tried of how far cells lie from the pooled fit: deviations, in logits and per logit."""
HYPERPRIOR_SD = 0.5
"""Of a half-normal prior on both: with three or four cells their spread is hardly seen, and the
likelihood alone takes chance for a difference (Gelman 2006)."""

Line = tuple[float, float]
"""(intercept, slope)."""


@dataclass(frozen=True)
class Calibrator:
    """Log odds = intercept + slope * logit, with its own pair in each cell.

    A cell's pair is the pooled pair plus a deviation with a normal prior about 0. The prior's two
    deviations are chosen by empirical Bayes: the largest Laplace marginal likelihood over all
    cells. A small cell is drawn to the pooled fit, a large one goes its own way, one that was not
    seen gets the pooled fit. Within a cell the ranking of cases stays; between cells it may not.

    pooled: of all cases, as `platt`. by_cell: cell -> its line. intercept_sd, slope_sd: the
    prior's deviations; 0: no difference between cells was found.

    Reference:
        Gelman, Hill (2007), chapters 12 and 14; Gelman. Bayesian Analysis 1:515 (2006).
    """

    pooled: Line
    by_cell: dict[str, Line]
    intercept_sd: float
    slope_sd: float
    name = "hierarchical"

    @classmethod
    def fit(
        cls,
        logits: Array,
        target: Array,
        patient_ids: Labels | None = None,
        cells: Labels | None = None,
    ) -> "Calibrator":
        """The pooled line first, then each cell's deviation from it.

        Several cases of a patient tell less than as many patients: in the deviations a case counts
        patients / cases, so that a cell has to have patients, not pictures, to go its own way.

        Args:
            logits: (n,) log odds.
            target: (n,) in {0, 1}.
            patient_ids: (n,); None: every case is a patient.
            cells: (n,) cell of each case; None: the pooled fit alone.

        Raises:
            InputError: as `inputs.checked`.
        """
        z, y = checked(KIND, logits, target, patient_ids, cells)
        t = smoothed(y)
        pooled = platt.line(z, t)
        if cells is None or len(set(cells)) < 2:
            return cls(pooled, {}, 0.0, 0.0)
        patients = np.arange(z.size) if patient_ids is None else np.asarray(patient_ids, object)
        weight = np.unique(patients).size / z.size
        parts = _cells(z, y, t, patients, np.asarray(cells, dtype=object))
        best, by_cell = -np.inf, {}
        spread = 0.0, 0.0
        for sd in product(INTERCEPT_SD, SLOPE_SD):  # tighter first: it keeps a tie
            fitted = {part.name: part.fit(pooled, weight, sd) for part in parts}
            hyperprior = -(sd[0] ** 2 + sd[1] ** 2) / (2 * HYPERPRIOR_SD**2)
            score = sum(evidence for evidence, _ in fitted.values()) + hyperprior
            if score > best:
                best, spread = score, sd
                by_cell = {name: line for name, (_, line) in fitted.items()}
        return cls(pooled, by_cell, *spread)

    def apply(self, logits: Array, cells: Labels | None = None) -> Array:
        """(n,) probabilities of (n,) logits; the pooled line serves where a cell is not known."""
        z = checked_logits(KIND, logits, cells=cells)
        names = [""] * z.size if cells is None else cells
        lines = np.array([self.by_cell.get(str(cell), self.pooled) for cell in names])
        lines = lines.reshape(-1, 2)
        return to_probabilities(lines[:, 0] + lines[:, 1] * z)

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "pooled": list(self.pooled),
            "by_cell": {cell: list(line) for cell, line in sorted(self.by_cell.items())},
            "intercept_sd": self.intercept_sd,
            "slope_sd": self.slope_sd,
        }

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> "Calibrator":
        by_cell = {str(cell): _line(pair) for cell, pair in content["by_cell"].items()}
        spread = float(content["intercept_sd"]), float(content["slope_sd"])
        return cls(_line(content["pooled"]), by_cell, *spread)


@dataclass(frozen=True, eq=False)
class _Cell:
    """The cases of one cell: logits and smoothed targets (n,), and whether it has the patients for
    a slope of its own."""

    name: str
    z: Array
    t: Array
    may_have_slope: bool

    def fit(self, pooled: Line, weight: float, sd: Line) -> tuple[float, Line]:
        """Log marginal likelihood of the prior's deviations, in nats by Laplace's approximation,
        and the cell's line under them, its slope within the bounds of `platt`."""
        own = [sd[0] > 0, sd[1] > 0 and self.may_have_slope]
        columns = np.column_stack([np.ones_like(self.z), self.z])
        precision = 1 / np.square(np.array(sd)[own])
        found = solve(  # without columns, where nothing may deviate, this is the pooled loss
            columns[:, own],
            self.t,
            centre=np.zeros(precision.size),
            precision=precision,
            offset=columns @ pooled,
            weight=weight,
        )
        volume = np.linalg.slogdet(found.hessian)[1] - np.log(precision).sum()
        line = np.array(pooled)
        line[own] += found.coefficients
        slope = float(np.clip(line[1], platt.FLATTEST, platt.STEEPEST))
        return -found.objective - float(volume) / 2, (float(line[0]), slope)


def _cells(
    z: Array, y: Array, t: Array, patients: NDArray[Any], cells: NDArray[np.object_]
) -> list[_Cell]:
    found = []
    for name in sorted(set(cells)):
        inside = cells == name
        fewest = min(np.unique(patients[inside & (y == c)]).size for c in (0, 1))
        found.append(_Cell(str(name), z[inside], t[inside], fewest >= MIN_PATIENTS_FOR_SLOPE))
    return found


def _line(pair: Sequence[float]) -> Line:
    return float(pair[0]), float(pair[1])
