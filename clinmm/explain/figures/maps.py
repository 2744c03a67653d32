"""Attributions as colours: one scale for pictures, words and columns, orange for, blue against."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

FOR = (230, 140, 0)
AGAINST = (40, 130, 200)
"""Told apart with any kind of colour vision (Okabe and Ito 2008)."""
STRONGEST = 0.75
"""Opacity of a map at the full scale; it grows with |attribution| from 0."""
FAINT = 0.04
"""Words below this part of the scale stay uncoloured."""


def patch_sums(attribution: NDArray[Any]) -> NDArray[np.float32]:
    """What the patch around each pixel added to the logit, patches a twelfth of the longer side.

    Single pixels of a gradient map are noise to the eye and tiny beside words; sums over patches
    are of the same kind as the scores of words and columns.

    Args:
        attribution: (H, W), or (D, H, W) of a volume, in logits.

    Returns:
        Of the same shape: sums over the square, or cube, around each pixel, cut at the edges.

    >>> patch_sums(np.ones((1, 24)))[0, :3]
    array([2., 3., 3.], dtype=float32)
    """
    values = np.nan_to_num(attribution.astype(np.float64))
    reach = max(values.shape) // 24
    for axis in range(values.ndim):
        total = np.cumsum(values, axis=axis)
        total = np.concatenate([np.zeros_like(total.take([0], axis)), total], axis=axis)
        at = np.arange(values.shape[axis])
        stop = np.minimum(at + reach + 1, values.shape[axis])
        values = total.take(stop, axis) - total.take(np.maximum(at - reach, 0), axis)
    return values.astype(np.float32)


def of_the_strongest(arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """An input's attributions as parts of its strongest, from -1 to 1: so those are drawn whose
    numbers do not compare inputs.

    >>> of_the_strongest({"start": np.array([0, 4]), "score": np.array([0.5, -2.0])})["score"]
    array([ 0.25, -1.  ], dtype=float32)
    """
    top = scale_of([arrays[key] for key in ("map", "score") if key in arrays])
    scaled = {
        key: arrays[key].astype(np.float32) / np.float32(top)
        for key in ("map", "score", "mark")
        if key in arrays
    }
    return {**arrays, **scaled}


def scale_of(scores: Iterable[NDArray[Any]]) -> float:
    """The strongest of every word, column and patch that is drawn; 1 if there is none.

    One scale for all inputs: an input that hardly mattered is drawn as faint as it was.
    """
    tops = [float(np.nanmax(np.abs(values))) for values in scores if values.size]
    return max(tops, default=0.0) or 1.0


def coloured(attribution: NDArray[Any], scale: float) -> NDArray[np.uint8]:
    """(H, W, 4): the colour of each attribution, as opaque as it is strong."""
    values = np.nan_to_num(np.asarray(attribution, dtype=np.float64))
    rgba = np.zeros((*values.shape, 4), dtype=np.uint8)
    rgba[..., :3] = np.where((values > 0)[..., None], np.array(FOR), np.array(AGAINST))
    rgba[..., 3] = np.round(255 * STRONGEST * np.clip(np.abs(values) / scale, 0, 1))
    return rgba


def scores_by_character(length: int, located: Mapping[str, NDArray[Any]]) -> NDArray[np.float64]:
    """(length,) the strongest score over each character of a note; 0 where no span lies.

    Spans that overlap (phrases and their words) keep the stronger; ends outside are cut.
    """
    strongest = np.zeros(length)
    if not {"start", "end", "score"} <= set(located):
        return strongest
    spans = (located["start"], located["end"], located["score"])
    for begin, stop, value in zip(*spans, strict=True):
        part = strongest[max(int(begin), 0) : max(int(stop), 0)]
        part[np.abs(part) < abs(value)] = value
    return strongest


def overlaid(picture: NDArray[np.uint8], sums: NDArray[Any], scale: float) -> NDArray[np.uint8]:
    """The picture under its map.

    Args:
        picture: (H, W, 3).
        sums: (h, w) patch sums over the whole of the picture, in logits.
        scale: what gets the full colour.
    """
    from PIL import Image

    height, width = picture.shape[:2]
    values = Image.fromarray(np.nan_to_num(np.asarray(sums, dtype=np.float32)))
    resized = np.asarray(values.resize((width, height), Image.Resampling.BILINEAR))
    over = coloured(resized, scale)
    opacity = over[..., 3:] / 255
    mixed: NDArray[np.uint8] = np.round(picture * (1 - opacity) + over[..., :3] * opacity).astype(
        np.uint8
    )
    return mixed
