"""Times as a table writes them, no more exact than they were written."""

import re
from collections.abc import Sequence

import pandas as pd

# Directives of strptime from the finest to the coarsest, and the period that a time then covers.
_PERIODS = (
    (r"%[fScX]", "us"),
    (r"%M", "min"),
    (r"%[HI]", "h"),
    (r"%[djxDuw]", "D"),
    (r"%[mbBUW]", "M"),
    (r"", "Y"),
)


def read_times(cells: pd.Series, formats: Sequence[str]) -> pd.DataFrame:
    """The earliest and the latest moment that each cell can mean.

    Args:
        cells: text, None where not recorded.
        formats: tried in order, as in strptime. Times with a zone (`%z`) become UTC.

    Returns:
        columns `first` and `last`, datetime64[us], NaT where no format fits. "2020" read by `%Y`
        is first 2020-01-01 00:00 and last 2020-12-31 23:59:59.999999.
    """
    first = pd.Series(pd.NaT, index=cells.index, dtype="datetime64[us]")
    last = first.copy()
    for text in formats:
        zoned = "%z" in text
        read = pd.to_datetime(cells.astype(object), format=text, errors="coerce", utc=zoned)
        if zoned:
            read = read.dt.tz_localize(None)
        read = read.astype("datetime64[us]")
        new = first.isna() & read.notna()
        first[new] = read[new]
        last[new] = _end(read[new], text)
    return pd.DataFrame({"first": first, "last": last})


def _end(times: "pd.Series[pd.Timestamp]", text: str) -> "pd.Series[pd.Timestamp]":
    period = next(name for pattern, name in _PERIODS if re.search(pattern, text))
    if period == "us":
        return times
    if period in ("M", "Y"):
        months = 1 if period == "M" else 12
        following = times + pd.DateOffset(months=months)
    else:
        following = times + pd.Timedelta(1, period)  # type: ignore[arg-type]
    return following - pd.Timedelta(1, "us")


def surely_after(times: pd.DataFrame, limits: pd.DataFrame) -> "pd.Series[bool]":
    """Whether a time is after the limit whatever the hour, day or month that was not written.

    Both as from `read_times`, of one index; False where either is not known.
    """
    return (times["first"] > limits["last"]).astype(bool)
