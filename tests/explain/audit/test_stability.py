"""The slightly changed case, and how like its explanation is."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from toy_look import (
    COLUMN_WEIGHTS,
    NOTE,
    SIDE,
    Pixels,
    columns_say,
    look_at,
    record_look,
    smooth_field,
    values_of,
    whole_look,
)

from clinmm.explain.audit import (
    agreement,
    baseline_agreement,
    completeness,
    stability,
    weight_randomisation,
)
from clinmm.explain.audit.parts.likeness import likeness
from clinmm.explain.audit.parts.nudged import MOVE, Nudged, nudged
from clinmm.explain.explanation import Explanation

TRUE = np.array(list(COLUMN_WEIGHTS.values()))


# --- the changed case -----------------------------------------------------------------------
def test_a_nudge_changes_each_input_a_little_and_leaves_the_case_alone() -> None:
    look = whole_look(case={"record": {**whole_look().joint.raw["record"], "b": None}})
    before = [value.clone() for value in look.joint.values]
    change = nudged(look.joint, np.random.default_rng(0))
    for value, was in zip(look.joint.values, before, strict=True):
        assert torch.equal(value, was)
    assert look.joint.raw["note"] == NOTE

    image, was = change.joint.values[0], before[0]
    assert set(map(abs, change.shifts["image"])) == {1}, "a fiftieth of 24 pixels, at least one"
    moved = torch.roll(was, change.shifts["image"], (2, 3))[:, :, 1:-1, 1:-1]
    noise = (image[:, :, 1:-1, 1:-1] - moved) / (was.max() - was.min())
    assert 0.5 * MOVE < noise.std() < 1.5 * MOVE
    assert (image.min() >= was.min(), image.max() <= was.max()) == (True, True)

    text = change.joint.raw["note"]
    assert len(text) == len(NOTE)
    assert len(text.split()) == len(NOTE.split()) - 1
    assert (~change.kept["note"]).sum() == 1
    gone = NOTE.split()[int((~change.kept["note"]).argmax())]
    assert set(NOTE.split()) - set(text.split()) == {gone}

    row = change.joint.raw["record"]
    assert row["b"] is None
    assert all(0 < abs(row[c] - 1) < 0.6 for c in "acdef")
    assert change.joint.answers(*change.joint.values).shape == (1, 1)


def test_one_word_in_twenty_goes() -> None:
    look = whole_look(case={"note": " ".join(f"w{i % 10}" for i in range(80))})
    assert (~nudged(look.joint, np.random.default_rng(1)).kept["note"]).sum() == 4


def test_a_nudge_follows_its_seed() -> None:
    joint = whole_look().joint
    one, same, other = (nudged(joint, np.random.default_rng(s)).joint for s in (1, 1, 2))
    assert all(map(torch.equal, one.values, same.values))
    assert one.raw == {**same.raw, "image": one.raw["image"]}
    assert not all(map(torch.equal, one.values, other.values))


def test_a_picture_that_the_case_is_compared_with_moves_along() -> None:
    look = whole_look()
    picture = torch.rand(1, 1, SIDE, SIDE)
    joint = look.joint.with_references({"image": picture})
    change = nudged(joint, np.random.default_rng(0))
    moved = torch.roll(picture, change.shifts["image"], (2, 3))
    assert torch.equal(change.joint.references[0][:, :, 1:-1, 1:-1], moved[:, :, 1:-1, 1:-1])


@pytest.mark.parametrize("side", [SIDE, 12, 6])
def test_maps_are_shifted_back_whatever_their_resolution(side: int) -> None:
    joint = whole_look().joint
    change = Nudged(joint, shifts={"image": (4, -4)})
    here = np.arange(side * side, dtype=float).reshape(side, side)
    by = 4 * side // SIDE
    edge = slice(by, -by)
    there = np.roll(here, (by, -by), (0, 1))
    back = change._shifted_back("image", {"map": there})["map"]
    np.testing.assert_allclose(back[edge, edge], here[edge, edge])


# --- how like the explanation is ------------------------------------------------------------
def test_the_truth_of_a_linear_model_is_stable() -> None:
    found = stability.stability_of(whole_look())
    assert set(found) == {"image", "note", "record"}
    assert min(found.values()) > 0.8


def test_the_shift_is_undone_before_maps_are_compared(monkeypatch) -> None:
    """What a picture adds is the picture itself here, and fine: a shift by a pixel is another."""
    rng = np.random.default_rng(0)
    fine = np.kron(rng.random((SIDE // 2, SIDE // 2)), np.ones((2, 2)))
    look = look_at({"image": Pixels(np.ones((SIDE, SIDE)))}, {"image": fine})
    assert stability.stability_of(look)["image"] > 0.8
    monkeypatch.setattr(Nudged, "_shifted_back", lambda self, name, located: located)
    assert stability.stability_of(look)["image"] < 0.6


def saying(look, scores_of):
    """A look whose method says of the record, when asked again, what `scores_of(call)` gives."""
    calls = iter(range(100))
    look.again = lambda joint: Explanation(
        columns_say(list(scores_of(next(calls)))), {"record": 1.0}, None, 8
    )
    return look


def test_stability_is_the_mean_rank_correlation_over_the_nudges() -> None:
    # The same order, then the two best ones exchanged: 1 - 6 * 2 / (5 * 24) over the five columns
    # of which anything is said.
    swapped = [TRUE, TRUE[[1, 0, 2, 3, 4, 5]]]
    found = stability.stability_of(saying(record_look(), lambda call: swapped[call]))
    assert found["record"] == pytest.approx((1 + 0.9) / 2)
    against = stability.stability_of(saying(record_look(), lambda call: -TRUE))
    assert against["record"] == pytest.approx(-1)


def test_a_refined_explanation_is_compared_with_what_has_as_many_points() -> None:
    plain, refined = record_look(), record_look(located=columns_say([-s for s in TRUE]))
    assert plain.unrefined is plain.found
    refined.found = replace(refined.found, steps=4 * refined.steps)
    assert refined.unrefined.steps == refined.steps
    assert stability.stability_of(refined) == stability.stability_of(plain)
    now, then = (values_of(weight_randomisation.measure(one)) for one in (refined, plain))
    assert now == then


def test_noise_is_not_stable() -> None:
    found = [
        stability.stability_of(
            saying(record_look(s), lambda call, s=s: np.random.default_rng([s, call]).random(6))
        )["record"]
        for s in range(40)
    ]
    assert abs(np.mean(found)) < 0.2


def test_what_says_nothing_is_not_called_stable() -> None:
    assert stability.stability_of(saying(record_look(), lambda call: np.zeros(6))) == {"record": 0}
    silent = record_look(located=columns_say([0.0] * 6))
    assert stability.stability_of(saying(silent, lambda call: np.zeros(6))) == {}


def test_inputs_scored_whole_are_compared_by_their_sums() -> None:
    look = whole_look(method="input_shapley")
    found = values_of(stability.measure(look))
    assert set(found) == {("joint", "stability")}
    assert 0.8 < found["joint", "stability"] <= 1
    assert stability._cosine({"a": 3.0, "b": 4.0}, {"a": 4.0, "b": 3.0}) == pytest.approx(24 / 25)
    assert stability._cosine({"a": 1.0}, {"a": 0.0}) == 0
    assert stability._cosine({"a": 0.0}, {"a": 0.0}) is None


# --- agreement ------------------------------------------------------------------------------
def test_agreement_is_the_mean_over_the_other_methods() -> None:
    def says(scores) -> Explanation:
        return Explanation(columns_say(list(scores)), {"record": 1.0}, None, 8)

    whole = Explanation({}, {"record": 1.0}, None, 8)
    look = record_look(others={"same": says(2 * TRUE), "against": says(-TRUE), "sums": whole})
    assert values_of(agreement.measure(look)) == pytest.approx({("record", "agreement"): 0.0})
    look = record_look(others={"same": says(2 * TRUE), "flat": says(np.ones(6))})
    assert values_of(agreement.measure(look)) == pytest.approx({("record", "agreement"): 0.5})
    assert agreement.measure(record_look()) == []
    assert agreement.measure(record_look(others={"sums": whole})) == []


def test_baseline_agreement_is_solved_by_hand() -> None:
    """weight x (case - reference) for the encoder's own reference and for the two others."""
    from clinmm.explain.references import references

    rng = np.random.default_rng(0)
    weights, picture = smooth_field(rng), 0.5 + 0.2 * smooth_field(rng)
    look = look_at({"image": Pixels(weights)}, {"image": picture})
    others = [references(look.joint, {"image": c})["image"][0, 0] for c in ("absent", "blurred")]
    assert not torch.equal(*others)
    by_hand = [
        (weights * (picture - other.numpy())).reshape(12, 2, 12, 2).sum((1, 3)).ravel()
        for other in others
    ]
    expected = np.mean([likeness(look.scores["image"], scores) for scores in by_hand])
    found = values_of(baseline_agreement.measure(look))
    assert found == pytest.approx({("image", "baseline_agreement"): expected}, abs=1e-3)


def test_baseline_agreement_is_about_inputs_that_have_another_reference() -> None:
    look = whole_look()
    assert {r.input for r in baseline_agreement.measure(look)} == {"image"}
    look.joint = look.joint.with_references({"record": torch.full((1, 6), 0.5)})
    assert {r.input for r in baseline_agreement.measure(look)} == {"image", "record"}


@pytest.mark.parametrize("method", ["input_shapley", "grad_cam"])
def test_methods_that_compare_with_nothing_have_no_baseline(method: str) -> None:
    look = whole_look()
    look.method = method
    assert baseline_agreement.measure(look) == []


# --- completeness ---------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("said", "change", "expected"),
    [
        (1.8, 2.0, 0.1),
        (-2.2, -2.0, 0.1),
        (0.05, 0.0, 0.1),  # next to no change: held against half a logit
        (0.3, 0.2, 0.2),
        (2.0, 2.0, 0.0),
    ],
)
def test_the_error_is_a_share_of_the_change(said: float, change: float, expected: float) -> None:
    look = record_look()
    look.found = Explanation({}, {"record": said}, change, 8)
    (reading,) = completeness.measure(look)
    assert reading[:2] == ("joint", "completeness_error")
    assert reading.value == pytest.approx(expected)


@pytest.mark.parametrize("change", [0.0, 0.3, 0.5, 4.0])
def test_the_bound_on_the_share_and_completeness_of_a_case_agree(change: float) -> None:
    for missed in (0.01, 0.049, 0.051, 0.2, 0.39, 0.41):
        look = record_look()
        look.found = Explanation({}, {"record": change - missed}, change, 8)
        (reading,) = completeness.measure(look)
        assert look.found.complete == (reading.value <= 0.1)


def test_a_method_that_does_not_add_up_has_no_completeness() -> None:
    look = record_look()
    look.found = Explanation({}, {"record": 3.0}, None, 8)
    assert completeness.measure(look) == []
    assert values_of(completeness.measure(record_look()))["joint", "completeness_error"] < 1e-5
