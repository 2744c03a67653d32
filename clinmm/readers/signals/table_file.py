"""A table of samples, .csv or .parquet: a row a moment, a column a channel."""

from pathlib import Path

import numpy as np
import pandas as pd

from clinmm.cohort.table import read_table
from clinmm.errors import InputError
from clinmm.readers.signal import LARGEST, Signal

MOST_UNEVEN = 0.1
"""How far a moment may lie off the even grid, in steps."""


def read(path: Path, clock: str | None = None) -> Signal:
    """Channels in the order of the columns; an empty cell or `nan` is a gap.

    clock: the column with the time in seconds. Rows that it leaves out are gaps.

    Raises:
        InputError: what a cohort's table is refused for, no such column, cells that are no
            numbers, or a clock that does not run evenly forward.
    """
    table = read_table(path)
    if clock is not None and clock not in table:
        raise InputError(f"{path} has no column '{clock}', which the input's clock names.")
    text = table.apply(lambda cells: cells.str.strip())
    empty = text.isna() | text.isin(["", "nan", "NaN"])
    numbers = text.mask(empty).apply(pd.to_numeric, errors="coerce").astype("float64")
    if wrong := int((numbers.isna() & ~empty).to_numpy().sum()):
        raise InputError(f"{path}: cells that are no numbers: {wrong}. Leave gaps empty.")
    if clock is None:
        return Signal(numbers.to_numpy(np.float32).T, None, "table")
    place, rate = _places(numbers[clock].to_numpy(), path)
    channels = numbers.drop(columns=clock).to_numpy(np.float32)
    values = np.full((channels.shape[1], int(place[-1]) + 1), np.nan, dtype=np.float32)
    values[:, place] = channels.T
    return Signal(values, rate, "table")


def _places(seconds: np.ndarray, path: Path) -> tuple[np.ndarray, float]:
    """(place of each row on an even grid, samples a second)."""
    steps = np.diff(seconds)
    if len(steps) == 0 or not np.all(steps > 0):
        raise InputError(f"{path}: its clock does not rise from row to row. Sort it, in seconds.")
    step = float(np.median(steps))
    exact = (seconds - seconds[0]) / step
    if exact[-1] > LARGEST:
        raise InputError(f"{path}: its clock jumps over {exact[-1]:.0f} samples. Check its times.")
    place = np.rint(exact).astype(np.int64)
    # The step itself is known only to the rounding of the times, so let it be that of the whole.
    step *= float(exact[-1] / place[-1])
    uneven = np.abs((seconds - seconds[0]) / step - place)
    if uneven.max() > MOST_UNEVEN or len(np.unique(place)) < len(place):
        raise InputError(
            f"{path}: its clock runs unevenly, up to {uneven.max():.1f} steps off. Put the samples "
            "on an even grid."
        )
    return place, 1 / step
