"""The DICOM files that ImagingStudy resources name, one picture or volume per case."""

from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd

from clinmm.cohort.sources.dicom_folder import Group, group_files, places
from clinmm.cohort.sources.dicom_headers import read_headers
from clinmm.cohort.sources.fhir_files import Resources
from clinmm.cohort.sources.fhir_values import latest
from clinmm.cohort.sources.known_by import last_known
from clinmm.errors import InputError
from clinmm.progress import Tell


def study_pictures(
    found: Resources,
    folder: Path | None,
    whose: pd.DataFrame,
    left_out: Counter[str],
    tell: Tell,
) -> tuple[pd.DataFrame, dict[str, Path]]:
    """The picture of each case: the first of its patient's last study up to the index time.

    Args:
        found: with ImagingStudy resources.
        folder: DICOM files of any name; matched by SeriesInstanceUID or SOPInstanceUID.
        whose: `case_id`, `patient`, `at`.
        left_out: counts what has no file.
        tell: told how many headers are read.

    Returns:
        Columns `image` or `volume` (paths, "" without), and where each file goes.

    Raises:
        InputError: no such folder, or no study names a picture in it.
    """
    if folder is None:
        return pd.DataFrame(index=range(len(whose))), {}
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder.")
    instances, reasons = read_headers(folder, tell)
    groups, others = group_files(instances)
    left_out.update(reasons)
    left_out.update(others)
    by_uid: dict[str, list[Group]] = {}
    for group in groups:
        for uid in {group.first.series, *(file.sop for file in group.files)}:
            by_uid.setdefault(uid, []).append(group)
    rows = []
    for study in found.of["ImagingStudy"].values():
        patient, time = found.identity(study.subject), latest(study.started)
        pictures = [group for uid in _uids(study) for group in by_uid.get(uid, [])]
        if not patient or time is None:
            left_out["ImagingStudy without a patient or a beginning"] += 1
        elif not pictures:
            left_out["ImagingStudy without a file"] += 1
        else:
            rows.append((patient, time, pictures[0]))
    if not rows:
        raise InputError(
            f"{folder}: no ImagingStudy names a series or instance of the {len(groups)} pictures."
        )
    studies = pd.DataFrame(rows, columns=["patient", "time", "picture"])
    known = last_known(studies.astype({"time": "datetime64[us]"}), whose)
    chosen: dict[str, Group] = dict(zip(known["case_id"], known["picture"], strict=True))
    files: dict[str, Path] = {}
    cells = []
    for case_id in whose["case_id"]:
        image = volume = ""
        if picture := chosen.get(case_id):
            image, volume, placed = places(picture, case_id)
            files.update(placed)
        cells.append({"image": image, "volume": volume})
    table = pd.DataFrame(cells, dtype=object)
    return table.loc[:, (table != "").any()], files


def _uids(study: Any) -> list[str]:
    """Instances that a study names, and its series; without `urn:oid:`."""
    uids = []
    for series in study.series or []:
        uids += [str(instance.uid) for instance in series.instance or []]
        uids.append(str(series.uid))
    return [uid.removeprefix("urn:oid:") for uid in uids]
