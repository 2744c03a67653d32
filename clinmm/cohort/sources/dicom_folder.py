"""A folder of DICOM files and a table of labels -> a drafted cohort.

One case per 2-D picture, and one per CT, MR or PET series of several slices. The table gets what
the headers say about the picture and the person, never who it is: patients, cases and places are
numbered, pictures are placed under their case's number.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from clinmm.cohort.sources.dicom_headers import VOLUME_MODALITIES, Instance, read_headers
from clinmm.cohort.sources.draft import OLDEST, Draft, age_text
from clinmm.cohort.sources.labels import join_labels
from clinmm.cohort.sources.pseudonyms import number
from clinmm.cohort.table import read_table
from clinmm.errors import InputError
from clinmm.progress import Tell, silent

REMARKS = (
    "patient_id numbers the patients by PatientID, site the institutions (or stations). Ages over",
    f"{OLDEST - 1} are written as {OLDEST}. The pictures keep their headers: clinmm deidentify.",
)


@dataclass(frozen=True, eq=False)
class Group:
    """The files of one case, in order: one for a picture, several for a volume."""

    files: list[Instance]
    volume: bool

    @property
    def first(self) -> Instance:
        return self.files[0]


def draft_from_dicom(
    folder: Path,
    labels: Path | None,
    *,
    match: str | None = None,
    full_dates: bool = False,
    tell: Tell = silent,
) -> Draft:
    """What the folder holds, its labels beside it.

    Args:
        folder: walked to its end; other files are left out and counted.
        labels: a CSV or Parquet table with one row per picture, series, study or patient.
        match: its column to match by; found by its values if left out.
        full_dates: write the day a picture was taken, instead of the year.
        tell: told how many headers are read.

    Raises:
        InputError: no such folder, no picture in it, or labels that do not match.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder.")
    table = read_table(labels) if labels is not None else None
    instances, left_out = read_headers(folder, tell)
    groups, others = group_files(instances)
    left_out.update(others)
    if not groups:
        said = "; ".join(f"{count} {reason}" for reason, count in left_out.items())
        raise InputError(f"{folder} holds no DICOM picture. Found: {said or 'no file'}.")
    counts = {
        "2-D pictures": sum(not group.volume for group in groups),
        "volumes": sum(group.volume for group in groups),
    }
    people = [_person(group.first) for group in groups]
    patients = number(people, "P")
    order = sorted(range(len(groups)), key=lambda g: (patients[people[g]], _when(groups[g])))
    groups, people = [groups[g] for g in order], [people[g] for g in order]
    cases, files = _cases(groups, [patients[person] for person in people], full_dates)
    counts["patients"] = len(patients)
    counts["pictures without a PatientID (each study counts as a patient)"] = sum(
        not group.first.patient for group in groups
    )
    targets: tuple[str, ...] = ()
    remarks = list(REMARKS)
    if table is not None:
        joined = join_labels(
            table,
            [_identifiers(group) for group in groups],
            column=match,
            names=frozenset(word for i in instances for word in i.names if len(word) > 2),
            keep_dates=full_dates,
        )
        given = joined.table.rename(columns={c: f"label_{c}" for c in joined.table if c in cases})
        cases = pd.concat([cases, given], axis=1)
        targets = tuple(map(str, given))
        counts[f"cases with a label, by '{joined.column}' ({joined.key})"] = joined.matched
        counts["cases without a label"] = len(groups) - joined.matched
        counts["label rows without a picture"] = joined.unused
        remarks.append(f"Labels were matched by '{joined.column}', which holds the {joined.key}.")
        if joined.left_out:
            remarks.append(f"Not copied, as it says who or when: {', '.join(joined.left_out)}.")
    age_known = (cases["age"] != "").any()
    return Draft(
        name="dicom-cohort",  # the folder's own name may be a hospital number
        cases=cases,
        targets=targets,
        images={name: n for name, n in (("image", 2), ("volume", 3)) if name in cases},
        numeric={"age": "years"} if age_known else {},
        categorical=("sex",) if cases["sex"].nunique() > 1 else (),
        files=files,
        times=(("%Y-%m-%d",) if full_dates else ("%Y",)) if "index_time" in cases else (),
        counts={what: count for what, count in (counts | dict(left_out)).items() if count},
        key={patients[person]: person for person in patients},
        remarks=tuple(line.replace("\n", " ") for line in remarks),
    )


def group_files(instances: list[Instance]) -> tuple[list[Group], Counter[str]]:
    """Cases of the files, and what belongs to none, by reason.

    A volume is a CT, MR or PET series of several slices, or one such file of several frames;
    scout views are not part of it. Other files of several frames are films, which no reader reads.
    """
    left_out: Counter[str] = Counter()
    series: defaultdict[str, list[Instance]] = defaultdict(list)
    groups = []
    for instance in instances:
        if instance.modality in VOLUME_MODALITIES:
            if instance.localizer:
                left_out["scout views"] += 1
            else:
                series[instance.series].append(instance)
        elif instance.frames > 1:
            left_out["films (several frames that are no volume)"] += 1
        else:
            groups.append(Group([instance], volume=False))
    for slices in series.values():
        stacks = [s for s in slices if s.frames > 1]
        singles = sorted((s for s in slices if s.frames <= 1), key=lambda s: (s.number, s.below))
        groups += [Group([stack], volume=True) for stack in stacks]
        if singles:
            groups.append(Group(singles, volume=len(singles) > 1))
    return groups, left_out


def _person(file: Instance) -> str:
    """Two issuers may use one PatientID: taking their patients for one can only widen intervals,
    while dividing one patient would let him be in two parts of a split."""
    return file.patient or f"study {file.study}"


def _when(group: Group) -> tuple[str, str, int, int, str]:
    first = group.first
    day = first.taken.isoformat() if first.taken else ""
    return day, first.study, first.series_number, first.number, first.below


def _cases(
    groups: list[Group], patients: list[str], full_dates: bool
) -> tuple[pd.DataFrame, dict[str, Path]]:
    """The table, and where each file goes."""
    sites = number((g.first.place for g in groups if g.first.place), "S")
    width = max(4, len(str(len(groups))))
    rows = []
    files: dict[str, Path] = {}
    for place, (group, patient) in enumerate(zip(groups, patients, strict=True), start=1):
        case, first = f"c{place:0{width}}", group.first
        image, volume, placed = places(group, case)
        files.update(placed)
        day = first.taken
        rows.append(
            {
                "case_id": case,
                "patient_id": patient,
                "image": image,
                "volume": volume,
                "modality": first.modality,
                "view": first.view,
                "laterality": first.laterality,
                "body_part": first.body_part,
                "sex": first.sex if first.sex in ("F", "M", "O") else "",
                "age": "" if first.age is None else age_text(first.age),
                "index_time": "" if day is None else f"{day}" if full_dates else f"{day.year}",
                "manufacturer": first.manufacturer,
                "model": first.model,
                "site": sites.get(first.place, ""),
            }
        )
    table = pd.DataFrame(rows, dtype=object)
    always = ("case_id", "patient_id", "sex", "age")
    empty = [c for c in table if c not in always and (table[c] == "").all()]
    return table.drop(columns=empty), files


def places(group: Group, case: str) -> tuple[str, str, dict[str, Path]]:
    """The cells `image` and `volume` of a case, and where each of its files goes.

    images/c0001.dcm, series/c0001.dcm of several frames, or series/c0001/0001.dcm ...
    """
    if not group.volume:
        cell = f"images/{case}.dcm"
        return cell, "", {cell: group.first.path}
    if len(group.files) == 1:
        cell = f"series/{case}.dcm"
        return "", cell, {cell: group.first.path}
    cell = f"series/{case}"
    slices = enumerate(group.files, start=1)
    return "", cell, {f"{cell}/{slot:04}.dcm": file.path for slot, file in slices}


def _identifiers(group: Group) -> dict[str, set[str]]:
    paths = {path for f in group.files for path in (f.below, f.path.absolute().as_posix())}
    if len(group.files) > 1:
        paths |= {path.rsplit("/", 1)[0] for path in paths if "/" in path}
    return {
        "file path": paths,
        "SOPInstanceUID": {file.sop for file in group.files},
        "SeriesInstanceUID": {file.series for file in group.files},
        "AccessionNumber": {file.accession for file in group.files},
        "StudyInstanceUID": {file.study for file in group.files},
        "PatientID": {file.patient for file in group.files},
    }
