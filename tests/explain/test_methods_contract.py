"""What every attribution method promises, on models of tiny encoders of every kind."""

from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_joint import tiny_joint

from clinmm import registry
from clinmm.encoders.interface import Located
from clinmm.errors import InputError
from clinmm.explain.attribute import explain
from clinmm.explain.explanation import Explanation, Found
from clinmm.explain.joint import Joint, Target

METHODS = registry.available("attributions")
MODELS = {
    "pictures": {"image": "densenet", "note": "bag_of_words", "record": "mlp"},
    "volumes": {"image": "densenet of volumes", "signal": "conv1d", "record": "wide"},
    "transformers": {"image": "vision_model", "note": "language_model", "record": "feature_tokens"},
    "sequences": {"image": "pixel_pca", "note": "gru", "signal": "log_mel"},
}
KEYS = {
    "image": {"map"},
    "note": {"start", "end", "score"},
    "record": {"column", "score"},
    "signal": {"channel", "start", "end", "score"},
}
every_method = pytest.mark.parametrize("method", METHODS)
every_model = pytest.mark.parametrize("model", MODELS)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("contract")


def joint_of(folder: Path, model: str) -> Joint:
    return tiny_joint(
        folder, MODELS[model], note={"pool": "attention"} if model == "sequences" else {}
    )


def explained(
    joint: Joint, method: str, target: Target | None = None, seed: int = 0
) -> Explanation:
    """Skips where the method says that it does not suit this network."""
    try:
        return explain(joint, method, target or Target(0), 16, seed=seed, refine=False)
    except InputError as error:
        refusal = str(error)
    if not refusal.startswith(f"{method}: "):
        pytest.fail(f"the refusal does not begin with the method's name: {refusal}")
    pytest.skip(refusal)


def numbers(located: Located) -> np.ndarray:
    return located["map" if "map" in located else "score"].astype(np.float64)


@every_method
def test_its_file_says_what_it_is(method: str) -> None:
    module = registry.load("attributions", method)
    assert set(module.READS) <= {"image", "note", "record", "signal"}
    assert module.READS
    assert isinstance(module.ADDS_UP, bool)
    assert isinstance(module.DRAWS_POINTS, bool)
    assert module.MEANING.endswith(".")
    assert (module.__doc__ or "").splitlines()[0].endswith((".", ":", ","))


@every_model
@every_method
def test_what_is_found_lies_where_it_belongs(method: str, model: str, folder: Path) -> None:
    joint, module = joint_of(folder, model), registry.load("attributions", method)
    found = explained(joint, method)
    assert list(found.sums) == [name for name in joint.names if name in found.sums]
    assert set(found.located) <= set(found.sums)
    for name, total in found.sums.items():
        assert joint.kind(name) in module.READS
        assert np.isfinite(total)
        if name not in found.located:
            continue
        located = found.located[name]
        assert KEYS[joint.kind(name)] <= set(located)
        assert np.isfinite(numbers(located)).all()
        if joint.kind(name) == "image":
            assert located["map"].dtype == np.float16
            assert located["map"].shape == joint.values[joint.names.index(name)].shape[2:]
        else:
            lengths = {len(located[key]) for key in KEYS[joint.kind(name)]}
            assert len(lengths) == 1
        if joint.kind(name) == "note":
            assert (located["start"] < located["end"]).all()
            assert (located["end"] <= len(joint.raw[name])).all()
        if joint.kind(name) == "record":
            assert set(located["column"]) <= set(joint.raw[name])


@every_model
@every_method
def test_sums_add_up_where_they_claim_to(method: str, model: str, folder: Path) -> None:
    joint, module = joint_of(folder, model), registry.load("attributions", method)
    found = explained(joint, method)
    if not module.ADDS_UP:
        assert found.logit_change is None
        return
    assert found.logit_change is not None
    assert found.completeness_error is not None
    assert set(found.sums) == set(joint.names)
    for name, located in found.located.items():
        special = float(located.get("special", np.zeros(1))[0])
        rest = abs(found.sums[name] - numbers(located).sum())
        assert rest <= special + 1e-3 + 1e-2 * np.abs(numbers(located)).sum()


@every_model
@every_method
def test_the_same_seed_gives_the_same_numbers(method: str, model: str, folder: Path) -> None:
    joint = joint_of(folder, model)
    one, other = (explained(joint, method, seed=3) for _ in range(2))
    assert one.sums == other.sums
    for name in one.located:
        for key, array in one.located[name].items():
            np.testing.assert_array_equal(array, other.located[name][key])


@every_method
@pytest.mark.parametrize("encoder", ["bag_of_words", "language_model"])
def test_where_words_are_hidden_spans_lie_on_the_same_words_of_the_note_as_given(
    method: str, encoder: str, folder: Path
) -> None:
    """Places are those of the note as the model reads it, where `___` stands for what is hidden."""
    hidden = "COVID-19 pneumonia"
    note = f"{hidden} is likely. Fever and a dry cough;\nafter {hidden.lower()}: no effusion."
    tiny = tiny_joint(folder, {"note": encoder, "record": "mlp"})
    for model in tiny.models:
        model.encoder("note").facts["mask"] = [hidden]
    joint = Joint(tiny.models, {**tiny.given, "note": note})
    found = explained(joint, method).located
    if "note" not in found:
        pytest.skip("explains no part of notes")
    given = joint.as_given(found)["note"]
    moved = 0
    for start, end, at, to in zip(
        found["note"]["start"], found["note"]["end"], given["start"], given["end"], strict=True
    ):
        read = joint.raw["note"][start:end]
        if "_" in read:
            assert hidden.lower() in note[at:to].lower()
        else:
            assert note[at:to] == read
            moved += at > start
    assert moved
    np.testing.assert_array_equal(given["score"], found["note"]["score"])


@every_method
def test_against_a_rival_is_the_difference_of_the_two(method: str, folder: Path) -> None:
    """Of every method but attention, which knows of no class, a linear function of the logits."""
    joint = joint_of(folder, "pictures")
    one, other, against = (
        explained(joint, method, target) for target in (Target(0), Target(1), Target(0, 1))
    )
    for name in one.sums:
        expected = one.sums[name] - other.sums[name]
        assert against.sums[name] == pytest.approx(expected, rel=1e-3, abs=1e-3)
    if one.logit_change is not None:
        assert against.logit_change == pytest.approx(
            one.logit_change - (other.logit_change or 0), abs=1e-4
        )


@every_method
@pytest.mark.parametrize("absent", ["image", "note", "record"])
def test_an_absent_input_gets_nothing(method: str, absent: str, folder: Path) -> None:
    joint = joint_of(folder, "pictures")
    less = Joint(joint.models, {**joint.raw, absent: None})
    found = explained(less, method)
    assert absent not in found.sums
    assert absent not in found.located


@every_method
@pytest.mark.parametrize("ignored", ["image", "note", "record"])
def test_an_input_that_the_model_ignores_gets_a_share_of_zero(
    method: str, ignored: str, folder: Path
) -> None:
    """Of every method but attention: a network may look at what the answer does not use."""
    if method == "attention":
        return
    joint = joint_of(folder, "pictures")
    model = joint.models[0]
    with torch.no_grad():
        model.heads[f"input_{ignored}"].weight.zero_()
        model.heads[f"input_{ignored}"].bias.zero_()
        model.correction.weight.zero_()
        model.weight.fill_(1)  # so that the others are not weighed by whether it is there
    found = explained(joint, method)
    if ignored in found.sums:
        assert found.share(ignored) == pytest.approx(0, abs=1e-6)
    if ignored in found.located:
        assert not numbers(found.located[ignored]).any()


def test_what_does_not_add_up_is_seen(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The check of completeness can fail."""
    joint = joint_of(folder, "pictures")
    module = registry.load("attributions", "integrated_gradients")
    whole = module.attribute

    def half(*given: object, **named: object) -> Found:
        found = whole(*given, **named)
        return Found(found.located, {name: value / 2 for name, value in found.sums.items()})

    monkeypatch.setattr(module, "attribute", half)
    assert not explained(joint, "integrated_gradients").complete
