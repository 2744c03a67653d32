"""A MedMNIST file of arrays -> a drafted cohort: pictures or small volumes with a published split.

Reference:
    Yang et al. MedMNIST v2. Sci Data 10:41 (2023).
"""

import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clinmm.cohort.sources.draft import Draft
from clinmm.errors import InputError

PARTS = ("train", "val", "test")

REMARKS = (
    "The file names no patients: every picture counts as a patient of its own, so that intervals",
    "are too narrow where a person has several pictures.",
)


def draft_from_npz(file: Path, classes: list[str] | None = None) -> Draft:
    """What the file holds.

    Args:
        file: arrays `train_images`, `train_labels` and the same of val and test. Images are uint8
            (N, H, W), (N, H, W, 3) or, of volumes, (N, D, H, W); labels whole numbers (N, 1), or
            0 and 1 (N, L) of several findings.
        classes: names of the labels 0, 1, ... (or of the L findings); numbers if left out.

    Raises:
        InputError: the file cannot be read or lacks an array, the arrays do not go together, or
            there are not as many names as labels.
    """
    arrays = _arrays(file)
    images = np.concatenate([arrays[f"{part}_images"] for part in PARTS])
    labels = np.concatenate([arrays[f"{part}_labels"] for part in PARTS]).astype(np.int64)
    split = np.repeat(PARTS, [len(arrays[f"{part}_labels"]) for part in PARTS])
    volumes = images.ndim == 4 and images.shape[-1] != 3
    width = len(str(len(images) - 1))
    ids = [f"{file.stem}_{i:0{width}d}" for i in range(len(images))]
    suffix = "nii.gz" if volumes else "png"
    paths = [f"images/{case}.{suffix}" for case in ids]
    columns = _label_columns(labels, classes)
    cases = pd.DataFrame({"case_id": ids, "patient_id": ids, "image": paths, "split": split})
    return Draft(
        name=file.stem,
        cases=cases.assign(**columns),
        targets=tuple(columns),
        images={"image": 3 if volumes else 2},
        pictures=dict(zip(paths, images, strict=True)),
        split="split",
        counts={f"{kind} of {part}": int((split == part).sum())
                for kind in ["volumes" if volumes else "pictures"] for part in PARTS},
        remarks=REMARKS,
    )  # fmt: skip


def _arrays(file: Path) -> dict[str, NDArray[np.uint8]]:
    if not file.is_file():
        raise InputError(f"{file} is missing: there is no such file.")
    wanted = [f"{part}_{what}" for part in PARTS for what in ("images", "labels")]
    try:
        with np.load(file, allow_pickle=False) as stored:
            absent = [name for name in wanted if name not in stored]
            arrays = {name: stored[name] for name in wanted if name in stored}
    except (OSError, ValueError, zipfile.BadZipFile, EOFError):
        raise InputError(f"{file} cannot be read as an .npz file of numbers.") from None
    if absent:
        raise InputError(f"{file}: no array {', '.join(absent)}. A MedMNIST file has {wanted}.")
    problems = []
    for part in PARTS:
        pictures, labels = arrays[f"{part}_images"], arrays[f"{part}_labels"]
        if pictures.dtype != np.uint8 or pictures.ndim not in (3, 4):
            problems.append(
                f"{part}_images: wanted uint8 of 3 or 4 axes, got {pictures.dtype} "
                f"of shape {pictures.shape}."
            )
        if labels.ndim != 2 or len(labels) != len(pictures) or labels.dtype.kind not in "iu":
            problems.append(
                f"{part}_labels: wanted whole numbers of shape ({len(pictures)}, L), got "
                f"{labels.dtype} of shape {labels.shape}."
            )
    for what, axes in (("images", slice(1, None)), ("labels", slice(1, None))):
        shapes = {arrays[f"{part}_{what}"].shape[axes] for part in PARTS}
        if len(shapes) > 1:
            problems.append(f"{what} of train, val and test differ in shape: {sorted(shapes)}.")
    if problems:
        raise InputError([f"{file.name}: {problem}" for problem in problems])
    return arrays


def _label_columns(
    labels: NDArray[np.int64], classes: list[str] | None
) -> dict[str, NDArray[np.str_]]:
    n_labels = labels.shape[1] if labels.shape[1] > 1 else int(labels.max()) + 1
    if classes is not None and len(classes) != n_labels:
        raise InputError(
            f"--classes names {len(classes)}, the labels are {n_labels}: 0 to {n_labels - 1}."
        )
    if labels.shape[1] > 1:
        names = classes or [f"finding_{k}" for k in range(n_labels)]
        return {name: labels[:, k].astype(str) for k, name in enumerate(names)}
    named = np.array(classes or [str(k) for k in range(n_labels)])
    return {"label": named[labels[:, 0]]}
