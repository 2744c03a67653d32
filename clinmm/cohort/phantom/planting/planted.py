"""What was planted, as `truth.json` records it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from clinmm.cohort.phantom.latents import Case


@dataclass(frozen=True)
class Planted:
    """One plant.

    class_name: "all" where every finding is concerned.
    parameters: shares and names; `how`, where cases were changed in several ways: way -> case ids;
        `copy_of`, where a case repeats another one: case id -> that other's.
    case_ids: the cases that were changed and have the input.
    """

    name: str
    class_name: str
    input: str
    parameters: dict[str, Any]
    case_ids: list[str]


def with_own_picture(cases: Sequence[Case]) -> list[Case]:
    """The cases with a picture that neither is a copy nor has one."""
    sources = {case.flaws.copy.of for case in cases if case.flaws.copy}
    return [
        case
        for case in cases
        if case.present["image"] and not case.flaws.copy and case.index not in sources
    ]
