"""The views of an image input: the picture and its overlay, or the strongest slices of a volume."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clinmm.explain.figures.maps import overlaid
from clinmm.explain.figures.shown import Input
from clinmm.explain.profile import slice_profile
from clinmm.readers.stack import Stack
from clinmm.readers.volume import CT_WINDOW

N_SLICES = 3
"""Slices of a volume that are drawn: those that moved the answer most."""

Rgb = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class View:
    """caption: what it is. pixels: (H, W, 3)."""

    caption: str
    pixels: Rgb


def views_of(one: Input, scale: float) -> list[View]:
    """What is drawn of an image input; without its map where that is withheld."""
    if one.picture is None:
        return []
    if isinstance(one.picture, Stack):
        return _slices(one.picture, one, scale)
    plain = as_rgb(one.picture)
    views = [View("as displayed", plain)]
    if one.drawn is not None:
        views.append(View("with its map", overlaid(plain, one.drawn, scale)))
    return views


def _slices(stack: Stack, one: Input, scale: float) -> list[View]:
    n = len(stack.pixels)
    if one.drawn is None:
        return [View(f"slice {n // 2 + 1} of {n}", slice_as_rgb(stack, n // 2))]
    return [
        View(
            f"slice {i + 1} of {n}",
            overlaid(slice_as_rgb(stack, i), stack.of_map(one.drawn, i), scale),
        )
        for i in strongest_slices(stack, one.arrays["map"])
    ]


def strongest_slices(stack: Stack, attribution: NDArray[Any]) -> list[int]:
    """Numbers of the shown slices that moved the answer most, from inferior to superior; of those
    that lie in one slice of the map the middle one."""
    depth = len(attribution)
    size = slice_profile(np.nan_to_num(attribution))[1]
    n = len(stack.pixels)
    lies_in = np.array([min(int(stack.place(i) * depth), depth - 1) for i in range(n)])
    there = np.unique(lies_in)
    ranked = there[np.argsort(-size[there], kind="stable")][:N_SLICES]
    members = (np.flatnonzero(lies_in == number) for number in ranked)
    return sorted(int(of[len(of) // 2]) for of in members)


def as_rgb(picture: NDArray[Any]) -> Rgb:
    """(H, W) from 0 to 1, or (H, W, 3) uint8 -> (H, W, 3)."""
    if picture.ndim == 3:
        return picture.astype(np.uint8)
    grey = np.round(255 * np.clip(picture, 0, 1)).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


def slice_as_rgb(stack: Stack, number: int) -> Rgb:
    """(H, W, 3) of one slice: CT from -1000 to 1000 Hounsfield units, others as they are stored."""
    low, high = CT_WINDOW if stack.unit == "HU" else (0.0, 65520.0)
    values = stack.pixels[number].astype(np.float32) - stack.offset
    return as_rgb((values - low) / (high - low))
