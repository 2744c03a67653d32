"""Cells of group and outcome, and weights that make groups count alike without moving prevalence.

An outcome is the presence or the absence of a class, each class by itself; of exclusive classes,
the class. A value has one outcome: all cases. A soft label belongs to its outcomes by its shares.
"""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from clinmm.cases import Batch
from clinmm.losses import NOTHING


class Cells(NamedTuple):
    """Who is in which cell, of N cases, G groups, K classes (exclusive: 1) and O outcomes.

    shares: (N, K, O) of each case, 0 where not known. group: (N, G), one or no 1 in each row.
    """

    shares: Tensor
    group: Tensor

    @property
    def counts(self) -> Tensor:
        """(G, K, O) cases."""
        return torch.einsum("ng,nko->gko", self.group, self.shares)


def cells(batch: Batch, groups: Tensor, n_groups: int, task: str) -> Cells:
    """groups: (N,) int64 from 0, -1 for a case in no group."""
    known = batch.known.to(batch.target.dtype)
    if task == "multiclass":
        shares = (batch.target * known.amax(1, keepdim=True))[:, None]
    elif task == "continuous":
        shares = known[..., None]
    else:
        shares = torch.stack([1 - batch.target, batch.target], -1) * known[..., None]
    one_hot = functional.one_hot(groups + 1, n_groups + 1)[:, 1:]
    return Cells(shares, one_hot.to(shares.dtype))


def keeping_prevalence(cells: Cells, factor: Tensor, at_most: float) -> Tensor:
    """(N, K) weights in proportion to a factor, under which each outcome of each class weighs as
    much in all as it did with weights of 1.

    Only cases of a group are weighed against each other; the others have weight 1.

    Args:
        factor: (G, K, O) of each cell; in cells without a case it does not count.
        at_most: the largest weight, before the outcomes get back what this takes from them.
    """
    counts = cells.counts
    factor = torch.where(counts > NOTHING, factor, 0.0)
    factor = _rescaled(_rescaled(factor, counts).clamp_max(at_most), counts)
    recorded = cells.group.sum(1)[:, None, None] > 0
    of_case = torch.where(recorded, torch.einsum("ng,gko->nko", cells.group, factor), 1.0)
    return (cells.shares * of_case).sum(-1)


def _rescaled(factor: Tensor, counts: Tensor) -> Tensor:
    """(G, K, O) with a mean of 1 over the cases of each outcome."""
    return factor * counts.sum(0) / (factor * counts).sum(0).clamp_min(NOTHING)


def equal_groups(cells: Cells, at_most: float) -> Tensor:
    """(N, K) weights with which all groups weigh the same within each outcome."""
    return keeping_prevalence(cells, 1 / cells.counts.clamp_min(NOTHING), at_most)


def equal_prevalence(cells: Cells, at_most: float) -> Tensor:
    """(N, K) weights with which each outcome is as frequent in every group as in all, and each
    group weighs what it did: outcome and group are independent.

    Reference:
        Kamiran & Calders. Data preprocessing techniques for classification without
        discrimination. Knowledge and Information Systems 33:1 (2012), reweighing.
    """
    counts = cells.counts
    return keeping_prevalence(
        cells, counts.sum(2, keepdim=True) / counts.clamp_min(NOTHING), at_most
    )


def undoing(cells: Cells, often: Tensor) -> Tensor:
    """(N, K) weights that give each outcome of each class the total it had, where cases are shown
    `often` times; cases of no group have weight 1. often: (N,)."""
    recorded = cells.group.sum(1)[:, None, None]
    had = (cells.shares * recorded).sum(0)
    has = (cells.shares * recorded * often[:, None, None]).sum(0)
    factor = had / has.clamp_min(NOTHING)
    return (cells.shares * torch.where(recorded > 0, factor, 1.0)).sum(-1)
