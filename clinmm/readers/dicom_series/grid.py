"""Whether slices make one regular grid, and what brings them onto it.

A stack that is no regular grid is refused and the message says what is wrong.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from clinmm.errors import InputError
from clinmm.readers.dicom_series.slice import Slice

SAME_PLACE_MM = 0.01
"""Slices nearer than this along the normal lie at one place."""
UNEVEN = 0.1
"""Steps between slices may differ by this share of the usual step, or by UNEVEN_MM, as many files
round positions to a tenth of a millimetre."""
UNEVEN_MM = 0.12
TILT_DEGREES = 0.5
"""A gantry tilted by more is sheared straight; by more than MOST_TILT_DEGREES, refused."""
MOST_TILT_DEGREES = 45.0


def refuse_other_than_one_grid(path: Path, found: list[Slice]) -> None:
    """Refuses what cannot be one stack: every problem at once."""
    problems = []
    series = Counter(s.series for s in found)
    if len(series) > 1:
        sizes = ", ".join(str(n) for n in sorted(series.values(), reverse=True)[:8])
        problems.append(
            f"{path} holds {len(series)} series (of {sizes} slices), wanted one. Put each series "
            "in a folder of its own and name the one to use."
        )
    shapes = Counter(s.shape for s in found)
    if len(shapes) > 1:
        problems.append(f"{path}: the slices have {len(shapes)} sizes. Name one reconstruction.")
    first = found[0]
    turned = sum(
        max(np.abs(s.rows - first.rows).max(), np.abs(s.columns - first.columns).max()) > 0.005
        for s in found
    )
    if turned:
        problems.append(
            f"{path}: {turned} of {len(found)} slices lie in another orientation than the first: "
            "several planes or a turning projection. Name the part that is one stack."
        )
    pitches = {(round(s.pitch[0], 4), round(s.pitch[1], 4)) for s in found}
    if len(pitches) > 1:
        problems.append(f"{path}: the slices have {len(pitches)} pixel spacings, wanted one.")
    if len(found) == 1:
        problems.append(f"{path} holds one slice, wanted several. For pictures: dimensions: 2.")
    if problems:
        raise InputError(problems)


def _along(found: Sequence[Slice]) -> NDArray[np.float64]:
    """(n,) mm along the normal of the slices."""
    normal = found[0].normal
    return np.array([float(s.position @ normal) for s in found])


def without_copies(
    path: Path, found: list[Slice], voxels: NDArray[np.float32]
) -> tuple[list[Slice], NDArray[np.float32], list[str]]:
    """Slices that are there twice taken once; different ones at one place refused."""
    same_place = np.flatnonzero(np.diff(_along(found)) < SAME_PLACE_MM) + 1
    n_other = sum(not np.array_equal(voxels[i], voxels[i - 1]) for i in same_place)
    if n_other:
        raise InputError(
            f"{path}: {n_other} slices lie where another one lies and differ from it: several "
            "phases, echoes or reconstructions in one series. Keep the slices of one."
        )
    if not len(same_place):
        return found, voxels, []
    keep = np.setdiff1d(np.arange(len(found)), same_place)
    if len(keep) == 1:
        raise InputError(f"{path} holds one slice {len(found)} times, wanted a stack of slices.")
    done = [f"dropped {len(same_place)} slices that are there twice"]
    return [found[i] for i in keep], voxels[keep], done


def step_between(path: Path, found: list[Slice]) -> tuple[float, list[str]]:
    """The distance of neighbouring slices in mm, which must be the same throughout."""
    steps = np.diff(_along(found))
    usual = float(np.quantile(steps, 0.5, method="lower"))
    allowed = max(UNEVEN * usual, UNEVEN_MM)
    n_missing = int((np.round(steps / usual) - 1).clip(0).sum())
    if n_missing and (steps - usual > allowed).any():
        raise InputError(
            f"{path}: about {n_missing} slices are missing, in "
            f"{int((steps > 1.5 * usual).sum())} places (usual step {usual:.3g} mm, largest "
            f"{steps.max():.3g} mm). Export the whole series again."
        )
    if n_uneven := int((np.abs(steps - usual) > allowed).sum()):
        raise InputError(
            f"{path}: {n_uneven} of {len(steps)} steps between slices differ from the usual "
            f"{usual:.3g} mm by more than {allowed:.2g} mm. Name one reconstruction."
        )
    step = float(steps.mean())
    said = found[0].thickness
    apart = said is not None and said > 0 and abs(said - step) > max(UNEVEN * step, UNEVEN_MM)
    return step, [f"slices {step:.3g} mm apart, {said:.3g} mm thick as said"] if apart else []


def straightened(
    path: Path, found: list[Slice], voxels: NDArray[np.float32], step: float
) -> tuple[NDArray[np.float32], list[str]]:
    """Each slice moved in its plane so that the stack stands at a right angle to it.

    The middle slice stays; what moves in from outside is the lowest value of the volume.
    """
    first = found[0]
    positions = np.stack([s.position for s in found])
    offsets = positions - positions[len(found) // 2]
    inside = np.stack([offsets @ first.rows, offsets @ first.columns], axis=1)  # (n, 2) mm
    tilt = float(
        np.degrees(np.arctan2(np.linalg.norm(inside[-1] - inside[0]), step * (len(found) - 1)))
    )
    line = np.linspace(inside[0], inside[-1], len(found))
    if np.abs(inside - line).max() > max(0.5 * max(first.pitch), 0.5):
        raise InputError(
            f"{path}: the slices do not lie above one another along a line. "
            "Export the series again."
        )
    if tilt <= TILT_DEGREES:
        return voxels, []
    if tilt > MOST_TILT_DEGREES:
        raise InputError(f"{path}: the stack leans by {tilt:.0f} degrees. Resample it first.")
    from scipy.ndimage import shift

    lowest = float(voxels.min())
    for k, moved in enumerate(inside / np.array(first.pitch)):
        if np.abs(moved).max() > 1e-3:
            voxels[k] = shift(voxels[k], moved, order=1, mode="constant", cval=lowest)
    return voxels, [f"gantry tilt of {tilt:.1f} degrees sheared straight"]
