"""The cases of an epoch, dealt so that cells of cases come in equal numbers."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from clinmm.cases import Batch


def outcomes(batch: Batch, groups: Tensor, task: str) -> NDArray[np.int_]:
    """(N,) number of each case's cell of group and outcome, from 0 without gaps; -1 in no group.

    The outcome is the class; of several classes at once, whether the case has any; of a value,
    none. groups: (N,) int64, -1 for a case in no group.
    """
    target = batch.target * batch.known
    if task == "continuous":
        outcome = torch.zeros_like(groups)
    elif task == "multiclass":
        outcome = target.argmax(1)
    else:
        outcome = (target >= 0.5).any(1).long()
    number = torch.where(groups >= 0, groups * (int(outcome.max()) + 1) + outcome, -1)
    values, cell = np.unique(number.cpu().numpy(), return_inverse=True)
    return cell - int(values[0] < 0)


def quotas(n: NDArray[np.int_], at_most: float) -> NDArray[np.int_]:
    """How often an epoch shows each cell: equally often, but no case more than `at_most` times.

    n: (C,) cases of each cell, at least 1. What the cap takes from a cell goes to the others in
    equal parts. The quotas add up to the cases.

    >>> quotas(np.array([10, 30, 60]), at_most=10.0)
    array([34, 33, 33])
    >>> quotas(np.array([1, 39, 60]), at_most=10.0)
    array([10, 45, 45])
    """
    most = np.floor(n * at_most).astype(int)
    quota, open_cells = np.zeros(len(n), dtype=int), np.ones(len(n), dtype=bool)
    while True:
        left = int(n.sum() - quota[~open_cells].sum())
        share, rest = divmod(left, int(open_cells.sum()))
        quota[open_cells] = share
        quota[np.flatnonzero(open_cells)[:rest]] += 1
        over = open_cells & (quota > most)
        if not over.any():
            return quota
        quota[over], open_cells[over] = most[over], False


def deal(
    cell: NDArray[np.int_], quota: NDArray[np.int_], rng: np.random.Generator
) -> NDArray[np.int_]:
    """(N,) positions, in rounds that hold as many cases of each cell as there are in all.

    cell: (N,) the cell of each case, -1 for cases that come once, anywhere. A cell is gone through
    whole before a case of it comes again.
    """
    positions, when = [np.flatnonzero(cell < 0)], [rng.random(int((cell < 0).sum()))]
    for number, wanted in enumerate(quota):
        members = np.flatnonzero(cell == number)
        rounds = -(-int(wanted) // len(members))
        dealt = np.concatenate([rng.permutation(members) for _ in range(rounds)])[:wanted]
        positions.append(dealt)
        when.append((np.arange(wanted) + rng.random(wanted)) / wanted)
    return np.concatenate(positions)[np.argsort(np.concatenate(when), kind="stable")]
