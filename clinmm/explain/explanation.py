"""What an attribution method says of one case."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from clinmm.encoders.interface import Located

CLOSE_ENOUGH = 0.1
"""Completeness error that passes, as a share of the change in logit."""
NEGLIGIBLE = 0.05
"""Completeness error that passes whatever the change is, in logits, or in standard deviations of a
continuous target."""


class Found(NamedTuple):
    """What a method gives: attributions where they belong, in the note as the model reads it, and
    their signed sum over each input, with what no person sees, such as special pieces of text."""

    located: dict[str, Located]
    sums: dict[str, float]


@dataclass(frozen=True, eq=False)
class Explanation:
    """One case, target and method.

    located: input name -> attributions where they belong (see encoders.interface); an input that
        the method explains as a whole has none. Positions in notes are those of the note as the
        model reads it; `Joint.as_given` moves them to the note as written.
    sums: input name -> signed sum of its attributions, in logits, or in the unit of a value.
    logit_change: what the sums are to add up to, logit (value) of the case less that of the
        reference; None of a method whose scores do not add up.
    steps: points that were needed; 0 where it is made of other explanations.
    negligible: completeness error that passes whatever the change is.
    """

    located: dict[str, Located]
    sums: dict[str, float]
    logit_change: float | None
    steps: int
    negligible: float = NEGLIGIBLE

    @property
    def completeness_error(self) -> float | None:
        """|sum - change|, in logits; None of a method whose scores do not add up."""
        if self.logit_change is None:
            return None
        return abs(sum(self.sums.values()) - self.logit_change)

    @property
    def complete(self) -> bool:
        error = self.completeness_error
        if error is None or self.logit_change is None:
            return True
        return error <= max(self.negligible, CLOSE_ENOUGH * abs(self.logit_change))

    @property
    def missed(self) -> str | None:
        """By how much the sums miss the change, in words; None where they do not.

        >>> Explanation({}, {"image": 1.0, "note": 0.5}, 2.0, 64).missed
        'attributions miss the change by 0.50 of 2.00 after 64 steps'
        """
        if self.complete:
            return None
        after = f" after {self.steps} steps" if self.steps else ""
        return (
            f"attributions miss the change by {self.completeness_error:.2f} of "
            f"{self.logit_change:.2f}{after}"
        )

    def share(self, name: str) -> float:
        """|sum of the input| over the total of all inputs; 0 where nothing moved the logit."""
        total = sum(abs(value) for value in self.sums.values())
        return abs(self.sums[name]) / total if total else 0.0
