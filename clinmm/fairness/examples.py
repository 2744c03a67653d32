"""Test cases that illustrate a gap: those that a group loses most by."""

import numpy as np
from numpy.typing import NDArray

from clinmm.evaluation.rows import Key
from clinmm.fairness.many_groupings import SHARES
from clinmm.intervals import module_of
from clinmm.intervals.influence import of_sample
from clinmm.samples import CALIBRATED, Scored

AT_MOST = 6


def examples(scored: Scored, keep: NDArray[np.bool_], key: Key, n: int = AT_MOST) -> list[str]:
    """Case ids, the most telling first, no two of one patient.

    Of a share of calls such as the miss rate, those that are called wrongly; of other metrics, the
    cases whose influence harms that of the group, such as the AUROC that a positive lowers the more
    the more negatives stand above it. Between equals the case goes first whose probability is
    furthest from the outcome. Positive and negative cases take turns where there are both, since
    the rarer ones always weigh more. All are means over repeats.

    Args:
        scored: one arm and class.
        keep: (n,) the cases of the group.
        key: (metric, column of the sample); none is given for a metric without influence.
        n: how many at most.
    """
    module = module_of(key[0])
    if not hasattr(module, "influence") or not keep.any():
        return []
    sample, case_ids = scored.sample.take(keep), scored.case_ids[keep]
    if key[0] in SHARES:
        outcome, counted = SHARES[key[0]]
        wrong = sample.columns[key[1]] == (counted != module.HIGHER_IS_BETTER)
        harm = (wrong & (sample.y_true == outcome)).astype(np.float64)
    else:
        _, influence = of_sample(module, sample, key[1], {}, {})
        harm = -influence if module.HIGHER_IS_BETTER else influence
    far = np.abs(sample.y_true - sample.columns[CALIBRATED])
    _, first, at = np.unique(sample.case, return_index=True, return_inverse=True)
    times = np.bincount(at)
    harm, far = (np.round(np.bincount(at, weights=of) / times, 12) for of in (harm, far))
    telling = np.flatnonzero(harm > 0)
    order = telling[np.lexsort((telling, -far[telling], -harm[telling]))]
    place = np.zeros(order.size, dtype=np.int64)  # in its queue, one for each outcome
    positive = sample.y_true[first[order]] == 1
    for queue in (positive, ~positive):
        place[queue] = np.arange(queue.sum())
    order = order[np.argsort(place, kind="stable")]
    patients = sample.patient[first[order]]
    _, once = np.unique(patients, return_index=True)
    return [str(case) for case in case_ids[first[order[np.sort(once)[:n]]]]]
