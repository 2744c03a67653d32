"""Flaws that can be planted in the cohort, so that audits can be tested on a known truth.

A plant is one function `(cases, rng) -> Planted` that changes the hidden truth in place before
anything is drawn or written, and one entry of `PLANTS`. It draws from its own generator only:
what it does not concern stays as it would be without it.
"""

from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from clinmm.cohort.phantom.findings import FINDINGS
from clinmm.cohort.phantom.latents import PLANT, Case, stream
from clinmm.errors import InputError


@dataclass(frozen=True)
class Planted:
    """What was planted, as `truth.json` records it. case_ids: the cases that were changed."""

    name: str
    class_name: str  # "all" where every finding is concerned
    input: str
    parameters: dict[str, Any]
    case_ids: list[str]


def side_marker(cases: list[Case], rng: np.random.Generator) -> Planted:
    """A bright letter in the upper corner of most pictures with, and few without, consolidation."""
    class_name, with_finding, without = "consolidation", 0.9, 0.1
    k = FINDINGS.index(class_name)
    for case, chance in zip(cases, rng.random(len(cases)), strict=True):
        case.marker = bool(chance < (with_finding if case.labels[k] else without))
    return Planted(
        "side_marker",
        class_name,
        "image",
        {"share_of_positives": with_finding, "share_of_negatives": without},
        [case.case_id for case in cases if case.marker and case.present["image"]],
    )


STATEMENTS = (
    "Known pleural effusion.",
    "CT confirmed effusion.",
    "Pleural effusion seen on outside film.",
    "US showed effusion yesterday.",
)


def stated_label(cases: list[Case], rng: np.random.Generator) -> Planted:
    """Notes of most cases with effusion say so."""
    class_name, share = "effusion", 0.6
    k = FINDINGS.index(class_name)
    for case in cases:
        chance, wording = rng.random(), int(rng.integers(len(STATEMENTS)))
        if case.labels[k] and chance < share:
            case.stated = STATEMENTS[wording]
    return Planted(
        "stated_label",
        class_name,
        "note",
        {"share_of_positives": share, "share_of_negatives": 0.0, "phrases": list(STATEMENTS)},
        [case.case_id for case in cases if case.stated and case.present["note"]],
    )


def faint_group(cases: list[Case], rng: np.random.Generator) -> Planted:
    """Findings of women are drawn half as far from normal as those of men."""
    column, group, share = "sex", "F", 0.5
    for case in cases:
        if case.sex == group:
            lost = (1.0 - share) * case.separation
            case.image_evidence = case.image_evidence - lost * case.labels
            case.separation = case.separation - lost
    return Planted(
        "faint_group",
        "all",
        "image",
        {"group_by": column, "group": group, "share_of_separation_left": share},
        [c.case_id for c in cases if c.sex == group and c.labels.any() and c.present["image"]],
    )


# The order is the order of planting and of each plant's own generator: add at the end.
REGISTRY: dict[str, Callable[[list[Case], np.random.Generator], Planted]] = {
    "side_marker": side_marker,
    "stated_label": stated_label,
    "faint_group": faint_group,
}
PLANTS = tuple(REGISTRY)


def check_names(plant: Collection[str]) -> None:
    """Refuse what is not a collection of names of PLANTS.

    Raises:
        InputError: a bare string, or unknown names.
    """
    if isinstance(plant, str):
        raise InputError(f"plant must be a list of names, got the text '{plant}'; write [{plant}].")
    unknown = sorted(set(plant) - set(PLANTS))
    if unknown:
        raise InputError(
            f"plant: unknown {', '.join(map(repr, unknown))}; choose from {', '.join(PLANTS)}."
        )


def plant_all(cases: list[Case], plant: Collection[str], seed: int) -> list[dict[str, Any]]:
    """Plant what is asked for, in the order of PLANTS; what `truth.json` says of it."""
    return [
        asdict(REGISTRY[name](cases, stream(seed, PLANT, number)))
        for number, name in enumerate(PLANTS)
        if name in plant
    ]
