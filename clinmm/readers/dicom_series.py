"""A DICOM series, or one multi-frame file, as a volume on a regular grid.

Slices are put in order by where they lie in the patient (PS3.3 C.7.6.2), never by file name or
InstanceNumber. A stack that is no regular grid is refused and the message says what is wrong; a
tilted gantry is sheared straight.
"""

import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray

from clinmm.errors import InputError
from clinmm.readers import begins_as_dicom
from clinmm.readers.claims import deflated_bomb, false_size
from clinmm.readers.decoding import stored_values
from clinmm.readers.display import padded, padding_of
from clinmm.readers.header import facts_of
from clinmm.readers.volume import Volume, canonical, size_facts, too_many_voxels

MOST_FILES = 20_000
"""Files looked at in a folder."""
SAME_PLACE_MM = 0.01
"""Slices nearer than this along the normal lie at one place."""
UNEVEN = 0.1
"""Steps between slices may differ by this share of the usual step, or by UNEVEN_MM, as many files
round positions to a tenth of a millimetre."""
UNEVEN_MM = 0.12
TILT_DEGREES = 0.5
"""A gantry tilted by more is sheared straight; by more than MOST_TILT_DEGREES, refused."""
MOST_TILT_DEGREES = 45.0
_DAMAGED = "the header is cut short or damaged. Copy or export the files again."
AIR = -1024.0
"""Hounsfield units of what lies outside the scanned field."""


@dataclass(frozen=True, eq=False)
class Slice:
    """Where one slice lies and what its stored values mean, from the header alone.

    position: (3,) of the centre of the first pixel, in mm, (left, posterior, superior).
    rows, columns: (3,) unit vectors along which the row and the column number grow.
    pitch: spacing of (rows, columns) in mm. frame: its number in the file, 0 for single images.
    rescaled: whether the header gives slope or intercept; without, they are 1 and 0.
    """

    file: Path
    frame: int
    series: str
    shape: tuple[int, int]
    position: NDArray[np.float64]
    rows: NDArray[np.float64]
    columns: NDArray[np.float64]
    pitch: tuple[float, float]
    slope: float
    intercept: float
    rescaled: bool
    thickness: float | None

    @property
    def normal(self) -> NDArray[np.float64]:
        return np.cross(self.columns, self.rows)


def read(path: Path) -> Volume:
    """The series of a folder, or the frames of one file.

    Localizers and files that are no images are left out and counted; slices that are there twice
    are taken once.

    Raises:
        InputError: see `clinmm.readers.volume.read`.
    """
    with warnings.catch_warnings():  # pydicom's warnings quote header values
        warnings.simplefilter("ignore")
        found, said, done = _slices(path)
        _one_grid(path, found)
        found = sorted(found, key=lambda s: float(s.position @ found[0].normal))
        if problem := too_many_voxels((len(found), *found[0].shape)):
            raise InputError(f"{path}: {problem}")
        voxels, painted = _voxels(path, found, said.get("modality") == "CT")
    found, voxels, dropped = _without_copies(path, found, voxels)
    step, gaps = _step(path, found)
    voxels, straightened = _straight(path, found, voxels, step)
    first = found[0]
    directions = np.stack([first.normal, first.rows, first.columns])
    spacing = np.array([step, *first.pitch])
    turned, spacing_mm, orientation, how = canonical(voxels, directions, spacing)
    facts = {
        "format": "DICOM",
        **said,
        **size_facts(turned.shape, spacing_mm),
        "orientation": orientation,
        "done": "; ".join([*done, *dropped, *painted, *gaps, *straightened, *how]),
    }
    return Volume(turned, spacing_mm, facts)


def _said(header: pydicom.Dataset) -> dict[str, Any]:
    """What the header says of the kind of scan and the machine; nothing of the person."""
    facts = facts_of(header)
    kept = ("modality", "photometric", "bits", "manufacturer", "model", "transfer_syntax")
    return {key: facts[key] for key in kept if key in facts}


# --- headers ---------------------------------------------------------------------------------


def _slices(path: Path) -> tuple[list[Slice], dict[str, Any], list[str]]:
    """Every slice of the files, what the first header says, and what was left out."""
    files = _files(path) if path.is_dir() else [path]
    found: list[Slice] = []
    facts: dict[str, Any] = {}
    n_other = n_localizers = 0
    problems: Counter[str] = Counter()
    for file in files:
        try:  # a damaged header can raise nearly anything, whenever a value is looked at
            header = _header(file)
            if header is None:
                n_other += 1
            elif "LOCALIZER" in {str(word).upper() for word in header.get("ImageType") or ()}:
                n_localizers += 1
            else:
                found += _of_file(file, header)
                facts = facts or _said(header)
        except InputError as error:
            problems[error.problems[0]] += 1
        except Exception:
            problems[_DAMAGED] += 1
    n_images = len(files) - n_other
    if problems:
        raise InputError(
            [f"{path}: in {n} of {n_images} images {problem}" for problem, n in problems.items()]
        )
    if not found:
        what = f"{n_localizers} localizers and no other image" if n_localizers else "no DICOM image"
        raise InputError(
            f"{path} holds {what}, wanted one series of slices, a multi-frame DICOM file or a "
            "NIfTI file (.nii, .nii.gz)."
        )
    left_out = [(n_other, "files that are no images"), (n_localizers, "localizers")]
    return found, facts, [f"left out {n} {what}" for n, what in left_out if n]


def _files(folder: Path) -> list[Path]:
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    if len(files) > MOST_FILES:
        raise InputError(f"{folder} holds {len(files)} files, the most read is {MOST_FILES}.")
    home = folder.resolve()
    if n_out := sum(not file.resolve().is_relative_to(home) for file in files):
        raise InputError(f"{folder}: {n_out} files are links that lead out of it. Copy them in.")
    return files


def _header(file: Path) -> pydicom.Dataset | None:
    """The header of an image; None for what is none. Raises whatever a damaged one does."""
    with file.open("rb") as opened:
        if not begins_as_dicom(opened.read(132)):
            return None
    if problem := deflated_bomb(file):
        raise InputError(problem)
    header = pydicom.dcmread(file, stop_before_pixels=True, force=True)
    if "Rows" in header and "Columns" in header:
        return header
    meta = getattr(header, "file_meta", {})
    kind = meta.get("MediaStorageSOPClassUID") or header.get("SOPClassUID") or ""
    if "Image Storage" in pydicom.uid.UID(str(kind)).name:
        raise InputError(_DAMAGED)
    return None


def _of_file(file: Path, header: pydicom.Dataset) -> list[Slice]:
    """The slices of one file. Raises InputError whose problem ends a sentence."""
    if int(header.get("SamplesPerPixel") or 1) != 1:
        raise InputError("the pixels are colour, wanted one number per voxel.")
    shared = _item(header, "SharedFunctionalGroupsSequence", 0)
    n_frames = int(header.get("NumberOfFrames") or 1)
    if problem := too_many_voxels((n_frames, int(header.Rows), int(header.Columns))):
        raise InputError(problem)
    groups = header.get("PerFrameFunctionalGroupsSequence")
    if n_frames > 1 and (not groups or len(groups) != n_frames):
        raise InputError(
            "there are several frames without a position each: a film, not a volume. Export the "
            "series as single slices or as enhanced multi-frame."
        )
    places = list(groups) if groups else [None] * n_frames
    return [_slice(file, header, [place, shared, header], i) for i, place in enumerate(places)]


def _slice(file: Path, header: pydicom.Dataset, levels: list[Any], frame: int) -> Slice:
    """One slice; a value is looked for in the frame's groups, the shared ones, the header."""
    orientation = _numbers(levels, "PlaneOrientationSequence", "ImageOrientationPatient", 6)
    position = _numbers(levels, "PlanePositionSequence", "ImagePositionPatient", 3)
    pitch = _numbers(levels, "PixelMeasuresSequence", "PixelSpacing", 2)
    absent = [
        name
        for name, value in (
            ("ImageOrientationPatient", orientation),
            ("ImagePositionPatient", position),
            ("PixelSpacing", pitch),
        )
        if value is None
    ]
    if orientation is None or position is None or pitch is None:
        raise InputError(
            f"{' and '.join(absent)} are absent or no numbers: where the slices lie is not known. "
            "Export the series again with its geometry."
        )
    along, down = orientation[:3], orientation[3:]
    lengths = float(np.linalg.norm(along)), float(np.linalg.norm(down))
    if max(abs(lengths[0] - 1), abs(lengths[1] - 1), abs(float(along @ down))) > 0.01:
        raise InputError("ImageOrientationPatient holds no two unit vectors at a right angle.")
    if not (pitch > 0).all():
        raise InputError("PixelSpacing is not above zero. Export the series again.")
    slope = _numbers(levels, "PixelValueTransformationSequence", "RescaleSlope", 1)
    intercept = _numbers(levels, "PixelValueTransformationSequence", "RescaleIntercept", 1)
    thickness = _numbers(levels, "PixelMeasuresSequence", "SpacingBetweenSlices", 1)
    if thickness is None:
        thickness = _numbers(levels, "PixelMeasuresSequence", "SliceThickness", 1)
    return Slice(
        file=file,
        frame=frame,
        series=str(header.get("SeriesInstanceUID", "")),
        shape=(int(header.Rows), int(header.Columns)),
        position=position,
        rows=down / lengths[1],
        columns=along / lengths[0],
        pitch=(float(pitch[0]), float(pitch[1])),
        slope=1.0 if slope is None else float(slope[0]),
        intercept=0.0 if intercept is None else float(intercept[0]),
        rescaled=slope is not None or intercept is not None,
        thickness=None if thickness is None else float(thickness[0]),
    )


def _item(dataset: Any, keyword: str, number: int) -> Any:
    sequence = dataset.get(keyword) if dataset is not None else None
    return sequence[number] if sequence and len(sequence) > number else None


def _numbers(levels: Sequence[Any], group: str, keyword: str, n: int) -> NDArray[np.float64] | None:
    for level in levels:
        for place in (_item(level, group, 0), level):
            value = None if place is None else place.get(keyword)
            if value is None:
                continue
            try:
                numbers = np.atleast_1d(np.asarray(value, dtype=np.float64))
            except (TypeError, ValueError):
                continue
            if numbers.shape == (n,) and np.isfinite(numbers).all():
                return numbers
    return None


# --- the grid --------------------------------------------------------------------------------


def _one_grid(path: Path, found: list[Slice]) -> None:
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


def _without_copies(
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


def _step(path: Path, found: list[Slice]) -> tuple[float, list[str]]:
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


def _straight(
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


# --- pixels ----------------------------------------------------------------------------------


def _voxels(path: Path, found: list[Slice], is_ct: bool) -> tuple[NDArray[np.float32], list[str]]:
    """(n, rows, columns) float32, rescaled slice by slice; padding as air."""
    voxels = np.empty((len(found), *found[0].shape), dtype=np.float32)
    rows_of: dict[Path, list[int]] = {}
    for row, one in enumerate(found):
        rows_of.setdefault(one.file, []).append(row)
    broken: list[Path] = []
    padding: dict[int, NDArray[np.bool_]] = {}
    for file, rows in rows_of.items():
        try:
            dataset = pydicom.dcmread(file, force=True)
            if problem := false_size(dataset):
                raise InputError(problem)
            stored = stored_values(dataset).reshape(-1, *found[0].shape)
            frames = [stored[found[row].frame] for row in rows]
        except Exception:  # each decoder raises its own
            broken.append(file)
            continue
        for row, frame in zip(rows, frames, strict=True):
            outside = padded(frame, padding_of(dataset))
            voxels[row] = frame
            voxels[row] *= np.float32(found[row].slope)
            voxels[row] += np.float32(found[row].intercept)
            if outside is not None:
                padding[row] = outside
    if broken:
        raise InputError(
            f"{path}: the pixels of {len(broken)} of {len(rows_of)} files cannot be decoded: "
            "truncated, or a compression that is not known. Export the series again, uncompressed."
        )
    scales = {(s.slope, s.intercept) for s in found} - {(1.0, 0.0)}
    done = []
    if is_ct and not any(s.rescaled for s in found):
        done.append("no rescale in the header, stored values taken as Hounsfield units")
    if len(scales) > 1:
        done.append("rescaled slice by slice")
    elif scales:
        slope, intercept = scales.pop()
        done.append(f"rescaled {slope:g} {intercept:g}")
    if padding:
        lowest = min(float(voxels[row][~outside].min()) for row, outside in padding.items())
        for row, outside in padding.items():
            voxels[row][outside] = AIR if is_ct else lowest
        done.append("padding set to air" if is_ct else "padding set to the lowest value")
    return voxels, done
