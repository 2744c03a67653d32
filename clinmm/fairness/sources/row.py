"""A row of schema.GAP_SOURCES, and the words that its sentence is made of."""

import math
from typing import Any

from clinmm.fairness.told import figure, interval
from clinmm.intervals import Estimate

Row = dict[str, Any]

YES, NOT_SHOWN, CANNOT_TELL = "yes", "not_shown", "cannot_tell"
NAN = float("nan")


def source_row(
    source: str,
    of: str,
    measure: str,
    *,
    arm: str,
    group_by: str,
    verdict: str | None,
    sentence: str,
    group: str = "",
    class_name: str = "",
    value: float = NAN,
    low: float = NAN,
    high: float = NAN,
    n_cases: int = 0,
    n_patients: int = 0,
) -> Row:
    """One finding about a source of gaps. The names are the table's columns."""
    return {
        "arm": arm,
        "group_by": group_by,
        "group": group or None,
        "class_name": class_name or None,
        "source": source,
        "of": of,
        "measure": measure,
        "value": value,
        "low": low,
        "high": high,
        "n_cases": n_cases,
        "n_patients": n_patients,
        "verdict": verdict,
        "sentence": sentence,
    }


def of_estimate(one: Estimate) -> dict[str, Any]:
    """Value, interval and numbers of an estimate, as `source_row` takes them."""
    low, high = one.interval()
    return {
        "value": one.value,
        "low": low,
        "high": high,
        "n_cases": one.n_cases,
        "n_patients": one.n_patients,
    }


def excludes(low: float, high: float, nothing: float = 0.0) -> str:
    """yes where the interval lies on one side of `nothing`; cannot_tell where there is none.

    >>> excludes(.1, .3), excludes(-.1, .3), excludes(float("nan"), 1)
    ('yes', 'not_shown', 'cannot_tell')
    """
    if math.isnan(low) or math.isnan(high):
        return CANNOT_TELL
    return YES if low > nothing or high < nothing else NOT_SHOWN


def above(low: float, nothing: float = 0.0) -> str:
    """yes where the interval lies wholly above `nothing`; cannot_tell where there is none.

    >>> above(.6, .5), above(.4, .5), above(float("nan"))
    ('yes', 'not_shown', 'cannot_tell')
    """
    if math.isnan(low):
        return CANNOT_TELL
    return YES if low > nothing else NOT_SHOWN


def number(value: float, low: float, high: float) -> str:
    """
    >>> number(-.1234, -.2, -.05)
    '−0.123 (95 % −0.200 to −0.050)'
    """
    return f"{figure(value)} ({interval(low, high)})"
