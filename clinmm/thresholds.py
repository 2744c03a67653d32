"""Where a probability becomes a call: thresholds chosen on patients that are not test."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import BaseModel, Field, model_validator

if TYPE_CHECKING:
    import pandas as pd


class OperatingPoint(BaseModel, frozen=True, extra="forbid"):
    """One way to choose a threshold; exactly one of the four is given.

    youden: maximise sensitivity + specificity - 1.
    sensitivity: the highest threshold whose sensitivity is at least this.
    specificity: the lowest threshold whose specificity is at least this.
    value: this probability.
    """

    youden: bool = False
    sensitivity: float | None = Field(default=None, gt=0, le=1)
    specificity: float | None = Field(default=None, gt=0, le=1)
    value: float | None = Field(default=None, ge=0, le=1)

    @model_validator(mode="after")
    def _exactly_one(self) -> "OperatingPoint":
        given = [
            self.youden,
            *(x is not None for x in (self.sensitivity, self.specificity, self.value)),
        ]
        if sum(given) != 1:
            raise ValueError(
                "an operating point needs exactly one of youden: true, sensitivity, specificity, "
                f"value; got {sum(given)}"
            )
        return self


DEFAULT: dict[str, OperatingPoint] = {"youden": OperatingPoint(youden=True)}


def choose(y_true: ArrayLike, y_prob: ArrayLike, point: OperatingPoint) -> float:
    """The threshold of an operating point on given cases; a case is called at or above it.

    Candidates lie midway between neighbouring distinct probabilities, so that rounding does not
    move a case, plus 0 (call all). Ties go to the lower threshold, which misses fewer.

    Args:
        y_true: (n,) outcomes in {0, 1}.
        y_prob: (n,) calibrated probabilities in [0, 1].
        point: what is wanted.

    Returns:
        A probability; NaN where the outcomes do not allow a choice (one class only).

    Raises:
        InputError: as `metrics.inputs.checked`.

    Reference:
        Youden. Cancer 3:32 (1950).

    >>> choose([0, 0, 1, 1], [.1, .3, .5, .9], OperatingPoint(youden=True))
    0.4
    """
    from clinmm.metrics.inputs import checked
    from clinmm.metrics.weighted import counts_above

    if point.value is not None:
        return point.value
    if np.size(y_true) == 0:
        return float("nan")
    y, p = checked(y_true, y_prob)
    if y.min() == y.max():
        return float("nan")
    tp, fp = counts_above(y, p, np.ones((y.size, 1)))
    sensitivity = tp[:, 0] / tp[-1, 0]
    specificity = 1 - fp[:, 0] / fp[-1, 0]
    thresholds = _between(p)
    if point.sensitivity is not None:
        at = int(np.argmax(sensitivity >= point.sensitivity - 1e-12))
    elif point.specificity is not None:
        enough = np.flatnonzero(specificity >= point.specificity - 1e-12)
        if enough.size == 0:  # even the highest score calls too many negatives: call nobody
            return float(np.nextafter(p.max(), 2.0))
        at = int(enough[-1])
    else:
        gain = sensitivity + specificity
        at = int(np.flatnonzero(gain >= gain.max() - 1e-12)[-1])
    return float(thresholds[at])


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
