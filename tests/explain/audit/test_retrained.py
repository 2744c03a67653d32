"""A fold is trained again by the same recipe, on the same labels or on those of other patients."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from clinmm.arms import FUSED
from clinmm.cohort.cohort import Cohort
from clinmm.cohort.manifest import spec_from
from clinmm.config import StudyConfig
from clinmm.explain.audit.parts import retrained
from clinmm.explain.audit.parts.retrained import permuted_labels, retrain, retrained_models
from clinmm.fit import make_fabric
from clinmm.folds import Fold, Preparer
from clinmm.progress import silent
from clinmm.stored_models import load_description, save_models
from clinmm.train_arm import train_arm

N = 48
SPEC = {
    "name": "small",
    "table": "t.csv",
    "case_id": "case_id",
    "patient_id": "patient_id",
    "target": {"name": "outcome", "kind": "multilabel", "columns": ["y", "z"]},
    "inputs": {
        "age": {"kind": "record", "numeric": {"age": "years"}},
        "labs": {"kind": "record", "numeric": {"lab": "mg/L"}},
    },
}
CONFIG = StudyConfig.model_validate(
    {
        "cohort": "t.yaml",
        "seed": 3,
        "encoders": {"age": {"name": "mlp"}, "labs": {"name": "mlp"}},
        "fusion": {"name": "concat"},
        "train": {"epochs": 2, "device": "cpu"},
    }
)


def cohort() -> Cohort:
    import pandas as pd

    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "case_id": [f"c{i}" for i in range(N)],
            "patient_id": [f"p{i}" for i in range(N)],
            "y": [str(v) for v in rng.integers(0, 2, N)],
            "z": [str(v) if v < 2 else None for v in rng.integers(0, 3, N)],
            "age": [None if i % 5 == 0 else str(30 + i) for i in range(N)],
            "lab": [str(value) for value in rng.normal(size=N).round(3)],
        },
        dtype=object,
    )
    return Cohort(spec_from(SPEC, "t.yaml"), Path(), table, {})


def fold() -> Fold:
    split = np.array(["train", "train", "validate", "test"])[np.arange(N) % 4]
    return Fold(0, 0, split, np.where(split == "validate", 0, -1))


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A finished fold of a study, as far as training it again asks for it."""
    run = tmp_path_factory.mktemp("run")
    made, where = cohort(), fold()
    batch, facts = Preparer(made, CONFIG.encoders).of_fold(where)
    fabric = make_fabric(CONFIG.train)
    trained = train_arm(made, CONFIG, ["age", "labs"], where, batch, facts, fabric=fabric)
    save_models(_empty(run / FUSED), *trained)
    place = SimpleNamespace(folder=run, model_folder=lambda arm, repeat, number: arm)
    return SimpleNamespace(run=place, config=CONFIG, cohort=made)


def _empty(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


def test_rows_of_labels_change_places_among_the_cases_that_are_learned_from() -> None:
    made, where = cohort(), fold()
    batch = Preparer(made, CONFIG.encoders).of_fold(where)[0]
    dealt = permuted_labels(batch, where, 0)
    learned = where.learned
    assert torch.equal(dealt.target[~learned], batch.target[~learned])
    assert not torch.equal(dealt.target[learned], batch.target[learned])
    rows = [torch.cat([b.target, b.known.float()], 1)[learned].tolist() for b in (batch, dealt)]
    assert sorted(rows[0]) == sorted(rows[1])
    assert torch.equal(dealt.inputs["age"]["values"], batch.inputs["age"]["values"])
    again, other = permuted_labels(batch, where, 0), permuted_labels(batch, where, 1)
    assert torch.equal(again.target, dealt.target)
    assert not torch.equal(other.target, dealt.target)


def test_the_recipe_is_the_same_and_the_seed_another(study: Any) -> None:
    same, again = (retrain(study, fold(), False, silent)[0].state_dict() for _ in range(2))
    permuted = retrain(study, fold(), True, silent)[0].state_dict()
    first = load_description(study.run.folder / FUSED)
    assert first.answers_from is None
    assert all(torch.equal(tensor, again[name]) for name, tensor in same.items())
    assert not all(torch.equal(tensor, permuted[name]) for name, tensor in same.items())
    assert same.keys() == first.build().state_dict().keys()
    second = retrain(study, fold(), False, silent, pair=1)[0].state_dict()
    assert not all(torch.equal(tensor, second[name]) for name, tensor in same.items())


def test_what_is_trained_is_kept_and_not_trained_twice(
    study: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = []

    def tell(*told: Any, note: str = "") -> None:
        said.append(told)

    kept = retrained_models(study, fold(), tmp_path / "r", 1, tell)
    assert {what for what, *_ in said} == {
        "train again (2), same labels",
        "train again (2), permuted labels",
    }
    assert all(0 <= done <= total for _, done, total in (told[:3] for told in said))
    names = sorted(path.name for path in (tmp_path / "r").iterdir())
    assert names == ["permuted_labels_1", "same_labels_1"]
    monkeypatch.setattr(retrained, "train_arm", None)
    loaded = retrained_models(study, fold(), tmp_path / "r", 1, silent)
    for one, other in zip(kept, loaded, strict=True):
        assert all(
            torch.equal(tensor, other[0].state_dict()[name])
            for name, tensor in one[0].state_dict().items()
        )


def test_a_study_that_falls_back_answers_from_the_same_inputs(study: Any, tmp_path: Path) -> None:
    description = replace(load_description(study.run.folder / FUSED), answers_from=["labs"])
    from clinmm.stored_models import load_models

    models = load_models(study.run.folder / FUSED)[1]
    save_models(_empty(tmp_path / FUSED), description, models, [])
    place = SimpleNamespace(folder=tmp_path, model_folder=lambda arm, repeat, number: arm)
    other = SimpleNamespace(run=place, config=CONFIG, cohort=study.cohort)
    assert retrain(other, fold(), False, silent)[0].answers_from == [False, True]
