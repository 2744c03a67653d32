"""A number far from all that training measured: another unit, or a slip of the pen."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clinmm.cohort.record_rows import numbers

KIND, UNIT = "record", 0.5

FEWEST = 10
"""Recorded values of a column, below which it is not judged."""


def learn(readings: Sequence[dict[str, Any]], patients: Any, spec: Any) -> dict[str, Any]:
    """Column -> its median, smallest and largest value, its unit, and whether it is taken as its
    logarithm: positive columns that reach more than twice as far upwards, such as CRP."""
    columns = {}
    for name, unit in spec.numeric.items():
        x = _column(readings, name)
        x = x[~np.isnan(x)]
        if x.size >= FEWEST:
            smallest, middle, largest = (float(q) for q in np.quantile(x, [0, 0.5, 1]))
            columns[name] = {
                "smallest": smallest,
                "middle": middle,
                "largest": largest,
                "log": smallest > 0 and largest - middle > 2 * (middle - smallest),
                "unit": unit,
            }
    return {"columns": columns}


def score(facts: dict[str, Any], readings: Sequence[dict[str, Any]]) -> NDArray[np.float64]:
    """The largest over the columns: how many times as far from the median as the farthest value of
    training on that side. Heavy tails make a column patient, so that none drowns the others."""
    each = [np.zeros(len(readings))]
    each += [_far(known, _column(readings, name)) for name, known in facts["columns"].items()]
    largest: NDArray[np.float64] = np.max(each, axis=0)
    return largest


def reason(facts: dict[str, Any], reading: dict[str, Any]) -> str:
    columns = facts["columns"]
    name = max(columns, key=lambda c: _far(columns[c], _column([reading], c))[0])
    known, value = columns[name], _column([reading], name)[0]
    return (
        f"{name} is {value:g} {known['unit']}; in training it was {known['smallest']:g} to "
        f"{known['largest']:g}"
    )


def _column(readings: Sequence[dict[str, Any]], name: str) -> NDArray[np.float64]:
    return numbers(readings, [name])[:, 0]


def _far(known: dict[str, Any], x: NDArray[np.float64]) -> NDArray[np.float64]:
    smallest, middle, largest = known["smallest"], known["middle"], known["largest"]
    if known["log"]:
        # Zero or less where training was positive: as far as a hundredth of the smallest value.
        x = np.log(np.maximum(x, smallest / 100))
        smallest, middle, largest = np.log([smallest, middle, largest])
    least = max(0.01 * abs(middle), 1e-6)
    off = x - middle
    far = np.where(
        off > 0, off / max(largest - middle, least), -off / max(middle - smallest, least)
    )
    return np.where(np.isnan(far), 0.0, far)
