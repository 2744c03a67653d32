"""The protocol of a reading study: which cases, which readers, in what order, and what they see."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    ValidationError,
    model_validator,
)

from clinmm.errors import did_you_mean
from clinmm.settings_errors import as_input_error
from clinmm.settings_file import read_settings


def _name(given: str) -> str:
    """A name that can stand on a screen, in a table and in a file's name."""
    name = given.strip()
    if not 0 < len(name) <= 80 or not name.isprintable() or set(name) & set("/\\"):
        raise ValueError(
            f"wanted a name of 1 to 80 letters, without line breaks, / and \\, got {given[:90]!r}."
        )
    return name


Name = Annotated[str, AfterValidator(_name)]
Shown = Literal["risk", "set", "explanations"]
EVERYTHING: tuple[Shown, ...] = ("risk", "set", "explanations")
Stratum = Literal["class", "group", "uncertainty", "disagreement"]

RESERVED = ("all", "model", "steward", "command line")
"""Names that the tables of results and the room itself use for something else."""


def _twice(names: tuple[str, ...]) -> list[str]:
    return sorted({name for name in names if names.count(name) > 1})


class _Settings(BaseModel, frozen=True, extra="forbid"):
    pass


class Arm(_Settings):
    """What a reader sees of the model, and when.

    mode: `blind_first`, the reader's own opinion is locked, then the model is shown, then the final
        opinion; `model_first`, the model is shown from the start; `without_model`, never.
    show: what is shown of the model: its risk, its prediction set, the explanations that passed;
        left out, all of it.
    """

    mode: Literal["blind_first", "model_first", "without_model"] = "blind_first"
    show: tuple[Shown, ...] = EVERYTHING

    @model_validator(mode="before")
    @classmethod
    def _without_model_shows_nothing(cls, given: object) -> object:
        if isinstance(given, dict) and given.get("mode") == "without_model":
            return {"show": (), **given}
        return given

    @model_validator(mode="after")
    def _shows_what_the_mode_says(self) -> Self:
        problems = []
        if self.mode == "without_model" and self.show:
            problems.append("show: nothing is shown in mode without_model. Leave it out.")
        if self.mode != "without_model" and not self.show:
            problems.append(f"show: {self.mode} shows something. Otherwise: without_model.")
        if "set" in self.show and "risk" not in self.show:
            problems.append("show: a set stands beside the risk. Show the risk too.")
        if problems:
            raise ValueError("\n".join(problems))
        return self

    @property
    def steps(self) -> tuple[str, ...]:
        """The answers that are locked, in order."""
        return ("opinion", "final") if self.mode == "blind_first" else ("final",)

    def shows(self, opinion_locked: bool) -> tuple[Shown, ...]:
        """What of the model may be seen, before or after the reader's own opinion is locked."""
        return () if self.mode == "blind_first" and not opinion_locked else self.show


MODES = {
    "blind_first": Arm(),
    "model_first": Arm(mode="model_first"),
    "without_explanation": Arm(show=("risk", "set")),
    "without_model": Arm(mode="without_model", show=()),
}
"""Arms by name. `without_explanation`: blind-first, then risk and set, nothing that explains."""


def _arms(given: object) -> object:
    """A mode's name stands for its arm, and a list of modes for arms of their names."""
    if isinstance(given, list | tuple) and all(isinstance(mode, str) for mode in given):
        given = {mode: mode for mode in given}
    if not isinstance(given, dict):
        return given
    modes = [arm for arm in given.values() if isinstance(arm, str)]
    if unknown := [mode for mode in modes if mode not in MODES]:
        lines = [f"no mode '{mode[:80]}'. {did_you_mean(mode, list(MODES))}" for mode in unknown]
        raise ValueError("\n".join(lines))
    return {name: MODES[arm] if isinstance(arm, str) else arm for name, arm in given.items()}


class Cases(_Settings):
    """Which cases are read.

    split: of the run; `any` takes all.
    ids: these, in place of a sample.
    n: how many are drawn; None takes all.
    by: strata, of `class` (recorded), `group` (sensitive columns), `uncertainty` (of the fused
        risk) and `disagreement` (between the arms of the run); see `sampling.strata`.
    balanced: as many from each stratum as can be had; otherwise in proportion. Weights undo it.
    """

    split: Literal["test", "any"] = "test"
    ids: tuple[str, ...] = ()
    n: int | None = Field(None, ge=1)
    by: tuple[Stratum, ...] = ()
    balanced: bool = True

    @model_validator(mode="after")
    def _named_or_drawn(self) -> Self:
        problems = []
        if self.ids and (self.n is not None or self.by):
            problems.append("ids: named cases are not drawn. Leave out n and by, or ids.")
        if self.by and self.n is None:
            problems.append("by: every case is read, so there is nothing to stratify. Give n.")
        for key in ("ids", "by"):
            if twice := _twice(getattr(self, key)):
                problems.append(f"{key}: named twice: {', '.join(twice)}.")
        if problems:
            raise ValueError("\n".join(problems))
        return self


class Repeats(_Settings):
    """Cases that a reader reads a second time.

    share: of a reader's cases, at least one.
    washout_days: from the end of the first reading.
    """

    share: float = Field(0.0, ge=0, le=1)
    washout_days: float = Field(14.0, ge=0, allow_inf_nan=False)


class Adjudication(_Settings):
    """Which cases an adjudicator decides: those `disputed`, `all`, or `none`.

    A class is disputed where final ratings call it differently (4 and 5 present, 1 and 2 absent, 3
    neither); choices where they differ; values where they lie further apart than `tolerance`.
    """

    when: Literal["disputed", "all", "none"] = "disputed"
    tolerance: float = Field(0.0, ge=0, allow_inf_nan=False)


class Protocol(_Settings):
    """A reading study.

    name: of the study, unique in a run.
    readers: names; with `open` any name may read and cases are not assigned.
    adjudicators: decide where readers disagree. administrators: see everything, give no opinion.
    reads_per_case: how many readers read each case; None: all of them.
    arms: name -> what is shown; one arm, or a trial in which each reading is put in an arm at
        random. In a file also a list of modes, or `mode: NAME` for a single arm.
    assign: an arm is drawn for each reader's `case`, or for each `reader` once.
    classes: which are judged; none named: all of the run.
    later_images: whether images taken after the case are shown beside it.
    seed: of the sample, the assignment and the orders.
    """

    name: Name
    cases: Cases = Cases()
    readers: tuple[Name, ...] = ()
    adjudicators: tuple[Name, ...] = ()
    administrators: tuple[Name, ...] = ()
    reads_per_case: int | None = Field(None, ge=1)
    repeats: Repeats = Repeats()
    arms: Annotated[dict[Name, Arm], BeforeValidator(_arms)] = {"blind_first": Arm()}
    assign: Literal["case", "reader"] = "case"
    classes: tuple[str, ...] = ()
    later_images: bool = False
    adjudicate: Adjudication = Adjudication()
    seed: int = Field(0, ge=0)
    open: bool = False

    @model_validator(mode="before")
    @classmethod
    def _mode_is_one_arm(cls, given: object) -> object:
        if isinstance(given, dict) and "mode" in given:
            if "arms" in given:
                raise ValueError("give `mode` or `arms`, not both.")
            return {**{k: v for k, v in given.items() if k != "mode"}, "arms": [given["mode"]]}
        return given

    @model_validator(mode="after")
    def _can_be_carried_out(self) -> Self:
        if problems := list(self._problems()):
            raise ValueError("\n".join(problems))
        return self

    def _problems(self) -> Iterator[str]:
        if self.name == "open" and not self.open:
            yield "name: 'open' is the room without a study. Take another name."
        if not self.arms:
            yield "arms: name at least one."
        people = ("readers", "adjudicators", "administrators")
        for key in (*people, "arms"):
            if taken := [name for name in getattr(self, key) if name in RESERVED]:
                yield f"{key}: {', '.join(taken)} means something else. Take another name."
        for key in (*people, "classes"):
            if twice := _twice(getattr(self, key)):
                yield f"{key}: named twice: {', '.join(twice)}."
        if both := sorted({*self.adjudicators, *self.administrators} & set(self.readers)):
            yield (
                f"readers: {', '.join(both)} also adjudicates or administers, and so would see the "
                "opinions of others before giving one. Name somebody else."
            )
        if both := sorted(set(self.adjudicators) & set(self.administrators)):
            yield (
                f"adjudicators: {', '.join(both)} also administers, and so would see what the "
                "cohort records before deciding. Name somebody else."
            )
        if self.open:
            return
        n = len(self.readers)
        if not n:
            yield "readers: name at least one."
        elif self.reads_per_case and self.reads_per_case > n:
            yield f"reads_per_case: {self.reads_per_case} reads need as many readers, got {n}."
        if n and self.assign == "reader" and len(self.arms) > n:
            yield f"assign: {len(self.arms)} arms need as many readers, got {n}. Or assign: case."


OPEN = Protocol(name="open", open=True)
"""The room without a study: anybody reads any case blind-first."""


def load_protocol(path: Path | str) -> Protocol:
    """Reads the YAML file of a reading study.

    Raises:
        InputError: every problem of the file.
    """
    content = read_settings(Path(path))
    try:
        return Protocol.model_validate(content)
    except ValidationError as error:
        raise as_input_error(error, str(path), Protocol) from None
