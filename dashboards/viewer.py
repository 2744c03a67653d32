"""The image viewer: window and level, zoom, pan and map overlay, all in the browser."""

import base64
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from clinmm.explain.profile import slice_profile
from dashboards.case_data import Picture

_HERE = Path(__file__).parent
_mount = st.components.v2.component(
    "clinmm_viewer",
    html=(_HERE / "viewer.html").read_text(encoding="utf-8"),
    css=(_HERE / "viewer.css").read_text(encoding="utf-8"),
    js=(_HERE / "viewer.js").read_text(encoding="utf-8"),
)


def show(
    picture: Picture,
    image_id: str,
    label: str,
    attribution: NDArray[Any] | None = None,
    scale: float = 1.0,
    unit: str = "logits",
    map_id: str = "",
    height: int = 560,
) -> None:
    """Draws the picture with an optional map over the whole of it.

    Args:
        picture: what to show.
        image_id: names the picture; the window and zoom are kept while it stays the same.
        label: for readers who cannot see it; never more than the case's own id.
        attribution: (H, W), or (D, H, W) of a volume; positive speaks for the class.
        scale: the attribution that gets the full colour.
        unit: of the attribution, for the legend.
        map_id: names the map.
        height: of the viewer, in pixels.
    """
    content = payload(picture, image_id, label, attribution, scale, map_id, unit)
    _mount(data={**content, "height": height}, key="viewer")


def payload(
    picture: Picture,
    image_id: str,
    label: str,
    attribution: NDArray[Any] | None,
    scale: float,
    map_id: str,
    unit: str = "",
) -> dict[str, Any]:
    """What the browser gets: little-endian pixels and float32 map, both as base64.

    Slices of a volume lie one behind the other, and so do the slices of the map that belong to
    them, with `profile`, what speaks for and against in each; the image's `unit` and `offset` turn
    a stored value into what it means.
    """
    stack = picture.stack
    height, width = picture.pixels.shape[:2] if stack is None else picture.pixels.shape[1:]
    dtype = "<u2" if picture.mode == "gray" else "u1"
    drawn = None
    if attribution is not None:
        values = np.nan_to_num(np.asarray(attribution, dtype="<f4"))
        if stack is not None:
            every = range(len(stack.pixels))
            values = np.stack([stack.of_map(values, number) for number in every])
        drawn = {
            "width": values.shape[-1],
            "height": values.shape[-2],
            "scale": scale,
            "unit": unit,
            "positive": bool((values >= 0).all()),
            "profile": [] if stack is None else _profile(values),
            "values": _base64(values),
        }
    return {
        "id": image_id,
        "label": label,
        "image": {
            "mode": picture.mode,
            "width": width,
            "height": height,
            "slices": 1 if stack is None else len(stack.pixels),
            "unit": "" if stack is None else stack.unit,
            "offset": 0 if stack is None else stack.offset,
            "pixels": _base64(picture.pixels.astype(dtype)),
        },
        "map": drawn,
        "map_id": map_id if drawn else "",
    }


def _profile(values: NDArray[Any]) -> list[list[float]]:
    """(D, H, W) -> for each slice what speaks for and against, both as positive numbers."""
    signed, size = slice_profile(values)
    sides: list[list[float]] = (np.stack([size + signed, size - signed], axis=1) / 2).tolist()
    return sides


def _base64(array: NDArray[Any]) -> str:
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode("ascii")
