"""Every file of explanation tests, and what all of them have to keep to."""

from typing import Any

import numpy as np
import pytest
import torch

from clinmm import registry
from clinmm.config import Component
from clinmm.explain.attribute import explain
from clinmm.explain.audit.parts.look import JOINT, Look, Retrained
from clinmm.explain.audit.parts.reading import Said, ask, readings_of
from clinmm.explain.audit.parts.rules import DEFAULT_RULES
from clinmm.explain.joint import Joint, Target
from clinmm.explain.settings import all_tests
from clinmm.model import MultimodalClassifier, make_encoder

FILES = registry.available("explanation_tests")
every_file = pytest.mark.parametrize("name", FILES)

FACTS: dict[str, dict[str, Any]] = {
    "note": {"terms": ["cough", "fever", "night", "pain", "rash"], "rarity": [1.0] * 5},
    "record": {
        "numeric": {"age": [50.0, 10.0], "crp": [20.0, 8.0], "hb": [120.0, 12.0], "na": [140, 4]},
        "categorical": {},
    },
}
CASE = {
    "note": "Cough and fever at night; no rash. Pain.",
    "record": {"age": 71.0, "crp": 44.0, "hb": None, "na": 128.0},
}


def model(seed: int) -> MultimodalClassifier:
    torch.manual_seed(seed)
    encoders = {
        "note": make_encoder(Component(name="bag_of_words"), FACTS["note"], "note"),
        "record": make_encoder(Component(name="mlp"), FACTS["record"], "record"),
    }
    return MultimodalClassifier(encoders, Component(name="concat"), [0.0, 0.5]).eval()


def look(method: str = "integrated_gradients", seed: int = 3) -> Look:
    joint, target = Joint([model(0)], CASE), Target(1)
    said = ask(joint, [method, "occlusion", "input_shapley"], target, 8, seed)
    return Look(
        "c1",
        "effusion",
        method,
        joint,
        target,
        said.explanations[method],
        8,
        seed,
        retrained=[Retrained([model(1)], [model(2)]), Retrained([model(3)], [model(4)])],
        others={k: v for k, v in said.explanations.items() if k != method},
    )


def test_no_two_files_read_the_same_test() -> None:
    names = [name for file in FILES for name in registry.load("explanation_tests", file).TESTS]
    assert len(names) == len(set(names))
    assert set(all_tests()) == set(names)


def test_every_rule_is_of_a_test_that_there_is() -> None:
    assert set(DEFAULT_RULES) <= set(all_tests())


@every_file
def test_each_test_says_in_a_sentence_what_it_asks(name: str) -> None:
    for test, asks in registry.load("explanation_tests", name).TESTS.items():
        assert test == test.lower().replace(" ", "_")
        assert asks[0].isupper()
        assert asks[-1] in ".?", test


@every_file
@pytest.mark.parametrize("method", ["integrated_gradients", "occlusion", "input_shapley"])
def test_readings_are_finite_numbers_of_the_cases_inputs_and_the_files_tests(
    name: str, method: str
) -> None:
    file, at = registry.load("explanation_tests", name), look(method)
    found = file.measure(at)
    assert {reading.test for reading in found} <= set(file.TESTS)
    assert {reading.input for reading in found} <= {*at.found.sums, JOINT}
    assert np.isfinite([reading.value for reading in found]).all()
    assert len({reading[:2] for reading in found}) == len(found), "each test once"


@every_file
def test_the_same_seed_gives_the_same_readings(name: str) -> None:
    file = registry.load("explanation_tests", name)
    torch.manual_seed(11)
    first = file.measure(look())
    torch.manual_seed(12)
    assert file.measure(look()) == first


@every_file
def test_the_model_and_the_explanation_stay_as_they_were(name: str) -> None:
    at = look()
    before = {key: value.clone() for key, value in at.joint.models[0].state_dict().items()}
    scores = {key: value["score"].copy() for key, value in at.found.located.items()}
    registry.load("explanation_tests", name).measure(at)
    for key, value in at.joint.models[0].state_dict().items():
        torch.testing.assert_close(value, before[key], rtol=0, atol=0)
    for key, value in scores.items():
        np.testing.assert_array_equal(at.found.located[key]["score"], value)


def test_a_method_that_reads_none_of_the_inputs_is_passed_over_in_silence() -> None:
    said = ask(Joint([model(0)], CASE), ["grad_cam", "integrated_gradients"], Target(0), 8, 0)
    assert list(said.explanations) == ["integrated_gradients"]
    assert said.refused == {}


def test_all_readings_of_a_case_are_of_every_method_that_said_something() -> None:
    joint, target = Joint([model(0)], CASE), Target(1)
    found = explain(joint, "integrated_gradients", target, 8)
    said = Said({"integrated_gradients": found}, {})
    rows = readings_of("c1", "effusion", joint, target, said, steps=8, seed=0)
    assert {row["method"] for row in rows} == {"integrated_gradients"}
    assert {"share", "completeness_error", "weight_randomisation"} <= {row["test"] for row in rows}
    assert {row["input"] for row in rows} == {"note", "record", JOINT}
