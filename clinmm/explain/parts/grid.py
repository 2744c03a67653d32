"""Pictures and volumes in patches, signals in stretches of time."""

import math
from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray

from clinmm.cases import Prepared
from clinmm.encoders.interface import Located
from clinmm.explain.joint import Joint

A_SIDE = {1: 24, 2: 12, 3: 6}
"""Parts along each axis: stretches of a signal, patches of a picture, blocks of a volume."""


class GridParts:
    """Equal cells over the axes of space, or of time; all channels of a cell, and all bands of a
    signal's spectrum, belong together.

    a_side: cells along each axis, of a signal (1), a picture (2) and a volume (3).
    """

    smooth = True

    def __init__(self, joint: Joint, name: str, a_side: Mapping[int, int] = A_SIDE) -> None:
        self.joint, self.name = joint, name
        self.values = joint.cases[name].values
        self.reference = joint.references[joint.names.index(name)].mean(0, keepdim=True)
        self.seconds: float | None = None
        if joint.kind(name) == "signal":
            self.seconds = float(joint.encoder(name).facts["seconds"])
        # Of a signal's values, samples (C, T) or a spectrum (C, bands, T), time is the last axis.
        self.shape = tuple(self.values.shape[-1 if self.seconds else 2 :])
        side = a_side[len(self.shape)]
        self.grid = tuple(min(side, length) for length in self.shape)
        self.n = math.prod(self.grid)
        self.cell = _cells(self.shape, self.grid)
        self.labels = [",".join(map(str, at)) for at in np.ndindex(*self.grid)]

    def without(self, removed: NDArray[np.bool_]) -> Prepared:
        between = [1] * (self.values.dim() - 1 - len(self.shape))
        gone = torch.from_numpy(removed[:, self.cell]).view(len(removed), *between, *self.shape)
        return self.joint.trunk(self.name, torch.where(gone, self.reference, self.values))

    def scores(self, located: Located) -> NDArray[np.float64]:
        if "map" in located:
            values = _to_shape(located["map"].astype(np.float64), self.shape)
            return np.bincount(self.cell.ravel(), values.ravel(), self.n).astype(np.float64)
        return self._of_stretches(located)

    def _of_stretches(self, located: Located) -> NDArray[np.float64]:
        """Pieces of channels, in seconds, shared among the stretches that they overlap."""
        edges = self._edges()
        start, end = located["start"][:, None], located["end"][:, None]
        overlap = np.clip(np.minimum(end, edges[1:]) - np.maximum(start, edges[:-1]), 0, None)
        length = np.maximum(overlap.sum(1, keepdims=True), 1e-12)
        shared: NDArray[np.float64] = (overlap / length * located["score"][:, None]).sum(0)
        return shared

    def _edges(self) -> NDArray[np.float64]:
        """(n + 1,) where the stretches begin and end, in seconds."""
        assert self.seconds is not None
        first = np.searchsorted(self.cell, np.arange(self.n + 1)).astype(np.float64)
        return first * (self.seconds / len(self.cell))

    def located(self, scores: NDArray[np.float64]) -> Located:
        """Spread evenly over the pixels of a patch, or the channels of a stretch."""
        if self.seconds is None:
            size = np.bincount(self.cell.ravel(), minlength=self.n)
            return {"map": (scores / size)[self.cell].astype(np.float16)}
        channels, edges = self.values.shape[1], self._edges().astype(np.float32)
        return {
            "channel": np.repeat(np.arange(channels, dtype=np.int32), self.n),
            "start": np.tile(edges[:-1], channels),
            "end": np.tile(edges[1:], channels),
            "score": np.tile(scores / channels, channels).astype(np.float32),
        }


def _cells(shape: tuple[int, ...], grid: tuple[int, ...]) -> NDArray[np.int_]:
    """For each element, the number of the cell that it lies in."""
    axes = [np.arange(n) * k // n for n, k in zip(shape, grid, strict=True)]
    return np.ravel_multi_index(np.meshgrid(*axes, indexing="ij"), grid)


def _to_shape(values: NDArray[np.float64], shape: tuple[int, ...]) -> NDArray[np.float64]:
    """A map as it is, or one of another resolution spread over the shape, its sum kept."""
    if values.shape == shape:
        return values
    tensor = torch.from_numpy(values)[None, None]
    mode = {2: "bilinear", 3: "trilinear"}[len(shape)]
    spread = torch.nn.functional.interpolate(tensor, shape, mode=mode)[0, 0].numpy()
    kept: NDArray[np.float64] = spread * (values.size / spread.size)
    return kept
