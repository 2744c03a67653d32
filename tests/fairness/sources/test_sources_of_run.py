"""Every source of a small study, trained for it."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from clinmm import schema
from clinmm.cohort.copies import cases_with_copies
from clinmm.cohort.manifest import load_cohort
from clinmm.cohort.phantom import make_phantom
from clinmm.config import load_config
from clinmm.errors import InputError
from clinmm.fairness.embedded import first_folds, fold_embeddings
from clinmm.fairness.sources.hidden import hidden_inputs
from clinmm.fairness.sources.of_run import gap_sources
from clinmm.folds import Preparer
from clinmm.intake.images_read import read_images
from clinmm.runs import Run
from clinmm.stored_models import load_models
from clinmm.study import Study, open_study, start_study
from pipelines import train

SETTINGS: dict[str, Any] = {
    "seed": 0,
    "split": {"folds": 2, "inner_folds": 2},
    "encoders": {
        "image": {"name": "pixel_pca", "size": 16, "out_dim": 4},
        "note": {"name": "bag_of_words", "out_dim": 8},
        "record": {"name": "mlp", "out_dim": 8},
    },
    "fusion": {"name": "gated"},
    "train": {"epochs": 1, "device": "cpu", "baselines": False},
}


def trained(folder: Path, arms: str, target: dict[str, Any] | None = None) -> Run:
    """A study of 60 phantom patients, every finding of whom was read twice."""
    cohort = make_phantom(
        folder / "cohort", seed=3, n_patients=60, plant={"noisy_labels_group": 0.3}
    )
    spec = yaml.safe_load(cohort.read_text(encoding="utf-8"))
    findings = spec["target"]["columns"]
    spec["target"]["second_labels"] = [f"{finding}_second" for finding in findings]
    if target:
        del spec["inputs"]["record"]["numeric"][target["column"]]
        spec["target"] = target
    cohort.write_text(yaml.safe_dump(spec), encoding="utf-8")
    settings = folder / "study.yaml"
    said = {"cohort": str(cohort), **SETTINGS, "train": {**SETTINGS["train"], "arms": arms}}
    settings.write_text(yaml.safe_dump(said), encoding="utf-8")
    study = start_study(load_config(settings), load_cohort(cohort), folder / "run")
    study.run.write("links", schema.LINKS.empty())
    study.run.write("images", read_images(study.cohort).facts)
    study.run.write("cases", cases_with_copies(study.run, study.cohort, copy=True))
    train.main(study.run.folder)
    return study.run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Nobody may change it."""
    return trained(tmp_path_factory.mktemp("sources"), "single")


@pytest.fixture(scope="module")
def study(run: Run) -> Study:
    return open_study(run.folder)


@pytest.fixture(scope="module")
def found(run: Run) -> pd.DataFrame:
    return gap_sources(run, seed=0)


def test_every_source_is_asked_of_every_attribute(found: pd.DataFrame) -> None:
    sources = {
        "revealed",
        "revealed_label_fixed",
        "arm",
        "image_quality",
        "training_share",
        "missing_inputs",
        "label_noise",
    }
    for attribute in ("sex", "age", "site"):
        assert set(found.loc[found["group_by"] == attribute, "source"]) == sources
    assert set(found["verdict"].dropna()) <= {"yes", "not_shown", "cannot_tell"}
    assert found["sentence"].notna().all()
    revealed = found[found["source"] == "revealed"]
    assert set(revealed["of"]) == {"labels", "fused", "image", "note", "record"}
    own = revealed[(revealed["group_by"] == "sex") & (revealed["of"] == "record")].iloc[0]
    assert own["verdict"] == "yes"  # the sex is a column of the record
    assert "It is a column of record." in own["sentence"]


def test_a_second_label_of_the_cohort_file_tells_whose_labels_are_noisy(
    found: pd.DataFrame,
) -> None:
    rows = found[(found["source"] == "label_noise") & (found["group_by"] == "sex")]
    told = rows.set_index(["group", "measure"])
    assert told.loc[("M", "alpha_difference"), "verdict"] == "yes"
    assert told.loc[("F", "alpha_difference"), "verdict"] == "not_shown"
    assert told.loc[("F", "alpha"), "value"] == 1


def test_an_intersection_is_asked_as_its_parts_are(run: Run) -> None:
    found = gap_sources(run, seed=0, group_by=["sex*site"])
    assert set(found["group_by"]) == {"sex*site"}
    asked = set(found["source"])
    assert asked >= {"revealed", "arm", "image_quality", "training_share", "label_noise"}
    assert any(group.startswith("F*") for group in found["group"].dropna())


def test_the_same_seed_gives_the_same_table(run: Run, found: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(gap_sources(run, seed=0), found)


def test_the_fused_embedding_is_every_input_side_by_side(study: Study) -> None:
    preparer = Preparer(study.cohort, study.config.encoders)
    one = next(fold_embeddings(study, preparer))
    folder = study.run.folder / study.run.model_folder("fused", 0, one.fold.fold)
    description, models = load_models(folder)
    batch = preparer.batch(description.facts)
    own, seen = models[0].embeddings(batch)
    present = batch.present.numpy()
    widths = [seen[name].shape[1] for name in ("image", "note", "record")]
    assert one.of["fused"].shape == (study.cohort.n_cases, sum(widths) + 3)
    some = present.any(1)
    assert np.isnan(one.of["fused"][~some]).all()
    np.testing.assert_array_equal(one.of["fused"][some, -3:], present[some])
    for i, name in enumerate(("image", "note", "record")):
        here = present[:, i]
        first = sum(widths[:i])
        part = one.of["fused"][:, first : first + widths[i]]
        np.testing.assert_allclose(part[here], seen[name].numpy()[here], atol=1e-5)
        assert (part[some & ~here] == 0).all()
        np.testing.assert_allclose(one.of[name][here], own[name].numpy()[here], atol=1e-5)
        assert np.isnan(one.of[name][~here]).all()


def test_with_nothing_hidden_the_models_answer_as_they_did(study: Study) -> None:
    preparer = Preparer(study.cohort, study.config.encoders)
    cases = hidden_inputs(study, preparer, first_folds(study))
    nothing = np.zeros_like(cases.present)
    everything = np.ones_like(cases.present)
    answers, again, blank = cases.ask(np.stack([cases.present, everything, nothing]))
    np.testing.assert_array_equal(answers, again)  # what is absent is never seen
    table = study.run.read("predictions")
    test = table[(table["arm"] == "fused") & (table["split"] == "test") & (table["repeat"] == 0)]
    wide = test.pivot(index="case_id", columns="class_name", values="probability_raw")
    ids = study.cohort.table["case_id"].to_numpy()[cases.rows]
    stored = wide.loc[ids, study.cohort.class_names].to_numpy()
    np.testing.assert_allclose(answers, stored, atol=1e-6)
    for fold in (0, 1):  # the training prevalence of the fold
        assert np.ptp(blank[cases.fold == fold], axis=0).max() < 1e-12


def test_where_the_files_have_moved_the_models_are_not_asked(run: Run, tmp_path: Path) -> None:
    moved = tmp_path / "run"
    shutil.copytree(run.folder, moved)
    text = (moved / "cohort.yaml").read_text(encoding="utf-8")
    spec = yaml.safe_load(text)
    spec["table"] = str(tmp_path / "elsewhere.csv")
    (moved / "cohort.yaml").write_text(yaml.safe_dump(spec), encoding="utf-8")
    found = gap_sources(Run.open(moved), seed=0)
    asked = found[found["source"].isin(["revealed", "revealed_label_fixed", "missing_inputs"])]
    assert len(asked) == 9
    assert set(asked["verdict"]) == {"cannot_tell"}
    assert "arm" in set(found["source"])


def test_another_arm_another_kind_and_an_unknown_attribute_are_refused(
    run: Run, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="those of the arm 'fused', got 'image'"):
        gap_sources(run, arm="image")
    other = Run.create(tmp_path / "audit", "audit", {})
    with pytest.raises(InputError, match="a run of kind audit"):
        gap_sources(other)
    with pytest.raises(InputError, match=r"no grouping column 'sexx'\. Did you mean 'sex'"):
        gap_sources(run, group_by=["sexx"])


def test_a_value_has_no_classes_to_rank_and_loses_only_those_sources(tmp_path: Path) -> None:
    target = {"name": "crp", "kind": "continuous", "column": "crp", "unit": "mg/L"}
    found = gap_sources(trained(tmp_path, "fused", target), seed=0, group_by=["sex"])
    assert set(found["source"]) == {
        "revealed",
        "revealed_label_fixed",
        "image_quality",
        "training_share",
        "label_noise",
    }
