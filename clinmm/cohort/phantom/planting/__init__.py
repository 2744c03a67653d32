"""Flaws that can be planted in the cohort, so that audits can be tested on a known truth.

A plant is one file with one function `plant(cases, rng) -> Planted`, which changes the hidden
truth in place before anything is drawn or written, and one line of `REGISTRY`. It draws from its
own generator only: what it does not concern stays as it would be without it.
"""

from collections.abc import Callable, Collection
from dataclasses import asdict
from typing import Any

import numpy as np

from clinmm.cohort.phantom.latents import PLANT, Case, stream
from clinmm.cohort.phantom.planting import (
    duplicate_images,
    faint_group,
    identifiers,
    implausible,
    missing_note,
    same_patient,
    side_marker,
    site_shortcut,
    stated_label,
    time_travel,
    wrong_pixels,
)
from clinmm.cohort.phantom.planting.planted import Planted
from clinmm.errors import InputError

# The order is the order of planting and of each plant's own generator: add at the end.
REGISTRY: dict[str, Callable[[list[Case], np.random.Generator], Planted]] = {
    "side_marker": side_marker.plant,
    "stated_label": stated_label.plant,
    "faint_group": faint_group.plant,
    "duplicate_images": duplicate_images.plant,
    "same_patient": same_patient.plant,
    "missing_note": missing_note.plant,
    "site_shortcut": site_shortcut.plant,
    "time_travel": time_travel.plant,
    "identifiers": identifiers.plant,
    "implausible": implausible.plant,
    "wrong_pixels": wrong_pixels.plant,
}
ALL_PLANTS = tuple(REGISTRY)

RADIOGRAPHS_ONLY = ("duplicate_images", "site_shortcut", "identifiers", "wrong_pixels")
"""Plants that change how radiographs are written; a CT cohort cannot have them."""


def check_names(plant: Collection[str], modality: str = "dx") -> None:
    """Refuse what is not a collection of names of ALL_PLANTS that the modality can have.

    Raises:
        InputError: a bare string, unknown names, or plants that are for radiographs only.
    """
    if isinstance(plant, str):
        raise InputError(f"plant must be a list of names, got the text '{plant}'; write [{plant}].")
    if unknown := sorted(set(plant) - set(ALL_PLANTS)):
        raise InputError(
            f"plant: unknown {', '.join(map(repr, unknown))}; choose from {', '.join(ALL_PLANTS)}."
        )
    if modality == "ct" and (flat := [name for name in RADIOGRAPHS_ONLY if name in plant]):
        raise InputError(f"plant: {', '.join(flat)}: for radiographs only. Leave out, or use dx.")


def plant_all(cases: list[Case], plant: Collection[str], seed: int) -> list[dict[str, Any]]:
    """Plant what is asked for, in the order of ALL_PLANTS; what `truth.json` says of it."""
    return [
        asdict(REGISTRY[name](cases, stream(seed, PLANT, number)))
        for number, name in enumerate(ALL_PLANTS)
        if name in plant
    ]
