"""A space for pictures that no model made: what they look like from afar."""

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clinmm.cohort.cohort import Cohort
from clinmm.runs import Run

SIDE = 16
"""Pixels of a thumbnail's side: exposure, borders, colour and posture are seen, lesions are not."""

MAX_PICTURES = 5000
GREY_16_BIT = "I;16"


def thumbnails(run: Run, cohort: Cohort, cases: set[str], seed: int) -> pd.DataFrame | None:
    """Thumbnails of the run's display copies, of the first input of flat pictures.

    The same for every fold and arm, learned from nothing, and made of nothing but the run folder.

    Args:
        run, cohort: cohort as `study.stored_cohort` of the run.
        cases: ids of those that are looked at.
        seed: which 5,000 of them, where there are more.

    Returns:
        Index case_id, (n, 768) red, green and blue of 16 x 16 pixels from 0 to 1; a row for each
        case with a picture. None where the run keeps no copies.
    """
    for name in cohort.spec.input_names("image"):
        column = f"{name}_display"
        if cohort.dimensions(name) == 2 and column in cohort.table:
            rows = cohort.table[cohort.table["case_id"].isin(cases)]
            named = rows.set_index("case_id")[column].dropna()
            there = named[[(run.folder / file).is_file() for file in named]]
            if len(there):
                drawn = there.sample(min(len(there), MAX_PICTURES), random_state=seed)
                vectors = np.stack([_thumbnail(run.folder / file) for file in drawn])
                return pd.DataFrame(vectors, index=drawn.index)
    return None


def looks(pictures: pd.DataFrame) -> pd.DataFrame:
    """What thumbnails can be told by: mean brightness and its standard deviation over the picture,
    both of 1, rounded to three digits."""
    return pd.DataFrame(
        {
            "picture brightness": pictures.mean(axis=1).round(3),
            "picture contrast": pictures.std(axis=1).round(3),
        }
    )


def _thumbnail(file: Path) -> NDArray[np.float64]:
    """(768,) from 0 to 1."""
    from PIL import Image

    with Image.open(file) as picture:
        if picture.mode == GREY_16_BIT:
            grey = Image.fromarray(np.asarray(picture, dtype=np.float32) / (2**16 - 1))
            small = np.asarray(grey.resize((SIDE, SIDE), Image.Resampling.BOX))
            return np.repeat(small.ravel(), 3).astype(np.float64)
        small = np.asarray(picture.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BOX))
        return small.ravel().astype(np.float64) / 255
