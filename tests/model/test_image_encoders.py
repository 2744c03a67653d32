"""Networks over pixels: weights from files, frozen or trained on, regions, and what they share."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.error import URLError

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from tiny_encoders import (
    RELEASED,
    SMALL,
    VOLUMES,
    Make,
    make_tiny,
    pictures,
    small_language_model,
    small_vision_model,
)

from clinmm import registry
from clinmm.config import Component
from clinmm.encoders.parts.batch_norm import set_mode, settle_batch_norm
from clinmm.encoders.parts.regions import coarse, regions_of, with_places
from clinmm.encoders.parts.release import RELEASE_FROM, trains
from clinmm.encoders.parts.weights import take_weights
from clinmm.errors import InputError
from clinmm.model import MultimodalClassifier
from clinmm.stored_models import Description, load_models, save_models

NETS = ["densenet", "efficientnet", "resnet", "swin", "vit"]
PRETRAINED = ["efficientnet_lite", "vision_model"]
OF_PICTURES, OF_VOLUMES = SimpleNamespace(dimensions=2), SimpleNamespace(dimensions=3)


def made(name: str, seed: int, facts: dict[str, Any] | None = None, **settings: Any) -> Any:
    module = registry.load("encoders", name)
    torch.manual_seed(seed)
    return module.Encoder(module.Config(**SMALL.get(name, {}) | settings), facts or {}).eval()


def learned(name: str, spec: Any = OF_PICTURES, **settings: Any) -> dict[str, Any]:
    module = registry.load("encoders", name)
    facts = module.Encoder.learn(module.Config(**SMALL.get(name, {}) | settings), [], spec)
    return dict(json.loads(json.dumps(facts)))


def same_state(one: torch.nn.Module, other: torch.nn.Module) -> bool:
    return all(torch.equal(a, other.state_dict()[k]) for k, a in one.state_dict().items())


# Frozen or released


def test_few_cases_hold_a_pretrained_network_still() -> None:
    assert trains("auto", RELEASE_FROM - 1)[0] == "frozen"
    assert trains("auto", RELEASE_FROM, gpu=True)[0] == "released"
    assert trains("auto", RELEASE_FROM, gpu=False)[0] == "frozen"
    assert trains("released", RELEASE_FROM, gpu=False)[0] == "released"
    assert trains("frozen", 10**6)[0] == "frozen"
    assert trains("released", 1)[0] == "released"
    assert trains("auto", 10)[1] == trains("auto", 20)[1], "folds of a study say the same"
    with pytest.raises(ValueError, match="'sometimes'"):
        trains("sometimes", 1)


def test_the_number_of_training_cases_that_have_a_picture_decides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    module = registry.load("encoders", "vision_model")
    config = module.Config(weights=str(small_vision_model(tmp_path)))
    some = [tmp_path / "not read.png"] * RELEASE_FROM
    assert module.Encoder.learn(config, some, OF_PICTURES)["train"] == "released"
    facts = module.Encoder.learn(config, [*some[1:], None], OF_PICTURES)
    assert facts["train"] == "frozen"
    assert "held still" in facts["why"]


@pytest.mark.parametrize("name", PRETRAINED)
def test_released_starts_from_what_frozen_says(name: str, tmp_path: Path) -> None:
    frozen, released = make_tiny(name, tmp_path), make_tiny(name + RELEASED, tmp_path)
    pixels = released.encoder.prepare(released.raw)
    assert set(pixels) == {"pixels"}
    features = frozen.encoder.prepare(frozen.raw)
    assert "features" in features
    with torch.no_grad():
        ours, theirs = released.encoder(**pixels), frozen.encoder(**features)
    torch.testing.assert_close(ours.abs(), theirs.abs(), rtol=1e-3, atol=1e-3)
    assert frozen.encoder.pretrained is None
    assert released.encoder.pretrained is released.encoder.body


def test_models_with_a_released_network_share_nothing(tmp_path: Path) -> None:
    one, other = (make_tiny(f"vision_model{RELEASED}", tmp_path).encoder for _ in range(2))
    shared = one._shared()
    before = {k: v.clone() for k, v in shared.state_dict().items()}
    optimiser = torch.optim.SGD(one.parameters(), lr=0.1)
    one.train()(pixels=torch.rand(4, 3, 32, 32)).pow(2).sum().backward()
    optimiser.step()
    assert not same_state(one.body, other.body)
    assert all(torch.equal(v, before[k]) for k, v in shared.state_dict().items())
    assert same_state(other.body, shared)


# Batch norm


def test_a_pretrained_body_keeps_the_statistics_it_came_with() -> None:
    body = torch.nn.Sequential(torch.nn.BatchNorm2d(2), torch.nn.Dropout(0.5))
    set_mode(body, training=True, n_cases=4, pretrained=True)
    body(torch.rand(4, 2, 3, 3))
    assert body[1].training
    assert not body[0].running_mean.any()
    set_mode(body.requires_grad_(False), training=True, n_cases=4, pretrained=True)
    assert not body[1].training, "the dropout of a body that is held still rests"
    set_mode(body, training=True, n_cases=1, pretrained=False)
    assert not body[0].training, "one case has no variance"
    set_mode(body, training=True, n_cases=2, pretrained=False)
    body(torch.rand(4, 2, 3, 3))
    assert body[0].running_mean.any()


def test_statistics_can_be_those_of_the_training_cases() -> None:
    body = torch.nn.Sequential(torch.nn.BatchNorm2d(1, momentum=0.3))
    pixels = torch.arange(32.0).view(8, 1, 2, 2)
    settle_batch_norm(body, pixels, at_once=4, most=8)
    assert float(body[0].running_mean) == pytest.approx(15.5)
    assert float(body[0].running_var) == pytest.approx(float(torch.arange(16.0).var()))
    assert body[0].momentum == 0.3
    assert not body[0].training


# Regions


def test_regions_by_hand() -> None:
    maps = torch.arange(16.0).view(1, 1, 4, 4)
    assert coarse(maps, 2).flatten().tolist() == [2.5, 4.5, 10.5, 12.5]
    assert regions_of(maps, 2).tolist() == [[[2.5], [4.5], [10.5], [12.5]]]
    assert regions_of(torch.rand(2, 3, 20, 20)).shape == (2, 64, 3)
    assert regions_of(torch.rand(2, 3, 9, 9, 9)).shape == (2, 64, 3)
    assert regions_of(torch.rand(2, 3, 1, 1, 1)).shape == (2, 1, 3)
    placed = with_places(regions_of(maps, 2), 2)
    assert placed[0, :, 1:].tolist() == [[-0.5, -0.5], [-0.5, 0.5], [0.5, -0.5], [0.5, 0.5]]
    assert with_places(torch.zeros(1, 8, 1), 3)[0, 1].tolist() == [0, -0.5, -0.5, 0.5]


@pytest.mark.parametrize(
    "name", [*NETS, *(n + VOLUMES for n in NETS), *PRETRAINED, *(n + RELEASED for n in PRETRAINED)]
)
def test_a_picture_in_parts_says_the_same_as_a_whole(name: str, tiny: Make) -> None:
    _, encoder, raw, _ = tiny(name)
    prepared = encoder.prepare(raw)
    with torch.no_grad():
        vector, tokens, real = encoder.with_tokens(**prepared)
        assert torch.equal(vector, encoder(**prepared))
    assert tokens.shape[::2] == (6, encoder.token_dim)
    assert 1 <= tokens.shape[1] <= 64
    assert real.shape == tokens.shape[:2]
    assert real.all()
    assert torch.isfinite(tokens).all()


def test_the_model_reads_the_regions_of_a_picture(tmp_path: Path) -> None:
    _, encoder, raw, _ = make_tiny("vision_model", tmp_path, {"regions": 4})
    prepared = encoder.prepare([*raw[:2], None])
    assert prepared["regions"].shape == (3, 16, 12)
    assert not prepared["regions"][2].any()
    vector, tokens, _ = encoder.with_tokens(**prepared)
    assert tokens.shape == (3, 16, encoder.token_dim)
    # The whole is the mean of its regions, and the projection is linear within its bounds.
    torch.testing.assert_close(tokens[:, :, :4].mean(1)[:2], vector[:2], rtol=0.2, atol=0.2)


# Weights from files


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        *((name, "wrapped") for name in NETS),
        *(("resnet", kind) for kind in ("safetensors", "pt", "from a stored model")),
    ],
)
def test_weights_of_a_file_are_taken_over(name: str, kind: str, tmp_path: Path) -> None:
    state = made(name, seed=1).body.state_dict()
    file = tmp_path / ("w.pth" if kind in ("pt", "wrapped") else "w.safetensors")
    if kind == "pt":
        torch.save(state, file)
    elif kind == "wrapped":
        torch.save({"state_dict": {f"module.{k}": v for k, v in state.items()}, "epoch": 3}, file)
    else:
        prefix = "" if kind == "safetensors" else "encoders.input_image.body."
        save_file({prefix + k: v.clone() for k, v in state.items()}, file)
    facts = learned(name, weights=str(file))
    n = sum(not k.endswith("num_batches_tracked") for k in state)
    assert (facts["loaded"], facts["not_loaded"]) == (n, 0)
    assert facts["why"] == f"{n} of {n} tensors came from {file.name}."
    encoder = made(name, 2, facts, weights=str(file))
    assert encoder.pretrained is encoder.body
    encoder.start_from({"pixels": torch.rand(3, 1, 32, 32)})
    assert same_state(encoder.body, made(name, seed=1).body)


def test_what_does_not_fit_starts_at_random_and_is_counted(tmp_path: Path) -> None:
    file = tmp_path / "w.pt"
    torch.save(made("resnet", 1, channels=3).body.state_dict(), file)
    facts = learned("resnet", weights=str(file))
    assert facts["not_loaded"] == 1
    assert facts["why"].endswith("; the rest start at random, such as conv1.weight.")
    encoder = made("resnet", 2, facts, weights=str(file))
    at_random = encoder.body.conv1.weight.clone()
    encoder.start_from({})
    assert torch.equal(encoder.body.conv1.weight, at_random)
    encoder.train()(torch.rand(4, 1, 32, 32))
    assert not encoder.body.bn1.running_mean.any(), "statistics stay those of the file"


def test_a_stored_model_needs_the_file_no_more(tmp_path: Path) -> None:
    file = tmp_path / "w.pt"
    torch.save(made("densenet", 1).body.state_dict(), file)
    facts = learned("densenet", weights=str(file))
    encoder = made("densenet", 2, facts, weights=str(file))
    encoder.start_from({})
    torch.save(made("densenet", 5).body.state_dict(), file)
    with pytest.raises(InputError, match="changed while the study ran"):
        encoder.start_from({})
    file.unlink()
    again = made("densenet", 3, facts, weights=str(file))
    again.load_state_dict(encoder.state_dict())
    assert same_state(again, encoder)


def test_files_that_are_no_weights_of_the_network_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is no file"):
        learned("resnet", weights=str(tmp_path / "absent.pt"))
    other = tmp_path / "other.pt"
    torch.save({"a.weight": torch.zeros(3), "epoch": 4}, other)
    with pytest.raises(InputError, match=r"nothing of .*holds 1 tensors.*'a.weight'.*wanted"):
        learned("resnet", weights=str(other))
    program = tmp_path / "program.pt"
    torch.save(torch.nn.Linear(2, 2), program)
    with pytest.raises(InputError, match="tensors and no program"):
        learned("resnet", weights=str(program))
    for name in ("text.pt", "text.safetensors"):
        (tmp_path / name).write_text("These are not the weights you look for.")
        with pytest.raises(InputError, match="cannot be read as weights"):
            learned("resnet", weights=str(tmp_path / name))


def test_weights_that_monai_offers_are_fetched_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLINMM_CACHE", str(tmp_path))
    published = {"size": 64, "width": 1.0, "channels": 3, "weights": "monai"}
    fetched: list[str] = []

    def fetch(address: str, file: str, progress: bool) -> None:
        if fetched:
            raise URLError("there is no network")
        fetched.append(address)
        torch.save(made("efficientnet", 1, **published | {"weights": None}).body.state_dict(), file)

    monkeypatch.setattr(torch.hub, "download_url_to_file", fetch)
    for _ in range(2):
        assert learned("efficientnet", **published)["not_loaded"] == 0
    (address,) = fetched
    assert address.endswith("efficientnet-b0-355c32eb.pth")
    with pytest.raises(InputError, match=r"b1-f1951068.*cannot be fetched \(URLError\)"):
        learned("efficientnet", **published | {"version": "b1"})
    for name, spec in (("vit", OF_PICTURES), ("efficientnet", OF_PICTURES), ("resnet", OF_VOLUMES)):
        with pytest.raises(InputError, match="MONAI offers no weights"):
            learned(name, spec, weights="monai")


def test_published_names_of_weights_are_known() -> None:
    """As torchvision's DenseNet and ResNet and lukemelas' EfficientNet spell them."""
    names = {
        "densenet": [
            "features.denseblock1.denselayer1.norm1.weight",
            "features.denseblock1.denselayer1.norm.1.weight",
            "features.conv0.weight",
            "features.transition1.conv.weight",
            "features.norm5.running_mean",
        ],
        "resnet": ["layer2.0.downsample.0.weight", "bn1.running_var", "layer1.0.conv2.weight"],
        "efficientnet": ["_conv_stem.weight", "_blocks.15._se_reduce.bias", "_bn1.weight"],
    }
    for name, published in names.items():
        encoder = made(name, 1)
        for spelling in published:
            module = registry.load("encoders", name)
            same = module.Encoder.net.same
            state = {same(key): value for key, value in encoder.body.state_dict().items()}
            tensor = state[same(spelling.removeprefix("features."))]
            taken = take_weights(encoder.body, {spelling: torch.full_like(tensor, 7)}, same)
            assert len(taken.loaded) == 1, spelling


# What the networks share


@pytest.mark.parametrize("dimensions", [2, 3])
def test_densenet_is_monais_with_a_grid_beside_the_pooled_maps(dimensions: int) -> None:
    from monai.networks.nets import DenseNet

    encoder = made("densenet", 4, {"dimensions": dimensions}, size=40, block_config=(2, 1))
    torch.manual_seed(4)
    reference = DenseNet(
        dimensions, 1, 1, init_features=4, growth_rate=2, block_config=(2, 1)
    ).features.eval()
    pixels = torch.rand(2, 1, *[40] * dimensions)
    with torch.no_grad():
        maps = torch.relu(reference(4 * pixels - 2)).flatten(2)
        side = 40 // 8
        assert maps.shape[2] == side**dimensions
        out = encoder(pixels)
        weight, bias = encoder.out.weight, encoder.out.bias
        grid = coarse(maps.view(2, -1, *[side] * dimensions), {2: 4, 3: 3}[dimensions])
        whole = torch.cat([maps.mean(2), maps.amax(2), grid.flatten(1)], 1)
        torch.testing.assert_close(out, whole @ weight.T + bias)


@pytest.mark.parametrize("name", NETS)
def test_pictures_are_moved_in_training_alone(name: str) -> None:
    still, moving = (made(name, 1, augment=augment) for augment in (False, True))
    pixels = torch.rand(1, 1, 32, 32)  # one case: batch norm stays as it is
    with torch.no_grad():
        assert torch.equal(still(pixels), moving(pixels))
        assert (moving.train()(pixels) != moving(pixels)).any()


def test_settings_that_cannot_be_are_refused_all_at_once() -> None:
    with pytest.raises(InputError) as refused:
        learned("vit", size=40, patch=16, width=10, heads=4, window=(0, 1))
    assert [p.split(".")[0] for p in refused.value.problems] == [
        "vit: window is for volumes (dimensions: 3)",
        "vit: size 40 is no multiple of patch 16",
        "vit: width 10 is no multiple of heads 4",
    ]
    with pytest.raises(InputError, match="in stage 2 is no multiple of its heads, 5"):
        learned("swin", width=4, heads=(1, 5, 4, 8))
    with pytest.raises(InputError, match="Use densenet"):
        learned("vision_model", OF_VOLUMES)


@pytest.mark.parametrize(("depth", "first"), [(10, 1), (34, 3), (50, 3)])
def test_resnets_have_the_published_blocks(depth: int, first: int) -> None:
    assert len(made("resnet", 1, depth=depth).body.layer1) == first


# Models of transformers


@pytest.mark.parametrize("kind", ["vit", "clip", "convnext"])
def test_features_are_what_the_model_says_of_scaled_pixels(kind: str, tmp_path: Path) -> None:
    from transformers import AutoModel

    folder = str(small_vision_model(tmp_path / kind, kind))
    _, encoder, raw, _ = make_tiny("vision_model", tmp_path, {"weights": folder, "regions": 0})
    net = AutoModel.from_pretrained(folder).eval()
    pixels = encoder._pixels(raw)
    with torch.no_grad():
        scaled = (pixels - 0.5) / 0.25
        out = getattr(net, "vision_model", net)(pixel_values=scaled).last_hidden_state
    if kind == "convnext":
        expected = out.mean((2, 3))
    else:
        assert out.shape[1] == 17
        expected = torch.cat([out[:, 0], out[:, 1:].mean(1)], 1)
    torch.testing.assert_close(encoder.prepare(raw)["features"], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", ["clip", "convnext"])
def test_other_families_can_be_trained_on(kind: str, tmp_path: Path) -> None:
    folder = str(small_vision_model(tmp_path / kind, kind))
    _, encoder, raw, _ = make_tiny(f"vision_model{RELEASED}", tmp_path, {"weights": folder})
    encoder(**encoder.prepare(raw)).pow(2).sum().backward()
    silent = [k for k, p in encoder.body.named_parameters() if p.requires_grad and p.grad is None]
    assert silent == []


def test_a_model_reads_pictures_of_another_size_where_it_can(tmp_path: Path) -> None:
    _, encoder, raw, _ = make_tiny("vision_model", tmp_path, {"size": 48, "regions": 8})
    assert encoder.facts["side"] == 6
    assert encoder.prepare(raw)["regions"].shape == (6, 36, 12)


def test_folders_that_are_no_image_model_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be loaded"):
        learned("vision_model", weights=str(tmp_path))
    words = small_language_model(tmp_path / "bert")
    with pytest.raises(InputError, match="BertModel, which reads no pictures"):
        learned("vision_model", weights=str(words))
    folder = small_vision_model(tmp_path / "vit")
    said = folder / "preprocessor_config.json"
    for content in ("{}", "no json", '{"image_mean": [0.5], "image_std": null, "size": 32}'):
        said.write_text(content)
        with pytest.raises(InputError, match="nobody can tell how its pictures were scaled"):
            learned("vision_model", weights=str(folder))
        registry.load("encoders", "vision_model")._loaded.cache_clear()


def test_other_weights_than_those_trained_on_are_refused(tmp_path: Path) -> None:
    _, encoder, raw, module = make_tiny("vision_model", tmp_path)
    module._loaded.cache_clear()
    small_vision_model(tmp_path / "vit", seed=7)
    encoder._shared.__self__.facts["weights"] = "0" * 64
    with pytest.raises(InputError, match="trained on 0000"):
        encoder.prepare([*raw, *pictures(tmp_path)])


@pytest.mark.parametrize("name", ["efficientnet", "pixel_pca", f"vision_model{RELEASED}"])
def test_a_stored_classifier_is_the_same_without_the_weights_at_hand(
    name: str, tmp_path: Path
) -> None:
    _, encoder, raw, module = make_tiny(name, tmp_path)
    model = MultimodalClassifier({"x": encoder}, Component(name="concat"), [0.3]).eval()
    torch.nn.init.normal_(model.heads["input_x"].weight)
    settings = {"name": name.removesuffix(RELEASED)} | json.loads(encoder.config.model_dump_json())
    description = Description(
        inputs=["x"],
        encoders={"x": settings},
        facts={"x": encoder.facts},
        fusion={"name": "concat"},
        start=[0.3],
        class_names=["y"],
        task="binary",
        members=1,
    )
    stored = tmp_path / "stored"
    stored.mkdir()
    save_models(stored, description, [model], [])
    if settings.get("weights"):
        for file in Path(settings["weights"]).iterdir():
            file.unlink()
        module._loaded.cache_clear()
    _, (again,) = load_models(stored)
    prepared, here = {"x": encoder.prepare(raw)}, torch.ones(6, 1, dtype=torch.bool)
    with torch.no_grad():
        assert torch.equal(again(prepared, here).fused, model(prepared, here).fused)


# Principal components


@pytest.mark.parametrize("name", ["pixel_pca", f"pixel_pca{VOLUMES}"])
def test_components_are_those_of_scikit_learn(name: str, tiny: Make) -> None:
    from sklearn.decomposition import PCA

    _, encoder, raw, _ = tiny(name)
    pixels = encoder.prepare(raw)["pixels"]
    with torch.no_grad():
        ours = encoder(pixels).numpy()
    theirs = PCA(4).fit_transform(pixels.flatten(1).double().numpy())
    total = np.sqrt(pixels.flatten(1).double().numpy().var(0).sum())
    np.testing.assert_allclose(np.abs(ours), np.abs(theirs) / total, rtol=1e-3, atol=1e-4)
