"""Whether two labels of a case agree less in a group: those of several readers, or a second label.

Without a second label per case, noise in labels cannot be told from a finding that is hard to see.
"""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clinmm.arms import FUSED
from clinmm.comparisons import unpaired_difference
from clinmm.fairness.sources.row import (
    CANNOT_TELL,
    NOT_SHOWN,
    YES,
    Row,
    excludes,
    number,
    source_row,
)
from clinmm.fairness.told import figure, member
from clinmm.intake.agreement import alpha
from clinmm.intervals import MIN_PATIENTS
from clinmm.intervals.limits import normal_quantile
from clinmm.subgroups import Subset, by_group

SOURCE, OF = "label_noise", "readers"
MEASURE = "alpha"
LESS = {
    YES: "less than",
    NOT_SHOWN: "not shown to be less than",
    CANNOT_TELL: "which cannot be compared with",
}


def measure(
    labels: NDArray[np.float64] | None,
    groups: pd.DataFrame,
    patients: NDArray[np.object_],
    *,
    seed: int,
    arm: str = FUSED,
) -> list[Row]:
    """Krippendorff's alpha (of two labels and one class nearly Cohen's kappa) of each group, and
    its difference from everybody else's.

    Args:
        labels: (R, N, D) what R readers said of N cases, NaN where a reader said nothing; None or
            R = 1 where there is no second label. Cases in which two said something of all D count.
        groups: N rows, a text column for each attribute, index case_id.
        patients: (N,) whose case it is.
        seed: of the bootstrap over patients.
        arm: of the table's column; nothing here depends on it.

    Returns:
        verdict of `alpha_difference`: yes where labels agree less in the group and the interval,
        by the normal distribution, excludes 0. One row an attribute, cannot_tell, where there is no
        second label.
    """
    if labels is None or len(labels) < 2:
        return [_without_a_second(arm, str(attribute)) for attribute in groups.columns]
    rows: list[Row] = []
    twice = ((~np.isnan(labels).any(axis=2)).sum(axis=0)) >= 2
    for subset in by_group(groups, groups.index.to_numpy(dtype=object)):
        sides = [side & twice for side in (subset.keep, subset.rest)]
        n_patients = [np.unique(patients[side]).size for side in sides]
        place = _place(arm, subset, int(sides[0].sum()), n_patients[0])
        if min(n_patients) < MIN_PATIENTS:
            rows.append(_too_few(place, *n_patients))
            continue
        own, other = (alpha(labels[:, side], patients[side], seed=seed) for side in sides)
        rows += [_own(place, own), _beside(place, own, other)]
    return rows


Place = dict[str, Any]
"""What the rows of one group share."""
Alpha = tuple[float, float, float]
"""Value and limits."""


def _place(arm: str, subset: Subset, n_cases: int, n_patients: int) -> Place:
    return {
        "arm": arm,
        "group_by": subset.group_by,
        "group": subset.group,
        "n_cases": n_cases,
        "n_patients": n_patients,
    }


def _without_a_second(arm: str, attribute: str) -> Row:
    sentence = (
        "No case has a second label, so noise in the labels cannot be told: name `readers`, or a "
        "second label, in the cohort file's target."
    )
    place: Place = {"arm": arm, "group_by": attribute}
    return source_row(SOURCE, OF, MEASURE, **place, verdict=CANNOT_TELL, sentence=sentence)


def _too_few(place: Place, n_inside: int, n_outside: int) -> Row:
    sentence = (
        f"Whether labels agree less in {_who(place)} cannot be told: {n_inside} patients with two "
        f"labels, {n_outside} beside them; {MIN_PATIENTS} are needed of each."
    )
    return source_row(SOURCE, OF, MEASURE, **place, verdict=CANNOT_TELL, sentence=sentence)


def _own(place: Place, own: Alpha) -> Row:
    value, low, high = own
    return source_row(
        SOURCE,
        OF,
        MEASURE,
        **place,
        value=value,
        low=low,
        high=high,
        verdict=None,
        sentence=f"{_agree(place, own)}, {place['n_patients']} patients.",
    )


def _beside(place: Place, own: Alpha, other: Alpha) -> Row:
    """The group less everybody else."""
    se = [(high - low) / (2 * normal_quantile()) for _, low, high in (own, other)]
    gap = unpaired_difference("kappa", own[0], se[0], other[0], se[1])
    told = excludes(gap.low, gap.high)
    verdict = NOT_SHOWN if told == YES and gap.difference > 0 else told
    return source_row(
        SOURCE,
        OF,
        f"{MEASURE}_difference",
        **place,
        value=gap.difference,
        low=gap.low,
        high=gap.high,
        verdict=verdict,
        sentence=f"{_agree(place, own)}, {LESS[verdict]} in everybody else ({figure(other[0])}).",
    )


def _agree(place: Place, own: Alpha) -> str:
    return f"Two labels of a case agree in {_who(place)} with alpha {number(*own)}"


def _who(place: Place) -> str:
    return member(place["group_by"], place["group"])
