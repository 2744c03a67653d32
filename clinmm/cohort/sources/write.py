"""Writes a drafted cohort as a folder that is there whole or not at all.

OUT/
  cohort.yaml   what the columns are; every guess marked CHECK
  cases.csv     one row per case
  notes.csv     rows of (case_id, text, time, section), where there are notes
  images/       picture files under case ids
  series/       one folder per volume
"""

import csv
import os
import shutil
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from clinmm.cohort.sources.draft import NOTES, TABLE, Draft, cohort_yaml
from clinmm.errors import InputError
from clinmm.progress import Tell, silent


def refuse_places(out: Path, sources: list[Path], key: Path | None) -> None:
    """Refuses, before anything is read, places that the cohort could not be written to.

    Raises:
        InputError: `out` is not a new or empty folder, lies in a source folder, or `key` is there
            already or would travel with the cohort.
    """
    problems = []
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        problems.append(f"{out} is there and is not empty; nothing was written. Name a new folder.")
    inside = [source for source in sources if source.is_dir() and _is_in(out, source)]
    if inside:
        problems.append(f"{out} lies in {inside[0]}, which is read. Name a folder outside it.")
    if key is not None and key.exists():
        problems.append(f"{key} is there already. Name another file for the key.")
    if key is not None and _is_in(key, out):
        problems.append(f"{key}: the key must not travel with the cohort. Put it outside {out}.")
    if problems:
        raise InputError(problems)


def write_draft(
    draft: Draft,
    out: Path,
    *,
    key: Path | None = None,
    copy: bool = False,
    tell: Tell = silent,
) -> Path:
    """Writes the cohort under temporary names, then renames it.

    Args:
        draft: what a source holds.
        out: a new or empty folder; its parents are made.
        key: file for (pseudonym, identifier), readable by its owner alone.
        copy: copy picture files; otherwise they are hard links where the disk allows, which take
            no room and share their bytes with the source.
        tell: told how many files are placed.

    Returns:
        Path of cohort.yaml.

    Raises:
        InputError: see `refuse_places`, or a disk that refuses.
    """
    refuse_places(out, [], key)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
        try:
            _fill(partial, draft, copy, tell)
            partial.chmod(0o755)  # mkdtemp gives 0700
            if key is not None:
                _write_key(key, draft.key)
            try:
                partial.replace(out)
            except OSError:
                if key is not None:
                    key.unlink()
                raise
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
    except OSError as error:
        raise InputError(f"{out} cannot be written: {error.strerror}.") from None
    return out / "cohort.yaml"


def _fill(folder: Path, draft: Draft, copy: bool, tell: Tell) -> None:
    draft.cases.to_csv(folder / TABLE, index=False, lineterminator="\n", encoding="utf-8")
    if draft.notes is not None:
        draft.notes.to_csv(
            folder / NOTES,
            index=False,
            lineterminator="\n",
            encoding="utf-8",
            quoting=csv.QUOTE_MINIMAL,
        )
    for done, (name, source) in enumerate(draft.files.items(), start=1):
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        _place(source, place, copy)
        if done % 100 == 0 or done == len(draft.files):
            tell("files placed", done, len(draft.files))
    for done, (name, pixels) in enumerate(draft.pictures.items(), start=1):
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        _draw(pixels, place)
        if done % 100 == 0 or done == len(draft.pictures):
            tell("pictures written", done, len(draft.pictures))
    (folder / "cohort.yaml").write_text(cohort_yaml(draft), encoding="utf-8")


def _place(source: Path, place: Path, copy: bool) -> None:
    if not copy:
        try:
            os.link(source, place)
        except OSError:
            pass  # another disk, or one without links: copied below
        else:
            return
    shutil.copyfile(source, place)


def _draw(pixels: NDArray[np.uint8], place: Path) -> None:
    if place.suffix == ".png":
        from PIL import Image

        Image.fromarray(pixels).save(place)
        return
    import nibabel

    # NIfTI counts axes x, y, z; one unit a voxel, because none is stated.
    nibabel.save(nibabel.Nifti1Image(pixels.transpose(2, 1, 0), np.eye(4)), place)


def _write_key(path: Path, key: dict[str, str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(handle, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["pseudonym", "identifier"])
        writer.writerows(sorted(key.items()))


def _is_in(path: Path, folder: Path) -> bool:
    return path.resolve().is_relative_to(folder.resolve())
