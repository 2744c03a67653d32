"""Who reads which case, in what order, and in which arm of the protocol."""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from clinmm.review.protocol import Protocol

ASSIGNMENTS = ["reader", "case_id", "reading", "position", "arm"]


def assign(
    case_ids: Sequence[str], protocol: Protocol, patients: Mapping[str, str] | None = None
) -> pd.DataFrame:
    """Deals the cases out.

    - Each case is read by `reads_per_case` readers. Loads differ by one at most, and so, nearly, do
      the numbers of cases that any two readers share.
    - Each reader has a random order of their own, in which two cases of one patient do not follow
      each other where swaps avoid it.
    - Repeats come after all first readings, in an order of their own. A repeat keeps its arm: it
      compares a reader with themselves, not one arm with another.
    - Arms are drawn over a reader's cases (`assign: case`) or over the readers (`assign: reader`):
      each as often as another, give or take one, in an order that only chance decides. Blocks that
      hold each arm once would let a reader who counts tell the arm of the case that ends one.

    Args:
        case_ids: of the study; their order does not matter.
        protocol: readers, reads_per_case, repeats, arms, assign and seed count.
        patients: case_id -> patient_id; without it each case counts as a patient of its own.

    Returns:
        One row per reading: reader, case_id, reading (1, or 2 of a repeat), position (from 0, per
        reader) and arm.

    Reference:
        Why no blocks: Schulz, Grimes. Unequal group sizes in randomised trials: guarding against
        guessing. Lancet 2002;359:966-970.
    """
    rng = np.random.default_rng(protocol.seed)
    loads = _deal(sorted(case_ids), protocol, rng)
    of_reader = dict(zip(loads, _arms(protocol, len(loads), rng), strict=True))
    rows = []
    for reader, dealt in loads.items():
        first = _in_order(dealt, patients or {}, rng)
        arms = dict(zip(first, _arms(protocol, len(first), rng), strict=True))
        if protocol.assign == "reader":
            arms = dict.fromkeys(first, of_reader[reader])
        n_again = _n_repeats(len(first), protocol.repeats.share)
        chosen = sorted(rng.choice(len(first), n_again, replace=False))
        again = _in_order([first[i] for i in chosen], patients or {}, rng)
        readings = [(case, 1) for case in first] + [(case, 2) for case in again]
        rows += [
            (reader, case, reading, position, arms[case])
            for position, (case, reading) in enumerate(readings)
        ]
    return pd.DataFrame(rows, columns=ASSIGNMENTS)


def _deal(
    case_ids: list[str], protocol: Protocol, rng: np.random.Generator
) -> dict[str, list[str]]:
    """Reader -> cases. Each case goes to those who have fewest, of these to those who have shared
    fewest with who has it already, of these at random."""
    k = protocol.reads_per_case or len(protocol.readers)
    loads: dict[str, list[str]] = {reader: [] for reader in protocol.readers}
    shared: Counter[frozenset[str]] = Counter()
    for i in rng.permutation(len(case_ids)):
        chosen: list[str] = []
        lot = dict(zip(protocol.readers, rng.random(len(protocol.readers)), strict=True))
        for _ in range(k):
            free = (reader for reader in protocol.readers if reader not in chosen)
            chosen.append(
                min(
                    free,
                    key=lambda one: (
                        len(loads[one]),
                        sum(shared[frozenset((one, other))] for other in chosen),
                        lot[one],
                    ),
                )
            )
        shared.update(frozenset((a, b)) for at, a in enumerate(chosen) for b in chosen[at + 1 :])
        for reader in chosen:
            loads[reader].append(case_ids[i])
    return loads


def _in_order(
    case_ids: Sequence[str], patients: Mapping[str, str], rng: np.random.Generator
) -> list[str]:
    """The cases in random order. Where one follows another of its patient it changes places with
    the next of somebody else; a second pass, from the end, sees to those that end the first."""
    order = [case_ids[i] for i in rng.permutation(len(case_ids))]
    for _ in range(2):
        for at in range(1, len(order)):
            before = patients.get(order[at - 1])
            if before is not None and patients.get(order[at]) == before:
                later = (i for i in range(at + 1, len(order)) if patients.get(order[i]) != before)
                other = next(later, None)
                if other is None:  # what is left is of one patient
                    break
                order[at], order[other] = order[other], order[at]
        order.reverse()
    return order


def _arms(protocol: Protocol, n: int, rng: np.random.Generator) -> list[str]:
    """So many arms: each as often as another or once more, in random order."""
    names = list(protocol.arms)
    as_often = np.resize(rng.permutation(len(names)), n)  # chance says which come once more
    return [names[i] for i in rng.permutation(as_often)]


def _n_repeats(n: int, share: float) -> int:
    """How many of n cases are read again: the share, rounded, and one at least.

    >>> _n_repeats(20, 0.1), _n_repeats(4, 0.1), _n_repeats(4, 0)
    (2, 1, 0)
    """
    return min(n, max(1, round(n * share))) if share else 0
