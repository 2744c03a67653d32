"""Does the explanation point where a person sees the finding, more than what knows nothing does?

A map that is high in the middle of the chest finds a large heart without having learned anything.
So what counts is the difference to maps that lack one thing each: where they lie (surrogates as
smooth as the method's), what the encoder learned (random weights), what the labels mean (permuted).

Scores are taken without their sign, because in which direction a region moves the logit depends on
what the case is compared with, and smoothed by less than one part.

Sources: Zhang et al., Top-down neural attention by excitation backprop, IJCV 2018 (pointing game);
Wang et al., Score-CAM, CVPRW 2020 (energy inside); Arun et al., Radiology: AI 2021 (AUPRC).
"""

import numpy as np
from numpy.typing import NDArray

from clinmm.explain.audit.parts.look import Look, Reading
from clinmm.explain.audit.parts.masks import covered
from clinmm.explain.audit.parts.surrogates import surrogate
from clinmm.explain.explanation import Explanation

Scores = NDArray[np.float64]

SMOOTHED = 0.7
"""Standard deviation of the smoothing, in parts: a finding seldom ends where a part does."""
DRAWS = 10
"""Surrogates for each map."""

TESTS = {
    "pointing_game": "Does the highest score lie where a person outlined the finding? 1 or 0.",
    "energy_inside": "Share of the scores, without sign, that lies inside the outline.",
    "localisation_area": "Share of the image inside the outline: energy_inside of an even map.",
    "localisation_auprc": "Area under the precision-recall curve for being inside the outline, by "
    "the scores without sign.",
    "localisation_over_chance": "Does it find the outline better than random maps as smooth? Area "
    "under the precision-recall curve, less theirs.",
    "localisation_over_random_weights": "Does it find the outline better than the map of a network "
    "of which this input's encoder has random weights? The same area, less its.",
    "localisation_over_permuted_labels": "Does it find the outline better than maps of models "
    "trained on labels that belong to other patients? The same area, less their mean.",
}


def measure(look: Look) -> list[Reading]:
    """For images that show the class and have been outlined."""
    return [
        Reading(name, test, value)
        for name, mask in look.masks.items()
        if name in look.scores and len(look.parts[name].grid) == mask.ndim
        for test, value in _of_image(look, name, mask).items()
    ]


def _of_image(look: Look, name: str, mask: NDArray[np.bool_]) -> dict[str, float]:
    if mask.all() or not mask.any():
        return {}
    parts = look.parts[name]
    inside = covered(mask, parts.grid)

    def found(scores: Scores) -> float:
        return auprc(strength(scores, parts.grid), inside)

    def found_by(explanation: Explanation) -> float:
        return found(look.scores_of(explanation)[name])

    own = strength(look.scores[name], parts.grid)
    value, unrefined = auprc(own, inside), found(look.unrefined_scores[name])
    rng = look.rng(*b"localisation")
    chance = np.mean([found(surrogate(look.scores[name], parts, rng)) for _ in range(DRAWS)])
    told = {
        "pointing_game": float(inside[own.argmax()] > 0),
        "localisation_area": float(inside.mean()),
        "localisation_auprc": value,
        "localisation_over_chance": value - float(chance),
        "localisation_over_random_weights": unrefined - found_by(look.by_random_weights(name)[-1]),
    }
    if own.any():
        told["energy_inside"] = float((own * inside).sum() / own.sum())
    if look.by_permuted_labels:
        permuted = np.mean([found_by(explanation) for explanation in look.by_permuted_labels])
        told["localisation_over_permuted_labels"] = unrefined - float(permuted)
    return told


def strength(scores: Scores, grid: tuple[int, ...]) -> Scores:
    """(n,) scores without sign, smoothed over the grid."""
    from scipy.ndimage import gaussian_filter

    smoothed: Scores = gaussian_filter(np.abs(scores).reshape(grid), SMOOTHED).ravel()
    return smoothed


def auprc(scores: Scores, inside: Scores) -> float:
    """Average precision where a part may be inside by a share.

    With shares of 0 and 1 it is scikit-learn's `average_precision_score`; parts of one score are
    taken together.

    Args:
        scores: (n,) higher is meant to be inside.
        inside: (n,) share of each part that is inside, not 0 everywhere.

    >>> round(auprc(np.array([3.0, 2, 1]), np.array([1.0, 0, 1])), 4)
    0.8333
    >>> auprc(np.ones(4), np.array([1.0, 0, 0, 0]))
    0.25
    """
    order = np.argsort(-scores, kind="stable")
    last = np.flatnonzero(np.append(np.diff(scores[order]), 1))
    hit = np.cumsum(inside[order])[last]
    precision, recall = hit / (last + 1), hit / inside.sum()
    return float((np.diff(recall, prepend=0) * precision).sum())
