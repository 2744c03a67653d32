"""One piece of evidence: how to read it, then drawings or tables."""

from dataclasses import dataclass, field
from typing import Any

from clinmm.report.figures import Panel
from clinmm.report.forest import Forest

MOST_CLASSES = 12
"""Classes drawn; the tables of the run have the others."""


@dataclass(frozen=True)
class Sheet:
    """A table of text; the first `keys` cells of a row name it."""

    caption: str
    head: list[str]
    rows: list[list[str]]
    keys: int = 1
    grouped: bool = False
    """Whether rows with the same first cell stand under it as a heading."""


OTHERS = "Other measures, by class, and by the inputs present"


@dataclass(frozen=True)
class Exhibit:
    """One piece of evidence: how to read it, then drawings or tables, or why there are none."""

    anchor: str
    heading: str
    reading: str
    panels: list[Panel] = field(default_factory=list)
    forests: list[Forest] = field(default_factory=list)
    sheets: list[Sheet] = field(default_factory=list)
    folded: list[Sheet] = field(default_factory=list)
    """Tables behind a line that opens them."""
    folded_as: str = OTHERS
    """What that line says."""
    absent: str = ""
    said: str = ""
    """The answer in words, above the reading."""


def exhibit(
    anchor: str,
    heading: str,
    reading: str,
    missing: str,
    *,
    said: str = "",
    folded_as: str = OTHERS,
    **content: list[Any],
) -> Exhibit:
    """With its content, or with what to say where there is none."""
    absent = "" if any(content.values()) else missing
    return Exhibit(
        anchor, heading, reading, absent=absent, said=said, folded_as=folded_as, **content
    )
