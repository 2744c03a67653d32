"""Cases that the encoders place far from the training cases.

Every model of a fold has the distribution of the cases that it trained on. As with predictions, a
case on which one of the models stopped gets that model's distance, any other the mean over the
models; the reference is every case that is neither test nor trained on by all of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clinmm.cases import Batch
from clinmm.folds import Fold
from clinmm.model import MultimodalClassifier
from clinmm.predict import TOGETHER, Embeddings, embeddings_of
from clinmm.uncertainty.outliers.conformal import Reference, Scores, reference_of
from clinmm.uncertainty.outliers.gaussian import Gaussian, fit_gaussian

FEWEST = 6
"""Training cases with an input, below which its embedding is not judged."""


@dataclass(frozen=True, eq=False)
class EmbeddingDetector:
    """gaussians: input -> one a model. references: input -> the reference's distances."""

    gaussians: dict[str, list[Gaussian]]
    references: dict[str, Reference]

    def distances(self, models: Sequence[MultimodalClassifier], batch: Batch) -> dict[str, Scores]:
        """Input -> (N,) mean distance over the models, NaN where the case lacks the input."""
        each = [
            _distances(self.gaussians, m, embeddings_of(x, batch)) for m, x in enumerate(models)
        ]
        return {name: np.mean([one[name] for one in each], axis=0) for name in self.gaussians}


def fit_embeddings(
    models: Sequence[MultimodalClassifier],
    batch: Batch,
    fold: Fold,
    reference: NDArray[np.bool_],
    patients: NDArray[np.object_],
) -> tuple[EmbeddingDetector, dict[str, Scores]]:
    """The detector, and input -> (N,) distances of the study's own cases.

    Args:
        models: of the fold.
        batch: every case of the cohort, the models' inputs.
        reference: (N,) cases that are not test and that not every model trained on.
        patients: (N,) whose case it is.
    """
    seen = [embeddings_of(model, batch) for model in models]
    train = [fold.training_of(member)[0] for member in range(len(models))]
    gaussians = {
        name: [fit_gaussian(one[name][rows]) for one, rows in zip(seen, train, strict=True)]
        for name in seen[0]
        if all(_n_known(o[name][r]) >= FEWEST for o, r in zip(seen, train, strict=True))
    }
    each = [_distances(gaussians, member, one) for member, one in enumerate(seen)]
    found, references = {}, {}
    for name in gaussians:
        together: Scores = np.mean([one[name] for one in each], axis=0)
        for member in range(len(models)):
            stopped_on = fold.member == member
            together[stopped_on] = each[member][name][stopped_on]
        found[name] = together
        rows = reference & ~np.isnan(together)
        references[name] = reference_of(together[rows], patients[rows])
    return EmbeddingDetector(gaussians, references), found


def _n_known(x: NDArray[np.float64]) -> int:
    return int((~np.isnan(x).all(1)).sum())


def _distances(
    gaussians: dict[str, list[Gaussian]], member: int, seen: Embeddings
) -> dict[str, Scores]:
    return {name: each[member].distance(seen[name]) for name, each in gaussians.items()}


def reason_of(name: str, distance: float, reference: Reference) -> str:
    """What is odd, in a sentence."""
    what = "its inputs together are" if name == TOGETHER else f"its {name} is"
    largest = float(reference.score[-1])
    return (
        f"to the model, {what} far from what it learned from: distance {distance:.2f}, "
        f"the farthest of {reference.n_patients} patients it had not seen {largest:.2f}"
    )
