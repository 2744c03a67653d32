import pytest

from clinmm.arms import (
    ENSEMBLE,
    FUSED,
    STACKED,
    arms_of,
    baselines_of,
    inputs_of_arm,
    is_baseline,
    is_single,
)

INPUTS = ["record", "image", "note"]


def test_single_inputs_come_first_and_all_together_last() -> None:
    arms = arms_of(INPUTS)
    assert list(arms) == [
        "image",
        "note",
        "record",
        "image+note",
        "image+record",
        "note+record",
        "fused",
    ]
    assert arms["note+record"] == ["note", "record"]
    assert arms["fused"] == ["image", "note", "record"]


def test_fewer_arms_can_be_asked_for() -> None:
    assert list(arms_of(INPUTS, "single")) == ["image", "note", "record", "fused"]
    assert arms_of(["note", "image"], "fused") == {"fused": ["image", "note"]}


def test_two_inputs_have_no_pair_but_all_and_one_has_nothing_to_compare() -> None:
    assert list(arms_of(["note", "image"])) == ["image", "note", "fused"]
    assert arms_of(["note"]) == {"fused": ["note"]}


def test_four_inputs_have_six_pairs_and_no_larger_part() -> None:
    arms = arms_of("abcd")
    assert sum(len(inputs) == 2 for inputs in arms.values()) == 6
    assert not [inputs for inputs in arms.values() if len(inputs) == 3]


def test_each_input_has_a_baseline_and_several_are_stacked() -> None:
    assert list(baselines_of(["note", "image"])) == ["baseline:image", "baseline:note", STACKED]
    assert baselines_of(["note"]) == {"baseline:note": ["note"]}


@pytest.mark.parametrize("arm", [*arms_of(INPUTS), *baselines_of(INPUTS), ENSEMBLE])
def test_an_arm_s_name_says_what_it_reads(arm: str) -> None:
    known = {**arms_of(INPUTS), **baselines_of(INPUTS), ENSEMBLE: sorted(INPUTS)}
    assert inputs_of_arm(arm, INPUTS) == known[arm]
    assert is_single(arm) == (arm in INPUTS)
    assert is_baseline(arm) == (arm in baselines_of(INPUTS))
    assert not is_single(FUSED)
    assert not is_baseline(FUSED)
