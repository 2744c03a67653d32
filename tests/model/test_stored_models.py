import json
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import SafetensorError
from small_study import fold_with_members, small_cohort
from test_folds import ENCODERS, trained

from clinmm.folds import Preparer
from clinmm.predict import fold_logits
from clinmm.stored_models import is_stored, load_history, load_models, save_models


@pytest.fixture(scope="module", params=[("age", "labs", "note"), ("note",)], ids=["fused", "note"])
def result(request: pytest.FixtureRequest) -> Any:
    return trained(inputs=request.param)


@pytest.fixture
def folder(result: Any, tmp_path: Path) -> Path:
    save_models(tmp_path, *result)
    return tmp_path


def test_loaded_models_predict_the_same_to_the_last_bit(result: Any, folder: Path) -> None:
    description, models = load_models(folder)
    assert description == result.description
    batch, _ = Preparer(small_cohort(), ENCODERS).of_fold(fold_with_members())
    batch = batch.only(description.inputs)
    logits = [fold_logits(m, batch, fold_with_members()) for m in (models, result.models)]
    assert np.array_equal(*logits)
    assert not any(model.training for model in models)
    assert torch.get_rng_state() is not None


def test_new_cases_are_prepared_by_the_stored_facts_alone(result: Any, folder: Path) -> None:
    description, _ = load_models(folder)
    components = description.components()
    other = small_cohort(age=["77"] * 24, text=["a new word and fever"] * 24)
    batch = Preparer(other, {**ENCODERS, **components}).batch(
        {**{name: trained_facts(name) for name in ENCODERS}, **description.facts}
    )
    if "note" in description.inputs:
        terms = len(description.facts["note"]["terms"])
        assert batch.inputs["note"]["weights"].shape == (24, terms)


def trained_facts(name: str) -> dict[str, Any]:
    return trained(inputs=(name,)).description.facts[name]


def test_no_file_holds_pickled_code(folder: Path) -> None:
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    assert {file.suffix for file in files} == {".safetensors", ".json"}
    for file in files:
        assert not zipfile.is_zipfile(file)
        content = file.read_bytes()
        assert pickle.PROTO + b"\x04" not in content[:2]
        if file.suffix == ".safetensors":  # 8 bytes of length, then JSON
            json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])


def test_the_history_tells_each_epoch_of_each_member(result: Any, folder: Path) -> None:
    history = load_history(folder)
    assert len(history) == len(result.history)
    assert history["member"].tolist() == [member for member, _ in result.history]
    assert (history["best"] == "yes").sum() == 2


def test_a_folder_without_its_description_is_not_stored(folder: Path) -> None:
    assert is_stored(folder)
    (folder / "model.json").unlink()
    assert not is_stored(folder)


def test_truncated_weights_are_refused(folder: Path) -> None:
    file = folder / "member_1.safetensors"
    file.write_bytes(file.read_bytes()[:-10])
    with pytest.raises(SafetensorError):
        load_models(folder)
