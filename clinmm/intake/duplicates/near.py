"""Pictures that are copies of one another, resized, recompressed, cut or changed in tone."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from clinmm.intake.duplicates.align import Array, Overlay, align, likeness, overlay_of_cuts
from clinmm.intake.duplicates.detail import detail_likeness
from clinmm.intake.duplicates.shortlist import VIEWS, Candidates, evened, shortlist, turned
from clinmm.intake.images_read import grey_square, picture_of

COARSE_BLUR, FINE_BLUR = 6 / 64, 5 / 128
"""Structures wider than about this share of the side are evened out: to lay pictures over one
another, and to compare their details."""

LIKELIEST, ALL_BUT_SURE = 2, 0.97
"""Pairs per picture that are looked at closely: so many, and all that are more alike than this."""

DETAIL_RANGE = (0.35, 0.88)
FULL_DETAIL_RANGE = (0.35, 0.94)
"""The agreement in detail that makes a copy lies between these, of thumbnails and of the files. The
kinds of pictures differ: of two skin lesions hardly any detail agrees, of two drawings most."""

DEVIATIONS, FULL_DEVIATIONS = 3.0, 5.0
"""So many standard deviations above what the thumbnails of the cohort's likeliest pairs agree in;
other pictures agree less the more closely one looks, copies do not."""

ENOUGH_PAIRS = 50
"""With fewer pairs their spread is not known, and the upper end of the range serves."""

FULL_SIDE = 128
"""Side of the pictures that are read from the files once more."""

CHUNK = 256
"""Pairs worked on at a time: bounds the memory."""

Tell = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class NearPairs:
    """first, second: (P,) rows of the pictures. likeness: (P,) agreement in detail, 1 if equal."""

    first: NDArray[np.int_]
    second: NDArray[np.int_]
    likeness: NDArray[np.float64]

    def as_lists(self) -> tuple[list[int], list[int], list[float]]:
        """first, second and likeness."""
        return self.first.tolist(), self.second.tolist(), self.likeness.tolist()


def near_duplicates(
    thumbnails: NDArray[np.uint8],
    paths: list[Path],
    dimensions: int,
    group: NDArray[np.int_],
    tell: Tell | None = None,
) -> NearPairs:
    """Pairs of pictures of different groups of which one is a changed copy of the other.

    Found are copies that were resized, recompressed, changed in brightness, contrast or gamma,
    marked with letters, cut by up to about a tenth at any border or given one, and whole ones that
    were mirrored or turned by quarter turns. Each picture is compared with each: coarsely; those
    most alike laid over one another; the likeliest of these compared in detail; what then stands
    out, once more from the files.

    Args:
        thumbnails: (n, S, S).
        paths: (n,) the files. dimensions: 2 or 3, as of `read_images`.
        group: (n,) a patient's pictures are one group, and not compared.
        tell: told how far it is.
    """
    textured = thumbnails.reshape(len(thumbnails), -1).std(axis=1) > 1
    if textured.sum() < 2:
        return NearPairs(np.empty(0, dtype=np.int_), np.empty(0, dtype=np.int_), np.empty(0))
    coarse = evened(thumbnails, COARSE_BLUR)
    pairs = shortlist(coarse, group, textured, tell)
    overlay, alike = _laid_over(_halved(coarse), pairs, overlay_of_cuts(_cuts(pairs)), steps=8)
    likely = _likeliest(pairs, alike)
    pairs, overlay = _part(pairs, likely), overlay[likely]
    overlay, _ = _laid_over(coarse, pairs, overlay, steps=4)
    fine = evened(thumbnails, FINE_BLUR)
    detail = _details(pairs, overlay, fine.__getitem__)
    stands_out = detail >= threshold(detail, DEVIATIONS, DETAIL_RANGE)
    pairs, overlay = _part(pairs, stands_out), overlay[stands_out]

    @lru_cache(maxsize=2 * CHUNK)
    def opened(row: int) -> Array:
        picture = picture_of(paths[row], dimensions, at_least=2 * FULL_SIDE)
        square: Array = evened(grey_square(picture, FULL_SIDE)[None], FINE_BLUR)[0]
        return square

    full = _details(pairs, overlay, lambda rows: np.stack([opened(int(row)) for row in rows]))
    copies = full >= threshold(detail, FULL_DEVIATIONS, FULL_DETAIL_RANGE)
    pairs = _part(pairs, copies)
    return NearPairs(pairs.first, pairs.second, full[copies])


def threshold(
    detail: NDArray[np.float64], deviations: float, least_most: tuple[float, float]
) -> float:
    """How much two pictures must agree in detail to stand out from a cohort's likeliest pairs.

    Correlations are near normal on Fisher's scale. Mean and spread are told from the 10th and the
    30th percentile, which copies among the pairs, of which there may be many, hardly move.

    Reference:
        Fisher. Metron 1:3 (1921).

    >>> threshold(np.array([0.1, 0.2]), 5, (0.35, 0.94))  # too few to know
    0.94
    """
    if detail.size < ENOUGH_PAIRS:
        return least_most[1]
    low, middle = np.quantile(np.arctanh(np.clip(detail, -0.999, 0.999)), [0.1, 0.3])
    deviation = (middle - low) / (1.2816 - 0.5244)  # these percentiles of a normal distribution
    mean = middle + 0.5244 * deviation
    return float(np.clip(np.tanh(mean + deviations * deviation), *least_most))


def _laid_over(
    pictures: Array, pairs: Candidates, overlay: Overlay, steps: int
) -> tuple[Overlay, NDArray[np.float64]]:
    """How the pairs lie over one another, and their correlation then. pictures: (n, S, S)."""
    overlay, alike = overlay.copy(), np.zeros(len(overlay))
    for part in _chunks(pairs):
        first = pictures[pairs.first[part]]
        second = _seen_so(pictures[pairs.second[part]], pairs.view[part])
        overlay[part] = align(first, second, overlay[part], steps)
        alike[part] = likeness(first, second, overlay[part])
    return overlay, alike


def _details(
    pairs: Candidates, overlay: Overlay, pictures: Callable[[NDArray[np.int_]], Array]
) -> NDArray[np.float64]:
    """(P,) agreement in detail. pictures: rows -> (P, S, S)."""
    detail = np.zeros(len(overlay))
    for part in _chunks(pairs):
        second = _seen_so(pictures(pairs.second[part]), pairs.view[part])
        detail[part] = detail_likeness(pictures(pairs.first[part]), second, overlay[part])
    return detail


def _likeliest(pairs: Candidates, alike: NDArray[np.float64]) -> NDArray[np.int_]:
    """Numbers of the pairs that are among the LIKELIEST of either picture, or ALL_BUT_SURE."""
    picture = np.concatenate([pairs.first, pairs.second])
    twice = np.tile(alike, 2)
    order = np.lexsort((-twice, picture))
    _, begins, sizes = np.unique(picture[order], return_index=True, return_counts=True)
    rank = np.arange(len(order)) - np.repeat(begins, sizes)
    return np.unique(order[(rank < LIKELIEST) | (twice[order] >= ALL_BUT_SURE)] % len(alike))


def _cuts(pairs: Candidates) -> NDArray[np.float64]:
    """(P, 4) what the views cut off."""
    return np.array([(v.top, v.bottom, v.left, v.right) for v in VIEWS])[pairs.view]


def _seen_so(pictures: Array, views: NDArray[np.int_]) -> Array:
    """(P, S, S) turned and mirrored as each pair's view says; `pictures` is changed."""
    for row, number in enumerate(views):
        view = VIEWS[number]
        if view.turns or view.mirrored:
            pictures[row] = turned(pictures[row].copy(), view)
    return pictures


def _halved(pictures: Array) -> Array:
    n, side = len(pictures), pictures.shape[1] // 2
    halved: Array = pictures.reshape(n, side, 2, side, 2).mean(axis=(2, 4))
    return halved


def _chunks(pairs: Candidates) -> list[slice]:
    return [slice(start, start + CHUNK) for start in range(0, len(pairs.first), CHUNK)]


def _part(pairs: Candidates, which: NDArray[np.bool_] | NDArray[np.int_]) -> Candidates:
    return Candidates(pairs.first[which], pairs.second[which], pairs.view[which])
