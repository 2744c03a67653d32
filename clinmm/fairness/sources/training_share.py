"""How many of a group a model could learn from, beside how many it is tested on."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clinmm.arms import FUSED
from clinmm.fairness.sources.row import NOT_SHOWN, YES, Row, source_row
from clinmm.fairness.told import member
from clinmm.subgroups import by_group

SMALL_SHARE = 0.1
"""Share of the training patients below which a group is said to be small."""
FEW = 20
"""Positive training patients below which a class is said to have few."""


def measure(
    splits: pd.DataFrame,
    groups: pd.DataFrame,
    targets: pd.DataFrame,
    *,
    arm: str = FUSED,
) -> list[Row]:
    """For each group its share of the training and of the test patients, and for each class how
    many of its training patients are positive.

    Of several folds the mean share and the smallest number count, by repeat 0. These are counts,
    not estimates: there is no interval.

    Args:
        splits: schema.SPLITS.
        groups: index case_id, a text column for each attribute.
        targets: index case_id, a column for each class: 0, 1 or NaN; no columns where the target
            has no classes.
        arm: of the table's column; nothing here depends on it.

    Returns:
        verdict: yes for a share below .1 or fewer than 20 positive patients in some fold; empty for
        the share in test. n_patients: the group's, of the fold with the fewest.
    """
    first = splits[splits["repeat"] == 0]
    parts = {
        split: [part for _, part in first[first["split"] == split].groupby("fold", sort=True)]
        for split in ("train", "test")
    }
    everybody = first["case_id"].drop_duplicates().to_numpy(dtype=object)
    rows: list[Row] = []
    for subset in by_group(groups, everybody):
        place: Place = {"arm": arm, "group_by": subset.group_by, "group": subset.group}
        inside = set(everybody[subset.keep])
        rows += _shares(place, {split: _counts(each, inside) for split, each in parts.items()})
        for class_name in targets.columns:
            positive = set(targets.index[targets[class_name] == 1]) & inside
            rows.append(_positives(place, str(class_name), _counts(parts["train"], positive)))
    return rows


Place = dict[str, Any]
"""What the rows of one group share."""
Counts = NDArray[np.int_]
"""(folds, 3): patients with a chosen case, patients, chosen cases."""


def _shares(place: Place, counts: dict[str, Counts]) -> list[Row]:
    """Of each split, how many of its patients are of the group."""
    shares = {split: float((n[:, 0] / n[:, 1]).mean()) for split, n in counts.items()}
    small = YES if shares["train"] < SMALL_SHARE else NOT_SHOWN
    who = member(place["group_by"], place["group"])
    return [
        source_row(
            "training_share",
            split,
            "share",
            **place,
            value=shares[split],
            n_cases=int(n[:, 2].min()),
            n_patients=int(n[:, 0].min()),
            verdict=small if split == "train" else None,
            sentence=_sentence(who, split, shares, int(n[:, 0].min())),
        )
        for split, n in counts.items()
    ]


def _positives(place: Place, class_name: str, n: Counts) -> Row:
    """How many training patients of the group have the class."""
    least = int(n[:, 0].min())
    few = least < FEW
    who = member(place["group_by"], place["group"])
    return source_row(
        "training_share",
        "train",
        "positive_patients",
        **place,
        class_name=class_name,
        value=float(least),
        n_cases=int(n[:, 2].min()),
        n_patients=least,
        verdict=YES if few else NOT_SHOWN,
        sentence=f"A model learned {class_name} from {least} patients of {who} who have it"
        + (f": fewer than {FEW} are few to learn from." if few else "."),
    )


def _counts(parts: list[pd.DataFrame], chosen: set[str]) -> Counts:
    out = []
    for part in parts:
        among = part[part["case_id"].isin(chosen)]
        out.append([among["patient_id"].nunique(), part["patient_id"].nunique(), len(among)])
    return np.array(out, dtype=int)


def _sentence(who: str, split: str, shares: dict[str, float], n_patients: int) -> str:
    share = f"{shares[split]:.1%} of the {'training' if split == 'train' else 'test'} patients"
    said = f"{who} is {share} ({n_patients} patients in the fold with the fewest)"
    if split == "test":
        return f"{said}."
    small = f": less than {SMALL_SHARE:.0%} is little to learn from" * (shares[split] < SMALL_SHARE)
    return f"{said}{small}; it is {shares['test']:.1%} of the test patients."
