"""Make the phantom cohort: radiographs, masks, table, cohort.yaml, truth.json.

folder/
  cohort.yaml        what the columns are
  cases.csv          one row per case
  images/CASE.dcm    DX radiographs; absent for some cases
  masks/CASE.npz     per finding a bool array of the radiograph's size; empty unless the finding
                     is present and drawn strongly enough to be pointed at
  truth.json         what is really so: findings, evidence, oracle, what was planted
  README.txt
"""

import json
import shutil
import tempfile
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from clinmm.cohort.phantom import latents, lesions
from clinmm.cohort.phantom.dicom_file import write_dicom
from clinmm.cohort.phantom.findings import FINDINGS, LABEL_WORDS
from clinmm.cohort.phantom.latents import PROSE, Case, stream
from clinmm.cohort.phantom.notes import write_note
from clinmm.cohort.phantom.oracle import as_present, oracle_by_sex, oracle_table, posterior
from clinmm.cohort.phantom.picture import draw_picture
from clinmm.cohort.phantom.planting import check_names, plant_all
from clinmm.cohort.phantom.records import LABS
from clinmm.errors import InputError

GENERATOR = "clinmm phantom cohort"
VERSION = 1

COHORT_YAML = """\
# An invented cohort: no person stands behind any row. Made by clinmm, seed {seed}.
name: phantom
table: cases.csv
case_id: case_id
patient_id: patient_id
unit_name: patient
missing: [""]
target: {{name: finding, kind: multilabel, columns: [{findings}]}}
inputs:
  image: {{kind: image, column: image}}
  note: {{kind: note, column: note}}
  record: {{kind: record, numeric: {{age: years, {labs}}}, categorical: [sex]}}
sensitive: {{sex: sex, age: {{column: age, bins: [0, 40, 65, 120]}}}}
site: site
index_time: {{column: seen_on}}
"""

README = """\
An invented chest cohort for testing clinmm. No person stands behind any row. For research only.

images/CASE.dcm  DX radiographs, MONOCHROME1 and MONOCHROME2, 12 and 16 bits.
masks/CASE.npz   numpy archive: per finding a bool array (rows, columns) of the radiograph's size.
                 It is empty unless the finding is present and drawn strongly enough to be seen.
cases.csv        empty cells were not recorded. A finding's column holds 1, 0 or nothing.
truth.json       what is really so, and what was planted. No model may read it.
"""


def make_phantom(
    folder: Path,
    *,
    seed: int = 0,
    n_patients: int = 500,
    plant: Collection[str] = (),
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Write the phantom cohort under `folder`: the same bytes for the same arguments.

    Args:
        folder: made, or replaced if it holds a phantom cohort; it appears whole or not at all.
        seed: not negative.
        n_patients: patients; 1.4 cases each on average.
        plant: names of `planting.PLANTS`.
        progress: called with (cases written, cases in all).

    Returns:
        Path of `cohort.yaml`.

    Raises:
        InputError: unknown plants, a number out of range, or a folder that holds something else.
    """
    folder = Path(folder)
    _check(folder, seed, n_patients, plant)
    cases = latents.draw_cases(seed, n_patients)
    planted = plant_all(cases, plant, seed)
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        _write(partial, cases, planted, seed, progress)
        partial.chmod(0o755)  # mkdtemp gives 0700
        if folder.exists():
            shutil.rmtree(folder)
        partial.rename(folder)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    return folder / "cohort.yaml"


def _check(folder: Path, seed: int, n_patients: int, plant: Collection[str]) -> None:
    problems: list[str] = []
    try:
        check_names(plant)
    except InputError as error:
        problems += error.problems
    if seed < 0:
        problems.append(f"seed must be 0 or more, got {seed}.")
    if n_patients < 1:
        problems.append(f"n_patients must be 1 or more, got {n_patients}.")
    if folder.exists() and not _may_replace(folder):
        problems.append(
            f"{folder} is there and is not a phantom cohort; nothing was written. "
            "Give an empty or new folder."
        )
    if problems:
        raise InputError(problems)


def _may_replace(folder: Path) -> bool:
    if not folder.is_dir():
        return False
    if not any(folder.iterdir()):
        return True
    try:
        truth = json.loads((folder / "truth.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(truth, dict) and truth.get("generator") == GENERATOR


def _write(
    folder: Path,
    cases: list[Case],
    planted: list[dict[str, Any]],
    seed: int,
    progress: Callable[[int, int], None] | None,
) -> None:
    (folder / "images").mkdir()
    (folder / "masks").mkdir()
    rows, truths = [], []
    best = posterior(cases, as_present(cases)).round(5).tolist()
    for done, case in enumerate(cases, start=1):
        truth = _truth_of(case)
        truth["oracle_as_present"] = dict(zip(FINDINGS, best[done - 1], strict=True))
        if case.present["image"]:
            truth |= _write_image(folder, seed, case)
        truths.append(truth)
        rows.append(_row(seed, case))
        if progress is not None:
            progress(done, len(cases))
    table = pd.DataFrame(rows, dtype=object)
    table.to_csv(folder / "cases.csv", index=False, lineterminator="\n", encoding="utf-8")
    labs = ", ".join(f"{name}: {lab.unit}" for name, lab in LABS.items())
    cohort = COHORT_YAML.format(seed=seed, findings=", ".join(FINDINGS), labs=labs)
    (folder / "cohort.yaml").write_text(cohort, encoding="utf-8")
    (folder / "README.txt").write_text(README, encoding="utf-8")
    truth_file = _cohort_truth(cases, planted, seed) | {"cases": truths}
    text = json.dumps(truth_file, indent=1)
    (folder / "truth.json").write_text(text + "\n", encoding="utf-8")


def _write_image(folder: Path, seed: int, case: Case) -> dict[str, Any]:
    picture, machine, masks, drawn = draw_picture(seed, case)
    write_dicom(
        folder / "images" / f"{case.case_id}.dcm",
        picture,
        machine,
        case_id=case.case_id,
        patient_id=case.patient_id,
        sex=case.sex,
        age=case.age,
        seen_on=case.seen_on,
        entropy=[GENERATOR, str(seed)],
    )
    np.savez_compressed(folder / "masks" / f"{case.case_id}.npz", **masks)  # type: ignore[arg-type]
    return {
        "drawn": {finding: round(amount, 4) for finding, amount in drawn.items()},
        "evident": {finding: bool(mask.any()) for finding, mask in masks.items()},
    }


def _row(seed: int, case: Case) -> dict[str, Any]:
    """One row of cases.csv; "" where nothing was recorded."""
    here = case.present
    prose = write_note(stream(seed, PROSE, case.index), case.facts, case.sex, case.stated)
    row: dict[str, Any] = {
        "case_id": case.case_id,
        "patient_id": case.patient_id,
        "site": case.site,
        "seen_on": case.seen_on.isoformat(),
        "image": f"images/{case.case_id}.dcm" if here["image"] else "",
        "note": prose if here["note"] else "",
        "age": case.age if here["record"] else "",
        "sex": case.sex if here["record"] else "",
    }
    for name, value in case.record.items():
        shown = int(value) if LABS[name].decimals == 0 else value
        row[name] = shown if here["record"] and case.measured[name] else ""
    for finding, label, known in zip(FINDINGS, case.labels, case.label_recorded, strict=True):
        row[finding] = int(label) if known else ""
    return row


def _truth_of(case: Case) -> dict[str, Any]:
    return {
        "case_id": case.case_id,
        "patient_id": case.patient_id,
        "sex": case.sex,
        "age": case.age,
        "labels": dict(zip(FINDINGS, case.labels.tolist(), strict=True)),
        "present": case.present,
        "image_evidence": dict(zip(FINDINGS, case.image_evidence.round(4).tolist(), strict=True)),
        "facts": case.facts,
        "measured": case.measured,
    }


def _cohort_truth(cases: list[Case], planted: list[dict[str, Any]], seed: int) -> dict[str, Any]:
    return {
        "generator": GENERATOR,
        "version": VERSION,
        "seed": seed,
        "n_patients": cases[-1].patient_index + 1,
        "n_cases": len(cases),
        "planted": planted,
        "oracle_auroc": oracle_table(cases),
        "oracle_auroc_by_sex": oracle_by_sex(cases),
        "oracle_note": (
            "AUROC of the exact posterior from the latent evidence, true labels: an upper bound. "
            "The seven sets of inputs on all cases, as_present on what each case has. Planted "
            "markers and statements are not counted as evidence; a planted faint group is. "
            "oracle_as_present of a case is its posterior: take its AUROC on the cases you compare."
        ),
        "label_words": LABEL_WORDS,
        "image_separation": lesions.SEPARATION,
        "missingness": {
            "image": ".07, + .07 at site C, + .05 from age 70",
            "note": ".10, + .12 at site B",
            "record": ".04 wholly empty; kept where nothing else is present",
            **{
                name: f"{lab.missing:g}"
                + (
                    f", {lab.missing_if_dyspnoea:g} with dyspnoea"
                    if lab.missing_if_dyspnoea != lab.missing
                    else ""
                )
                for name, lab in LABS.items()
            },
            "labels": f"{latents.LABEL_NOT_RECORDED:g}",
        },
    }
