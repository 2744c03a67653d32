"""Deletion, insertion, comprehensiveness and sufficiency: what is known by algebra, what chance
gives, and what smoothness alone must not gain."""

import numpy as np
import pytest
from toy_look import (
    COLUMN_WEIGHTS,
    NOTE,
    ROW,
    SIDE,
    Columns,
    Pixels,
    columns_say,
    look_at,
    record_look,
    smooth_field,
    values_of,
    whole_look,
)

from clinmm.explain.audit import comprehensiveness, deletion
from clinmm.explain.audit.parts import removal

TRUE = list(COLUMN_WEIGHTS.values())
FOR_IT, LEFT = ("record", "comprehensiveness"), ("record", "sufficiency")


def backwards(scores, parts, rng):
    return scores[::-1]


def test_gain_over_a_known_attribution_is_solved_by_hand(monkeypatch) -> None:
    """Of six columns the shares take one and three. Without the best one or three of 3, 2, 1, 0,
    -1, -2 the logit loses 3 or 6; without the last one or three it gains 2 or 3."""
    monkeypatch.setattr(removal, "surrogate", backwards)
    found = values_of(comprehensiveness.measure(record_look()))
    assert found == pytest.approx({FOR_IT: 4.5 + 2.5, LEFT: 4.5 + 2.5}, abs=1e-5)
    found = values_of(comprehensiveness.measure(record_look(located=columns_say(TRUE[::-1]))))
    assert found == pytest.approx({FOR_IT: -7.0, LEFT: -7.0}, abs=1e-5)


def test_gain_over_random_attributions_is_what_the_mean_column_leaves() -> None:
    """A random column adds 1/2, so one and three of them lose 1 on average, the best ones 4.5."""
    gains = [values_of(comprehensiveness.measure(record_look(seed)))[FOR_IT] for seed in range(60)]
    assert np.mean(gains) == pytest.approx(3.5, abs=0.3)
    backward = [
        values_of(comprehensiveness.measure(record_look(s, located=columns_say(TRUE[::-1]))))
        for s in range(30)
    ]
    assert np.mean([gain[FOR_IT] for gain in backward]) == pytest.approx(-3.5, abs=0.4)


def test_a_random_attribution_gains_nothing_on_average() -> None:
    gains = []
    for seed in range(150):
        random = np.random.default_rng([seed, 9]).permutation(TRUE).tolist()
        look = record_look(seed, located=columns_say(random))
        gains.append([reading.value for reading in comprehensiveness.measure(look)])
    error = np.std(gains, axis=0) / np.sqrt(len(gains))
    assert (np.abs(np.mean(gains, axis=0)) < 3 * error).all()
    assert (error < 0.4).all(), "or the test could not fail"


def test_only_the_order_counts() -> None:
    plain = comprehensiveness.measure(record_look())
    cubed = comprehensiveness.measure(record_look(located=columns_say([w**3 for w in TRUE])))
    assert plain == cubed


def test_an_attribution_that_is_the_same_everywhere_gains_exactly_nothing() -> None:
    for value in (0.0, 2.0):
        found = values_of(comprehensiveness.measure(record_look(located=columns_say([value] * 6))))
        assert found == {FOR_IT: 0.0, LEFT: 0.0}


def test_equals_are_taken_by_chance_and_not_by_their_place() -> None:
    """All columns but the last are equal, so which of them goes first must differ."""
    scores = {"x": np.array([1.0, 1, 1, 1, 1, 0])}
    first = {
        int(removal._first(scores, [0.1], np.random.default_rng(seed)).argmax())
        for seed in range(40)
    }
    assert first == {0, 1, 2, 3, 4}


def test_at_least_one_part_is_taken_and_never_all() -> None:
    rng = np.random.default_rng(0)
    assert removal._first({"x": np.arange(2.0)}, (0.01, 0.5, 0.99), rng).tolist() == [[False, True]]


def test_the_true_attribution_beats_chance_for_every_kind_of_input() -> None:
    looks = [whole_look(seed) for seed in range(6)]
    found = [values_of(deletion.measure(look) + comprehensiveness.measure(look)) for look in looks]
    assert set(found[0]) == {
        (name, test)
        for name, tests in {
            "image": ("deletion", "insertion"),
            "note": ("comprehensiveness", "sufficiency"),
            "record": ("comprehensiveness", "sufficiency"),
            "joint": ("comprehensiveness", "sufficiency"),
        }.items()
        for test in tests
    }
    for key in found[0]:
        assert min(one[key] for one in found) > 0, key


def on_image(seed: int, spread: float, blob: bool = True) -> dict:
    """A model and a picture that are smooth at random; the explanation a blob in the middle."""
    rng = np.random.default_rng([seed, 7])
    down, right = np.mgrid[:SIDE, :SIDE] - SIDE / 2 + 0.5
    said = {"image": {"map": np.exp(-(down**2 + right**2) / 2 / spread**2)}}
    look = look_at(
        {"image": Pixels(smooth_field(rng) / 50)},
        {"image": smooth_field(rng)},
        seed=seed,
        located=said if blob else None,
    )
    return values_of(deletion.measure(look))


def test_a_smooth_blob_that_knows_nothing_of_the_model_does_not_pass_but_the_truth_does() -> None:
    for spread in (2.0, 5.0):
        gains = np.array([list(on_image(seed, spread).values()) for seed in range(60)])
        error = gains.std(0) / np.sqrt(len(gains))
        assert (gains.mean(0) - 1.96 * error < 0).all(), "the interval holds 0 or lies below it"
        assert (np.abs(gains.mean(0)) < 3 * error).all()
    truth = np.array([list(on_image(seed, 1.0, blob=False).values()) for seed in range(10)])
    assert truth.min() > 0


def test_the_same_seed_gives_the_same_numbers_and_another_seed_others() -> None:
    look, same, other = whole_look(0), whole_look(0), whole_look(0)
    other.seed = 5
    assert deletion.measure(look) == deletion.measure(same)
    assert deletion.measure(look) != deletion.measure(other)


def test_all_inputs_are_ranked_together_only_where_their_numbers_share_a_scale() -> None:
    def inputs(method: str) -> set[str]:
        look = look_at(
            {"one": Columns(COLUMN_WEIGHTS), "two": Columns(COLUMN_WEIGHTS)},
            {"one": ROW, "two": ROW},
        )
        look.method = method
        return {reading.input for reading in comprehensiveness.measure(look)}

    assert inputs("integrated_gradients") == {"one", "two", "joint"}
    assert inputs("occlusion") == {"one", "two", "joint"}
    assert inputs("grad_cam") == {"one", "two"}


def test_what_the_case_lacks_or_is_one_part_has_no_reading() -> None:
    look = whole_look(case={"note": None})
    tests = values_of(deletion.measure(look) + comprehensiveness.measure(look))
    assert {name for name, _ in tests} == {"image", "record", "joint"}
    one_column = look_at({"record": Columns({"a": 3.0})}, {"record": {"a": 1.0}})
    assert comprehensiveness.measure(one_column) == []
    one_word = whole_look(case={"note": NOTE.split()[0]})
    assert "note" not in {name for name, _ in values_of(comprehensiveness.measure(one_word))}
