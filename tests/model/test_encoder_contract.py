"""What every encoder file must do, whatever it reads: one test walks them all."""

import json
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from tiny_encoders import RELEASED, VOLUMES, Make

from clinmm import registry
from clinmm.cases import Prepared
from clinmm.config import Component
from clinmm.encoders.parts.augment import moved
from clinmm.errors import InputError
from clinmm.model import MultimodalClassifier, settings_of

ENCODERS = registry.available("encoders")
every_file = pytest.mark.parametrize("name", ENCODERS)
OF_VOLUMES = [
    f"{name}{VOLUMES}"
    for name in ENCODERS
    if 3 in getattr(registry.load("encoders", name).Encoder, "reads_dimensions", ())
]
TRAINED_ON = [
    f"{name}{RELEASED}"
    for name in ENCODERS
    if "train" in registry.load("encoders", name).Config.model_fields
    and registry.load("encoders", name).Encoder.kind == "image"
]
every_encoder = pytest.mark.parametrize("name", [*ENCODERS, *OF_VOLUMES, *TRAINED_ON])
KEYS = {
    "image": {"map"},
    "note": {"start", "end", "score"},
    "record": {"column", "score"},
    "signal": {"channel", "start", "end", "score"},
}


def one(prepared: Prepared, i: int) -> Prepared:
    return {key: tensor[i : i + 1] for key, tensor in prepared.items()}


def score_of(located: dict[str, Any]) -> float:
    return float(located["map" if "map" in located else "score"].sum(dtype=np.float64))


def test_there_are_encoders_for_every_kind() -> None:
    kinds = {registry.load("encoders", name).Encoder.kind for name in ENCODERS}
    assert kinds == set(KEYS)


@every_encoder
def test_each_case_gives_one_row_and_no_case_sees_another(name: str, tiny: Make) -> None:
    _, encoder, raw, _ = tiny(name)
    prepared = encoder.prepare(raw)
    with torch.no_grad():
        out = encoder(**prepared)
        alone = torch.cat([encoder(**one(prepared, i)) for i in range(6)])
        turned = encoder(**{key: tensor.flip(0) for key, tensor in prepared.items()})
    assert out.shape == (6, encoder.out_dim)
    assert torch.isfinite(out).all()
    assert (out[0] != out[1]).any(), "cases that differ must not look the same"
    torch.testing.assert_close(out, alone, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(out, turned.flip(0), rtol=1e-4, atol=1e-5)


@every_encoder
def test_preparing_one_by_one_is_preparing_together(name: str, tiny: Make) -> None:
    _, encoder, raw, _ = tiny(name)
    together = encoder.prepare(raw)
    for i, case in enumerate(raw):
        for key, tensor in encoder.prepare([case]).items():
            torch.testing.assert_close(tensor, together[key][i : i + 1], rtol=1e-4, atol=1e-5)


@every_encoder
def test_gradients_reach_every_parameter(name: str, tiny: Make) -> None:
    _, encoder, raw, _ = tiny(name)
    out = encoder(**encoder.prepare(raw))
    (out * torch.randn(out.shape, generator=torch.Generator().manual_seed(0))).sum().backward()
    silent = [
        key
        for key, parameter in encoder.named_parameters()
        if parameter.requires_grad and not (parameter.grad is not None and parameter.grad.any())
    ]
    assert list(encoder.parameters())
    assert silent == []


@every_encoder
def test_an_absent_case_is_a_row_of_zeros_and_changes_no_other(name: str, tiny: Make) -> None:
    _, encoder, raw, _ = tiny(name)
    holes = [None, *raw[1:4], None, raw[5]]
    prepared, full = encoder.prepare(holes), encoder.prepare(raw)
    for key, tensor in prepared.items():
        assert not tensor[[0, 4]].any()
        torch.testing.assert_close(tensor[[1, 2, 3, 5]], full[key][[1, 2, 3, 5]])
    with torch.no_grad():
        assert torch.isfinite(encoder(**prepared)).all()
        assert torch.isfinite(encoder(**encoder.prepare([None, None]))).all()


@every_encoder
def test_the_explained_path_is_the_trained_path(name: str, tiny: Make) -> None:
    _, encoder, raw, _ = tiny(name)
    for case in raw[:3]:
        attributable = encoder.attributable(case)
        assert attributable.values.shape == attributable.reference.shape
        assert len(attributable.values) == 1
        explained = encoder.trunk(attributable.values, attributable.fixed)
        trained = encoder.prepare([case])
        assert explained.keys() == trained.keys()
        with torch.no_grad():
            torch.testing.assert_close(
                encoder(**explained), encoder(**trained), rtol=1e-4, atol=1e-5
            )


@every_encoder
def test_the_path_starts_without_a_jump_whatever_the_fusion_reads(name: str, tiny: Make) -> None:
    """Attributions add up to the change along the path only where it has no jump."""
    _, encoder, raw, _ = tiny(name)
    torch.manual_seed(0)
    model = MultimodalClassifier(
        {"a": encoder, "b": encoder}, Component(name="cross_attention"), [0.0]
    ).eval()
    case = encoder.attributable(raw[1])
    share = torch.tensor([0.0, 1e-6]).view(2, *[1] * (case.values.dim() - 1))
    prepared = encoder.trunk(case.reference + share * (case.values - case.reference), case.fixed)
    with torch.no_grad():
        model.correction.weight.normal_()
        both = torch.ones(2, 2, dtype=torch.bool)
        start, next_to_it = model({"a": prepared, "b": prepared}, both).fused
    torch.testing.assert_close(start, next_to_it, rtol=1e-3, atol=1e-2)


@every_encoder
def test_the_trunk_takes_many_points_and_passes_gradients_back(name: str, tiny: Make) -> None:
    _, encoder, raw, _ = tiny(name)
    case = encoder.attributable(raw[1])
    share = torch.tensor([0.0, 0.5, 1.0]).view(3, *[1] * (case.values.dim() - 1))
    points = (case.reference + share * (case.values - case.reference)).requires_grad_()
    out = encoder(**encoder.trunk(points, case.fixed))
    assert out.shape == (3, encoder.out_dim)
    out[1].pow(2).sum().backward()
    assert points.grad is not None
    assert points.grad[1].any()
    assert not points.grad[[0, 2]].any(), "a point of the path must not see another"


@every_encoder
def test_located_attributions_lie_in_the_case_and_keep_their_sum(name: str, tiny: Make) -> None:
    _, encoder, raw, _ = tiny(name)
    rng = np.random.default_rng(0)
    for case in raw:
        values = encoder.attributable(case).values
        attributions = rng.normal(size=values.shape[1:]).astype(np.float32)
        if encoder.kind == "note":
            # What no word carries: terms that the note lacks, and marks such as [CLS]. Their
            # word vectors are those of the reference too, so their attribution is zero.
            reference = encoder.attributable(case).reference[0].numpy()
            attributions[values[0].numpy() == reference] = 0
        located = encoder.located(attributions, case)
        assert set(located) - {"special", "mark"} == KEYS[encoder.kind]
        # Maps are kept in 16 bits, which are true to one part in 2048 of each pixel.
        lost = float(np.abs(attributions).sum()) / 2048 if encoder.kind == "image" else 1e-4
        assert score_of(located) == pytest.approx(float(attributions.sum()), abs=lost)
        if encoder.kind == "image":
            assert located["map"].shape == values.shape[2:]
            np.testing.assert_allclose(located["map"], attributions.sum(0), rtol=1e-3, atol=1e-6)
        if encoder.kind == "note":
            assert (located["start"] < located["end"]).all()
            assert (located["end"] <= len(case)).all()
            assert (located["start"][1:] >= located["end"][:-1]).all(), "spans may not overlap"
            words = [case[s:e] for s, e in zip(located["start"], located["end"], strict=True)]
            assert all(word == word.strip() and word for word in words)
        if encoder.kind == "signal":
            assert (located["start"] < located["end"]).all()
            assert set(located["channel"]) == {0, 1}
            assert located["end"].max() == 4, "seconds, padding included"
        if encoder.kind == "record":
            assert located["column"].tolist() == ["age", "crp", "sex"]


@every_encoder
def test_weights_and_facts_make_the_same_encoder_again(name: str, tiny: Make) -> None:
    _, encoder, raw, module = tiny(name)
    again = module.Encoder(encoder.config, json.loads(json.dumps(encoder.facts)))
    again.load_state_dict(encoder.state_dict())
    prepared = encoder.prepare(raw)
    with torch.no_grad():
        assert torch.equal(again.eval()(**prepared), encoder(**prepared))


@every_encoder
def test_progress_ends_where_all_is_done(name: str, tiny: Make, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("CLINMM_CACHE", str(tmp_path))
    _, encoder, raw, _ = tiny(name)
    told: list[tuple[int, int]] = []
    encoder.prepare(raw[::-1], lambda done, total: told.append((done, total)))
    assert not told or told[-1] == (6, 6)
    assert [done for done, _ in told] == sorted(done for done, _ in told)


@every_file
def test_unknown_and_impossible_settings_are_refused(name: str) -> None:
    config = registry.load("encoders", name).Config
    with pytest.raises(ValidationError, match="out_dimm"):
        config(out_dimm=3)
    with pytest.raises(ValidationError):
        config(out_dim=0)
    with pytest.raises(ValidationError, match="frozen"):
        config().out_dim = 3
    component = Component.model_validate({"name": name, "out_dimm": 3})
    with pytest.raises(InputError, match=r"encoders.x \(.*unknown key 'out_dimm'.*'out_dim'"):
        settings_of("encoders", component, "encoders.x")


@every_encoder
def test_a_classifier_of_the_encoder_learns_to_tell_its_cases_apart(name: str, tiny: Make) -> None:
    _, encoder, raw, _ = tiny(name)
    model = MultimodalClassifier({"x": encoder}, Component(name="concat"), [0.0])
    prepared, present = {"x": encoder.prepare(raw)}, torch.ones(6, 1, dtype=torch.bool)
    target = torch.tensor([[0.0], [0.0], [0.0], [1.0], [1.0], [1.0]])
    body = getattr(encoder, "pretrained", None)
    slow = {id(parameter) for parameter in body.parameters()} if body else set()
    optimiser = torch.optim.AdamW(
        [{"params": [p], "lr": 1e-3 if id(p) in slow else 0.01} for p in model.train().parameters()]
    )
    torch.manual_seed(0)
    for _ in range(80):
        logits = model(prepared, present).fused
        loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, target)
        if loss < 0.2:
            break
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert loss < 0.2


@pytest.mark.parametrize(("size", "dimensions"), [(48, 2), (48, 3)])
def test_a_training_batch_may_hold_one_case_whose_last_map_is_one_value(
    size: int, dimensions: int
) -> None:
    from clinmm.encoders.densenet import Config, Encoder

    encoder = Encoder(Config(size=size), {"dimensions": dimensions}).train()
    out = encoder(torch.rand(1, 1, *[size] * dimensions))
    out.sum().backward()
    assert torch.isfinite(out).all()


def test_densenet_of_volumes_is_a_net_of_three_dimensions(tiny: Make) -> None:
    _, encoder, raw, module = tiny(f"densenet{VOLUMES}")
    assert encoder.facts == {"dimensions": 3}
    assert encoder.prepare(raw)["pixels"].shape == (6, 1, 32, 32, 32)
    assert any(isinstance(part, torch.nn.Conv3d) for part in encoder.modules())
    assert not any(isinstance(part, torch.nn.Conv2d) for part in encoder.modules())
    assert module.Encoder(module.Config(), {}).size == 128
    assert tiny("densenet").encoder.facts == {}, "a model stored before volumes loads as it was"


@pytest.mark.parametrize("name", ["densenet", f"densenet{VOLUMES}"])
def test_training_moves_pictures_a_little_and_differently(name: str, tiny: Make) -> None:
    _, encoder, raw, _ = tiny(name)
    pixels = encoder.prepare(raw)["pixels"]
    torch.manual_seed(3)
    once, again = moved(pixels), moved(pixels)
    assert once.shape == pixels.shape
    assert (once != again).any()
    assert 0 < (once - pixels).abs().mean() < 0.2
    still = moved(torch.full_like(pixels[:1], 0.5))
    assert still.std() < 1e-5, "the border is continued, not black"


def test_what_is_not_for_the_kind_of_picture_is_refused() -> None:
    of_volumes, of_pictures = SimpleNamespace(dimensions=3), SimpleNamespace(dimensions=2)
    densenet = registry.load("encoders", "densenet")
    with pytest.raises(InputError, match="window is for volumes"):
        densenet.Encoder.learn(densenet.Config(window=(0, 80)), [], of_pictures)
    with pytest.raises(InputError, match="a volume has 1 channel, got channels 3"):
        densenet.Encoder.learn(densenet.Config(channels=3), [], of_volumes)
    lite = registry.load("encoders", "efficientnet_lite")
    with pytest.raises(InputError, match="Use densenet"):
        lite.Encoder.learn(lite.Config(), [], of_volumes)


@pytest.mark.parametrize("window", [(400, 40), (40, 40), (float("nan"), 1)])
def test_a_window_that_does_not_rise_is_refused(window: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="window: wanted"):
        registry.load("encoders", "densenet").Config(window=window)


def test_a_wild_value_does_not_decide_a_case_by_itself(tiny: Make) -> None:
    _, encoder, _, _ = tiny("mlp")
    typo, far = ({"age": age, "crp": 5.0, "sex": "F"} for age in (4.5e9, 1000.0))
    prepared = encoder.prepare([typo, far])
    assert torch.equal(prepared["values"][0], prepared["values"][1])


def test_an_unknown_category_counts_as_measured_and_an_unmeasured_value_as_nothing(
    tiny: Make,
) -> None:
    _, encoder, _, _ = tiny("mlp")
    rows = [{"age": float("nan"), "crp": float("nan"), "sex": sex} for sex in ("never seen", None)]
    prepared = encoder.prepare(rows)
    assert not prepared["values"].any()
    assert prepared["measured"].tolist() == [[0, 0, 1], [0, 0, 0]]


def test_numbers_are_standardised_by_the_cases_that_taught(tiny: Make) -> None:
    _, encoder, raw, _ = tiny("mlp")
    ages = np.array([row["age"] for row in raw])
    z = (ages - np.nanmean(ages)) / np.nanstd(ages)
    values = encoder.prepare(raw)["values"][:, 0].numpy()
    np.testing.assert_allclose(values[~np.isnan(ages)], z[~np.isnan(ages)], rtol=1e-5)
    assert values[2] == 0


def test_term_weights_are_those_of_scikit_learn(tiny: Make) -> None:
    from sklearn.feature_extraction.text import TfidfVectorizer

    _, encoder, raw, _ = tiny("bag_of_words")
    reference = TfidfVectorizer(
        ngram_range=(1, 2), stop_words="english", sublinear_tf=True, min_df=1
    ).fit(raw)
    assert len(reference.vocabulary_) > 20
    assert set(encoder.position) == set(reference.vocabulary_)
    order = [reference.vocabulary_[term] for term in encoder.position]
    expected = reference.transform(raw).toarray()[:, order]
    np.testing.assert_allclose(encoder.prepare(raw)["weights"].numpy(), expected, atol=1e-5)


def test_notes_without_any_kept_term_do_not_stop_training(tiny: Make) -> None:
    module = registry.load("encoders", "bag_of_words")
    config = module.Config(min_notes=3)
    for notes in ([], [None], ["of the and"], ["once", "twice", "thrice"]):
        facts = module.Encoder.learn(config, notes, None)
        assert facts == {"terms": [], "rarity": []}
        encoder = module.Encoder(config, facts).eval()
        prepared = encoder.prepare(["fever", None])
        encoder.start_from(prepared)
        assert torch.isfinite(encoder(**prepared)).all()
        assert len(encoder.located(np.zeros(1, np.float32), "fever")["score"]) == 0


def test_what_a_mask_left_is_not_a_word(tiny: Make) -> None:
    module = registry.load("encoders", "bag_of_words")
    facts = module.Encoder.learn(module.Config(min_notes=1), ["He ___ at home"], None)
    assert facts["terms"] == ["home"]
