"""A cohort without what identifies a person, written to a new folder.

folder/
  cohort.yaml     the same study's columns
  cases.csv       new ids, shifted dates, masked notes; rows in the order of the new ids
  INPUT/          one file per case, or one folder per volume; of a signal, its samples
  evidence.json   how much of what was changed, by rule; no values
"""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from clinmm import __version__
from clinmm.cohort.cohort import Cohort
from clinmm.deidentification import burned_in as ocr
from clinmm.deidentification import ner
from clinmm.deidentification.clean_dicom import clean_file, known_identity
from clinmm.deidentification.clean_picture import clean_picture
from clinmm.deidentification.clean_table import Cells, clean_columns, clean_spec
from clinmm.deidentification.copy_signals import copy_signals
from clinmm.deidentification.headers import is_dicom
from clinmm.deidentification.keys import Keys
from clinmm.deidentification.masking import known_pattern, mask_text
from clinmm.deidentification.profile import EDITION
from clinmm.errors import InputError
from clinmm.progress import Tell, silent

_PASSES = 3  # text that a first look misses beside stronger text is seen in a second
_EXTENSIONS = {".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".gif", ".nii", ".gz"}


def write_copy(
    cohort: Cohort, folder: Path, keys: Keys, *, look_at_pixels: bool = True, tell: Tell = silent
) -> dict[str, Any]:
    """Writes the copy into an empty folder and returns the evidence, which it writes too.

    Args:
        cohort: the cases that belong; others are not in the copy.
        folder: empty.
        keys: pseudonyms and date shifts; what is new is added to it.
        look_at_pixels: look for text in the pixels of pictures, if the extra `ocr` is installed.
        tell: told how far it is, in cases.

    Raises:
        InputError: files that are absent or cannot be cleaned; lists them all.
    """
    spec, table = cohort.spec, cohort.table
    same = spec.case_id == spec.patient_id
    new_patients = [keys.pseudonym("patient", old) for old in table["patient_id"]]
    new_cases = new_patients if same else [keys.pseudonym("case", old) for old in table["case_id"]]
    known = _known(cohort)
    evidence: dict[str, Counter[str]] = {"table": Counter()}
    evidence["table"]["ids replaced"] = len(set(new_cases)) + len(set(new_patients))
    columns: dict[str, Cells] = {spec.case_id: list(new_cases)}
    columns[spec.patient_id] = list(new_patients)
    columns |= clean_columns(cohort, keys, evidence["table"])
    problems: list[str] = []
    pixels = look_at_pixels and ocr.installed()
    for name in spec.input_names("image"):
        evidence[name] = Counter()
        copier = _Images(cohort, name, folder, keys, known, pixels, evidence[name], problems)
        columns[spec.inputs[name].columns[0]] = copier.copy(new_cases, tell)
    for name in spec.input_names("signal"):
        evidence[name] = Counter()
        columns[spec.inputs[name].columns[0]] = copy_signals(
            cohort, name, folder, new_cases, evidence[name], problems, tell
        )
    for name in spec.input_names("note"):
        evidence[name] = Counter()
        columns[spec.inputs[name].columns[0]] = _masked(cohort, name, known, evidence[name])
    if problems:
        raise InputError(problems)
    rows = pd.DataFrame(columns, dtype=object).sort_values(spec.case_id, kind="stable")
    rows.to_csv(folder / "cases.csv", index=False, lineterminator="\n", encoding="utf-8")
    settings = yaml.safe_dump(clean_spec(spec), sort_keys=False, allow_unicode=True)
    (folder / "cohort.yaml").write_text(settings, encoding="utf-8")
    said = _evidence(cohort, evidence, pixels)
    (folder / "evidence.json").write_text(json.dumps(said, indent=1) + "\n", encoding="utf-8")
    return said


def _evidence(cohort: Cohort, counts: dict[str, Counter[str]], pixels: bool) -> dict[str, Any]:
    looked = "every picture was looked at" if pixels else "not checked: text in the pixels"
    return {
        "made_by": f"clinmm {__version__}",
        "profile": f"DICOM PS3.15 {EDITION} Annex E, basic profile, sex, age, size and weight and "
        "shifted dates kept",
        "notes_and_cells": "45 CFR 164.514(b)(2)(i), by rules"
        + (" and a language model" if ner.installed() else "")
        + "; some names and places will be left: read the notes",
        "pixels": f"{looked}; volumes are not looked at",
        "n_cases": cohort.n_cases,
        "n_patients": cohort.n_patients,
        "changed": {place: dict(sorted((+count).items())) for place, count in counts.items()},
    }


def _known(cohort: Cohort) -> dict[str, set[str]]:
    """Patient -> old ids, and the names and numbers in the headers of the patient's files."""
    known: dict[str, set[str]] = {}
    table = cohort.table
    for case, patient in zip(table["case_id"], table["patient_id"], strict=True):
        known.setdefault(patient, set()).update(i for i in (case, patient) if len(i) > 3)
    for name in cohort.spec.input_names("image"):
        for path, patient in zip(cohort.image_paths(name), table["patient_id"], strict=True):
            first = next(iter(_files(path)), None)
            if first is not None and is_dicom(first):
                known[patient] |= known_identity(first)
    return known


def _files(path: Path | None) -> list[Path]:
    if path is None or not path.exists():
        return []
    return [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file())


def _masked(cohort: Cohort, name: str, known: dict[str, set[str]], counts: Counter[str]) -> Cells:
    cells = cohort.table[cohort.spec.inputs[name].columns[0]]
    texts = [cell if isinstance(cell, str) else "" for cell in cells]
    by_model = ner.name_spans(texts) if ner.installed() else [[] for _ in texts]
    new: Cells = []
    for text, patient, spans in zip(texts, cohort.table["patient_id"], by_model, strict=True):
        masked, n = mask_text(text, known_pattern(known[patient]), spans)
        counts.update({f"{kind} masked": amount for kind, amount in n.items()})
        new.append(masked or None)
    return new


class _Images:
    """The files of one image input."""

    def __init__(
        self,
        cohort: Cohort,
        name: str,
        folder: Path,
        keys: Keys,
        known: dict[str, set[str]],
        pixels: bool,
        counts: Counter[str],
        problems: list[str],
    ) -> None:
        self.cohort, self.name, self.folder, self.keys = cohort, name, folder, keys
        self.known, self.counts, self.problems = known, counts, problems
        self.pixels = pixels and getattr(cohort.spec.inputs[name], "dimensions", 2) == 2

    def copy(self, new_cases: list[str], tell: Tell) -> Cells:
        """Copies every file; the new cells, relative to the copy's table."""
        (self.folder / self.name).mkdir()
        cells: Cells = []
        paths = self.cohort.image_paths(self.name)
        for row, (path, new) in enumerate(zip(paths, new_cases, strict=True)):
            tell(f"clean {self.name}", row, len(paths))
            if path is None:
                cells.append(None)
                continue
            case = self.cohort.table["case_id"].iloc[row]
            try:
                cells.append(self._one(path, row, new))
            except InputError as error:
                self.problems += [f"{self.name}, case {case}: {said}" for said in error.problems]
                cells.append(None)
        tell(f"clean {self.name}", len(paths), len(paths))
        return cells

    def _one(self, path: Path, row: int, new: str) -> str:
        if not path.exists():
            raise InputError("the file is absent. Put it in place, or empty its cell.")
        if path.is_dir():
            target = f"{self.name}/{new}"
            (self.folder / target).mkdir()
            files = [file for file in _files(path) if is_dicom(file)]
            self.counts["files that are no DICOM left out"] += len(_files(path)) - len(files)
            for number, file in enumerate(files, start=1):
                self._clean(file, self.folder / target / f"{number:06d}.dcm", row)
            return target
        target = f"{self.name}/{new}{_extension(path)}"
        self._clean(path, self.folder / target, row)
        return target

    def _clean(self, source: Path, target: Path, row: int) -> None:
        boxes = self._text(source) if self.pixels else None
        self.counts["files"] += 1
        if is_dicom(source):
            patient = self.cohort.table["patient_id"].iloc[row]
            known = known_pattern(self.known[patient])
            self.counts.update(clean_file(source, target, self.keys, patient, known, boxes))
            return
        self.counts["bytes of metadata removed"] += clean_picture(source, target, boxes or ())
        self.counts["pixels: boxes of text made black"] += len(boxes or ())

    def _text(self, source: Path) -> list[ocr.TextBox]:
        shown = ocr.as_shown(source)
        boxes: list[ocr.TextBox] = []
        for _ in range(_PASSES):
            more = ocr.find_text(shown)
            if not more:
                break
            boxes += more
            for box in more:
                shown[box.top : box.bottom, box.left : box.right] = 0
        if boxes and is_dicom(source) and not _same_grid(source, shown.shape[:2]):
            raise InputError(
                "text stands in its pixels, and it is shown on another grid than it is stored. "
                "Mend the picture by hand, or empty its cell."
            )
        return boxes


def _same_grid(source: Path, shape: tuple[int, ...]) -> bool:
    from pydicom import dcmread

    header = dcmread(source, stop_before_pixels=True, force=True)
    return shape == (header.get("Rows"), header.get("Columns"))


def _extension(path: Path) -> str:
    if is_dicom(path):
        return ".dcm"
    if path.name.lower().endswith(".nii.gz"):
        return ".nii.gz"
    # The end of a file's name is kept only if it is one of a picture.
    return path.suffix.lower() if path.suffix.lower() in _EXTENSIONS else ".png"
