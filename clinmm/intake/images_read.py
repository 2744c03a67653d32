"""Every image and signal file of a cohort read once: what it is, what was done to it, and a
thumbnail of images."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clinmm import schema
from clinmm.cohort.cohort import Cohort
from clinmm.cohort.spec import SignalInput
from clinmm.errors import InputError
from clinmm.intake.leaks.marks import borders
from clinmm.readers import read_image
from clinmm.readers.pixels import Picture
from clinmm.readers.resize import resize
from clinmm.readers.signal import find, on_grid, read_signal

THUMBNAIL = 64
"""Side of the thumbnails, in pixels."""

Tell = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class ImagesRead:
    """facts: `schema.IMAGES`, one row per case and image or signal input that names a file.

    thumbnails: SHA-256 of a readable file -> (64, 64) uint8, grey, stretched to a square.
    """

    facts: pd.DataFrame
    thumbnails: dict[str, NDArray[np.uint8]]


@dataclass(frozen=True, eq=False)
class _Look:
    status: str
    reason: str
    facts: dict[str, Any]
    thumbnail: NDArray[np.uint8] | None


def read_images(cohort: Cohort, tell: Tell | None = None) -> ImagesRead:
    """Reads every image and signal file that the cohort names; equal files once.

    tell: told how far it is, in cases.
    """
    looks: dict[tuple[str, str], _Look] = {}
    rows: list[dict[str, Any]] = []
    thumbnails: dict[str, NDArray[np.uint8]] = {}
    names = cohort.spec.file_inputs
    for number, name in enumerate(names):
        digests, source = cohort.file_sha256(name), cohort.spec.inputs[name]
        for row, path in enumerate(cohort.file_paths(name)):
            if tell:
                tell(number * cohort.n_cases + row, len(names) * cohort.n_cases)
            if path is None:
                continue
            digest = digests[row] or ""
            key = (name, digest or str(path))
            if key not in looks:
                looks[key] = _look_at(path, source)
            look = looks[key]
            if look.thumbnail is not None:
                thumbnails[digest] = look.thumbnail
            rows.append(
                {
                    "case_id": cohort.table["case_id"].iloc[row],
                    "input": name,
                    "sha256": digest,
                    "status": look.status,
                    "reason": look.reason,
                    **look.facts,
                }
            )
    if not rows:
        return ImagesRead(schema.IMAGES.empty(), {})
    return ImagesRead(schema.IMAGES.fill(pd.DataFrame(rows)), thumbnails)


def readable(cohort: Cohort, images: pd.DataFrame) -> Cohort:
    """The cohort without the image and signal files that could not be read.

    images: `schema.IMAGES`.
    """
    unread = images[images["status"] != "read"]
    return cohort.without_files(
        {str(name): set(rows["case_id"]) for name, rows in unread.groupby("input")}
    )


def _look_at(path: Path, source: Any) -> _Look:
    of_signal = isinstance(source, SignalInput)
    if (find(path) is None) if of_signal else not os.path.exists(path):
        return _Look("absent", "", {}, None)
    try:
        if of_signal:
            return _look_at_signal(path, source)
        picture = picture_of(path, source.dimensions, at_least=2 * THUMBNAIL)
    except InputError as error:
        said = (p.replace(f"{path}.hea", "").replace(str(path), "") for p in error.problems)
        reason = " ".join(p.replace(f"{path.parent}{os.sep}", "").lstrip(": ") for p in said)
        return _Look("unreadable", reason, {}, None)
    facts = {key: str(value) for key, value in picture.facts.items()}
    thumbnail = grey_square(picture, THUMBNAIL)
    facts["borders"] = " ".join(f"{share:.4f}" for share in borders(thumbnail))
    return _Look("read", "", facts, thumbnail)


def _look_at_signal(path: Path, source: SignalInput) -> _Look:
    signal = read_signal(path, source.clock)
    on_grid(signal, source.rate, source.channels, source.seconds, source.file_rate, str(path))
    had = signal.rate or source.file_rate or source.rate
    done = [] if had == source.rate else [f"resampled from {had:g} Hz"]
    done += [] if np.isfinite(signal.values).all() else ["gaps"]
    return _Look("read", "", {"format": signal.format, "done": "; ".join(done)}, None)


def picture_of(path: Path, dimensions: int, at_least: int) -> Picture:
    """The picture in the file, or the middle one of the volume.

    dimensions: 2 or 3. at_least: pixels that the shorter side of a picture keeps, where the reader
    may reduce it.
    """
    if dimensions == 2:
        return read_image(path, at_least=at_least)
    from clinmm.readers import read_volume
    from clinmm.readers.volume import middle_picture

    return middle_picture(read_volume(path))


def grey_square(picture: Picture, side: int) -> NDArray[np.uint8]:
    """(side, side): the picture in grey, stretched to a square."""
    square: NDArray[np.uint8] = np.round(resize(picture, side, 1)[0] * 255).astype(np.uint8)
    return square
