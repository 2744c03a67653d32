"""Where an explanation lies, by hand: inside an outline, on a mark, beside the body."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from clinmm.explain.audit import label_randomisation, localisation, shortcut_mass
from clinmm.explain.audit.parts.look import Look
from clinmm.explain.audit.parts.masks import covered
from clinmm.explain.audit.parts.rules import DEFAULT_RULES
from clinmm.explain.audit.parts.zones import ZONES, zones_of
from clinmm.explain.explanation import Explanation

SIDE = 12


class Patches:
    """The parts of a picture of SIDE x SIDE patches, whose map is its scores."""

    smooth, grid, n = True, (SIDE, SIDE), SIDE**2

    def scores(self, located: dict[str, Any]) -> NDArray[np.float64]:
        return np.asarray(located["map"], dtype=np.float64).ravel()


def explained(scores: NDArray[np.float64]) -> Explanation:
    return Explanation({"image": {"map": scores}}, {"image": float(scores.sum())}, None, 8)


def look(scores: NDArray[np.float64], monkeypatch: pytest.MonkeyPatch, **more: Any) -> Look:
    """A case whose explanations are given."""
    pixels = more.pop("pixels", np.ones((48, 48), np.float32))
    case = SimpleNamespace(values=torch.from_numpy(pixels)[None, None])
    joint = SimpleNamespace(kind=lambda name: "image", cases={"image": case})
    monkeypatch.setattr(Look, "parts", {"image": Patches()})
    for name in ("by_random_weights", "by_same_labels", "by_permuted_labels"):
        if name in more:
            monkeypatch.setattr(Look, name, more.pop(name))
    found = explained(scores)
    return Look("c", "x", "m", joint, None, found, 8, 0, **more)  # type: ignore[arg-type]


def told(test: Any, asked: Look) -> dict[str, float]:
    return {reading.test: reading.value for reading in test.measure(asked)}


def blob(row: int, column: int, width: float = 1.0) -> NDArray[np.float64]:
    at = np.indices((SIDE, SIDE))
    near: NDArray[np.float64] = np.exp(
        -((at[0] - row) ** 2 + (at[1] - column) ** 2) / (2 * width**2)
    )
    return near


def outline(row: int, column: int) -> NDArray[np.bool_]:
    """A square of 3 x 3 patches, in a picture of 48 pixels a side."""
    mask = np.zeros((48, 48), dtype=bool)
    mask[4 * row - 4 : 4 * row + 8, 4 * column - 4 : 4 * column + 8] = True
    return mask


def test_auprc_is_that_of_scikit_learn_and_takes_shares() -> None:
    from sklearn.metrics import average_precision_score

    rng = np.random.default_rng(0)
    scores, inside = rng.integers(0, 9, 60).astype(float), (rng.random(60) < 0.2).astype(float)
    expected = average_precision_score(inside, scores)
    assert localisation.auprc(scores, inside) == pytest.approx(expected)
    # 1 of 2 inside, then 1.5 of 2 in all: recall 2/3 at precision 1, 1/3 at precision .75
    shares = localisation.auprc(np.array([2.0, 1.0]), np.array([1.0, 0.5]))
    assert shares == pytest.approx(2 / 3 + 0.25)


def test_a_part_is_covered_by_the_share_that_the_mask_takes_of_it() -> None:
    mask = np.zeros((4, 6), dtype=bool)
    mask[:2, :3] = True
    assert covered(mask, (2, 2)).tolist() == [1, 0, 0, 0]
    np.testing.assert_allclose(covered(mask, (1, 4)), [0.5, 0.5, 0, 0])
    volume = np.zeros((2, 4, 4), dtype=bool)
    volume[1, :, :2] = True
    assert covered(volume, (2, 1, 2)).tolist() == [0, 0, 1, 0]
    rng = np.random.default_rng(0)
    large = rng.random((37, 53)) < 0.3
    assert covered(large, (12, 12)).mean() == pytest.approx(large.mean())


def test_a_map_on_the_finding_is_localised_over_every_control(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = look(
        -blob(5, 4),
        monkeypatch,
        masks={"image": outline(5, 4)},
        by_random_weights=lambda self, name: [explained(blob(5, 4)), explained(blob(1, 9))],
        by_permuted_labels=[explained(blob(10, 10))],
    )
    found = told(localisation, asked)
    assert found["pointing_game"] == 1
    assert found["localisation_area"] == pytest.approx(9 / 144)
    assert found["localisation_auprc"] == pytest.approx(1)
    assert found["energy_inside"] > 0.5
    for control in ("chance", "random_weights", "permuted_labels"):
        assert found[f"localisation_over_{control}"] > 0.5
    assert set(found) == set(localisation.TESTS)


def test_a_map_beside_the_finding_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = look(
        blob(1, 10),
        monkeypatch,
        masks={"image": outline(8, 3)},
        by_random_weights=lambda self, name: [explained(blob(8, 3))],
    )
    found = told(localisation, asked)
    assert found["pointing_game"] == 0
    assert found["localisation_over_chance"] < 0.01
    assert found["localisation_over_random_weights"] < -0.5
    assert "localisation_over_permuted_labels" not in found


@pytest.mark.parametrize(
    "mask", [np.ones((48, 48), bool), np.zeros((48, 48), bool), np.ones(3, bool)]
)
def test_nothing_is_said_of_a_mask_of_all_of_nothing_or_of_other_axes(
    mask: NDArray[np.bool_], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert localisation.measure(look(blob(3, 3), monkeypatch, masks={"image": mask})) == []


def test_a_case_without_masks_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert localisation.measure(look(blob(3, 3), monkeypatch)) == []


def body() -> NDArray[np.float32]:
    """Bright but for black columns at both sides, with dark lungs in the middle."""
    pixels = np.full((48, 48), 0.6, np.float32)
    pixels[:, :8] = pixels[:, 40:] = 0
    pixels[12:36, 14:34] = 0.02
    return pixels


def test_zones_are_where_they_are_called() -> None:
    pixels = body()
    pixels[2:5, 43:46] = 1.0
    zones = zones_of(pixels)
    assert set(zones) == set(ZONES)
    outside = zones["outside_body"]
    assert outside[40, 2]
    assert not outside[20:30, 20:30].any()
    assert outside.mean() == pytest.approx(16 / 48, abs=0.06)
    assert zones["border"].sum() == 48**2 - 44**2
    assert zones["upper_right"][:8, 40:].all()
    assert zones["upper_right"].sum() == 64
    assert zones["lower_left"][40:, :8].all()
    assert zones["marks"][3, 44]
    assert zones["marks"].sum() == 25
    assert not zones_of(body())["marks"].any()
    assert not zones_of(np.ones((48, 48), np.float32))["outside_body"].any()


def test_zones_of_a_volume_are_those_of_its_slices() -> None:
    zones = zones_of(np.stack([body()] * 4))
    assert "marks" not in zones
    for name in ("border", "upper_left"):
        np.testing.assert_array_equal(zones[name][0], zones_of(body())[name])


def test_the_marker_is_named_and_an_even_map_is_not_blamed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pixels = body()
    pixels[2:5, 43:46] = 1.0
    found = told(shortcut_mass, look(-blob(0, 11, 0.5), monkeypatch, pixels=pixels))
    even = told(shortcut_mass, look(np.ones((SIDE, SIDE)), monkeypatch, pixels=pixels))
    # all of the map in 4 of the 144 patches
    assert found["shortcut_mass_upper_right"] == pytest.approx(1 - 4 / 144, abs=0.01)
    assert found["shortcut_ratio_upper_right"] == pytest.approx(36, abs=0.5)
    assert found["shortcut_mass_upper_left"] == pytest.approx(-4 / 144, abs=0.01)
    assert set(found) == set(even) == set(shortcut_mass.TESTS)
    for name, value in even.items():
        assert value == pytest.approx(1 if "ratio" in name else 0)
    failed = {n for n, v in found.items() if n in DEFAULT_RULES and v > DEFAULT_RULES[n].bound}
    zones = {"outside_body", "border", "marks", "upper_right"}
    assert failed == {f"shortcut_mass_{zone}" for zone in zones}


def test_a_zone_that_the_image_lacks_holds_no_share(monkeypatch: pytest.MonkeyPatch) -> None:
    found = told(shortcut_mass, look(blob(6, 6), monkeypatch))
    assert found["shortcut_mass_marks"] == found["shortcut_mass_outside_body"] == 0
    assert "shortcut_ratio_marks" not in found


def test_a_map_of_nothing_has_no_mass(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shortcut_mass.measure(look(np.zeros((SIDE, SIDE)), monkeypatch)) == []


def test_label_randomisation_is_a_contrast_of_likenesses(monkeypatch: pytest.MonkeyPatch) -> None:
    scores = np.random.default_rng(0).normal(size=(SIDE, SIDE))
    other = np.random.default_rng(1).normal(size=(SIDE, SIDE))

    def contrast(
        same: list[NDArray[np.float64]], permuted: list[NDArray[np.float64]]
    ) -> dict[str, float]:
        asked = look(
            scores,
            monkeypatch,
            by_same_labels=[explained(one) for one in same],
            by_permuted_labels=[explained(one) for one in permuted],
        )
        return told(label_randomisation, asked)

    good, opposite, lost = (
        contrast([same], [permuted])
        for same, permuted in ((scores, other), (-scores, other), (other, scores))
    )
    far = good["similarity_permuted_labels"]
    assert abs(far) < 0.2
    assert good == pytest.approx(
        {
            "label_randomisation": 1 - far,
            "label_randomisation_over_unrelated": 1 - far,
            "similarity_same_labels": 1,
            "similarity_permuted_labels": far,
        }
    )
    assert opposite["similarity_same_labels"] == pytest.approx(0)
    assert lost["label_randomisation"] == pytest.approx(far - 1)
    assert contrast([other], [other])["label_randomisation"] == 0
    unrelated = contrast([other], [other])["label_randomisation_over_unrelated"]
    assert unrelated == pytest.approx(far - 1), "the two retrained models are the same"
    pairs = contrast([scores, other], [other, scores])
    assert pairs["label_randomisation"] == pytest.approx(0), "the mean over pairs"
    assert pairs["similarity_same_labels"] == pytest.approx((1 + far) / 2)


def test_without_retrained_models_labels_are_not_asked_about(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert label_randomisation.measure(look(blob(1, 1), monkeypatch)) == []


@pytest.mark.parametrize("module", [localisation, shortcut_mass, label_randomisation])
def test_what_can_fail_is_among_the_tests(module: Any) -> None:
    prefix = module.__name__.split(".")[-1]
    ruled = {name for name in DEFAULT_RULES if name.startswith(prefix)}
    assert ruled
    assert ruled <= set(module.TESTS)
