"""Pairs of cases of different patients that seem to show one thing, or one person."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clinmm import schema
from clinmm.cohort.cohort import Cohort
from clinmm.intake.duplicates.digest import pixel_digest
from clinmm.intake.duplicates.near import near_duplicates
from clinmm.intake.duplicates.people import alike_notes, alike_records
from clinmm.intake.images_read import ImagesRead

Tell = Callable[[int, int], None]
Row = dict[str, Any]

ALL_BUT_EQUAL = 0.98
"""Agreement in detail above which the pixels themselves are compared."""


def find_links(cohort: Cohort, images: ImagesRead, tell: Tell | None = None) -> pd.DataFrame:
    """Pairs of cases of different patients that hold the same (`schema.LINKS`).

    Of each kind, as many pairs as it takes to connect the cases that belong together:
    `same_bytes` (equal files), `same_pixels` (equal pictures in other files), `near_duplicate`
    (`near_duplicates`; distance is 1 less the agreement in detail), `same_patient` (a note or a
    record that two patients share and hardly anybody else; distance 1 less the share that agrees).

    Args:
        cohort: the cases. images: what `read_images` gives of them.
        tell: told how far it is.
    """
    rows: list[Row] = []
    for name in cohort.spec.input_names("image"):
        rows += _picture_links(cohort, images, name, tell)
    for name in cohort.spec.input_names("note"):
        rows += [_row(cohort, *pair, name, "same_patient") for pair in alike_notes(cohort, name)]
    for name in cohort.spec.input_names("record"):
        rows += [_row(cohort, *pair, name, "same_patient") for pair in alike_records(cohort, name)]
    return schema.LINKS.fill(pd.DataFrame(rows)) if rows else schema.LINKS.empty()


@dataclass(frozen=True, eq=False)
class _Files:
    """The readable files of one input, equal ones once.

    paths, thumbnails: of each file. holders: the rows of the cases that name it.
    """

    paths: list[Path]
    thumbnails: NDArray[np.uint8]
    holders: list[list[int]]
    dimensions: int

    def same_pixels(self, one: int, other: int) -> bool:
        one_digest, other_digest = (
            pixel_digest(self.paths[file], self.dimensions) for file in (one, other)
        )
        return one_digest == other_digest


def _picture_links(
    cohort: Cohort, images: ImagesRead, name: str, tell: Tell | None
) -> Iterator[Row]:
    """Links between the pictures of one input."""
    patients = cohort.table["patient_id"].to_numpy()
    holders: dict[str, list[int]] = defaultdict(list)
    for row, digest in enumerate(cohort.image_sha256(name)):
        if digest is not None:
            holders[digest].append(row)
    for rows in holders.values():
        for one, other in _connected(rows, patients):
            yield _row(cohort, one, other, 0.0, name, "same_bytes")

    read = [digest for digest in holders if digest in images.thumbnails]
    if len(read) < 2:
        return
    path_of = dict(zip(cohort.image_sha256(name), cohort.image_paths(name), strict=True))
    files = _Files(
        [path for digest in read if (path := path_of[digest]) is not None],
        np.stack([images.thumbnails[digest] for digest in read]),
        [holders[digest] for digest in read],
        cohort.dimensions(name),
    )
    equal = _equal_pictures(files)
    for group in equal:
        for one, other in pairwise(group):
            if pair := _across(files, one, other, patients):
                yield _row(cohort, *pair, 0.0, name, "same_pixels")
    known = {frozenset((a, b)) for group in equal for a in group for b in group}
    near = near_duplicates(
        files.thumbnails, files.paths, files.dimensions, _groups(files, patients), tell
    )
    for one, other, likeness in zip(*near.as_lists(), strict=True):
        pair = _across(files, one, other, patients)
        if pair is None or frozenset((one, other)) in known:
            continue
        if likeness > ALL_BUT_EQUAL and files.same_pixels(one, other):
            yield _row(cohort, *pair, 0.0, name, "same_pixels")
        else:
            yield _row(cohort, *pair, max(0.0, 1 - likeness), name, "near_duplicate")


def _equal_pictures(files: _Files) -> list[list[int]]:
    """Groups of files that hold the same pixels, among those whose thumbnails are equal."""
    alike: dict[bytes, list[int]] = defaultdict(list)
    for file, thumbnail in enumerate(files.thumbnails):
        alike[thumbnail.tobytes()].append(file)
    equal: dict[str, list[int]] = defaultdict(list)
    for group in alike.values():
        for file in group if len(group) > 1 else ():
            equal[pixel_digest(files.paths[file], files.dimensions)].append(file)
    return [group for group in equal.values() if len(group) > 1]


def _groups(files: _Files, patients: NDArray[Any]) -> NDArray[np.int_]:
    """(n,) a number per patient; a file that several patients have is a group of its own."""
    number = {patient: i for i, patient in enumerate(dict.fromkeys(patients))}
    groups = [
        number[patients[rows[0]]] if len(set(patients[rows])) == 1 else len(number) + file
        for file, rows in enumerate(files.holders)
    ]
    return np.array(groups, dtype=np.int_)


def _across(files: _Files, one: int, other: int, patients: NDArray[Any]) -> tuple[int, int] | None:
    """A case of each file, of different patients."""
    pairs = ((a, b) for a in files.holders[one] for b in files.holders[other])
    return next(((a, b) for a, b in pairs if patients[a] != patients[b]), None)


def _connected(rows: list[int], patients: NDArray[Any]) -> Iterator[tuple[int, int]]:
    """The first case with the first of each other patient."""
    seen = {patients[rows[0]]}
    for row in rows[1:]:
        if patients[row] not in seen:
            seen.add(patients[row])
            yield rows[0], row


def _row(cohort: Cohort, one: int, other: int, distance: float, name: str, kind: str) -> Row:
    ids = cohort.table["case_id"]
    first, second = min(one, other), max(one, other)
    return {
        "case_id": ids.iloc[first],
        "other_case_id": ids.iloc[second],
        "input": name,
        "kind": kind,
        "distance": distance,
    }
