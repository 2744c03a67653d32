"""A study's arms and baselines, trained and asked in one fold after the other."""

import json
import shutil
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pandas as pd

from clinmm.arms import ENSEMBLE, FUSED, arms_of, baselines_of, is_single
from clinmm.baselines.of_fold import FoldBaseline
from clinmm.baselines.of_study import fold_baselines
from clinmm.baselines.stored import is_stored as is_stored_baseline
from clinmm.baselines.stored import load_baseline, save_baseline
from clinmm.cases import Batch
from clinmm.fall_back import FallBack, check_falls_back, fall_back, in_words
from clinmm.fit import make_fabric
from clinmm.folds import (
    Facts,
    Fold,
    Preparer,
    as_modelled,
    notes_as_modelled,
)
from clinmm.model import MultimodalClassifier
from clinmm.predict import fold_logits, prediction_rows
from clinmm.progress import Tell
from clinmm.robustness.changed import robustness_rows
from clinmm.stored_models import is_stored, load_balance, load_history, load_models, save_models
from clinmm.study import Study
from clinmm.train_arm import Trained, train_arm
from clinmm.train_progress import TrainProgress
from clinmm.uncertainty.outliers.fold import fit_fold
from clinmm.uncertainty.outliers.readings import read_inputs
from clinmm.uncertainty.outliers.stored import save_detectors

FALL_BACK = "fall_back.json"

Models = dict[str, list[MultimodalClassifier]]


class Training:
    """A study's arms, trained in one fold after the other, and the tables that this adds up to."""

    def __init__(self, study: Study, folds: Sequence[Fold], tell: Tell) -> None:
        self.run, self.config, self.cohort, self.tell = study.run, study.config, study.cohort, tell
        train, inputs = self.config.train, list(self.cohort.spec.inputs)
        self.arms = arms_of(inputs, train.arms)
        if self.config.falls_back:
            check_falls_back(self.arms)
        self.seeds = dict.fromkeys(self.arms, 1)
        if train.ensemble:
            self.arms[ENSEMBLE], self.seeds[ENSEMBLE] = self.arms[FUSED], train.ensemble
        self.baselines = baselines_of(inputs) if train.baselines else {}
        self.fabric = make_fabric(train)
        self.preparer = Preparer(
            self.cohort,
            self.config.encoders,
            lambda name, i, n: tell(f"read {name}", i, n),
            mask_stated_label=self.config.intake.mask_stated_label,
        )
        self.readings = read_inputs(self.cohort)
        self.progress = TrainProgress(tell, self._n_models(folds[0]), len(folds), train.epochs)
        self.tables: dict[str, list[pd.DataFrame]] = defaultdict(list)
        self.fell_back: list[tuple[Fold, FallBack]] = []
        self.baselines_chosen: dict[str, Counter[str]] = defaultdict(Counter)
        self.run.add_facts(device=str(self.fabric.device), arms=[*self.arms, *self.baselines])

    def add_fold(self, fold: Fold) -> None:
        """Trains and predicts a fold."""
        batch, facts = self.preparer.of_fold(fold)
        self._say_what_is_trained(facts)
        if self.config.intake.mask_stated_label:
            self.tables["notes"].append(notes_as_modelled(self.cohort, fold, facts))
        alone: Models = {}
        for arm, inputs in self.arms.items():
            if not is_stored(self.run.folder / self._place(arm, fold)):
                self._train(arm, fold, batch, facts, alone)
            models = self._models(arm, fold)
            logits = fold_logits(models, batch.only(inputs), fold)
            self._add("predictions", prediction_rows(self.cohort, arm, inputs, fold, logits))
            if is_single(arm):
                alone[arm] = models
            if arm == FUSED:
                self._look_at_fused(fold, batch, models)
        for arm, baseline in self._baselines(fold, batch, facts).items():
            inputs = self.baselines[arm]
            rows = prediction_rows(self.cohort, arm, inputs, fold, baseline.logits)
            self._add("predictions", rows)

    def write(self) -> None:
        """The tables of all folds, and what was chosen in them."""
        for name, parts in self.tables.items():
            self.run.write(name, pd.concat(parts, ignore_index=True))
        self.run.add_facts(
            baselines={arm: dict(chosen) for arm, chosen in self.baselines_chosen.items()}
        )
        if self.fell_back:
            folds = [
                {"repeat": fold.repeat, "fold": fold.fold, **asdict(choice)}
                for fold, choice in self.fell_back
            ]
            sentence = in_words([choice for _, choice in self.fell_back])
            self.run.add_facts(fall_back={"sentence": sentence, "folds": folds})

    # --- parts of a fold -----------------------------------------------------------------
    def _train(self, arm: str, fold: Fold, batch: Batch, facts: Facts, alone: Models) -> None:
        """Trains and stores the models of one arm; those of several inputs start from `alone`."""
        checkpoints = self.run.folder / "checkpoints"
        trained = train_arm(
            self.cohort,
            self.config,
            self.arms[arm],
            fold,
            batch,
            facts,
            fabric=self.fabric,
            alone=alone or None,
            seeds=self.seeds[arm],
            on_epoch=lambda _, epoch: self.progress.epoch(arm, epoch),
            checkpoints=checkpoints,
        )
        choice = None
        if arm == FUSED and self.config.falls_back:
            trained, choice = self._falling_back(trained, fold, batch, alone)
        with self.run.writing_folder(self._place(arm, fold)) as temporary:
            save_models(temporary, *trained)
            if choice:
                (temporary / FALL_BACK).write_text(json.dumps(asdict(choice), indent=1) + "\n")
        shutil.rmtree(checkpoints, ignore_errors=True)

    def _falling_back(
        self, trained: Trained, fold: Fold, batch: Batch, alone: Models
    ) -> tuple[Trained, FallBack]:
        """The same models, answering from what did best in the fold."""
        arms = {arm: inputs for arm, inputs in self.arms.items() if arm != ENSEMBLE}
        targets = self.cohort.targets()
        choice, models = fall_back(trained.models, alone, arms, batch, targets, fold)
        asked = None if choice.arm == FUSED else self.arms[choice.arm]
        description = replace(trained.description, answers_from=asked)
        return trained._replace(models=list(models), description=description), choice

    def _models(self, arm: str, fold: Fold) -> list[MultimodalClassifier]:
        """The arm's stored models, how they were trained being added to the tables."""
        place = self.run.folder / self._place(arm, fold)
        at: dict[str, Any] = {"arm": arm, "repeat": fold.repeat, "fold": fold.fold}
        self._add("training", load_history(place).assign(**at))
        self._add("training_inputs", load_balance(place).assign(**at))
        if arm == FUSED and self.config.falls_back:
            choice = FallBack(**json.loads((place / FALL_BACK).read_text()))
            self.fell_back.append((fold, choice))
        self.progress.finished(arm)
        return load_models(place)[1]

    def _baselines(self, fold: Fold, batch: Batch, facts: Facts) -> dict[str, FoldBaseline]:
        """The fold's baselines, from disk where all of them are there."""
        places = {arm: self._place(arm, fold) for arm in self.baselines}
        if not all(is_stored_baseline(self.run.folder / place) for place in places.values()):
            raw = {name: as_modelled(self.preparer.raw[name], facts[name]) for name in batch.inputs}
            balanced = self.config.train.class_weights == "balanced"
            made = fold_baselines(self.cohort, raw, batch, fold, balanced=balanced)
            for arm, place in places.items():
                with self.run.writing_folder(place) as temporary:
                    save_baseline(temporary, made[arm])
        found = {arm: load_baseline(self.run.folder / place) for arm, place in places.items()}
        for arm, baseline in found.items():
            self.baselines_chosen[arm][baseline.name] += 1
        return found

    def _look_at_fused(self, fold: Fold, batch: Batch, fused: list[MultimodalClassifier]) -> None:
        """Which cases are odd to the fused arm, and what it says when an input fails."""
        seed = self.config.seed
        detectors, odd = fit_fold(self.cohort, self.readings, fused, batch, fold, seed)
        save_detectors(self.run, self._place(FUSED, fold), detectors)
        self._add("outliers", odd)
        if self.cohort.task != "continuous":
            self._add("robustness", robustness_rows(self.cohort, fused, batch, fold, seed))

    # --- small things --------------------------------------------------------------------
    def _add(self, table: str, rows: pd.DataFrame) -> None:
        self.tables[table].append(rows)

    def _place(self, arm: str, fold: Fold) -> str:
        return self.run.model_folder(arm, fold.repeat, fold.fold)

    def _n_models(self, fold: Fold) -> dict[str, int]:
        """Arm -> how many models it trains in a fold."""
        n_decays = len(np.unique(self.config.train.optimiser.weight_decay))
        return {arm: seeds * fold.n_members * n_decays for arm, seeds in self.seeds.items()}

    def _say_what_is_trained(self, facts: Facts) -> None:
        """Once: which pretrained encoders are frozen and which released, and why."""
        if self.fell_back or self.tables:
            return
        said = {
            name: {"train": of["train"], "why": of["why"]}
            for name, of in facts.items()
            if "train" in of and "why" in of
        }
        self.run.add_facts(encoders_trained=said)
        for name, of in said.items():
            self.tell("train", 0, 1, f"{name} is {of['train']}: {of['why']}")
