"""Smooth calibration curve: the observed rate as a function of the probability."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clinmm.metrics.logistic import Fit, expit, fit_logistic, logit
from clinmm.metrics.weighted import Array

KNOTS = {4: (0.05, 0.35, 0.65, 0.95), 3: (0.1, 0.5, 0.9)}
"""Number of knots -> quantiles of the log-odds at which they stand (Harrell, table 2.3)."""
CASES_PER_SLOPE = 10
"""Cases of the rarer outcome that each slope must have."""
Z = 1.959963984540054


@dataclass(frozen=True, eq=False)
class SmoothCurve:
    """Logistic regression of the outcome on a restricted cubic spline of the log-odds.

    A cubic between the knots and a straight line, in log-odds, beyond the outer two.

    knots: (3 or 4,) in log-odds; (0,) for a straight line. constant: no slope at all, because the
        probabilities are all the same.
    fit: coefficients (k,) and their influence (n, k).
    """

    knots: Array
    constant: bool
    fit: Fit

    def design(self, y_prob: Array) -> Array:
        """(m, k) columns at probabilities (m,)."""
        return _columns(y_prob, self.knots, self.constant)

    def at(self, y_prob: Array) -> Array:
        """(m,) observed rate where the probability is y_prob (m,)."""
        return expit(self.design(y_prob) @ self.fit.coefficients)

    def band(self, y_prob: Array, patients: NDArray[np.int64]) -> tuple[Array, Array]:
        """Pointwise 95 % limits at y_prob (m,), clustered by patient.

        Args:
            patients: (n,) patient number, from 0, of each case that the curve was fitted on.
        """
        design = self.design(y_prob)
        variance = np.einsum("mi,ij,mj->m", design, self.covariance(patients), design)
        middle, half = design @ self.fit.coefficients, Z * np.sqrt(variance)
        return expit(middle - half), expit(middle + half)

    def covariance(self, patients: NDArray[np.int64]) -> Array:
        """(k, k) sandwich covariance of the coefficients, clustered by patient.

        Reference:
            Liang, Zeger. Biometrika 73:13 (1986).
        """
        by_patient = np.zeros((int(patients.max()) + 1, self.fit.influence.shape[1]))
        np.add.at(by_patient, patients, self.fit.influence)
        n = np.unique(patients).size
        return np.asarray(np.einsum("pi,pj->ij", by_patient, by_patient) * n / (n - 1))


def fit_curve(y_true: Array, y_prob: Array) -> SmoothCurve | None:
    """The curve with as many knots as the data carry.

    Four knots where the rarer outcome has 30 cases, three where it has 20, else a straight line in
    log-odds; fewer too where probabilities are tied so much that knots coincide.

    Returns:
        None where no curve is finite: one class only, or classes that do not overlap.

    Reference:
        Harrell. Regression Modeling Strategies, 2nd ed., Springer (2015), section 2.4.5.
    """
    if np.ptp(y_prob) == 0:
        fit = fit_logistic(np.ones((y_true.size, 1)), y_true)
        return None if fit is None else SmoothCurve(np.zeros(0), True, fit)
    rarer = min(y_true.sum(), (1 - y_true).sum())
    for n_knots in (4, 3, 0):
        if n_knots and rarer < CASES_PER_SLOPE * (n_knots - 1):
            continue
        knots = np.unique(np.quantile(logit(y_prob), KNOTS.get(n_knots, ())))
        if knots.size != n_knots:
            continue
        fit = fit_logistic(_columns(y_prob, knots, constant=False), y_true)
        if fit is not None:
            return SmoothCurve(knots, False, fit)
    return None


def _columns(y_prob: Array, knots: Array, constant: bool) -> Array:
    """Intercept, log-odds and the spline's further columns."""
    x = logit(y_prob)
    if constant:
        return np.ones((x.size, 1))
    columns = [np.ones_like(x), x]
    if knots.size:
        last, before = knots[-1], knots[-2]
        cube = np.maximum(x[:, None] - knots, 0.0) ** 3  # (n, knots)
        for j, knot in enumerate(knots[:-2]):
            bent = cube[:, j] - cube[:, -2] * (last - knot) / (last - before)
            bent += cube[:, -1] * (before - knot) / (last - before)
            columns.append(bent / (last - knots[0]) ** 2)
    return np.column_stack(columns)
