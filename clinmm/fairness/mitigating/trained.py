"""The fused arm of a study trained anew: plain, or by a mitigation, from the same seeds."""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from clinmm import __version__, schema
from clinmm.arms import FUSED, arms_of
from clinmm.config import Component
from clinmm.fairness.mitigating import PLAIN
from clinmm.fairness.mitigating.asked import Asked
from clinmm.fall_back import answering_from
from clinmm.fit import Epoch, make_fabric
from clinmm.folds import Fold, Preparer, folds_of
from clinmm.model import MultimodalClassifier, settings_of
from clinmm.predict import fold_logits, prediction_rows
from clinmm.progress import Tell
from clinmm.runs import Run
from clinmm.stored_models import Description, load_description
from clinmm.study import Study
from clinmm.train_arm import train_arm
from clinmm.training.mitigated import Mitigated

FOLDER = "checkpoints/mitigate"
OTHER_SEED = 2_000_003
"""Added to the study's seed and the number of the training: plain training is trained anew as well,
so that no method is held against the luck of the one training that the study has."""


@dataclass(frozen=True, eq=False)
class Trainings:
    """Every training of a comparison; what a stopped one has finished is not done again."""

    study: Study
    asked: Asked
    tell: Tell

    def predictions(self) -> dict[str, list[pd.DataFrame]]:
        """Method -> for each seed its rows of schema.PREDICTIONS, of every fold of repeat 0.

        Raises:
            InputError: as `train_arm`.
        """
        found: dict[tuple[str, int], list[pd.DataFrame]] = {}
        for number, (fold, method, seed) in enumerate(self._each()):
            rows = self._kept(fold, method, seed, number)
            found.setdefault((_name(method), seed), []).append(rows)
        self.tell("mitigate", self._n_trainings, self._n_trainings, "trained")
        return {
            name: [pd.concat(found[name, s], ignore_index=True) for s in range(self.asked.seeds)]
            for name in dict.fromkeys(name for name, _ in found)
        }

    def remove(self) -> None:
        """All of it is done and written elsewhere."""
        folder = self.study.run.folder / FOLDER
        shutil.rmtree(folder, ignore_errors=True)
        if folder.parent.is_dir() and not any(folder.parent.iterdir()):
            folder.parent.rmdir()

    @cached_property
    def folds(self) -> list[Fold]:
        splits = self.study.run.read("splits")
        ids = self.study.cohort.table["case_id"].tolist()
        return [fold for fold in folds_of(splits, ids) if fold.repeat == 0]

    @cached_property
    def _methods(self) -> list[Component | None]:
        return [None, *self.asked.trained]

    @property
    def _n_trainings(self) -> int:
        return len(self.folds) * len(self._methods) * self.asked.seeds

    @cached_property
    def _preparer(self) -> Preparer:
        return Preparer(
            self.study.cohort,
            self.study.config.encoders,
            lambda name, i, n: self.tell(f"read {name}", i, n),
        )

    @cached_property
    def _fabric(self) -> Any:
        return make_fabric(self.study.config.train)

    def _each(self) -> Iterator[tuple[Fold, Component | None, int]]:
        """A fold's trainings one after the other, because they share its batch."""
        for fold in self.folds:
            for method in self._methods:
                for seed in range(self.asked.seeds):
                    yield fold, method, seed

    def _kept(self, fold: Fold, method: Component | None, seed: int, number: int) -> pd.DataFrame:
        """The rows of one training, from disk where they are there."""
        run = self.study.run
        place = f"{FOLDER}/{self._digest(method)}/seed_{seed}_fold_{fold.fold}"
        file = run.folder / f"{place}.parquet"
        if not file.is_file():
            rows = self._train(fold, method, seed, number, run.folder / place)
            with run.writing(f"{place}.parquet") as temporary:
                rows.to_parquet(temporary, index=False)
            shutil.rmtree(run.folder / place, ignore_errors=True)
        return schema.PREDICTIONS.fill(pd.read_parquet(file))

    def _train(
        self, fold: Fold, method: Component | None, seed: int, number: int, checkpoints: Path
    ) -> pd.DataFrame:
        cohort = self.study.cohort
        stored = _stored(self.study.run, fold)
        changed = {"seed": self.study.config.seed + OTHER_SEED + seed}
        config = self.study.config.model_copy(update=changed)
        batch = self._preparer.batch(stored.facts)
        arms = arms_of(stored.inputs, "single")
        codes = self.asked.codes(cohort.table["case_id"].tolist())
        alone: dict[str, list[MultimodalClassifier]] = {}
        for step, (arm, inputs) in enumerate(arms.items()):
            trained = train_arm(
                cohort,
                config,
                inputs,
                fold,
                batch,
                stored.facts,
                fabric=self._fabric,
                alone=alone or None,
                mitigation=Mitigated(method, codes) if method else None,
                on_epoch=self._telling(fold, _name(method), seed, number, step, len(arms)),
                checkpoints=checkpoints,
            )
            alone[arm] = trained.models
        models: Any = trained.models
        if stored.answers_from is not None:
            models = answering_from(models, stored.answers_from, alone)
        logits = fold_logits(models, batch.only(stored.inputs), fold)
        return prediction_rows(cohort, FUSED, stored.inputs, fold, logits)

    def _telling(
        self, fold: Fold, name: str, seed: int, number: int, step: int, n_arms: int
    ) -> Callable[[int, Epoch], None]:
        """Tells of epochs as parts of the trainings. Of several weight decays the models of all
        are counted as those of one: the bar waits rather than runs ahead."""
        epochs, members = self.study.config.train.epochs, fold.n_members

        def on_epoch(member: int, epoch: Epoch) -> None:
            share = (step + (member + epoch.epoch / epochs) / members) / n_arms
            note = f"{name}, seed {seed + 1}, fold {fold.fold}"
            self.tell("mitigate", number + min(share, 1.0), self._n_trainings, note)

        return on_epoch

    def _digest(self, method: Component | None) -> str:
        """Names the trainings of a method by everything that they depend on."""
        study = self.study
        settings = (
            {}
            if method is None
            else {
                "settings": settings_of("mitigations", method, "mitigate").model_dump(mode="json"),
                "codes": self.asked.codes(study.cohort.table["case_id"].tolist()).tolist(),
            }
        )
        config = study.config.model_dump(
            mode="json", include={"encoders", "fusion", "train", "seed"}
        )
        made_of = [__version__, study.cohort.fingerprint, config, settings]
        digest = hashlib.sha256(json.dumps(made_of, sort_keys=True, default=str).encode())
        digest.update((study.run.folder / "splits.parquet").read_bytes())
        for fold in self.folds:
            place = study.run.model_folder(FUSED, fold.repeat, fold.fold)
            digest.update((study.run.folder / place / "model.json").read_bytes())
        return f"{_name(method)}_{digest.hexdigest()[:16]}"


def _name(method: Component | None) -> str:
    return PLAIN if method is None else method.name


def _stored(run: Run, fold: Fold) -> Description:
    """How the study trained its fused arm in the fold: facts of its encoders, what it answers
    from."""
    return load_description(run.folder / run.model_folder(FUSED, fold.repeat, fold.fold))
