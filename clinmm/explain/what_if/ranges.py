"""What a column of a record can plausibly be, from the cases that a model learned from."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clinmm.cohort.cohort import Cohort
from clinmm.cohort.plausible import limits_of
from clinmm.cohort.spec import RecordInput
from clinmm.intervals.standing import MIN_PATIENTS, MIN_PATIENTS_PER_CLASS

N_POINTS = 15
PERCENTILES = (2, 98)
DIGITS = 5
"""Of a point: the number asked about is the number that is written down."""


@dataclass(frozen=True)
class PlausibleRanges:
    """What each column of each record is moved over, input -> column -> values, lowest first.

    Every column of the record is there; one without values is only asked about as not recorded.
    """

    numeric: dict[str, dict[str, list[float]]]
    categorical: dict[str, dict[str, list[str]]]


def plausible_ranges(cohort: Cohort, rows: NDArray[np.int_] | None = None) -> PlausibleRanges:
    """Ranges of all record columns.

    A numeric column goes from the 2nd to the 98th percentile in 15 points (whole numbers, where it
    holds nothing else; its own values, where they are fewer), inside the range of the cohort file
    or the limits of life. A column that fewer than 10 patients have gets none. A category counts
    that at least 5 patients have.

    Args:
        cohort: of the study whose models are asked.
        rows: positions of its training cases; all cases by default.
    """
    rows = np.arange(cohort.n_cases) if rows is None else rows
    patients = cohort.table["patient_id"].to_numpy()[rows]
    numeric: dict[str, dict[str, list[float]]] = {}
    categorical: dict[str, dict[str, list[str]]] = {}
    for name in cohort.spec.input_names("record"):
        source, record = cohort.spec.inputs[name], cohort.record(name).iloc[rows]
        assert isinstance(source, RecordInput)
        numeric[name] = {
            column: _points(
                record[column].to_numpy(np.float64),
                patients,
                source.ranges.get(column) or limits_of(column, unit),
            )
            for column, unit in source.numeric.items()
        }
        categorical[name] = {c: _values(record[c], patients) for c in source.categorical}
    return PlausibleRanges(numeric, categorical)


def _points(
    values: NDArray[np.float64], patients: NDArray[np.object_], limits: tuple[float, float] | None
) -> list[float]:
    low, high = limits or (-np.inf, np.inf)
    known = np.isfinite(values) & (values >= low) & (values <= high)
    if len(set(patients[known])) < MIN_PATIENTS:
        return []
    values = values[known]
    low, high = np.percentile(values, PERCENTILES)
    inside = np.unique(values[(values >= low) & (values <= high)])
    points = inside if len(inside) <= N_POINTS else np.linspace(low, high, N_POINTS)
    if (values == np.round(values)).all():
        points = np.round(points)
    distinct = sorted({float(f"{point:.{DIGITS}g}") for point in points})
    return distinct if len(distinct) > 1 else []


def _values(cells: pd.Series, patients: NDArray[np.object_]) -> list[str]:
    known = cells.notna().to_numpy()
    n_patients = pd.Series(patients[known]).groupby(cells[known].to_numpy()).nunique()
    return sorted(str(v) for v in n_patients.index[n_patients >= MIN_PATIENTS_PER_CLASS])
