"""Venn-Abers: isotonic regression asked twice, as if the case had the outcome and as if not."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from clinmm.calibration.inputs import Kind, Labels, checked, checked_logits
from clinmm.calibration.logits import Array

KIND: Kind = "binary"
MIN_PATIENTS_PER_CLASS = 50
"""As isotonic regression, on which it stands: with fewer patients p0 and p1 lie far apart."""
COMPLEXITY = 5

Point = tuple[float, float]


@dataclass(frozen=True, eq=False)
class Calibrator:
    """The inductive Venn-Abers predictor.

    p0 is the isotonic fit at the case when the case joins the calibration cases without the
    event, p1 when it joins with it. With exchangeable cases one of the two is calibrated, whatever
    the model. They are merged into p1 / (1 - p0 + p1), the choice with the least regret in log
    loss; it lies strictly inside (0, 1). Cases may become tied, never reversed.

    score: (k,) distinct calibration logits, rising. p0, p1: (k,) at these scores.

    Reference:
        Vovk, Petej, Fedorova. NeurIPS 2015, sections 3 and 5.
    """

    score: Array
    p0: Array
    p1: Array
    name = "venn_abers"

    @classmethod
    def fit(
        cls,
        logits: Array,
        target: Array,
        patient_ids: Labels | None = None,
        cells: Labels | None = None,
    ) -> "Calibrator":
        """p0 and p1 at every calibration score, in one pass each.

        Args:
            logits: (n,) log odds.
            target: (n,) in {0, 1}.
            patient_ids: (n,); this calibrator weighs cases and does not use them.
            cells: not used.

        Raises:
            InputError: as `inputs.checked`.
        """
        z, y = checked(KIND, logits, target, patient_ids)
        score, group = np.unique(z, return_inverse=True)
        n = np.bincount(group).astype(np.float64)
        events = np.bincount(group, weights=y).astype(np.float64)
        # a case without the event is one with it, on the scale turned upside down
        p0 = 1 - _with_one_more_event(n[::-1], (n - events)[::-1])[::-1]
        return cls(score, p0, _with_one_more_event(n, events))

    def bounds(self, logits: Array) -> tuple[Array, Array]:
        """(p0, p1), (n,) each: p1 - p0 says how much one case could move the answer."""
        z = checked_logits(KIND, logits)
        # between two scores, p0 is that of the lower one and p1 that of the upper one
        below = np.searchsorted(self.score, z, side="right")
        above = np.searchsorted(self.score, z, side="left")
        return np.append(0.0, self.p0)[below], np.append(self.p1, 1.0)[above]

    def apply(self, logits: Array, cells: Labels | None = None) -> Array:
        """(n,) probabilities of (n,) logits."""
        p0, p1 = self.bounds(logits)
        return p1 / (1 - p0 + p1)

    def to_json(self) -> dict[str, Any]:
        knots = {"score": self.score, "p0": self.p0, "p1": self.p1}
        return {"name": self.name} | {key: value.tolist() for key, value in knots.items()}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> "Calibrator":
        return cls(*(np.array(content[key], dtype=np.float64) for key in ("score", "p0", "p1")))


def _with_one_more_event(n: Array, events: Array) -> Array:
    """(k,) isotonic fit at each of k rising scores when one event is added at that score.

    An isotonic fit is the slope of the lower convex hull of (cases, events) summed up along the
    scores. An event added at score i moves every point before i by (-1, -1), so that going from
    i to i + 1 moves one point, and the hull is mended rather than made again (Vovk et al.,
    algorithms 1 and 2). `hull` holds it from right to left; its last segment is that of score i.
    """
    points = list(zip(np.cumsum(n).tolist(), np.cumsum(events).tolist(), strict=True))
    hull: list[Point] = []
    for point in [(-1.0, -1.0), (0.0, 0.0), *points]:
        while len(hull) > 1 and _turn(hull[-2], hull[-1], point) <= 0:
            hull.pop()
        hull.append(point)
    hull.reverse()
    fit = np.empty(len(points))
    for i, (x, y) in enumerate(points):
        left, right = hull[-1], hull[-2]
        fit[i] = (right[1] - left[1]) / (right[0] - left[0])
        moved = (x - 1.0, y - 1.0)
        if _turn(left, right, moved) >= 0:  # on or above the segment
            continue
        hull.pop()
        while len(hull) > 1 and _turn(moved, hull[-1], hull[-2]) <= 0:
            hull.pop()
        hull.append(moved)
    return fit


def _turn(a: Point, b: Point, c: Point) -> float:
    """Above 0 where the way from a over b to c turns left."""
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
