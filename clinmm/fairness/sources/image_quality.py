"""Whether the pictures of a group were taken otherwise: sharpness, noise, exposure, view, machine.

A difference of pictures is no fault of them: an illness that one group has more often changes
greys too.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clinmm.arms import FUSED
from clinmm.fairness.sources.contrast import Contrast, standardised_difference
from clinmm.fairness.sources.row import CANNOT_TELL, NOT_SHOWN, YES, Row, number, source_row
from clinmm.fairness.told import member
from clinmm.subgroups import by_group

SMALL = 0.1
"""Standardised difference up to which two groups are taken for alike (Austin 2009)."""
MOST_VALUES = 6
"""Values of a column of words that are looked at, the most frequent first."""


def measure(
    quality: dict[str, pd.DataFrame],
    groups: pd.DataFrame,
    patients: pd.Series,
    *,
    arm: str = FUSED,
) -> list[Row]:
    """A row for each group and measure: its standardised difference from everybody else.

    Args:
        quality: image input -> index case_id; numbers, and words such as the view, each of whose
            values is compared as a share.
        groups: index case_id, a text column for each attribute.
        patients: index case_id.
        arm: of the table's column; nothing here depends on it.

    Returns:
        verdict: yes where the interval excludes 0 and the difference is at least .1; cannot_tell
        with fewer than 10 patients on a side. What is the same in all cases has no row.
    """
    rows: list[Row] = []
    for name, table in quality.items():
        case_ids = table.index.to_numpy(dtype=object)
        whose = patients.reindex(case_ids).to_numpy(dtype=object)
        columns = _columns(table)
        for subset in by_group(groups, case_ids):
            for what, values in columns.items():
                if what.split(" is ")[0] in subset.group_by.split("*"):  # the attribute itself
                    continue
                found = standardised_difference(values, subset.keep, subset.rest, whose)
                rows.append(
                    source_row(
                        "image_quality",
                        f"{name}: {what}",
                        "standardised_difference",
                        arm=arm,
                        group_by=subset.group_by,
                        group=subset.group,
                        **found.numbers(),
                        verdict=_verdict(found),
                        sentence=_sentence(name, what, subset.group_by, subset.group, found),
                    )
                )
    return rows


def _columns(table: pd.DataFrame) -> dict[str, NDArray[np.float64]]:
    """Numbers as they are; of words, whether a case has each of the most frequent values."""
    found: dict[str, NDArray[np.float64]] = {}
    for column in table.columns:
        cells = table[column]
        if cells.nunique() < 2:
            continue
        if pd.api.types.is_numeric_dtype(cells):
            found[str(column)] = cells.to_numpy(dtype=np.float64)
            continue
        known = cells.notna().to_numpy()
        counts = cells.value_counts().sort_index()
        common = counts.sort_values(ascending=False, kind="stable").index[:MOST_VALUES]
        for value in common[:1] if len(counts) == 2 else common:  # of two the other mirrors it
            share = (cells == value).fillna(False).to_numpy(dtype=np.float64)
            found[f"{column} is {value}"] = np.where(known, share, np.nan)
    return found


def _verdict(found: Contrast) -> str:
    if np.isnan(found.low):
        return CANNOT_TELL
    apart = found.low > 0 or found.high < 0
    return YES if apart and abs(found.value) >= SMALL else NOT_SHOWN


def _sentence(name: str, what: str, attribute: str, group: str, found: Contrast) -> str:
    who = member(attribute, group)
    verdict = _verdict(found)
    if verdict == CANNOT_TELL:
        return (
            f"Whether {what} of {name} differs in {who} cannot be told: {found.n_patients} "
            "patients, or fewer than 10 beside them."
        )
    value = f"{number(found.value, found.low, found.high)} standard deviations"
    if verdict == NOT_SHOWN:
        return f"No notable difference of {what} of {name} is shown in {who}: {value}."
    if " is " in what:
        said = f"{what} is {'more' if found.value > 0 else 'less'} frequent in"
    else:
        said = f"{what} is {'higher' if found.value > 0 else 'lower'} in"
    return f"In {name}, {said} {who} than in everybody else: {value}."
