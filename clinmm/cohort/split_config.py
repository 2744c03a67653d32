"""The `split` key of a study config."""

from datetime import date
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

PARTS = ("train", "validate", "calibrate", "test")
DEFAULT_FRACTIONS = {"train": 0.6, "validate": 0.1, "calibrate": 0.15, "test": 0.15}


class SplitConfig(BaseModel):
    """How the cohort is divided. No patient is ever in two parts of one fold.

    by patient with `folds`: cross-validation, `repeats` times. by patient with `fractions`: one
    division in four. by site: each site large enough for an estimate is held out in turn. by
    time: what comes on or after `test_from` is the test. by column: the published split, which the
    cohort file's `split` column holds.

    inner_folds: with folds, how many models a fold trains, each stopping on another part of the
    fold's training patients; 1 sets the share `validate` aside instead.
    keep_linked_together: cases that intake finds to be duplicates of one another, or of one
    person, are dealt out as if they were of one patient.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", populate_by_name=True, serialize_by_alias=True
    )

    by: Literal["patient", "site", "time", "column"] = "patient"
    folds: int | None = Field(None, ge=2)
    repeats: int = Field(1, ge=1)
    # `validate` is also a method of pydantic's models, so the attribute has another name.
    validate_share: float = Field(0.15, gt=0, lt=0.5, alias="validate")
    inner_folds: int = Field(4, ge=1)
    keep_linked_together: bool = True
    fractions: dict[Literal["train", "validate", "calibrate", "test"], float] | None = None
    test_from: date | None = None

    @model_validator(mode="after")
    def _keys_agree(self) -> Self:
        problems = []
        if self.fractions is not None:
            shares = {str(part): share for part, share in self.fractions.items()}
            if absent := [part for part in PARTS if not shares.get(part)]:
                problems.append(f"fractions: each part needs a share above 0; absent: {absent}.")
            if any(share < 0 for share in self.fractions.values()):
                problems.append("fractions: a share is negative.")
            if abs(sum(self.fractions.values()) - 1) > 1e-6:
                problems.append(f"fractions: must sum to 1, got {sum(self.fractions.values()):g}.")
        if self.fractions is not None and self.folds:
            problems.append("folds and fractions exclude each other. Keep one.")
        if self.by != "patient" and (self.folds or self.fractions is not None):
            problems.append(f"by: {self.by} takes neither folds nor fractions. Leave them out.")
        if not self.with_folds and self.repeats > 1:
            problems.append("repeats: only folds are repeated. Leave it out.")
        if self.by == "site" and self.repeats > 1:
            problems.append("repeats: sites are held out once. Leave it out.")
        if (self.by == "time") != (self.test_from is not None):
            problems.append("test_from goes with by: time, and by: time needs it.")
        if problems:
            raise ValueError("\n".join(problems))
        return self

    @property
    def with_folds(self) -> bool:
        """Whether every case is tested by some model: folds by patient or by site."""
        return bool(self.folds) or self.by == "site"

    @property
    def shares(self) -> dict[str, float]:
        """Share of the patients per part, where there are no folds."""
        given = {str(part): share for part, share in (self.fractions or {}).items()}
        return {part: (given or DEFAULT_FRACTIONS)[part] for part in PARTS}
