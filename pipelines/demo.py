"""The whole study on the embedded phantom cohort, with planted flaws, and what was found of them.

Reads   nothing          Writes   cohort/ (the phantom) and a run folder around it
"""

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pandas as pd

from clinmm.cohort.phantom import PLANTS, make_phantom
from clinmm.cohort.phantom.found import planted_and_found
from clinmm.config import load_config
from clinmm.errors import InputError
from clinmm.progress import Tell, silent
from clinmm.runs import Run
from pipelines import run

_STUDIES: dict[str, tuple[int, tuple[str, ...], str]] = {
    "dx": (500, PLANTS, "demo"),
    "ct": (150, ("stated_label",), "demo_ct"),
}
"""Modality -> patients of the phantom, what is planted, the study."""


def main(
    out: Path,
    seed: int = 0,
    tell: Tell = silent,
    began: Callable[[str], None] = lambda stage: None,
    modality: Literal["dx", "ct"] = "dx",
) -> tuple[Run, pd.DataFrame]:
    """Makes the cohort in OUT/cohort, then the study in OUT.

    Args:
        out: a new or empty folder, or one that an earlier, stopped call of the same seed left.
        seed: of the phantom and of the training.
        modality: radiographs with planted flaws, or CT volumes.

    Returns:
        The run, and the table of planted v. found.
    """
    n_patients, plant, study = _STUDIES[modality]
    cohort = out / "cohort" / "cohort.yaml"
    if not cohort.is_file():
        if out.is_dir() and any(out.iterdir()):
            raise InputError(f"{out} is not empty. Name a new folder with --out.")
        began("phantom")
        make_phantom(
            cohort.parent,
            seed=seed,
            n_patients=n_patients,
            plant=plant,
            modality=modality,
            progress=lambda i, n: tell("phantom", i, n),
        )
    config = load_config(study, [f"seed={seed}", f"cohort={cohort.resolve()}"])
    made = run.main(config, out, tell, began)
    return made, planted_and_found(made, cohort.parent)
