"""A case in the parts that a person sees: patches, words or sentences, columns, stretches of time.

Parts can be taken away, whatever the encoder is, so that what a method says of them can be checked
by asking the model. `parts_of(joint, name)` gives them, one file for each kind of input;
`answers_without` asks.
"""

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from clinmm.explain.joint import Joint
from clinmm.explain.parts.interface import Parts

AT_ONCE = 32
"""Variants of a case that go through the model together, which bounds the memory."""


def parts_of(joint: Joint, name: str, *, sentences: bool = False) -> Parts:
    """The parts of one input that the case has.

    sentences: a note in sentences instead of words.
    """
    kind = joint.kind(name)
    if kind == "note":
        from clinmm.explain.parts.note import NoteParts

        return NoteParts(joint, name, sentences=sentences)
    if kind == "record":
        from clinmm.explain.parts.record import RecordParts

        return RecordParts(joint, name)
    from clinmm.explain.parts.grid import GridParts

    return GridParts(joint, name)


def answers_without(
    joint: Joint, parts: Mapping[str, Parts], removed: Mapping[str, NDArray[np.bool_]]
) -> Tensor:
    """(S, K) answers to the case with parts of its inputs taken away.

    Args:
        parts: input name -> its parts.
        removed: input name -> (S, n) what is taken away, S the same for all.
    """
    n = len(next(iter(removed.values())))
    return torch.cat(
        [
            joint.answers_with(
                {
                    name: parts[name].without(rows[first : first + AT_ONCE])
                    for name, rows in removed.items()
                }
            )
            for first in range(0, n, AT_ONCE)
        ]
    )


__all__ = ["Parts", "answers_without", "parts_of"]
