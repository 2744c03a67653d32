"""Batch norm where batches are small: whose statistics a network reads."""

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


def set_mode(body: nn.Module, *, training: bool, n_cases: int, pretrained: bool) -> None:
    """Training or evaluation mode of a body for a batch of n_cases.

    Batch norm has no variance of one value a channel, so a single case is read with the running
    statistics. A pretrained body keeps those it came with: they come from far more pictures than a
    batch holds, and a small batch cannot upset them. Its scales and offsets are trained. While it
    is held still, its dropout rests as well.
    """
    held = pretrained and not any(p.requires_grad for p in body.parameters())
    body.train(training and n_cases > 1 and not held)
    if pretrained:
        for part in _batch_norms(body):
            part.eval()


def settle_batch_norm(body: nn.Module, pixels: Tensor, at_once: int = 32, most: int = 256) -> None:
    """Sets the running statistics of every batch norm to what the first cases give.

    Args:
        body: changed in place, nothing random in it is drawn.
        pixels: (N, C, ...) as the body reads them; N at least 2.
        at_once: cases a batch. most: cases in all.
    """
    parts = _batch_norms(body.eval())
    momenta = [part.momentum for part in parts]
    for part in parts:
        part.reset_running_stats()
        part.train().momentum = None  # the plain average over batches
    with torch.no_grad():
        for batch in torch.split(pixels[:most], at_once):
            if len(batch) > 1:
                body(batch)
    for part, momentum in zip(parts, momenta, strict=True):
        part.eval().momentum = momentum


def _batch_norms(body: nn.Module) -> list[_BatchNorm]:
    return [part for part in body.modules() if isinstance(part, _BatchNorm)]
