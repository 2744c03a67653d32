"""A small study of two repeats and two folds, trained and calibrated."""

from pathlib import Path
from typing import Any

import yaml

from clinmm import schema
from clinmm.calibration import tables
from clinmm.calibration.temperature import Calibrator
from clinmm.cohort.manifest import load_cohort
from clinmm.cohort.phantom import make_phantom
from clinmm.config import load_config
from clinmm.study import Study, start_study
from pipelines import calibrate, train

SETTINGS: dict[str, Any] = {
    "seed": 0,
    "split": {"folds": 2, "repeats": 2, "inner_folds": 2},
    "encoders": {
        "image": {"name": "pixel_pca", "size": 16, "out_dim": 4},
        "note": {"name": "bag_of_words", "out_dim": 8},
        "record": {"name": "mlp", "out_dim": 8},
    },
    "fusion": {"name": "gated"},
    "train": {"epochs": 2, "device": "cpu", "arms": "fused", "baselines": False},
}


def explained_study(folder: Path) -> Study:
    """Of 48 phantom patients, with a temperature of its own for each fold and class."""
    cohort = make_phantom(folder / "cohort", seed=3, n_patients=48)
    settings = folder / "study.yaml"
    settings.write_text(yaml.safe_dump({"cohort": str(cohort), **SETTINGS}), encoding="utf-8")
    study = start_study(load_config(settings), load_cohort(cohort), folder / "run")
    study.run.write("links", schema.LINKS.empty())  # what the check writes, without the check
    study.run.write("cases", study.cohort.for_run())
    train.main(study.run.folder)
    calibrate.main(study.run.folder)
    _with_temperatures(study)
    return study


def _with_temperatures(study: Study) -> None:
    """With so few patients every calibrator is none, which says nothing about its use."""
    run = study.run
    predictions = run.read("predictions")
    calibrators: dict[tables.Place, tables.ByClass] = {}
    for place in study.model_places():
        by_class: tables.ByClass = {
            name: Calibrator(0.5 + 0.3 * k + 0.2 * sum(place))
            for k, name in enumerate(study.cohort.class_names)
        }
        calibrators["fused", *place] = by_class
        file = f"{run.model_folder('fused', *place)}/calibrator.json"
        run.write_json(file, tables.to_json(by_class))
    fused = predictions[predictions["arm"] == "fused"]
    run.write("predictions", tables.apply(fused, calibrators))
