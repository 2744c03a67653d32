"""Make a cohort from a DICOM folder, from FHIR R4, from MEDS or from a MedMNIST file.

Writes  cohort.yaml, cases.csv, notes.csv, images/, series/ (a new folder)
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clinmm.cohort.sources.draft import Draft
from clinmm.cohort.sources.write import refuse_places, write_draft
from clinmm.progress import Tell, silent


@dataclass(frozen=True)
class Made:
    """A cohort on disk.

    file: cohort.yaml. counts: what was read, matched and left out -> how many.
    remarks: what else to know.
    """

    file: Path
    counts: dict[str, int]
    remarks: tuple[str, ...]


def from_dicom(
    folder: Path,
    labels: Path | None,
    out: Path,
    *,
    key: Path | None = None,
    copy: bool = False,
    tell: Tell = silent,
    **options: Any,
) -> Made:
    """See `clinmm.cohort.sources.dicom_folder.draft_from_dicom` for the options."""
    from clinmm.cohort.sources.dicom_folder import draft_from_dicom

    refuse_places(out, [folder], key)
    return _write(draft_from_dicom(folder, labels, tell=tell, **options), out, key, copy, tell)


def from_fhir(
    paths: list[Path],
    out: Path,
    *,
    key: Path | None = None,
    copy: bool = False,
    tell: Tell = silent,
    **options: Any,
) -> Made:
    """See `clinmm.cohort.sources.fhir_bundle.draft_from_fhir` for the options."""
    from clinmm.cohort.sources.fhir_bundle import draft_from_fhir

    images = options.get("images")
    refuse_places(out, [*paths, *([images] if images else [])], key)
    return _write(draft_from_fhir(paths, tell=tell, **options), out, key, copy, tell)


def from_meds(
    folder: Path,
    label: Path,
    out: Path,
    *,
    key: Path | None = None,
    tell: Tell = silent,
    **options: Any,
) -> Made:
    """See `clinmm.cohort.sources.meds_dataset.draft_from_meds` for the options."""
    from clinmm.cohort.sources.meds_dataset import draft_from_meds

    refuse_places(out, [folder, label], key)
    return _write(draft_from_meds(folder, label, tell=tell, **options), out, key, False, tell)


def from_npz(
    file: Path,
    out: Path,
    *,
    classes: list[str] | None = None,
    tell: Tell = silent,
) -> Made:
    """See `clinmm.cohort.sources.npz_file.draft_from_npz`."""
    from clinmm.cohort.sources.npz_file import draft_from_npz

    refuse_places(out, [], None)
    return _write(draft_from_npz(file, classes), out, None, False, tell)


def _write(draft: Draft, out: Path, key: Path | None, copy: bool, tell: Tell) -> Made:
    file = write_draft(draft, out, key=key, copy=copy, tell=tell)
    return Made(file, draft.counts, draft.remarks)
