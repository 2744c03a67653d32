"""Does the explanation depend on what the labels mean, or on the recipe and the picture alone?

The test of Adebayo et al. asks that a model trained on permuted labels gives other maps. An
untrained model passes that, and so does noise. So it is asked as a contrast: the maps must be
nearer to those of a model trained again on the same labels. Likeness is the mean of that with the
sign of the scores and that without: where networks look is more alike between two trainings than
which way each part moves the logit, but size alone would not tell a map from its opposite.

Two trained models may be alike by chance, which no interval over patients holds. So several pairs
are trained, whose likenesses are averaged, and the likeness to the same labels is also held against
that of models on the same labels to models on permuted ones, which have nothing to do with one
another either.

Source: Adebayo et al., Sanity checks for saliency maps, NeurIPS 2018 (data randomisation test).
"""

from collections.abc import Iterable
from itertools import product

import numpy as np
from numpy.typing import NDArray

from clinmm.explain.audit.parts.likeness import likeness
from clinmm.explain.audit.parts.look import Look, Reading

TESTS = {
    "label_randomisation": "How much nearer is it to what the method says of models trained again "
    "on the same labels than of ones trained on permuted labels? Difference of two likenesses, "
    "each the mean of Spearman's correlation over the parts with and without sign.",
    "label_randomisation_over_unrelated": "How much nearer is it to models trained again on the "
    "same labels than these are to models trained on permuted labels? Likeness as before.",
    "similarity_same_labels": "How like is it to what the method says of models trained again on "
    "the same labels from another seed?",
    "similarity_permuted_labels": "The same of models trained on labels that belong to other "
    "patients.",
}


def measure(look: Look) -> list[Reading]:
    """Nothing where no models were trained again."""
    same = [look.scores_of(explanation) for explanation in look.by_same_labels]
    permuted = [look.scores_of(explanation) for explanation in look.by_permuted_labels]
    readings = []
    for name, scores in look.unrefined_scores.items():
        near = _mean(_both(scores, one[name]) for one in same)
        far = _mean(_both(scores, one[name]) for one in permuted)
        unrelated = _mean(_both(one[name], other[name]) for one, other in product(same, permuted))
        if near is not None and far is not None and unrelated is not None:
            readings += [
                Reading(name, "label_randomisation_over_unrelated", near - unrelated),
                Reading(name, "label_randomisation", near - far),
                Reading(name, "similarity_same_labels", near),
                Reading(name, "similarity_permuted_labels", far),
            ]
    return readings


def _mean(likenesses: Iterable[float | None]) -> float | None:
    """Of those that are defined."""
    defined = [value for value in likenesses if value is not None]
    return float(np.mean(defined)) if defined else None


def _both(one: NDArray[np.float64], other: NDArray[np.float64]) -> float | None:
    """The mean likeness with and without sign, of what is defined."""
    signed, unsigned = likeness(one, other), likeness(np.abs(one), np.abs(other))
    if signed is None or unsigned is None:
        return signed
    return (signed + unsigned) / 2
