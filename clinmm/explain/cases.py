"""The cases of a run and the models that explain them."""

import hashlib
from functools import cached_property
from pathlib import Path
from typing import Any

from clinmm.arms import FUSED
from clinmm.cohort.cohort import Cohort
from clinmm.errors import InputError, did_you_mean
from clinmm.explain.joint import Joint, Target
from clinmm.explain.references import Typical, references
from clinmm.explain.what_if import PlausibleRanges, plausible_ranges
from clinmm.folds import Fold, folds_of, raw_values
from clinmm.model import MultimodalClassifier
from clinmm.stored_models import load_models
from clinmm.study import Study, open_explainable, open_study

Place = tuple[int, int]
"""(repeat, fold)."""


class Cases:
    """The test cases of a run, each as a function of its inputs.

    With folds, a study's case is explained by the models of repeat 0 and its own test fold, which
    also predicted it; a new case, which all models predicted, by those of every fold of repeat 0.

    Args:
        folder: a run folder of kind study or prediction, with predictions.

    Raises:
        InputError: the run has no models, or what they were made of has changed.
    """

    def __init__(self, folder: Path) -> None:
        self.study, self.models_run, common = open_explainable(folder)
        self.run, self.config, self.cohort = self.study.run, self.study.config, self.study.cohort
        self.is_study = self.run.facts["kind"] == "study"
        self.predictions = self.run.read("predictions")
        tested = self.predictions[
            (self.predictions["arm"] == FUSED)
            & (self.predictions["repeat"] == 0)
            & (self.predictions["split"] == "test")
        ]
        self._tested = tested
        first = tested.drop_duplicates("case_id")
        self.places: dict[str, list[Place]] = {
            case_id: common or [(0, int(fold))]
            for case_id, fold in zip(first["case_id"], first["fold"], strict=True)
        }
        every = Study(self.models_run, self.config, self.cohort).model_places() if common else []
        self.predicted_by: dict[str, list[Place]] = {
            case_id: every or places for case_id, places in self.places.items()
        }
        self._position = {case_id: i for i, case_id in enumerate(self.cohort.table["case_id"])}
        self._loaded: dict[Place, tuple[list[MultimodalClassifier], Typical | None]] = {}

    def check(self, case_ids: list[str]) -> None:
        """Raises InputError where some of them are no test cases."""
        if unknown := [case_id for case_id in case_ids if case_id not in self.places]:
            raise InputError(
                f"{self.run.folder} has no test prediction of cases {', '.join(unknown[:5])}."
            )

    def class_index(self, name: str) -> int:
        """Position of a class; raises InputError where there is none of that name."""
        names = self.cohort.class_names
        if name not in names:
            raise InputError(f"there is no class '{name}'. {did_you_mean(name, names)}")
        return names.index(name)

    def target(self, class_name: str, rather_than: str | None = None) -> Target:
        rival = None if rather_than is None else self.class_index(rather_than)
        return Target(self.class_index(class_name), rival)

    def likeliest(self, case_id: str, n: int) -> list[str]:
        """Classes to explain: of exclusive ones the n likeliest of the case, else all, in order."""
        names = self.cohort.class_names
        if self.cohort.task != "multiclass":
            return names
        rows = self._tested[self._tested["case_id"] == case_id]
        mean = rows.groupby("class_name")["probability"].mean()
        kept = set(mean.sort_values(ascending=False, kind="stable").index[:n])
        return [name for name in names if name in kept]

    def joints(self, case_id: str, *, predicting: bool = False) -> list[Joint]:
        """One for each fold whose models explain the case; none where it has no input.

        predicting: for each whose models predicted it instead.
        """
        predicted_by = self.predicted_by[case_id]
        places = predicted_by if predicting else self.places[case_id]
        self._loaded = {at: models for at, models in self._loaded.items() if at in predicted_by}
        at = self._position[case_id]
        raw = {name: values[at] for name, values in self.raw.items()}
        if all(value is None for value in raw.values()):
            return []
        return [self._joint(place, raw) for place in places]

    def models(self, repeat: int, fold: int) -> list[MultimodalClassifier]:
        """The fused models of a fold, in evaluation mode."""
        return load_models(self._folder(repeat, fold))[1]

    def _folder(self, repeat: int, fold: int) -> Path:
        return self.models_run.folder / self.models_run.model_folder(FUSED, repeat, fold)

    def _joint(self, place: Place, raw: dict[str, Any]) -> Joint:
        if place not in self._loaded:
            models = self.models(*place)
            self._loaded[place] = models, self._typical(place, models)
        models, typical = self._loaded[place]
        joint = Joint(models, raw)
        return joint.with_references(references(joint, self.config.explain.baselines, typical))

    def _typical(self, place: Place, models: list[MultimodalClassifier]) -> Typical | None:
        """The training cases of a fold, where the study's data are at hand."""
        if self.learned_from is None:
            return None
        cohort, rows = self.learned_from.cohort, self.fold(place).not_test
        raw = self.raw if self.is_study else _raw(cohort)
        return Typical(models, {n: [v[i] for i in rows] for n, v in raw.items()}, self.config.seed)

    @cached_property
    def learned_from(self) -> Study | None:
        """The study that trained the models; None where its data are no longer at hand, as new
        cases may be explained elsewhere."""
        if self.is_study:
            return self.study
        try:
            return open_study(self.models_run.folder)
        except (InputError, OSError):
            return None

    def fold(self, place: Place) -> Fold:
        """A fold of the study that trained the models."""
        assert self.learned_from is not None
        return self._folds[place]

    @cached_property
    def _folds(self) -> dict[Place, Fold]:
        assert self.learned_from is not None
        case_ids = self.learned_from.cohort.table["case_id"].tolist()
        folds = folds_of(self.models_run.read("splits"), case_ids)
        return {(fold.repeat, fold.fold): fold for fold in folds}

    @cached_property
    def ranges(self) -> PlausibleRanges:
        """What columns of records can be, by the study that trained the models; by these cases,
        where its data are not at hand."""
        return plausible_ranges((self.learned_from or self.study).cohort)

    @cached_property
    def raw(self) -> dict[str, list[Any]]:
        """Input -> the raw value of each case of the cohort."""
        return _raw(self.cohort)

    def model_files(self) -> list[Path]:
        """Everything that the models of the cases are made of."""
        places = sorted({place for places in self.predicted_by.values() for place in places})
        found = [sorted(self._folder(*place).iterdir()) for place in places]
        return [file for files in found for file in files if file.is_file()]


def _raw(cohort: Cohort) -> dict[str, list[Any]]:
    return {name: raw_values(cohort, name) for name in sorted(cohort.spec.inputs)}


def seed_of(seed: int, *key: str) -> int:
    """A seed of its own for each key, whatever came before it."""
    digest = hashlib.sha256("\n".join([str(seed), *key]).encode()).digest()
    return int.from_bytes(digest[:4], "big")
