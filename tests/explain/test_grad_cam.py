"""Grad-CAM: by hand, by Captum's own method, of pictures and volumes, shared and own networks."""

from pathlib import Path

import numpy as np
import pytest
import torch
from captum.attr import LayerGradCam
from tiny_joint import tiny_joint

from clinmm.errors import InputError
from clinmm.explain.attribute import explain
from clinmm.explain.joint import Joint, Target
from clinmm.explain.methods import grad_cam


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("grad_cam")


def by_captum(joint: Joint, name: str, target: Target) -> torch.Tensor:
    """(1, 1, ...) of one model, before it is spread over pixels."""
    network = joint.encoder(name).map_net
    found = LayerGradCam(joint.function(target), network).attribute(
        tuple(value.clone().requires_grad_() for value in joint.values)
    )
    return (found if isinstance(found, torch.Tensor) else found[-1]).detach()


@pytest.mark.parametrize(
    "encoder",
    [
        "densenet",
        "densenet of volumes",
        "resnet",
        "efficientnet",
        "vit",
        "swin of volumes",
        "vision_model",
        "vision_model released",
    ],
)
def test_agrees_with_captum(encoder: str, folder: Path) -> None:
    joint = tiny_joint(folder, {"x": encoder, "y": "mlp"})
    found = explain(joint, "grad_cam", Target(1), 8)
    assert list(found.sums) == ["x"]
    cam = by_captum(joint, "x", Target(1))
    own = found.located["x"]["map"]
    assert own.shape == joint.values[0].shape[2:]
    assert found.sums["x"] == pytest.approx(float(cam.sum()), rel=1e-2, abs=1e-3)
    mode = "bilinear" if own.ndim == 2 else "trilinear"
    fine = torch.nn.functional.interpolate(cam, own.shape, mode=mode)[0, 0].numpy()
    fine *= cam.numel() / own.size
    np.testing.assert_allclose(own.astype(np.float64), fine, atol=2e-3 * np.abs(fine).max() + 1e-7)


def test_maps_are_weighted_by_their_mean_slope() -> None:
    maps = torch.tensor([[[[1.0, 2], [3, 4]], [[-1, 0], [0, 1]]]])
    slope = torch.tensor([[[[1.0, 0], [0, 1]], [[4, 0], [0, 0]]]])  # means 1/2 and 1
    assert grad_cam._weighted(maps, slope).tolist() == [[[[-0.5, 1.0], [1.5, 3.0]]]]


def test_what_speaks_against_the_class_keeps_its_sign(folder: Path) -> None:
    joint = tiny_joint(folder, {"x": "densenet"})
    one, other, against = (
        explain(joint, "grad_cam", target, 8).located["x"]["map"].astype(np.float64)
        for target in (Target(0), Target(1), Target(0, 1))
    )
    assert (one < 0).any() or (other < 0).any()
    np.testing.assert_allclose(against, one - other, atol=1e-4)


@pytest.mark.parametrize("encoder", ["densenet", "vision_model released", "vision_model"])
def test_several_models_are_explained_as_their_mean(encoder: str, folder: Path) -> None:
    joint = tiny_joint(folder, {"x": encoder}, n_models=2)
    together = explain(joint, "grad_cam", Target(0), 8).sums["x"]
    each = [
        explain(joint.with_models([model]), "grad_cam", Target(0), 8).sums["x"]
        for model in joint.models
    ]
    assert each[0] != pytest.approx(each[1], rel=1e-3)
    assert together == pytest.approx(np.mean(each), rel=1e-4)


@pytest.mark.parametrize("encoder", ["densenet", "vision_model"])
def test_two_images_get_a_map_each_even_through_one_shared_network(
    encoder: str, folder: Path
) -> None:
    joint = tiny_joint(folder, {"front": encoder, "side": encoder})
    other = tiny_joint(folder, {"front": encoder, "side": encoder}, case=3)
    with torch.no_grad():  # each image's evidence by itself
        for model in joint.models:
            model.weight.fill_(1)
            model.correction.weight.zero_()
    mixed = Joint(joint.models, {"front": joint.raw["front"], "side": other.raw["side"]})
    found = explain(mixed, "grad_cam", Target(0), 8)
    assert list(found.located) == ["front", "side"]
    for name, source in (("front", joint), ("side", other)):
        alone = Joint(joint.models, {"front": None, "side": None, name: source.raw[name]})
        own = explain(alone, "grad_cam", Target(0), 8).located[name]["map"]
        np.testing.assert_allclose(found.located[name]["map"], own, atol=1e-6)


def test_no_hook_stays(folder: Path) -> None:
    joint = tiny_joint(folder, {"x": "densenet"})
    explain(joint, "grad_cam", Target(0), 8)
    assert not joint.encoder("x").map_net._forward_hooks


@pytest.mark.parametrize("encoders", [{"x": "pixel_pca"}, {"x": "mlp", "y": "bag_of_words"}])
def test_a_case_without_a_network_with_maps_is_refused(
    encoders: dict[str, str], folder: Path
) -> None:
    with pytest.raises(InputError, match="no image that is read by a network with maps"):
        explain(tiny_joint(folder, encoders), "grad_cam", Target(0), 8)
