"""Context: what a check may know besides the cohort."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clinmm.cohort.cohort import Cohort
from clinmm.cohort.split_config import SplitConfig
from clinmm.intake.images_read import ImagesRead, read_images


@dataclass(eq=False)
class Context:
    """What a check may know besides the cohort; of one cohort, because files are read once.

    split: how the study divides the cohort; None without a study config.
    learns: (n_cases,) the cases whose labels may decide something, those that are not test; None
        for all, where nothing is divided. With folds every patient is tested once: these are then
        the cases that the first fold learns from.
    links: pairs of cases that seem to show one thing or one person (`schema.LINKS`).
    seed: of the study, as it divides the cohort.
    """

    split: SplitConfig | None = None
    learns: NDArray[np.bool_] | None = None
    links: pd.DataFrame | None = None
    images: ImagesRead | None = field(default=None, repr=False)
    seed: int = 0

    def images_of(self, cohort: Cohort) -> ImagesRead:
        """What every image file of the cohort turned out to be; read once."""
        if self.images is None:
            self.images = read_images(cohort)
        return self.images

    def learnt(self, cohort: Cohort) -> NDArray[np.bool_]:
        """(n_cases,) `learns`, all of them where it is None."""
        return np.ones(cohort.n_cases, dtype=bool) if self.learns is None else self.learns
