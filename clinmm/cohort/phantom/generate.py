"""Make the phantom cohort: radiographs or CT series, masks, table, cohort.yaml, truth.json.

folder/
  cohort.yaml        what the columns are
  cases.csv          one row per case
  images/CASE.dcm    DX radiographs, or images/CASE/ a CT series; absent for some cases
  masks/CASE.npz     per finding a bool array of the image's size; empty unless the finding
                     is present and drawn strongly enough to be pointed at
  truth.json         what is really so: findings, evidence, oracle, what was planted
  README.txt
"""

import json
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from clinmm.cohort.phantom import latents, table, truth
from clinmm.cohort.phantom.findings import FINDINGS
from clinmm.cohort.phantom.image_files import GENERATOR, write_image
from clinmm.cohort.phantom.latents import Case
from clinmm.cohort.phantom.oracle import as_present, posterior
from clinmm.cohort.phantom.planting import Planting, check_names, plant_all
from clinmm.errors import InputError

Modality = Literal["dx", "ct"]


def make_phantom(
    folder: Path,
    *,
    seed: int = 0,
    n_patients: int = 500,
    plant: Planting = (),
    modality: Modality = "dx",
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Write the phantom cohort under `folder`: the same bytes for the same arguments.

    Args:
        folder: made, or replaced if it holds a phantom cohort; it appears whole or not at all.
        seed: not negative.
        n_patients: patients; 1.4 cases each on average.
        plant: names of `planting.ALL_PLANTS`; or name -> size, for those of `planting.SIZES`, None
            for the plant's own.
        modality: `dx`, one radiograph a case; or `ct`, one CT series a case with the same findings
            of the same strength, and the same notes and records.
        progress: called with (cases written, cases in all).

    Returns:
        Path of `cohort.yaml`.

    Raises:
        InputError: unknown plants, a size or a number out of range, or a folder that holds
            something else.
    """
    folder = Path(folder)
    _check(folder, seed, n_patients, plant, modality)
    cases = latents.draw_cases(seed, n_patients)
    planted = plant_all(cases, plant, seed)
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        _write(partial, cases, planted, seed, modality, progress)
        partial.chmod(0o755)  # mkdtemp gives 0700
        if folder.exists():
            shutil.rmtree(folder)
        partial.rename(folder)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    return folder / "cohort.yaml"


def _check(folder: Path, seed: int, n_patients: int, plant: Planting, modality: str) -> None:
    problems: list[str] = []
    if modality not in ("dx", "ct"):
        problems.append(f"modality must be dx or ct, got '{modality}'.")
    try:
        check_names(plant, modality)
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
        held = json.loads((folder / "truth.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(held, dict) and held.get("generator") == GENERATOR


def _write(
    folder: Path,
    cases: list[Case],
    planted: list[dict[str, Any]],
    seed: int,
    modality: str,
    progress: Callable[[int, int], None] | None,
) -> None:
    (folder / "images").mkdir()
    (folder / "masks").mkdir()
    rows, truths = [], []
    best = posterior(cases, as_present(cases)).round(5).tolist()
    for done, case in enumerate(cases, start=1):
        about = truth.of_case(case)
        about["oracle_as_present"] = dict(zip(FINDINGS, best[done - 1], strict=True))
        if case.present["image"]:
            about |= write_image(folder, seed, case, cases, modality)
        truths.append(about)
        rows.append(table.row(seed, case, modality))
        if progress is not None:
            progress(done, len(cases))
    written = pd.DataFrame(rows, dtype=object)
    written.to_csv(folder / "cases.csv", index=False, lineterminator="\n", encoding="utf-8")
    timed = any(case.flaws.days_after for case in cases)
    wards = any(case.flaws.ward for case in cases)
    cohort = table.cohort_yaml(seed, modality, timed, wards)
    (folder / "cohort.yaml").write_text(cohort, encoding="utf-8")
    (folder / "README.txt").write_text(table.readme(modality), encoding="utf-8")
    truth_file = truth.of_cohort(cases, planted, seed) | {"cases": truths}
    text = json.dumps(truth_file, indent=1)
    (folder / "truth.json").write_text(text + "\n", encoding="utf-8")
