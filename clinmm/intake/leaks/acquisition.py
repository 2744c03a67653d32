"""How pictures were made, as columns for a regression: nothing here is anatomy.

Words become one 0/1 column per value that at least five patients have; numbers one column per
quarter of their range of ranks, so that no straight line is assumed.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clinmm.cohort.cohort import Cohort
from clinmm.intake.images_read import ImagesRead
from clinmm.intake.leaks.marks import EDGE_NAMES

Columns = NDArray[np.float64]

WORDS = (
    "format", "modality", "photometric", "transfer_syntax", "bits", "orientation", "manufacturer",
    "model", "view",
)  # fmt: skip
NUMBERS = ("height", "width")
LEAST_PATIENTS = 5
QUARTERS = 4


def of_words(cells: pd.Series, patients: NDArray[np.object_]) -> Columns:
    """(n,) words, missing ones a value of their own -> (n, values)."""
    words = cells.fillna("not recorded").astype(str)
    owners = pd.Series(patients).groupby(words.to_numpy()).nunique()
    common = sorted(owners.index[owners >= LEAST_PATIENTS])
    columns = np.stack([words == value for value in common] or [words != words], axis=1)
    return columns.astype(np.float64)


def of_numbers(values: NDArray[np.float64]) -> Columns:
    """(n,) numbers, NaN where missing -> (n, up to 5)."""
    known = ~np.isnan(values)
    if not known.any():
        return np.zeros((len(values), 1))
    edges = np.unique(np.quantile(values[known], np.arange(1, QUARTERS) / QUARTERS))
    quarter = np.where(known, np.searchsorted(edges, values, side="left"), -1)
    columns = np.stack([quarter == q for q in range(-1, len(edges) + 1)], axis=1)
    return columns.astype(np.float64)


def acquisition(cohort: Cohort, images: ImagesRead, name: str) -> dict[str, Columns]:
    """Fact -> columns (n_cases, k) that vary: site, what the files of an image input say, shape,
    pixel spacing, kind of window, and black borders."""
    facts = facts_by_case(cohort, images, name)
    patients = cohort.table["patient_id"].to_numpy()
    found: dict[str, Columns] = {}
    if cohort.spec.site:
        found["site"] = of_words(cohort.table[cohort.spec.site], patients)
    for word in WORDS:
        found[word] = of_words(facts[word], patients)
    found["window"] = of_words(facts["window"].str.extract(r"^([A-Za-z ]+)")[0], patients)
    numbers = {
        number: pd.to_numeric(facts[number], errors="coerce").to_numpy(float) for number in NUMBERS
    }
    numbers["aspect"] = (numbers["width"] / numbers["height"]).round(4)
    spacing = facts["spacing"].str.extract(r"([0-9.]+)")[0]
    numbers["spacing"] = pd.to_numeric(spacing, errors="coerce").to_numpy(float)
    edges = facts["borders"].str.split(" ", expand=True).reindex(columns=range(len(EDGE_NAMES)))
    numbers |= {
        f"{edge} border": pd.to_numeric(edges[i], errors="coerce").to_numpy(float)
        for i, edge in enumerate(EDGE_NAMES)
    }
    found |= {number: of_numbers(values) for number, values in numbers.items()}
    return {fact: columns for fact, columns in found.items() if np.ptp(columns, axis=0).any()}


def facts_by_case(cohort: Cohort, images: ImagesRead, name: str) -> pd.DataFrame:
    """`schema.IMAGES` of one input, a row per case in the cohort's order, empty without a file."""
    facts = images.facts[(images.facts["input"] == name) & (images.facts["status"] == "read")]
    return facts.set_index("case_id").reindex(cohort.table["case_id"]).reset_index()
