"""The mean over classes of a metric, of the same readings.

As the mean over classes of a run (`clinmm/intervals/estimates.py: macro`) it needs every class: a
mean over those that have enough patients would be another number. A patient left out is left out of
every class, so that the interval knows how classes move together.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from clinmm.metrics.weighted import Array
from clinmm.review.results.metrics import Bound, bound
from clinmm.review.results.side_by_side import WHO, Readings

BETWEEN = "\t"
"""Stands between a class and a column; in no name of either."""


def beside(of_classes: Mapping[str, pd.DataFrame]) -> Readings:
    """The readings of several classes side by side, one row per reading.

    Args:
        of_classes: class name -> WHO, `reading`, `weight` and columns of its own.

    Returns:
        WHO, reading and weight, and the other columns as CLASS BETWEEN COLUMN; NaN where a reading
        does not judge a class.
    """
    shared = [*WHO, "reading", "weight"]
    wide = pd.concat(
        [of.set_index(shared).add_prefix(name + BETWEEN) for name, of in of_classes.items()], axis=1
    )
    return Readings.of(wide.sort_index().reset_index())


def mean_over_classes(metric: str, readings: Readings, step: str) -> Bound:
    """A metric of QUALITY in mean over classes; step as in `bound`.

    Args:
        metric: that every class has.
        readings: from `beside`.
        step: alone, with_model, model, final or gain.
    """
    each = {name: bound(metric, one, step) for name, one in _each(readings).items()}
    rows = {name: one.readings["row"].astype(np.int64) for name, one in each.items()}
    used = np.unique(np.concatenate(list(rows.values())))
    place = {name: np.searchsorted(used, at) for name, at in rows.items()}
    conditions = {}
    for name, one in each.items():
        for words, meets in one.conditions.items():
            conditions[f"{name} {words}"] = np.isin(used, rows[name][meets])

    def compute(weights: Array) -> Array:
        found = [one.compute(weights[place[name]]) for name, one in each.items()]
        return np.asarray(np.mean(found, axis=0))

    like = next(iter(each.values()))
    return Bound(readings.take(used), compute, like.scale, like.share, conditions, reach=like.reach)


def _each(readings: Readings) -> dict[str, Readings]:
    """Class name -> its own columns, and the number of each row as `row`."""
    row = np.arange(len(readings), dtype=np.float64)
    found: dict[str, dict[str, Array]] = {}
    for column, values in readings.values.items():
        name, between, own = column.partition(BETWEEN)
        if between:
            of = found.setdefault(name, {"row": row, "weight": readings["weight"]})
            of[own] = values
    return {name: Readings(readings.who, readings.names, of) for name, of in found.items()}
