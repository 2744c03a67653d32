"""The same case, changed so little that a person would not explain it differently."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from clinmm.cohort.record_rows import numbers
from clinmm.encoders.interface import Located
from clinmm.explain.joint import Joint
from clinmm.explain.parts import Parts, parts_of
from clinmm.explain.parts.note import NoteParts

MOVE = 0.02
"""Shift of an image, of its length; noise on images and signals, of the range of their values."""
WORDS = 0.05
"""Of the words of a note, which are taken out; at least one."""
DEVIATIONS = 0.1
"""Noise on the measured numeric columns of a record."""


@dataclass(eq=False)
class Nudged:
    """joint: the changed case. shifts: image -> places along each axis. kept: note -> (n,) bool,
    the words that are still there."""

    joint: Joint
    shifts: dict[str, tuple[int, ...]] = field(default_factory=dict)
    kept: dict[str, NDArray[np.bool_]] = field(default_factory=dict)

    def in_parts_of(
        self, name: str, parts: Parts, located: Located
    ) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
        """What is said of the changed case in the parts of the unchanged one, images shifted back.

        Returns:
            (n,) which parts are still there, and their scores.
        """
        kept = self.kept.get(name, np.ones(parts.n, bool))
        return kept, parts.scores(self._shifted_back(name, located))[kept]

    def _shifted_back(self, name: str, located: Located) -> Located:
        if name not in self.shifts or "map" not in located:
            return located
        from scipy.ndimage import shift

        here = located["map"].astype(np.float64)
        of_values = self.joint.cases[name].values.shape[2:]
        by = [-s * m / n for s, m, n in zip(self.shifts[name], here.shape, of_values, strict=True)]
        return {"map": shift(here, by, order=1, mode="nearest")}


def nudged(joint: Joint, rng: np.random.Generator) -> Nudged:
    """All inputs of the case changed a little: an image shifted and with noise, a note without a
    few words, a record with noise on its numbers, a signal with noise."""
    change = Nudged(joint)
    raw: dict[str, Any] = {}
    values: dict[str, Tensor] = {}
    references: dict[str, Tensor] = {}
    for name, value, reference in zip(joint.names, joint.values, joint.references, strict=True):
        kind = joint.kind(name)
        if kind == "record":
            raw[name] = _with_noise(joint, name, rng)
        elif kind == "note":
            parts = parts_of(joint, name)
            if isinstance(parts, NoteParts) and parts.n > 1:
                change.kept[name] = _kept(parts.n, rng)
                raw[name] = _blanked(parts.text, parts.spans[~change.kept[name]])
        else:
            if kind == "image":
                change.shifts[name] = _shift(value.shape[2:], rng)
                value = _moved(value, change.shifts[name])
                # A reference made of the picture, such as its blurred copy, moves along.
                references[name] = _moved(reference, change.shifts[name])
            values[name] = _noisy(value, rng)
    change.joint = _with_raw(joint, raw).with_values(values).with_references(references)
    return change


def _with_raw(joint: Joint, raw: Mapping[str, Any]) -> Joint:
    """The case with other raw values, as the model reads them, of notes and records."""
    cases = {name: joint.encoder(name).attributable(given) for name, given in raw.items()}
    changed = joint.with_references(
        # What a note is compared with has the note's own pieces.
        {name: case.reference for name, case in cases.items() if joint.kind(name) == "note"}
    )
    changed.raw, changed.cases = {**joint.raw, **raw}, {**joint.cases, **cases}
    return changed


def _kept(n: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    kept = np.ones(n, bool)
    kept[rng.choice(n, max(1, round(WORDS * n)), replace=False)] = False
    return kept


def _blanked(text: str, spans: NDArray[np.int64]) -> str:
    """Blanks where the words stood, so that the others stay where they are."""
    letters = list(text)
    for start, end in spans:
        letters[start:end] = " " * (end - start)
    return "".join(letters)


def _with_noise(joint: Joint, name: str, rng: np.random.Generator) -> dict[str, Any]:
    """The row with noise on each number that was measured, by the spread in the training cases."""
    numeric: Mapping[str, tuple[float, float]] = joint.encoder(name).facts.get("numeric", {})
    row = dict(joint.raw[name])
    (cells,) = numbers([row], list(numeric))
    noise = DEVIATIONS * rng.standard_normal(len(cells))
    for (column, (_, deviation)), cell, by in zip(numeric.items(), cells, noise, strict=True):
        if not np.isnan(cell):
            row[column] = float(cell + by * deviation)
    return row


def _shift(shape: tuple[int, ...], rng: np.random.Generator) -> tuple[int, ...]:
    """Along each axis, either way; at least one pixel in height and width."""
    least = [0] * (len(shape) - 2) + [1, 1]
    size = [max(few, round(MOVE * n)) for few, n in zip(least, shape, strict=True)]
    return tuple(int(s * rng.choice([-1, 1])) for s in size)


def _moved(images: Tensor, shift: tuple[int, ...]) -> Tensor:
    """(S, C, ...) moved; what comes in at an edge repeats the edge."""
    for axis, by in enumerate(shift, start=2):
        length = images.shape[axis]
        images = images.index_select(axis, (torch.arange(length) - by).clamp(0, length - 1))
    return images


def _noisy(values: Tensor, rng: np.random.Generator) -> Tensor:
    """Normal noise, held within the range that the values had."""
    least, most = values.min(), values.max()
    noise = torch.from_numpy(rng.standard_normal(values.shape)).to(values.dtype)
    return (values + MOVE * (most - least) * noise).clamp(least, most)
