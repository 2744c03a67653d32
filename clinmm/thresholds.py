"""Where a probability becomes a call: thresholds chosen on patients that are not test."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import BaseModel, Field, model_validator

if TYPE_CHECKING:
    import pandas as pd

N_PARTS = 5
"""Parts of the calibration patients that `delivered` deals."""


class OperatingPoint(BaseModel, frozen=True, extra="forbid"):
    """One way to choose a threshold; exactly one of the six is given.

    youden: maximise sensitivity + specificity - 1.
    sensitivity: the highest threshold whose sensitivity is at least this.
    specificity: the lowest threshold whose specificity is at least this.
    cost_ratio: a missed case costs as much as this many false alarms. The threshold is
        1 / (1 + cost_ratio): where probabilities mean what they say, calling above it costs least.
        The cases are not looked at, so nothing is learned from their noise; a calibration that is
        wrong there is not noticed either.
    net_benefit: threshold probability pt, so that a miss costs (1 - pt) / pt false alarms. The
        threshold is the one with the greatest net benefit TP / n - FP / n * pt / (1 - pt) on the
        cases: what `cost_ratio` takes from the probabilities, this takes from the outcomes. It
        corrects a wrong calibration and follows the noise of a small sample. On many calibrated
        cases net_benefit: pt and cost_ratio: (1 - pt) / pt meet at pt.
    value: this probability.

    Reference:
        Youden. Cancer 3:32 (1950). Elkan. The foundations of cost-sensitive learning. IJCAI 2001,
        section 2 (cost_ratio). Vickers, Elkin. Med Decis Making 26:565 (2006) (net_benefit).
    """

    youden: bool = False
    sensitivity: float | None = Field(default=None, gt=0, le=1)
    specificity: float | None = Field(default=None, gt=0, le=1)
    cost_ratio: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    net_benefit: float | None = Field(default=None, gt=0, lt=1)
    value: float | None = Field(default=None, ge=0, le=1)

    @model_validator(mode="after")
    def _exactly_one(self) -> "OperatingPoint":
        names = list(type(self).model_fields)
        given = [name for name in names if not any(getattr(self, name) is x for x in (None, False))]
        if len(given) != 1:
            raise ValueError(
                f"an operating point needs exactly one of {', '.join(names)} (youden: true); "
                f"got {' and '.join(given) or 'none'}"
            )
        return self


DEFAULT: dict[str, OperatingPoint] = {"youden": OperatingPoint(youden=True)}


def choose(y_true: ArrayLike, y_prob: ArrayLike, point: OperatingPoint) -> float:
    """The threshold of an operating point on given cases; a case is called at or above it.

    Candidates lie midway between neighbouring distinct probabilities, so that rounding does not
    move a case, plus 0 (call all), and for net_benefit one above all (call nobody). Ties go to the
    lower threshold, which misses fewer.

    Args:
        y_true: (n,) outcomes in {0, 1}.
        y_prob: (n,) calibrated probabilities in [0, 1].
        point: what is wanted.

    Returns:
        A probability; NaN where the outcomes do not allow a choice (one class only).

    Raises:
        InputError: as `metrics.inputs.checked`.

    >>> choose([0, 0, 1, 1], [.1, .3, .5, .9], OperatingPoint(youden=True))
    0.4
    >>> choose([0, 0, 1, 1], [.1, .3, .5, .9], OperatingPoint(cost_ratio=4))
    0.2
    """
    from clinmm.metrics.inputs import checked
    from clinmm.metrics.weighted import counts_above

    if point.value is not None:
        return point.value
    if point.cost_ratio is not None:
        return 1 / (1 + point.cost_ratio)
    if np.size(y_true) == 0:
        return float("nan")
    y, p = checked(y_true, y_prob)
    if y.min() == y.max():
        return float("nan")
    tp, fp = (counts[:, 0] for counts in counts_above(y, p, np.ones((y.size, 1))))
    sensitivity = tp / tp[-1]
    specificity = 1 - fp / fp[-1]
    thresholds = _between(p)
    nobody = float(np.nextafter(p.max(), 2.0))
    if point.sensitivity is not None:
        at = int(np.argmax(sensitivity >= point.sensitivity - 1e-12))
    elif point.specificity is not None:
        enough = np.flatnonzero(specificity >= point.specificity - 1e-12)
        if enough.size == 0:  # even the highest score calls too many negatives
            return nobody
        at = int(enough[-1])
    elif point.net_benefit is not None:
        benefit = tp - fp * point.net_benefit / (1 - point.net_benefit)
        if benefit.max() < -1e-9:
            return nobody
        at = _last_best(benefit)
    else:
        at = _last_best(sensitivity + specificity)
    return float(thresholds[at])


def _last_best(gain: NDArray[np.float64]) -> int:
    """The last, so lowest, threshold of those that gain most; equal up to rounding."""
    return int(np.flatnonzero(gain >= gain.max() - 1e-12 * max(1.0, abs(gain.max())))[-1])


def _between(y_prob: NDArray[np.float64]) -> NDArray[np.float64]:
    """Below each distinct probability, highest first: midway to the next one, 0 for the last."""
    distinct = np.unique(y_prob)[::-1]
    middle = (distinct[:-1] + distinct[1:]) / 2
    # neighbours without a number between them: the midpoint may round down
    middle = np.where(middle > distinct[1:], middle, distinct[:-1])
    return np.append(middle, 0.0)


def table(predictions: "pd.DataFrame", points: Mapping[str, OperatingPoint]) -> "pd.DataFrame":
    """Thresholds of every arm, repeat, fold and class.

    Args:
        predictions: rows to choose on (never test), columns arm, repeat, fold, class_name, target,
            probability (calibrated). Rows with unknown target are left out.
        points: operating point name -> how to choose.

    Returns:
        Columns of schema.THRESHOLDS; threshold NaN where no choice was possible.
    """
    import pandas as pd

    keys = ["arm", "repeat", "fold", "class_name"]
    rows = []
    for key, part in predictions.groupby(keys, sort=True):
        known = part[part["target"].notna()]
        for name, point in points.items():
            threshold = choose(known["target"], known["probability"], point)
            rows.append((*key, name, threshold))
    return pd.DataFrame(rows, columns=[*keys, "operating_point", "threshold"])


def delivered(
    predictions: "pd.DataFrame", points: Mapping[str, OperatingPoint], *, seed: int = 0
) -> "pd.DataFrame":
    """What each operating point will deliver: sensitivity and specificity, with intervals.

    A threshold looks better on the patients that it was chosen on than on the next ones. So the
    patients are dealt into five parts, and the cases of each part are called at the threshold that
    the other four give, within every arm, repeat, fold and class. The interval is that of the
    called cases, pooled over folds and repeats.

    Args:
        predictions: as for `table`, and patient_id.
        points: operating point name -> how to choose.
        seed: of the five parts.

    Returns:
        Columns arm, class_name, operating_point, metric (`sensitivity`, `specificity`), value, low,
        high, n_patients. All NaN where no threshold could be chosen, or where there are fewer
        than 10 patients or 5 with the outcome that the metric is about.
    """
    import pandas as pd

    known = predictions[predictions["target"].notna()]
    owner, patients = pd.factorize(known["patient_id"], sort=True)
    part_of = np.random.default_rng(seed).permutation(len(patients)) % N_PARTS
    known = known.assign(owner=owner, part=part_of[owner])
    rows = []
    for key, cases in known.groupby(["arm", "class_name"], sort=True):
        for name, point in points.items():
            call = np.full(len(cases), np.nan)
            for at in cases.groupby(["repeat", "fold"], sort=True).indices.values():
                call[at] = _cross_fitted_calls(cases.iloc[at], point)
            rows += [(*key, name, *rate) for rate in _rates(cases, call)]
    columns = ["arm", "class_name", "operating_point", "metric", "value", "low", "high"]
    return pd.DataFrame(rows, columns=[*columns, "n_patients"])


def _cross_fitted_calls(cases: "pd.DataFrame", point: OperatingPoint) -> NDArray[np.float64]:
    """(n,) 0/1 calls of the cases of one model, NaN where the other parts hold one class only."""
    y, p = (cases[name].to_numpy(dtype=np.float64) for name in ("target", "probability"))
    part = cases["part"].to_numpy()
    call = np.full(y.size, np.nan)
    for inside in (part == number for number in np.unique(part)):
        threshold = choose(y[~inside], p[~inside], point)
        if not np.isnan(threshold):
            call[inside] = p[inside] >= threshold
    return call


def _rates(
    cases: "pd.DataFrame", call: NDArray[np.float64]
) -> Iterator[tuple[str, float, float, float, int]]:
    """(metric, value, low, high, n_patients) of sensitivity and of specificity."""
    from clinmm.intervals import MIN_PATIENTS, MIN_PATIENTS_PER_CLASS, rate_interval

    y, owner = cases["target"].to_numpy(dtype=np.float64), cases["owner"].to_numpy()
    enough = np.unique(owner).size >= MIN_PATIENTS and not np.isnan(call).any()
    for metric, outcome in (("sensitivity", 1.0), ("specificity", 0.0)):
        about = y == outcome
        n_patients = int(np.unique(owner[about]).size)
        if enough and n_patients >= MIN_PATIENTS_PER_CLASS:
            found = rate_interval((call[about] == outcome).astype(np.float64), owner[about])
            yield metric, found.value, found.low, found.high, n_patients
        else:
            yield metric, float("nan"), float("nan"), float("nan"), n_patients
