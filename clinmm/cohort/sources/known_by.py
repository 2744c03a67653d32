"""What was known about each patient by the time of each prediction: the last value of a column."""

import pandas as pd

TOP = 50
"""Columns of the record at most, the most often known first."""
FEW = 20
"""Different words up to which a column of words is one of categories."""


def last_known(events: pd.DataFrame, cases: pd.DataFrame) -> pd.DataFrame:
    """Rows of the events that a case may use: of its patient, not later than its index time.

    Args:
        events: `patient`, `time` and others; in time order within equal times.
        cases: `case_id`, `patient`, `at`.

    Returns:
        The events of each case with its `case_id`, in time order. An event of a patient with two
        cases may come twice; one without a time never comes.
    """
    beside = events.merge(cases[["case_id", "patient", "at"]], on="patient", how="inner")
    known = beside[beside["time"] <= beside["at"]]
    return known.sort_values(["case_id", "time"], kind="stable").reset_index(drop=True)


def record_columns(
    known: pd.DataFrame, case_ids: list[str], top: int, columns: list[str] | None = None
) -> tuple[pd.DataFrame, dict[str, str], list[str], int]:
    """The record of each case: the last value of each column.

    Args:
        known: rows of `last_known` with `column`, `value` (number or word) and `unit` (None for a
            word). A column in several units keeps the one that most rows have.
        case_ids: every case, in order.
        top: how many columns, those that most cases have.
        columns: these instead.

    Returns:
        (n_cases, columns) text, "" where nothing is known; column -> unit of the numeric ones; the
        columns of words; and how many values were in a unit other than their column's.
    """
    other_units = 0
    kept, units, words = [], {}, []
    for column, rows in known.groupby("column", sort=True):
        name = str(column)
        if columns is not None and name not in columns:
            continue
        numbers = rows[rows["unit"].notna()]
        if len(numbers) * 2 > len(rows):
            unit = str(numbers["unit"].mode().iloc[0])
            rows = numbers[numbers["unit"] == unit]
            other_units += len(numbers) - len(rows)
            units[name] = unit
        else:
            rows = rows[rows["unit"].isna()]
            if rows["value"].nunique() > FEW or rows["value"].astype(str).str.len().max() > 60:
                continue
            words.append(name)
        kept.append(rows)
    table = pd.DataFrame(index=pd.Index(case_ids, name="case_id"), dtype=object)
    if kept:
        last = pd.concat(kept).groupby(["case_id", "column"], sort=False)["value"].last().unstack()
        often = last.notna().sum().sort_values(ascending=False, kind="stable").index
        chosen = sorted(often[:top]) if columns is None else [c for c in columns if c in last]
        table = last.reindex(case_ids)[chosen].map(_text).astype(object)
    units = {column: unit for column, unit in units.items() if column in table}
    return table, units, [column for column in words if column in table], other_units


def _text(value: object) -> str:
    if isinstance(value, float):
        return "" if value != value else f"{value:.7g}"
    return str(value)
