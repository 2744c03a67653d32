"""What a case is compared with."""

from typing import Any

import numpy as np
import pytest
import torch
from linear_model import CASE, NAMES, Linear, linear_model
from torch import Tensor

from clinmm.encoders.interface import Attributable
from clinmm.errors import InputError
from clinmm.explain import references as file
from clinmm.explain.attribute import explain
from clinmm.explain.baselines import POSSIBLE, check_baselines
from clinmm.explain.joint import Joint, Target
from clinmm.explain.references import Typical, references, without_detail
from clinmm.model import MultimodalClassifier

KINDS = {"scan": "image", "ecg": "signal", "labs": "record", "text": "note"}
TRAINING = [[float(i), float(-i)] for i in range(100)]


class Shaped(Linear):
    """An input of another kind and shape, whose own reference is told from all others."""

    def __init__(self, kind: str, shape: tuple[int, ...]) -> None:
        super().__init__("a")
        self.kind, self.shape = kind, shape

    def prepare(self, raw: Any, progress: Any = None) -> dict[str, Tensor]:
        return {"values": torch.zeros(len(raw), 2)}

    def attributable(self, raw: Any) -> Attributable:
        return Attributable(
            torch.as_tensor(raw).expand(1, *self.shape), torch.full((1, *self.shape), -9.0)
        )


def of_kinds(raw: dict[str, Any]) -> Joint:
    shapes = {"scan": (1, 12, 10), "ecg": (2, 40), "labs": (3,), "text": (5,)}
    model = linear_model()
    for name, kind in KINDS.items():
        model.encoders[f"input_{name}"] = Shaped(kind, shapes[name])
    model.names = list(KINDS)
    return Joint([model], raw)


def typical(models: list[MultimodalClassifier], **raw: Any) -> Typical:
    return Typical(models, {"a": TRAINING, "b": TRAINING, "c": TRAINING, **raw})


CASES = {"scan": 0.3, "ecg": 0.3, "labs": 0.3, "text": 0.3}


# --- of the case itself ----------------------------------------------------------------------
def test_own_is_what_the_encoder_says_and_the_default() -> None:
    made = references(of_kinds(CASES), {})
    assert set(made) == set(KINDS)
    assert all((reference == -9).all() for reference in made.values())
    assert all(
        (r == -9).all() for r in references(of_kinds(CASES), dict.fromkeys(KINDS, "own")).values()
    )


def test_absent_is_a_flat_picture_or_what_the_encoder_takes_for_nothing() -> None:
    made = references(of_kinds(CASES), dict.fromkeys(KINDS, "absent"))
    assert (made["scan"] == 0.5).all()
    assert made["scan"].shape == (1, 1, 12, 10)
    assert all((made[name] == -9).all() for name in ("ecg", "labs", "text"))


def test_only_inputs_of_the_case_have_one() -> None:
    assert list(references(of_kinds({**CASES, "ecg": None}), {"ecg": "blurred"})) == [
        "scan",
        "labs",
        "text",
    ]


@pytest.mark.parametrize("shape", [(1, 3, 40, 30), (1, 1, 20, 20, 20), (1, 2, 200)])
def test_a_blur_keeps_the_level_and_takes_the_detail(shape: tuple[int, ...]) -> None:
    generator = torch.Generator().manual_seed(0)
    noise = torch.rand(shape, generator=generator)
    smooth = without_detail(noise)
    assert smooth.shape == noise.shape
    assert float(smooth.std()) < 0.3 * float(noise.std())
    assert float(smooth.mean()) == pytest.approx(float(noise.mean()), abs=0.02)
    flat = torch.full(shape, 0.7)
    torch.testing.assert_close(without_detail(flat), flat, msg="the borders do not darken")


def test_pictures_and_signals_can_be_blurred() -> None:
    made = references(of_kinds(CASES), {"scan": "blurred", "ecg": "blurred"})
    for name in ("scan", "ecg"):
        assert made[name].numpy() == pytest.approx(0.3, abs=1e-5)


# --- of training cases -----------------------------------------------------------------------
def test_the_mean_is_that_of_up_to_64_training_cases() -> None:
    few = [None, [1.0, 5.0], None, [3.0, -1.0]] + [None] * 96
    model = linear_model()
    made = references(
        Joint([model], CASE), {"a": "mean", "b": "own", "c": "own"}, typical([model], a=few)
    )
    assert made["a"].tolist() == [[2.0, 2.0]]
    by_64 = typical([model]).mean("a")
    wanted = np.random.default_rng(0).permutation(100)[:64].mean()
    np.testing.assert_allclose(by_64, [[wanted, -wanted]], rtol=1e-5)


def test_a_record_is_compared_with_the_mean_where_there_are_training_cases() -> None:
    model = linear_model()
    joint = Joint([model], CASE)
    own = references(joint, {})
    assert [own[name].tolist() for name in NAMES] == [r.tolist() for r in joint.references]
    made = references(joint, {"b": "own"}, typical([model]))
    assert made["a"].tolist() == typical([model]).mean("a").tolist() != own["a"].tolist()
    assert made["b"].tolist() == own["b"].tolist()


def test_a_record_that_no_training_case_has_keeps_the_encoders_own_reference() -> None:
    model = linear_model()
    made = references(Joint([model], CASE), {}, typical([model], c=[None] * 100))
    assert made["c"].tolist() == [[0.5, 0.5]]


def test_averaged_takes_the_same_training_cases_for_every_input() -> None:
    model = linear_model()
    lacking = [None if i % 2 else row for i, row in enumerate(TRAINING)]
    those = typical([model], b=lacking)
    made = references(Joint([model], CASE), {"a": "averaged", "b": "averaged"}, those)
    assert made["a"].shape == made["b"].shape == (8, 2)
    assert torch.equal(made["a"], made["b"])
    assert len(made["a"].unique(dim=0)) == 8
    assert not (made["b"][:, 0] % 2).any(), "only cases that have it"
    assert len(made["c"]) == 1


def test_fewer_training_cases_are_fewer_references() -> None:
    model = linear_model()
    those = typical([model], a=TRAINING[:3] + [None] * 97)
    joint = Joint([model], CASE)
    made = references(joint, {"a": "averaged"}, those)
    assert len(made["a"]) == 3
    explanation = explain(joint.with_references(made), "integrated_gradients", Target(0), 24)
    assert explanation.completeness_error == pytest.approx(0, abs=1e-4)


def test_training_cases_are_read_when_they_are_asked_for_and_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = linear_model()
    read = []
    own = Linear.attributable
    monkeypatch.setattr(
        Linear, "attributable", lambda self, raw: read.append(self.name) or own(self, raw)
    )
    those = typical([model])
    assert not read
    joint = Joint([model], CASE)
    read.clear()
    for _ in range(2):
        references(joint, {"a": "mean", "b": "averaged", "c": "own"}, those)
        assert (read.count("a"), read.count("b"), read.count("c")) == (64, 8, 0)


def test_the_seed_decides_which_training_cases() -> None:
    model = linear_model()
    raw = {name: TRAINING for name in NAMES}
    first = Typical([model], raw, seed=1).several(["a"])["a"]
    assert torch.equal(Typical([model], raw, seed=1).several(["a"])["a"], first)
    assert not torch.equal(Typical([model], raw, seed=2).several(["a"])["a"], first)


# --- how much the choice matters -------------------------------------------------------------
def test_another_reference_changes_the_attribution_by_the_weights_times_its_distance() -> None:
    model = linear_model()
    joint, those = Joint([model], CASE), typical([model], a=[[4.0, 1.0]] * 100)
    found = {
        baseline: explain(
            joint.with_references(
                references(joint, dict.fromkeys(NAMES, "own") | {"a": baseline}, those)
            ),
            "integrated_gradients",
            Target(0),
            8,
        ).sums
        for baseline in ("own", "mean")
    }
    weights = model.heads["input_a"].weight[0].detach().numpy()
    moved = float(weights @ np.array([4.0, 1.0]))  # the encoder's own reference is zero
    assert found["own"]["a"] - found["mean"]["a"] == pytest.approx(moved, abs=1e-5)
    assert found["own"]["b"] == pytest.approx(found["mean"]["b"], abs=1e-6)


# --- refusals --------------------------------------------------------------------------------
def test_every_wrong_baseline_is_named_at_once() -> None:
    with pytest.raises(InputError) as refused:
        check_baselines(
            {"scn": "own", "text": "mean", "labs": "blurred", "scan": "averaged"}, KINDS
        )
    assert len(refused.value.problems) == 3
    message = str(refused.value)
    assert "no input 'scn'" in message
    assert "'scan'" in message, "did you mean"
    assert "'text', of kind note, cannot be compared with 'mean'. Possible: own, absent." in message
    assert "'labs', of kind record, cannot be compared with 'blurred'" in message
    check_baselines({"scan": "blurred", "ecg": "mean", "labs": "averaged", "text": "absent"}, KINDS)


def test_what_the_config_allows_some_kind_of_input_can_have() -> None:
    from typing import get_args

    from clinmm.config import ExplainConfig

    hint = ExplainConfig.model_fields["baselines"].annotation
    allowed = get_args(get_args(hint)[1])
    assert {b for possible in POSSIBLE.values() for b in possible} == set(allowed)


def test_a_baseline_that_the_input_cannot_have_is_refused_for_a_case_too() -> None:
    with pytest.raises(
        InputError, match="'text', of kind note, cannot be compared with 'averaged'"
    ):
        references(of_kinds(CASES), {"text": "averaged"})


def test_training_cases_that_are_not_at_hand_are_asked_for() -> None:
    with pytest.raises(InputError, match="a, c are to be compared with training cases"):
        references(Joint([linear_model()], CASE), {"a": "mean", "b": "own", "c": "averaged"})


def test_training_cases_of_which_none_has_the_input_are_no_reference() -> None:
    model = linear_model()
    apart = typical([model], a=[[1.0, 1.0], None], b=[None, [1.0, 1.0]], c=[None, None])
    joint = Joint([model], CASE)
    with pytest.raises(InputError, match="no training case has a and b"):
        references(joint, {"a": "averaged", "b": "averaged", "c": "own"}, apart)
    with pytest.raises(InputError, match="no training case has c"):
        references(joint, {"c": "mean"}, apart)
    assert file.SEVERAL < file.MEAN_OF
