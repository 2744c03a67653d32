"""What one clinician says about one case: an opinion, then a verdict on the model.

The opinion is given before the model's output is shown and is locked; the verdict comes after.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, Field, model_validator

RATING_LABELS = {
    1: "definitely not",
    2: "probably not",
    3: "cannot say",
    4: "probably",
    5: "definitely",
}
"""The five points on which a reader rates a class; the scale of ROC reader studies."""

CONFIDENCE_LABELS = {1: "low", 2: "fair", 3: "good", 4: "high"}

REASONS = {
    "missed_finding": "The model misses something that is there",
    "false_alarm": "The model sees something that is not there",
    "wrong_evidence": "Right or wrong, it rests on the wrong evidence",
    "image_quality": "Image quality or positioning",
    "record_error": "The note or the record is wrong or incomplete",
    "out_of_scope": "A case that this model was not made for",
    "other": "Another reason (say it in the comment)",
}
"""Code -> words; the code is what is stored."""

Rating = Annotated[int, Field(ge=1, le=5)]


class Opinion(BaseModel, frozen=True, extra="forbid"):
    """A reader's own judgement, made without the model.

    ratings: class name -> 1 (definitely not) to 5 (definitely); binary and multilabel tasks.
    choice: the one class chosen; multiclass tasks.
    value: the reader's own value, in the target's unit; continuous tasks.
    confidence: 1 (low) to 4 (high).
    seconds: from opening the case to locking the opinion, where measured.
    """

    ratings: dict[str, Rating] = Field(default_factory=dict)
    choice: str | None = None
    value: float | None = None
    confidence: int = Field(ge=1, le=4)
    seconds: float | None = Field(default=None, ge=0)

    @model_validator(mode="after")
    def _says_one_thing(self) -> "Opinion":
        given = (bool(self.ratings), self.choice is not None, self.value is not None)
        if sum(given) != 1:
            raise ValueError(
                "an opinion holds either ratings per class or one choice, or one value, "
                f"got ratings for {sorted(self.ratings)}, choice {self.choice!r} and value "
                f"{self.value!r}"
            )
        return self


class Verdict(BaseModel, frozen=True, extra="forbid"):
    """What the reader says of the model's output, once it has been shown.

    reason: a code of REASONS; needed unless the reader agrees.
    """

    verdict: Literal["agree", "partly", "disagree"]
    reason: (
        Literal[
            "missed_finding",
            "false_alarm",
            "wrong_evidence",
            "image_quality",
            "record_error",
            "out_of_scope",
            "other",
        ]
        | None
    ) = None
    comment: str = Field(default="", max_length=4000)

    @model_validator(mode="after")
    def _gives_a_reason(self) -> "Verdict":
        if self.verdict != "agree" and self.reason is None:
            raise ValueError(f"'{self.verdict}' needs a reason: one of {', '.join(REASONS)}")
        if self.reason == "other" and not self.comment.strip():
            raise ValueError("reason 'other' needs a comment that says what it is")
        return self


@dataclass(frozen=True)
class Reading:
    """One reader's opinion on one case, and the latest verdict if there is one. Times are UTC."""

    reader: str
    case_id: str
    opinion: Opinion
    opinion_at: datetime
    verdict: Verdict | None = None
    verdict_at: datetime | None = None
