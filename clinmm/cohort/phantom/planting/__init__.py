"""Flaws that can be planted in the cohort, so that audits can be tested on a known truth.

A plant is one file with one function `plant(cases, rng) -> Planted`, which changes the hidden
truth in place before anything is drawn or written, and one line of `REGISTRY`. It draws from its
own generator only: what it does not concern stays as it would be without it. A plant whose effect
comes in sizes takes one keyword argument, and has a line of `SIZES`.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict
from typing import Any

from clinmm.cohort.phantom.latents import PLANT, Case, stream
from clinmm.cohort.phantom.planting import (
    duplicate_images,
    faint_group,
    group_shortcut,
    identifiers,
    implausible,
    miscalibrated_site,
    missing_in_group,
    missing_note,
    noisy_labels_group,
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
REGISTRY: dict[str, Callable[..., Planted]] = {
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
    "noisy_labels_group": noisy_labels_group.plant,
    "missing_in_group": missing_in_group.plant,
    "miscalibrated_site": miscalibrated_site.plant,
    "group_shortcut": group_shortcut.plant,
}
ALL_PLANTS = tuple(REGISTRY)

Planting = Collection[str] | Mapping[str, float | None]
"""Names of plants, or name -> size; None is the plant's own size."""

SIZES: dict[str, tuple[str, float, float]] = {
    "faint_group": ("share_left", 0.0, 1.0),
    "noisy_labels_group": ("rate", 0.0, 0.5),
    "missing_in_group": ("share", 0.0, 1.0),
    "miscalibrated_site": ("shift", 0.0, 4.0),
    "group_shortcut": ("share", 0.5, 1.0),
}
"""Plants whose effect comes in sizes: the argument, its lowest and its highest value."""

RADIOGRAPHS_ONLY = ("duplicate_images", "site_shortcut", "identifiers", "wrong_pixels")
"""Plants that change how radiographs are written; a CT cohort cannot have them."""


def check_names(plant: Planting, modality: str = "dx") -> None:
    """Refuse what is not a collection of names of ALL_PLANTS that the modality can have.

    Raises:
        InputError: a bare string, unknown names, plants that are for radiographs only, or sizes
            that a plant cannot have.
    """
    if isinstance(plant, str):
        raise InputError(f"plant must be a list of names, got the text '{plant}'; write [{plant}].")
    if unknown := sorted(set(plant) - set(ALL_PLANTS)):
        raise InputError(
            f"plant: unknown {', '.join(map(repr, unknown))}; choose from {', '.join(ALL_PLANTS)}."
        )
    problems = []
    if modality == "ct" and (flat := [name for name in RADIOGRAPHS_ONLY if name in plant]):
        problems.append(f"plant: {', '.join(flat)}: for radiographs only. Leave out, or use dx.")
    for name, size in _sizes(plant).items():
        if name not in SIZES:
            problems.append(f"plant: {name} has no size, got {size}; choose from {list(SIZES)}.")
            continue
        what, low, high = SIZES[name]
        if not isinstance(size, (int, float)) or not low <= size <= high:
            problems.append(f"plant: {name} needs {what} from {low:g} to {high:g}, got {size}.")
    if problems:
        raise InputError(problems)


def plant_all(cases: list[Case], plant: Planting, seed: int) -> list[dict[str, Any]]:
    """Plant what is asked for, in the order of ALL_PLANTS; what `truth.json` says of it."""
    sized = {name: {SIZES[name][0]: size} for name, size in _sizes(plant).items()}
    return [
        asdict(REGISTRY[name](cases, stream(seed, PLANT, number), **sized.get(name, {})))
        for number, name in enumerate(ALL_PLANTS)
        if name in plant
    ]


def _sizes(plant: Planting) -> dict[str, float]:
    """Name -> size, of the plants for which one was given."""
    if not isinstance(plant, Mapping):
        return {}
    return {name: size for name, size in plant.items() if size is not None}
