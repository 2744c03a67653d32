"""Which cases the audit of explanations looks at, each for one class."""

from collections import Counter
from collections.abc import Callable, Collection
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clinmm.arms import FUSED

MOST_OF_A_PATIENT = 2
"""Cases of a patient that are looked at, counted over all classes; one, where that is enough."""


class Audited(NamedTuple):
    """A case that is looked at for one class. fold: of repeat 0, whose models predicted it."""

    case_id: str
    patient_id: str
    fold: int
    class_name: str


def audit_sample(
    predictions: pd.DataFrame,
    n: int,
    folds: int,
    seed: int,
    outlined: Callable[[str, str], bool] = lambda case_id, class_name: False,
) -> list[Audited]:
    """At most n test cases of the first folds of repeat 0, fused arm, with a recorded target.

    The classes take turns, the rarest first; a class takes a positive and a negative in turn, each
    in an order drawn in the seed, and what is left once one side has run out. So classes are
    balanced, and each has as many positives as negatives, or all its positives. A case is looked at
    once. Positives whose finding somebody outlined come first, since localisation is tested on
    them alone. Values of a continuous target count as positive above their median.

    Args:
        predictions: schema.PREDICTIONS with every case that the models of the folds tested.
        n: cases in all.
        folds: how many folds of repeat 0 they come from, the lowest numbers first.
        outlined: (case id, class name) -> whether there is a mask of it.

    Returns:
        In order of fold, case and class. The same table, n, folds and seed give the same sample.
    """
    rows = _candidates(predictions, folds)
    rng = np.random.default_rng(seed)
    queues = [_Queue(part, rng, outlined) for _, part in rows.groupby("class_name", sort=True)]
    queues.sort(key=lambda queue: len(queue.sides[0]))
    taken: dict[str, Audited] = {}
    of_patient: Counter[str] = Counter()
    for most in range(1, MOST_OF_A_PATIENT + 1):
        waiting = list(queues)
        while waiting and len(taken) < n:
            queue = waiting.pop(0)
            case = queue.next_free(taken, of_patient, most)
            if case:
                taken[case.case_id] = case
                of_patient[case.patient_id] += 1
                waiting.append(queue)
    return sorted(taken.values(), key=lambda one: (one.fold, one.case_id, one.class_name))


class _Queue:
    """The cases of one class: positives and negatives, and how many of each were taken."""

    def __init__(
        self, rows: pd.DataFrame, rng: np.random.Generator, outlined: Callable[[str, str], bool]
    ) -> None:
        positive = _is_positive(rows["target"].to_numpy(dtype=np.float64))
        fields = [rows[name].tolist() for name in Audited._fields]
        cases = [Audited(*values) for values in zip(*fields, strict=True)]
        self.sides: list[list[Audited]] = [
            [cases[i] for i in rng.permutation(np.flatnonzero(positive == side))]
            for side in (True, False)
        ]
        self.sides[0].sort(key=lambda case: not outlined(case.case_id, case.class_name))
        self.taken = [0, 0]

    def next_free(
        self, taken: Collection[str], of_patient: Counter[str], most: int
    ) -> Audited | None:
        """Of the side that was taken less, positives first; of the other where it has none."""
        for side in sorted((0, 1), key=self.taken.__getitem__):
            for case in self.sides[side]:
                if case.case_id not in taken and of_patient[case.patient_id] < most:
                    self.taken[side] += 1
                    return case
        return None


def _candidates(predictions: pd.DataFrame, folds: int) -> pd.DataFrame:
    rows = predictions[
        (predictions["arm"] == FUSED)
        & (predictions["split"] == "test")
        & (predictions["repeat"] == 0)
        & predictions["target"].notna()
        & (predictions["pattern"] != "none")
    ]
    first = np.sort(rows["fold"].unique())[:folds]
    return rows[rows["fold"].isin(first)].sort_values(["class_name", "case_id"])


def _is_positive(targets: NDArray[np.float64]) -> NDArray[np.bool_]:
    binary = np.isin(targets, (0.0, 1.0)).all()
    positive: NDArray[np.bool_] = targets > (0.5 if binary else np.median(targets))
    return positive
