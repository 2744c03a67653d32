"""Captum's measures on a linear model, and the same by hand."""

import numpy as np
import pytest
import torch
from toy_look import (
    COLUMN_WEIGHTS,
    Columns,
    columns_say,
    look_at,
    record_look,
    values_of,
    whole_look,
)

from clinmm.explain.audit import infidelity, sensitivity
from clinmm.explain.audit.parts import removal

TRUE = np.array(list(COLUMN_WEIGHTS.values()))
UNFAITHFUL, SENSITIVE = ("joint", "infidelity"), ("joint", "sensitivity")


def test_a_linear_model_is_told_exactly_by_weight_times_difference() -> None:
    assert values_of(infidelity.measure(whole_look()))[UNFAITHFUL] < 1e-6
    wrong = whole_look(located=columns_say(TRUE[::-1].tolist()))
    assert values_of(infidelity.measure(wrong))[UNFAITHFUL] > 0.01


def test_infidelity_agrees_with_the_formula(monkeypatch) -> None:
    said = np.array([2.0, 2, 2, 0, 0, -1])
    calls = []

    def spy(*given, captum=infidelity.infidelity, **named):
        calls.append(captum(*given, **named))
        return calls[-1]

    taken = np.random.default_rng(4).random((infidelity.SAMPLES, 6)) < 0.5
    monkeypatch.setattr(infidelity, "infidelity", spy)
    monkeypatch.setattr(infidelity, "taken_away", lambda parts, n, rng: taken)
    monkeypatch.setattr(infidelity, "surrogate", lambda scores, parts, rng: scores[::-1].copy())

    def by_hand(scores: np.ndarray) -> float:
        lost, told = taken @ TRUE, taken @ scores
        scale = (told * lost).mean() / (told**2).mean()
        return float(((scale * told - lost) ** 2).mean())

    found = values_of(infidelity.measure(record_look(located=columns_say(said.tolist()))))
    assert calls[0].tolist() == pytest.approx(
        [by_hand(said), *[by_hand(said[::-1])] * removal.N_RANDOM]
    )
    assert found[UNFAITHFUL] == pytest.approx(by_hand(said) / by_hand(said[::-1]))


def test_infidelity_does_not_hang_on_the_scale_of_the_scores() -> None:
    said = np.array([2.0, 2, 2, 0, 0, -1])
    one, other = (
        values_of(infidelity.measure(record_look(located=columns_say((k * said).tolist()))))
        for k in (1, -30)
    )
    assert one == pytest.approx(other)


def test_a_random_attribution_is_as_unfaithful_as_random_ones() -> None:
    ratios = []
    for seed in range(60):
        said = np.random.default_rng([seed, 3]).permutation(TRUE).tolist()
        ratios.append(
            values_of(infidelity.measure(record_look(seed, located=columns_say(said))))[UNFAITHFUL]
        )
    assert np.median(ratios) == pytest.approx(1, abs=0.25)


def test_nothing_is_said_of_a_model_that_nothing_moves() -> None:
    still = look_at(
        {"record": Columns(dict.fromkeys("abc", 0.0))}, {"record": dict.fromkeys("abc", 1.0)}
    )
    assert infidelity.measure(still) == []
    assert values_of(sensitivity.measure(still)) == {SENSITIVE: 0.0}


def test_what_is_taken_away_is_a_box_a_run_or_columns_and_some_of_it() -> None:
    look = whole_look()
    parts = list(look.parts.values())
    taken = infidelity.taken_away(parts, 200, np.random.default_rng(0))
    assert taken.shape == (200, sum(one.n for one in parts))
    image, note, _ = np.split(taken, np.cumsum([one.n for one in parts])[:-1], axis=1)
    for box in image.reshape(-1, *look.parts["image"].grid):
        rows, columns = np.nonzero(box.any(1))[0], np.nonzero(box.any(0))[0]
        if len(rows):
            assert box[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].all()
    for run in note:
        places = np.nonzero(run)[0]
        assert not len(places) or np.ptp(places) + 1 == len(places)
    assert 0.3 < (~image.any(1)).mean() < 0.7, "about half of the variants leave the image"


def test_sensitivity_agrees_with_the_formula() -> None:
    """weight x (case - 0) moves by weight x noise, of 2 % of the range of the values, here 2."""
    row = dict(zip(COLUMN_WEIGHTS, (1.0, -1.0, 0.5, 1.0, 0.0, -0.5), strict=True))
    look = look_at({"record": Columns(COLUMN_WEIGHTS)}, {"record": row})
    values = np.array(list(row.values()))
    noise = look.rng(sensitivity.KEY).uniform(-1, 1, (sensitivity.SAMPLES, 6)) * 0.04
    noise[:, values == 0] = 0  # the value is the reference's: the case does not have it
    moved = np.linalg.norm(TRUE * noise, axis=1) / np.linalg.norm(TRUE * values)
    found = values_of(sensitivity.measure(look))
    assert found == pytest.approx({SENSITIVE: moved.max()}, rel=1e-4)


def test_what_the_case_does_not_have_stays_away() -> None:
    """Each of the first two numbers differs from one of the references, the last from none."""
    values, references = torch.tensor([[0.0, 4.0, 2.0]]), torch.tensor([[1.0, 4, 2], [0, 5, 2]])
    assert sensitivity._room(values, references)[0].tolist() == pytest.approx([0.08, 0.08, 0])


def test_captum_is_asked_for_sensitivity(monkeypatch) -> None:
    monkeypatch.setattr(sensitivity, "sensitivity_max", lambda *a, **k: torch.tensor([7.0]))
    assert values_of(sensitivity.measure(record_look())) == {SENSITIVE: 7.0}


@pytest.mark.parametrize("method", ["integrated_gradients", "occlusion", "input_shapley"])
def test_sensitivity_of_other_methods_and_of_several_inputs(method: str) -> None:
    look = whole_look(method=method)
    assert 0 < values_of(sensitivity.measure(look))[SENSITIVE] < 0.2
    asked = values_of(infidelity.measure(look))
    assert (UNFAITHFUL in asked) == (method != "input_shapley")
