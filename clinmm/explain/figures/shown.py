"""One case as a figure shows it: what may be drawn, what is withheld and why."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clinmm.explain.figures.what_if import WhatIf
from clinmm.readers.curve import Curve
from clinmm.readers.stack import Stack


@dataclass(frozen=True)
class Value:
    """One column of a record; text is empty where it was not measured; score None if not drawn.
    mark: the part of the score that is due to its having been measured, or not."""

    name: str
    text: str
    score: float | None
    mark: float = 0.0


@dataclass(frozen=True, eq=False)
class Input:
    """One input of the case.

    withheld: why its attributions are not drawn, empty where they are. arrays: attributions as in
    the run without the input's name; empty where withheld. drawn: the map as it is coloured, sums
    over patches where it is in logits. picture: (H, W) grey or (H, W, 3), or the slices of a
    volume.
    """

    name: str
    kind: str
    withheld: str
    arrays: dict[str, NDArray[Any]]
    drawn: NDArray[np.float32] | None = None
    picture: NDArray[Any] | Stack | None = None
    text: str = ""
    values: list[Value] = field(default_factory=list)
    curve: Curve | None = None


@dataclass(frozen=True)
class Share:
    """share: of all inputs, 0 to 1, low and high NaN where only one model was asked; None where
    withheld. attribution: signed sum, in logits or the value's unit."""

    name: str
    share: float | None
    low: float
    high: float
    attribution: float


@dataclass(frozen=True, eq=False)
class Shown:
    """One case, class and method.

    target: what is explained. risk: the estimate in words. unit: of attributions, `relative` where
    they mean something within an input only, as parts of its strongest. signed: whether they speak
    for and against. scale: the attribution that gets the full colour,
    one for all inputs. change: of the logit against the reference, NaN of a method whose numbers do
    not add up. checked: (method, input, what became of it) of every method. of_difference: what of
    it was checked where a class is set against another, else empty. absent: inputs that the case
    lacks.
    """

    case_id: str
    target: str
    risk: str
    method: str
    meaning: str
    unit: str
    signed: bool
    scale: float
    change: float
    inputs: list[Input]
    absent: list[str]
    shares: list[Share]
    checked: list[tuple[str, str, str]]
    of_difference: str
    what_if: WhatIf | None
    provenance: str

    @property
    def colours(self) -> str:
        """What the colours say."""
        return "orange: for, blue: against" if self.signed else "orange: the fuller the more"
