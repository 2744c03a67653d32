"""One fold of a study, ready to train: which cases, and every input as tensors."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clinmm import registry, schema
from clinmm.cases import Batch, Prepared, targets_as_tensors
from clinmm.cohort.cohort import Cohort
from clinmm.config import Component
from clinmm.errors import InputError, did_you_mean
from clinmm.intake.leaks.hide import hide_all
from clinmm.intake.leaks.stating import Spoken, stating_words, words_to_hide
from clinmm.model import make_encoder, settings_of

LEFT_OUT = ""
Index = NDArray[np.int_]
Facts = dict[str, dict[str, Any]]
"""Input name -> what its encoder learned from the fold's non-test cases, without labels; and, under
`mask`, the words hidden in its notes because they state the label of those cases."""


@dataclass(frozen=True, eq=False)
class Fold:
    """split, member: one entry per case of the cohort, in its order (as in schema.SPLITS).

    A case that takes no part in the fold has split LEFT_OUT and member -1.
    """

    repeat: int
    fold: int
    split: NDArray[np.str_]
    member: Index

    @property
    def n_members(self) -> int:
        return int(self.member.max()) + 1

    def training_of(self, member: int) -> tuple[Index, Index]:
        """(train, validate) positions of one of the fold's models."""
        validate = self.member == member
        return np.flatnonzero((self.split == "train") & ~validate), np.flatnonzero(validate)

    @property
    def not_test(self) -> Index:
        return np.flatnonzero((self.split != "test") & (self.split != LEFT_OUT))

    @property
    def learned(self) -> NDArray[np.bool_]:
        """(N,) whether some model of the fold trains or stops on the case."""
        learned: NDArray[np.bool_] = (self.split == "train") | (self.member >= 0)
        return learned


def folds_of(splits: pd.DataFrame, case_ids: Sequence[str]) -> Iterator[Fold]:
    """The folds of a splits table, each in the order of the cases."""
    for (repeat, fold), part in splits.groupby(["repeat", "fold"]):
        rows = part.set_index("case_id").reindex(list(case_ids))
        yield Fold(
            int(repeat),  # type: ignore[call-overload]
            int(fold),  # type: ignore[call-overload]
            rows["split"].fillna(LEFT_OUT).to_numpy(dtype=str),
            rows["member"].fillna(-1).to_numpy(dtype=int),
        )


def raw_values(cohort: Cohort, name: str) -> list[Any]:
    """Per case what the input's encoder prepares: a path, a note, a row, or None."""
    kind = cohort.spec.inputs[name].kind
    if kind == "image":
        return list(cohort.image_paths(name))
    if kind == "signal":
        return list(cohort.signals(name))
    if kind == "note":
        return list(cohort.notes(name))
    here = cohort.present(name)
    rows = cohort.record_rows(name)
    return [row if has else None for row, has in zip(rows, here, strict=True)]


def check_encoders(cohort: Cohort, encoders: dict[str, Component], fusion: Component) -> None:
    """Raises InputError with every input without an encoder, encoder without an input, encoder of
    another kind, wrong setting, and setting that does not suit the input."""
    problems = [
        f"encoders: input '{name}' has no encoder. Add {name}: {{name: ...}}."
        for name in cohort.spec.inputs
        if name not in encoders
    ]
    for name, component in encoders.items():
        if name not in cohort.spec.inputs:
            problems.append(
                f"encoders: the cohort has no input '{name}'. "
                f"{did_you_mean(name, list(cohort.spec.inputs))}"
            )
            continue
        try:
            config = settings_of("encoders", component, f"encoders.{name}")
        except InputError as error:
            problems += error.problems
            continue
        encoder = registry.load("encoders", component.name).Encoder
        source = cohort.spec.inputs[name]
        if encoder.kind != source.kind:
            problems.append(
                f"encoders.{name}: {component.name} is for inputs of kind {encoder.kind}, "
                f"this one is of kind {source.kind}."
            )
        elif source.kind == "image" and source.dimensions not in encoder.reads_dimensions:
            problems.append(
                f"encoders.{name}: {component.name} reads no volumes. Use densenet or resnet."
            )
        elif hasattr(encoder, "check"):
            try:
                encoder.check(config, source)
            except InputError as error:
                problems += [f"encoders.{name}: {problem}" for problem in error.problems]
    try:
        settings_of("fusions", fusion, "fusion")
    except InputError as error:
        problems += error.problems
    if problems:
        raise InputError(problems)


def learn_facts(
    cohort: Cohort, raw: dict[str, list[Any]], encoders: dict[str, Component], rows: Index
) -> Facts:
    """What each encoder learns from these cases, without labels."""
    facts = {}
    for name, component in encoders.items():
        config = settings_of("encoders", component, f"encoders.{name}")
        encoder = registry.load("encoders", component.name).Encoder
        facts[name] = encoder.learn(config, [raw[name][i] for i in rows], cohort.spec.inputs[name])
    return facts


def mask_of_fold(spoken: Iterable[Spoken], fold: Fold) -> list[str]:
    """The words that state the label on the fold's non-test patients, of every note input: what
    gives the label away in one note gives it away in another that fewer patients have."""
    cases = np.isin(np.arange(len(fold.split)), fold.not_test)
    hidden: set[str] = set()
    for notes in spoken:
        hidden.update(words_to_hide(notes, stating_words(notes, cases), cases))
    return sorted(hidden)


def as_modelled(raw: list[Any], facts: dict[str, Any]) -> list[Any]:
    """Raw values of an input with the words hidden that its facts name."""
    return hide_all(raw, facts["mask"]) if facts.get("mask") else raw


def notes_as_modelled(cohort: Cohort, fold: Fold, facts: Facts) -> pd.DataFrame:
    """The rows of a fold in `schema.NOTES`: every case that takes part and has the note."""
    tables = []
    for name in cohort.spec.input_names("note"):
        notes = as_modelled(cohort.notes(name), facts[name])
        here = [i for i in np.flatnonzero(fold.split != LEFT_OUT) if notes[i] is not None]
        rows = {
            "repeat": fold.repeat,
            "fold": fold.fold,
            "case_id": cohort.table["case_id"].to_numpy()[here],
            "input": name,
            "note": [notes[i] for i in here],
        }
        tables.append(pd.DataFrame(rows))
    return pd.concat(tables, ignore_index=True) if tables else schema.NOTES.empty()


class Preparer:
    """Turns a cohort into batches; what does not change from fold to fold is made once.

    on_progress: told (input name, done, total) while pictures or notes are read.
    mask_stated_label: hide in each fold's notes the words that state the label of its non-test
        patients, for every case of the fold.
    """

    def __init__(
        self,
        cohort: Cohort,
        encoders: dict[str, Component],
        on_progress: Callable[[str, int, int], None] | None = None,
        mask_stated_label: bool = False,
    ) -> None:
        self.cohort, self.components = cohort, dict(sorted(encoders.items()))
        self._masked = cohort.spec.input_names("note") if mask_stated_label else []
        self._spoken = [Spoken(cohort, name) for name in self._masked]
        self.raw = {name: raw_values(cohort, name) for name in self.components}
        self._on_progress = on_progress
        self._made: dict[str, tuple[dict[str, Any], Prepared]] = {}
        self.present = np.stack([cohort.present(name) for name in self.components], axis=1)

    def of_fold(self, fold: Fold) -> tuple[Batch, Facts]:
        """All cases of the cohort as one batch, by what the fold's non-test cases teach."""
        mask = mask_of_fold(self._spoken, fold)
        raw = {
            name: hide_all(values, mask) if name in self._masked else values
            for name, values in self.raw.items()
        }
        facts = learn_facts(self.cohort, raw, self.components, fold.not_test)
        for name in self._masked:
            facts[name]["mask"] = mask
        return self.batch(facts), facts

    def batch(self, facts: Facts) -> Batch:
        """All cases of the cohort as one batch, inputs in alphabetical order."""
        import torch

        inputs = {name: self._prepared(name, facts[name]) for name in self.components}
        target, known = targets_as_tensors(self.cohort.training_targets())
        return Batch(inputs, torch.from_numpy(self.present), target, known)

    def _prepared(self, name: str, facts: dict[str, Any]) -> Prepared:
        if name in self._made and self._made[name][0] == facts:
            return self._made[name][1]
        encoder = make_encoder(self.components[name], facts, f"encoders.{name}")
        tell = self._on_progress
        prepared: Prepared = encoder.prepare(
            as_modelled(self.raw[name], facts),
            (lambda done, total: tell(name, done, total)) if tell else None,
        )
        self._made[name] = (facts, prepared)
        return prepared
