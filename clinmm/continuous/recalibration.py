"""A straight line from predicted to observed value, kept only where it lowers the error."""

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from clinmm.calibration.parts import parts
from clinmm.intervals.per_case import mean_interval
from clinmm.metrics.weighted import Array

NONE, LINEAR = "none", "linear"
MIN_PATIENTS = 20
"""Below so many patients no line is offered."""
PARTS = 5

Range = tuple[float, float]


@dataclass(frozen=True)
class Recalibration:
    """value = intercept + slope * raw value, kept inside the target's range.

    name: `none` or `linear`. half_width: of the interval around the value; NaN where nothing is
        promised.
    """

    name: str
    intercept: float = 0.0
    slope: float = 1.0
    range: Range | None = None
    half_width: float = math.nan

    def apply(self, raw: Array) -> Array:
        """(n,) values from raw ones."""
        value = raw if self.name == NONE else self.intercept + self.slope * raw
        return _inside(value, self.range)

    def interval(self, raw: Array) -> tuple[Array, Array]:
        """(n,) lower and upper ends of the interval; NaN where nothing is promised."""
        value = self.apply(raw)
        return (
            _inside(value - self.half_width, self.range),
            _inside(value + self.half_width, self.range),
        )

    def to_json(self) -> dict[str, Any]:
        """For calibrator.json."""
        return {
            "kind": "continuous",
            "calibrator": self.name,
            "intercept": self.intercept,
            "slope": self.slope,
            "range": list(self.range) if self.range else None,
            "half_width": None if math.isnan(self.half_width) else self.half_width,
        }

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> "Recalibration":
        """As `to_json` wrote it."""
        width, limits = stored["half_width"], stored["range"]
        return cls(
            stored["calibrator"],
            stored["intercept"],
            stored["slope"],
            (limits[0], limits[1]) if limits else None,
            math.nan if width is None else width,
        )


class Choice(NamedTuple):
    """crossfitted: (n,) values by a line of the chosen kind that never saw the patient. errors:
    kind -> cross-fitted mean squared error; of `linear` NaN where it was not offered."""

    chosen: Recalibration
    reason: str
    crossfitted: Array
    errors: dict[str, float]


def choose(
    raw: Array,
    target: Array,
    patients: NDArray[np.object_],
    *,
    limits: Range | None = None,
    linear: bool = True,
    seed: int = 0,
) -> Choice:
    """The line of least squares if it lowers the cross-fitted squared error against none by more
    than one standard error (paired, clustered by patient), else none.

    Args:
        raw: (n,) predicted values. target: (n,) observed ones, all known.
        patients: (n,) whose case it is.
        limits: the target's range.
        linear: whether the line is a candidate.
        seed: of the five parts.

    Reference:
        Steyerberg. Clinical Prediction Models (2019), chapter 15: recalibration of a linear model.
        The rule of one standard error: Hastie, Tibshirani, Friedman, Elements (2009), section 7.10.
    """
    none = Recalibration(NONE, range=limits)
    without = none.apply(raw)
    squared = (without - target) ** 2
    errors = {NONE: float(squared.mean()), LINEAR: math.nan}
    n = len(set(patients))
    if not linear or n < MIN_PATIENTS or np.ptp(raw) == 0:
        reason = f"{n} patients, a line needs {MIN_PATIENTS}" if n < MIN_PATIENTS else "not offered"
        return Choice(none, reason, without, errors)
    with_line = np.empty_like(raw)
    part = parts(patients, target, PARTS, seed=seed)
    for k in range(PARTS):
        inside = part == k
        with_line[inside] = _line(raw[~inside], target[~inside], limits).apply(raw[inside])
    gain = squared - (with_line - target) ** 2
    errors[LINEAR] = errors[NONE] - float(gain.mean())
    mean, standard_error = float(gain.mean()), _standard_error(gain, patients)
    said = f"a line changes the squared error by {-mean:+.3g} (standard error {standard_error:.2g})"
    if mean > standard_error:
        return Choice(_line(raw, target, limits), said, with_line, errors)
    return Choice(none, said, without, errors)


def _line(raw: Array, target: Array, limits: Range | None) -> Recalibration:
    apart = raw - raw.mean()
    spread = float(apart @ apart)
    slope = float(apart @ (target - target.mean())) / spread if spread > 0 else 0.0
    return Recalibration(LINEAR, float(target.mean() - slope * raw.mean()), slope, limits)


def _standard_error(values: Array, patients: NDArray[np.object_]) -> float:
    from clinmm.intervals.limits import t_quantile

    found = mean_interval(values, patients.astype(str))
    return (found.high - found.value) / t_quantile(found.n_patients - 1)


def _inside(values: Array, limits: Range | None) -> Array:
    return values if limits is None else np.clip(values, *limits)
