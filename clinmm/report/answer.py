"""One plain answer."""

from dataclasses import dataclass, field

from clinmm.report.forest import Forest


@dataclass(frozen=True)
class Answer:
    """said: the answer in a sentence; forests: the figures; remarks: what else must be known;
    points: the answer in detail, above the figures."""

    question: str
    said: str
    forests: list[Forest] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    points: list[str] = field(default_factory=list)
