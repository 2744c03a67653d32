"""The image viewer: window, zoom, measures, marks and map overlay, all in the browser."""

import hashlib
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from pydantic import ValidationError
from streamlit import runtime

from clinmm.errors import InputError
from clinmm.explain.profile import slice_profile
from clinmm.review.answers import Mark
from dashboards.case_data import Picture
from dashboards.language import t
from dashboards.marking import component, draw

_TEXTS = {
    "image_tools": t("Image tools"),
    "reset": t("Reset"),
    "reset_title": t("Back to the first window and zoom (0)"),
    "invert": t("Invert"),
    "invert_title": t("Swap black and white (I)"),
    "out": t("Zoom out"),
    "zoom_in": t("Zoom in"),
    "measure": t("Measure"),
    "measure_title": t("Measure a distance: drag, or click both ends (M)"),
    "marks": t("Marks"),
    "box": t("Box"),
    "box_title": t("Mark a finding with a box: drag, or click two corners"),
    "point": t("Point"),
    "point_title": t("Mark a finding with a point"),
    "class_of_marks": t("Class of the mark"),
    "delete": t("Delete"),
    "delete_title": t("Delete the chosen mark or measure (Delete)"),
    "window": t("Window"),
    "lung": t("Lung"),
    "lung_title": t("Window 1500, level -600 HU (1)"),
    "soft": t("Soft"),
    "soft_title": t("Window 400, level 40 HU (2)"),
    "bone": t("Bone"),
    "bone_title": t("Window 2000, level 400 HU (3)"),
    "map_tools": t("Map tools"),
    "overlay": t("Overlay"),
    "overlay_title": t("Show or hide the map (O)"),
    "map": t("Map"),
    "opacity": t("Opacity of the attribution map"),
    "hide_below": t("Hide below"),
    "threshold": t("Hide what is weaker on the attribution map"),
    "key_title": t("Blue: against. Orange: for."),
    "own": t("Own scale"),
    "own_title": t("Full colour at the strongest of this map, not of all inputs"),
    "strongest": t("Strongest slice"),
    "strongest_title": t("The slice with the strongest attribution (S)"),
    "profile": t("Attribution of each slice; a click opens it"),
    "profile_title": t("Attribution of each slice: orange for, blue against. A click opens it."),
    "superior": t("S"),
    "inferior": t("I"),
    "slice": t("Slice"),
    "shapes": t("What is drawn on the image"),
}
_WORDS = {
    "slice": t("Slice"),
    "window": t("Window"),
    "level": t("Level"),
    "zoom": t("Zoom"),
    "column": t("column"),
    "row": t("row"),
    "value": t("value"),
    "pixels": t("pixels, not calibrated"),
    "mm": t("mm"),
    "no_class": t("no class"),
    "box": t("box"),
    "point": t("point"),
    "line": t("measure"),
    "lost": t("The picture could not be loaded. Reload the page."),
}

_FILES = ("viewer.html", "viewer.css", "viewer_keys.js", "viewer_marks.js", "viewer.js")
_mount = component("clinmm_viewer", _FILES, _TEXTS)


def show(
    picture: Picture,
    image_id: str,
    label: str,
    attribution: NDArray[Any] | None = None,
    scale: float = 1.0,
    unit: str = "logits",
    map_id: str = "",
    height: int = 560,
    *,
    spacing: tuple[float, float] | None = None,
    on_detector: bool = False,
    marks: Sequence[Mark] = (),
    marking: bool = False,
    classes: Sequence[str] = (),
    name: str = "image",
    key: str = "viewer",
) -> tuple[Mark, ...] | None:
    """Draws the picture with an optional map over the whole of it, and the reader's marks.

    Args:
        picture: what to show.
        image_id: names the picture; window, zoom and measures are kept while it stays the same.
        label: for readers who cannot see it; never more than the case's own id.
        attribution: (H, W), or (D, H, W) of a volume; positive speaks for the class.
        scale: the attribution that gets the full colour.
        unit: of the attribution, for the legend.
        map_id: names the map.
        height: of the viewer, in pixels.
        spacing: mm per pixel (row, column); without it measures are in pixels and say so.
        on_detector: the spacing holds on the detector, not in the patient; measures say so.
        marks: of the reader, of any image; those of `name` are drawn.
        marking: whether marks may be made, changed and deleted.
        classes: that a mark may have.
        name: of the image input, which new marks belong to.
        key: of the component; differs between viewers of a page.

    Returns:
        All marks after the reader changed one, else None. A change is returned once.

    Raises:
        InputError: the browser sent something else than marks of these classes.
    """
    mm = t("mm on the detector") if on_detector else t("mm")
    data = {
        **_by_address(payload(picture, image_id, label, attribution, scale, map_id, unit), key),
        "height": height,
        "spacing": spacing,
        "words": {**_WORDS, "mm": mm},
    }
    read = partial(received, name=name, classes=classes) if marking else None
    return draw(_mount, key, data, marks, name, classes, read)


def received(sent: Sequence[Any], name: str, classes: Sequence[str]) -> tuple[Mark, ...]:
    """What a browser sent, as marks of the image input.

    Raises:
        InputError: it is no list of marks, or of classes that are not asked for.
    """
    try:
        found = tuple(Mark.model_validate({**one, "input": name}) for one in sent)
    except (ValidationError, TypeError) as error:
        raise InputError("the browser sent no marks. Reload the page.") from error
    if any(mark.class_name not in (None, *classes) for mark in found):
        raise InputError("a mark is of a class that is not asked for. Reload the page.")
    return found


def _by_address(content: dict[str, Any], key: str) -> dict[str, Any]:
    """The payload with addresses in place of pixels and map."""
    image, drawn = content["image"], content["map"]
    return {
        **content,
        "image": {**image, "pixels": _address(image["pixels"], f"{key} pixels")},
        "map": drawn and {**drawn, "values": _address(drawn["values"], f"{key} map")},
    }


def _address(content: bytes, coordinates: str) -> str:
    """A URL of the bytes, which the browser fetches once: what draws the page stays small.

    Streamlit makes the address from three samples of large contents: of two scans that differ only
    between them the wrong one would be shown. The name is part of the address and takes in all.
    """
    files = runtime.get_instance().media_file_mgr
    name = hashlib.sha256(content).hexdigest()
    path = files.add(content, "application/octet-stream", coordinates, file_name=name)
    base = str(st.get_option("server.baseUrlPath") or "").strip("/")
    return f"/{base}{path}" if base else path


def payload(
    picture: Picture,
    image_id: str,
    label: str,
    attribution: NDArray[Any] | None,
    scale: float,
    map_id: str,
    unit: str = "",
) -> dict[str, Any]:
    """What the browser gets; pixels (little-endian) and map (float32) as bytes.

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
            "values": values.tobytes(),
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
            "pixels": picture.pixels.astype(dtype, copy=False).tobytes(),
        },
        "map": drawn,
        "map_id": map_id if drawn else "",
    }


def _profile(values: NDArray[Any]) -> list[list[float]]:
    """(D, H, W) -> for each slice what speaks for and against, both as positive numbers."""
    signed, size = slice_profile(values)
    sides: list[list[float]] = (np.stack([size + signed, size - signed], axis=1) / 2).tolist()
    return sides
