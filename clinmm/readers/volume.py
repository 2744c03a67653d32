"""Volume: a CT, MR or other scan on a regular grid, in one orientation whatever file it came from.

Orientation: depth runs from inferior to superior, height from anterior to posterior, width from
the patient's right to the left. So `voxels[k]` is an axial slice as radiologists look at it, and
the last slice is the one nearest the head. In the terms of DICOM all three axes of the patient
coordinate system are positive (PS3.3 C.7.6.2.1.1).
"""

from dataclasses import dataclass, field
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clinmm.errors import InputError
from clinmm.readers.pixels import PERCENTILES, Picture, between

MOST_VOXELS = 2**28
"""Largest volume that is read (1 GiB as float32); a header that claims more is refused first."""

CT_WINDOW = (-1000.0, 1000.0)
"""Black and white of CT where no window is named, in Hounsfield units: air to dense bone."""

OBLIQUE_DEGREES = 1.0
"""An axis further than this from the patient's is recorded as oblique."""


@dataclass(frozen=True, eq=False)
class Volume:
    """One scan.

    voxels: float32, (depth, height, width), in the orientation above; Hounsfield units where it
        is CT, else the values that the file means (rescaled), never a display window.
    spacing_mm: distance of voxel centres along (depth, height, width).
    facts: format, modality, depth, height, width, spacing, orientation, done ...; no identity.
    """

    voxels: NDArray[np.float32]
    spacing_mm: tuple[float, float, float]
    facts: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.voxels.ndim != 3:
            raise ValueError(
                f"Volume.voxels needs (depth, height, width), got shape {self.voxels.shape}."
            )

    @property
    def is_ct(self) -> bool:
        return bool(self.facts.get("modality") == "CT")


def read(path: Path | str) -> Volume:
    """One scan: a folder with one DICOM series, one multi-frame DICOM file, or one NIfTI file.

    Raises:
        InputError: absent, several series, slices that make no regular grid, no pixels, truncated,
            or larger than is read. The message says what to do and holds no header value that
            could identify somebody.
    """
    path = Path(path)
    if path.is_dir():
        from clinmm.readers import dicom_series

        return dicom_series.read(path)
    if not path.is_file():
        raise InputError(f"{path} is missing: there is no such file or folder.")
    if path.name.lower().endswith((".nii", ".nii.gz")):
        from clinmm.readers import nifti

        return nifti.read(path)
    from clinmm.readers import dicom_series

    return dicom_series.read(path)


def too_many_voxels(shape: tuple[int, ...]) -> str | None:
    """The reason to refuse a volume of this size, or None."""
    claims = "its header claims " + " x ".join(map(str, shape)) + " voxels"
    if min(shape) < 1:
        return f"{claims}. Export it again."
    if int(np.prod([int(n) for n in shape], dtype=object)) > MOST_VOXELS:
        return f"{claims}, the most that is read is {MOST_VOXELS} in all. Resample it first."
    return None


def canonical(
    voxels: NDArray[np.float32], directions: NDArray[np.float64], spacing_mm: NDArray[np.float64]
) -> tuple[NDArray[np.float32], tuple[float, float, float], str, list[str]]:
    """Turns a grid by swaps and flips of its axes alone, so no voxel value changes.

    An oblique grid gets the nearest orientation of the 48 and keeps its obliqueness.

    Args:
        voxels: (n0, n1, n2).
        directions: (3, 3), row i the unit vector along which index i grows, in the patient's
            coordinates (left, posterior, superior).
        spacing_mm: (3,) along the axes as stored.

    Returns:
        The voxels (depth, height, width), their spacing, the orientation in words, what was done.

    >>> upside_down = np.diag([-1.0, 1.0, 1.0])[:, [2, 1, 0]]
    >>> canonical(np.arange(2.0).reshape(2, 1, 1), upside_down, np.ones(3))[0].ravel().tolist()
    [1.0, 0.0]
    """
    towards = directions[:, [2, 1, 0]]  # columns: superior, posterior, left
    order = max(
        permutations(range(3)), key=lambda axes: sum(abs(towards[axes[i], i]) for i in range(3))
    )
    along = np.array([towards[order[i], i] for i in range(3)])
    flipped = tuple(i for i in range(3) if along[i] < 0)
    turned = np.flip(voxels.transpose(order), flipped)
    done = [f"axes reordered to {order[0]}{order[1]}{order[2]}"] if order != (0, 1, 2) else []
    if flipped:
        names = ("depth", "height", "width")
        done.append("flipped " + " and ".join(names[i] for i in flipped))
    angle = float(np.degrees(np.arccos(np.clip(np.abs(along).min(), 0, 1))))
    words = "inferior to superior, anterior to posterior, right to left"
    if angle > OBLIQUE_DEGREES:
        words += f"; oblique by {angle:.0f} degrees"
        done.append(f"oblique by {angle:.0f} degrees, nearest axes taken")
    d, h, w = (float(spacing_mm[i]) for i in order)
    return np.ascontiguousarray(turned, dtype=np.float32), (d, h, w), words, done


def size_facts(volume_shape: tuple[int, ...], spacing_mm: tuple[float, ...]) -> dict[str, Any]:
    """depth, height, width, and the spacing in words."""
    depth, height, width = volume_shape
    spacing = " x ".join(f"{mm:.3g}" for mm in spacing_mm) + " mm"
    return {"depth": depth, "height": height, "width": width, "spacing": spacing}


def windowed(volume: Volume, window: tuple[float, float] | None = None) -> NDArray[np.float32]:
    """(depth, height, width) in [0, 1].

    Args:
        volume: any scan.
        window: (low, high), the values that become 0 and 1; what lies beyond is clipped. None is
            -1000 to 1000 Hounsfield units for CT, else the 0.5th to the 99.5th percentile.
    """
    low, high = window or (CT_WINDOW if volume.is_ct else _percentiles(volume.voxels))
    if high <= low:
        return np.zeros_like(volume.voxels)
    return between(volume.voxels, low, high)


def _percentiles(voxels: NDArray[np.float32]) -> tuple[float, float]:
    step = max(1, round((voxels.size / 500_000) ** (1 / 3)))
    low, high = np.percentile(voxels[::step, ::step, ::step], PERCENTILES)
    if high <= low:
        low, high = voxels.min(), voxels.max()
    return float(low), float(high)


def cube(
    volume: Volume, size: int, window: tuple[float, float] | None = None
) -> NDArray[np.float32]:
    """(1, size, size, size) float32 in [0, 1], by trilinear interpolation with anti-aliasing.

    The whole scan fills the cube, as `resize` stretches pictures: nothing is cut off or padded,
    and physical proportions are given up. Scans of one protocol are changed alike.

    Args:
        volume: any scan.
        size: side of the result in voxels.
        window: see `windowed`; taken before the voxels are averaged.
    """
    return _scaled(windowed(volume, window), (size, size, size))[None]


def _scaled(values: NDArray[np.float32], shape: tuple[int, int, int]) -> NDArray[np.float32]:
    """Trilinear with anti-aliasing is separable: the slices first, then across them."""
    import torch
    from torch.nn.functional import interpolate

    depth, height, width = shape
    tensor = torch.from_numpy(np.ascontiguousarray(values))[None]
    inside = interpolate(tensor, (height, width), mode="bilinear", antialias=True)
    columns = inside.reshape(1, 1, len(values), height * width)
    across = interpolate(columns, (depth, height * width), mode="bilinear", antialias=True)
    result: NDArray[np.float32] = across.reshape(shape).clamp_(0, 1).numpy()
    return result


def middle_picture(volume: Volume) -> Picture:
    """The middle axial slice, windowed; what stands for a scan where one picture is wanted."""
    middle = len(volume.voxels) // 2
    part = Volume(volume.voxels[middle : middle + 1], volume.spacing_mm, volume.facts)
    window = None if volume.is_ct else _percentiles(volume.voxels)
    return Picture(windowed(part, window), volume.spacing_mm[1:], volume.facts)


def slices(volume: Volume, most: int, side: int) -> Volume:
    """The scan thinned for a screen: at most `most` axial slices, evenly spread, of square pixels
    and at most `side` pixels along the longer side. Values stay what they are."""
    import torch
    from torch.nn.functional import interpolate

    n = len(volume.voxels)
    kept = np.unique(np.linspace(0, n - 1, min(n, most)).round().astype(int))
    _, height, width = volume.voxels.shape
    tall, wide = height * volume.spacing_mm[1], width * volume.spacing_mm[2]
    pixel = max(tall / side, wide / side, min(volume.spacing_mm[1:]))
    shape = max(1, round(tall / pixel)), max(1, round(wide / pixel))
    picked = np.ascontiguousarray(volume.voxels[kept])
    if shape != (height, width):
        tensor = torch.from_numpy(picked)[None]
        picked = interpolate(tensor, shape, mode="bilinear", antialias=True)[0].numpy()
    step = volume.spacing_mm[0] * (n - 1) / max(len(kept) - 1, 1)
    return Volume(picked, (step, pixel, pixel), volume.facts)
