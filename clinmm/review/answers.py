"""What a reader says of a case: ratings or a choice, confidence, marks, reasons, a comment.

A `Draft` may be incomplete and is kept while the reader works; an `Answer` is complete and locked.
"""

from typing import Annotated, Literal, Self, get_args

from pydantic import AfterValidator, BaseModel, Field, model_validator

RATINGS = (1, 2, 3, 4, 5)
"""From definitely not to definitely; the scale of ROC reader studies. 3 is: cannot say."""

CONFIDENCES = (1, 2, 3, 4)
"""From low to high."""

POSITIVE, UNDECIDED = 4, 3
"""A rating from POSITIVE calls the class present; UNDECIDED calls neither."""

Comment = Annotated[str, AfterValidator(lambda text: text.replace("\x00", ""))]
"""NUL, which nobody types and PostgreSQL cannot read in JSON, is left out."""

Rating = Annotated[int, Field(ge=1, le=5)]
Reason = Literal[
    "image_quality",
    "overlooked",
    "note_contradicts",
    "record_wrong",
    "model_plausible",
    "explanation_convincing",
    "shortcut_suspected",
    "wrong_evidence",
    "out_of_scope",
    "other",
]
"""Codes of reasons, as stored. `overlooked`: the reader saw on a second look what was missed."""

REASONS: tuple[str, ...] = get_args(Reason)


class _Said(BaseModel, frozen=True, extra="forbid"):
    pass


class Mark(_Said):
    """A box or a point on an image, in pixels of the display copy, from its upper left corner.

    input: name of the image. slice: from 0; of a volume. width, height: 0 of a point.
    class_name: what is marked; None where the mark belongs to no class.
    """

    kind: Literal["box", "point"]
    input: str
    x: float = Field(ge=0)
    y: float = Field(ge=0)
    width: float = Field(0, ge=0)
    height: float = Field(0, ge=0)
    slice: int = Field(0, ge=0)
    class_name: str | None = None


class Span(_Said):
    """A stretch of a note, in characters of the note as the run keeps it; `end` is not in it."""

    input: str
    start: int = Field(ge=0)
    end: int = Field(gt=0)
    class_name: str | None = None

    @model_validator(mode="after")
    def _runs_forward(self) -> Self:
        if self.end <= self.start:
            raise ValueError(f"a span ends after it starts, got {self.start} to {self.end}")
        return self


class Draft(_Said):
    """What a reader has said so far; everything may be missing.

    ratings: class name -> 1 (definitely not) to 5 (definitely); binary and multilabel tasks.
    choice: the one class chosen; multiclass tasks.
    value: the reader's own value, in the target's unit; continuous tasks.
    confidence: 1 (low) to 4 (high).
    reasons: codes of REASONS.
    seconds: time spent in this phase; pauses beyond two minutes count as two.
    """

    ratings: dict[str, Rating] = Field(default_factory=dict)
    choice: str | None = None
    value: float | None = Field(None, allow_inf_nan=False)
    confidence: int | None = Field(None, ge=1, le=4)
    marks: tuple[Mark, ...] = ()
    spans: tuple[Span, ...] = ()
    reasons: tuple[Reason, ...] = ()
    comment: Comment = Field("", max_length=4000)
    seconds: float = Field(0.0, ge=0, allow_inf_nan=False)

    def same_judgement(self, other: "Draft") -> bool:
        """Whether ratings, choice and value are the same."""
        return (self.ratings, self.choice, self.value) == (other.ratings, other.choice, other.value)


class Answer(Draft):
    """A complete judgement: ratings, one choice or one value, and a confidence."""

    confidence: int = Field(ge=1, le=4)

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        given = (bool(self.ratings), self.choice is not None, self.value is not None)
        if sum(given) != 1:
            raise ValueError(
                "an opinion holds either ratings per class, or one choice, or one value; got "
                f"ratings for {sorted(self.ratings)}, choice {self.choice!r}, value {self.value!r}"
            )
        if "other" in self.reasons and not self.comment.strip():
            raise ValueError("reason 'other' needs a comment that says what it is")
        return self


def called(rating: int) -> bool | None:
    """What a rating says: present, absent, or neither.

    >>> called(5), called(3), called(1)
    (True, None, False)
    """
    return None if rating == UNDECIDED else rating >= POSITIVE
