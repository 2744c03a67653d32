"""The image file and the masks of one case, written under the cohort's folder."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from clinmm.cohort.phantom.dicom_file import write_dicom
from clinmm.cohort.phantom.latents import Case
from clinmm.cohort.phantom.picture import draw_picture
from clinmm.cohort.phantom.picture_copies import altered, recompress, write_jpeg
from clinmm.cohort.phantom.spoiling import burn_words, spoil

GENERATOR = "clinmm phantom cohort"


def image_path(case: Case, modality: str) -> str:
    """Where the case's image lies in the cohort's folder: a file, or the folder of a CT series."""
    if modality == "ct":
        return f"images/{case.case_id}"
    as_jpeg = case.flaws.copy is not None and case.flaws.copy.how == "jpeg_file"
    return f"images/{case.case_id}{'.jpg' if as_jpeg else '.dcm'}"


def write_image(
    folder: Path, seed: int, case: Case, cases: Sequence[Case], modality: str
) -> dict[str, Any]:
    """Draw and write one case's image; what was drawn, for `truth.json`."""
    write = _write_series if modality == "ct" else _write_radiograph
    masks, drawn = write(folder / image_path(case, modality), seed, case, cases)
    np.savez_compressed(folder / "masks" / f"{case.case_id}.npz", **masks)  # type: ignore[arg-type]
    return {
        "drawn": {finding: round(amount, 4) for finding, amount in drawn.items()},
        "evident": {finding: bool(mask.any()) for finding, mask in masks.items()},
    }


def _write_radiograph(
    path: Path, seed: int, case: Case, cases: Sequence[Case]
) -> tuple[dict[str, np.ndarray], dict[str, float]]:
    copy = case.flaws.copy
    shown = cases[copy.of] if copy else case
    how = copy.how if copy else ""
    picture, machine, masks, drawn = draw_picture(seed, shown)
    picture = altered(picture, how)
    masks = {finding: altered(mask, how) for finding, mask in masks.items()}
    named = shown if how == "same_bytes" else case
    if named.flaws.burned:
        burn_words(picture, named.flaws.burned)
    if how == "jpeg_file":
        write_jpeg(path, picture)
        return masks, drawn
    write_dicom(
        path,
        picture,
        machine,
        case_id=named.case_id,
        patient_id=named.patient_id,
        sex=named.sex,
        age=named.age,
        seen_on=named.seen_on,
        entropy=[GENERATOR, str(seed)],
    )
    if how in ("jpeg2000", "rle"):
        recompress(path, how)
    spoil(path, named.flaws)
    return masks, drawn


def _write_series(
    path: Path, seed: int, case: Case, cases: Sequence[Case]
) -> tuple[dict[str, np.ndarray], dict[str, float]]:
    from clinmm.cohort.phantom.ct.series import write_series
    from clinmm.cohort.phantom.ct.volume import draw_volume

    voxels, scanner, masks, drawn = draw_volume(seed, case)
    write_series(
        path,
        voxels,
        scanner,
        case_id=case.case_id,
        patient_id=case.patient_id,
        sex=case.sex,
        age=case.age,
        seen_on=case.seen_on,
        entropy=[GENERATOR, str(seed)],
    )
    return masks, drawn
