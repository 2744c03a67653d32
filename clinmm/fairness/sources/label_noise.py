"""Whether readers agree less on the labels of a group.

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
from clinmm.subgroups import by_group

SOURCE, OF = "label_noise", "readers"


def measure(
    readings: NDArray[np.float64] | None,
    groups: pd.DataFrame,
    patients: NDArray[np.object_],
    *,
    seed: int,
    arm: str = FUSED,
) -> list[Row]:
    """Krippendorff's alpha (of two readers and one class nearly Cohen's kappa) of each group, and
    its difference from everybody else's.

    Args:
        readings: (R, N, D) what R readers said of N cases, NaN where a reader said nothing; None or
            R = 1 where there is no second label.
        groups: N rows, a text column for each attribute, index case_id.
        patients: (N,) whose case it is.
        seed: of the bootstrap over patients.
        arm: of the table's column; nothing here depends on it.

    Returns:
        verdict of `alpha_difference`: yes where readers agree less on the group and the interval,
        by the normal distribution, excludes 0. One row an attribute, cannot_tell, where there is no
        second label.
    """
    if readings is None or len(readings) < 2:
        return [
            source_row(
                SOURCE,
                OF,
                "alpha",
                arm=arm,
                group_by=str(attribute),
                verdict=CANNOT_TELL,
                sentence="No case has a second label, so noise in the labels cannot be told: name "
                "`readers` in the cohort file's target.",
            )
            for attribute in groups.columns
        ]
    rows: list[Row] = []
    twice = ((~np.isnan(readings).any(axis=2)).sum(axis=0)) >= 2
    for subset in by_group(groups, groups.index.to_numpy(dtype=object)):
        who = member(subset.group_by, subset.group)
        sides = [side & twice for side in (subset.keep, subset.rest)]
        n_patients = [np.unique(patients[side]).size for side in sides]
        place: dict[str, Any] = {
            "arm": arm,
            "group_by": subset.group_by,
            "group": subset.group,
            "n_cases": int(sides[0].sum()),
            "n_patients": n_patients[0],
        }
        if min(n_patients) < MIN_PATIENTS:
            sentence = (
                f"Whether readers agree less on {who} cannot be told: {n_patients[0]} patients "
                f"with two labels, {n_patients[1]} beside them; {MIN_PATIENTS} are needed of each."
            )
            rows.append(
                source_row(SOURCE, OF, "alpha", **place, verdict=CANNOT_TELL, sentence=sentence)
            )
            continue
        found = [alpha(readings[:, side], patients[side], seed=seed) for side in sides]
        own, other = found
        se = [(high - low) / (2 * normal_quantile()) for _, low, high in found]
        gap = unpaired_difference("kappa", own[0], se[0], other[0], se[1])
        told = excludes(gap.low, gap.high)
        verdict = NOT_SHOWN if told == YES and gap.difference > 0 else told
        agree = f"Readers agree on the labels of {who} with alpha {number(*own)}"
        less = {
            YES: "less than",
            NOT_SHOWN: "not shown to be less than",
            CANNOT_TELL: "which cannot be compared with",
        }[verdict]
        value, low, high = own
        rows += [
            source_row(
                SOURCE,
                OF,
                "alpha",
                **place,
                value=value,
                low=low,
                high=high,
                verdict=None,
                sentence=f"{agree}, {n_patients[0]} patients.",
            ),
            source_row(
                SOURCE,
                OF,
                "alpha_difference",
                **place,
                value=gap.difference,
                low=gap.low,
                high=gap.high,
                verdict=verdict,
                sentence=f"{agree}, {less} on everybody else ({figure(other[0])}).",
            ),
        ]
    return rows
