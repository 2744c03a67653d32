"""What the models answer when an input is dropped, or is another patient's."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from plain_model import plain_batch, plain_model, set_head
from small_study import small_cohort

from clinmm.cases import Batch
from clinmm.folds import Fold
from clinmm.model import MultimodalClassifier
from clinmm.predict import logits_of
from clinmm.robustness.changed import partners, robustness_rows

N = 40
FOLD = Fold(
    repeat=1,
    fold=2,
    split=np.where(np.arange(N) < 30, "test", "train"),
    member=np.full(N, -1),
)
COHORT = small_cohort(N)
"""Two cases a patient; its inputs are not read here."""


def models(n: int = 1) -> list[MultimodalClassifier]:
    made = []
    for i in range(n):
        model = plain_model("ab", log_odds=(-0.5,))
        set_head(model, "a", [[1.0 + i, 0.5]])
        set_head(model, "b", [[0.7, -0.3 * i]])
        made.append(model.eval())
    return made


def batch(absent: float = 0.3) -> Batch:
    return plain_batch(N, absent=absent)


def rows_of(given: Batch, asked: list[MultimodalClassifier], seed: int = 0) -> pd.DataFrame:
    return robustness_rows(COHORT, asked, given, FOLD, seed)


@pytest.mark.parametrize("seed", range(30))
def test_partners_are_a_permutation_in_which_nobody_keeps_a_value_of_his_own(seed: int) -> None:
    generator = np.random.default_rng(seed)
    patients = generator.integers(0, generator.integers(2, 12), generator.integers(2, 40))
    partner = partners(patients, generator)
    possible = 2 * np.bincount(patients).max() <= patients.size
    assert (partner is not None) == possible
    if partner is not None:
        assert sorted(partner) == list(range(patients.size))
        assert (patients[partner] != patients).all()


def test_partners_differ_from_seed_to_seed_and_nobody_is_bound_to_one_partner() -> None:
    patients = np.repeat(np.arange(6), 2)
    drawn = [partners(patients, np.random.default_rng(seed)) for seed in range(200)]
    same = partners(patients, np.random.default_rng(3))
    assert same is not None
    np.testing.assert_array_equal(same, drawn[3])
    met = {int(one[0]) for one in drawn if one is not None}
    assert met == set(range(2, 12)), "a case of patient 0 meets every case of the others"


def test_rows_are_of_test_cases_that_have_the_input() -> None:
    given = batch()
    rows = rows_of(given, models())
    for i, name in enumerate("ab"):
        have = [f"c{j}" for j in range(30) if given.present[j, i]]
        for change in ("dropped", "swapped"):
            part = rows[(rows["input"] == name) & (rows["change"] == change)]
            assert part["case_id"].tolist() == have
    assert set(zip(rows["arm"], rows["repeat"], rows["fold"], strict=True)) == {("fused", 1, 2)}
    patients = dict(zip(COHORT.table["case_id"], COHORT.table["patient_id"], strict=True))
    assert rows["patient_id"].tolist() == [patients[case] for case in rows["case_id"]]


def test_dropped_is_the_answer_from_the_other_inputs_as_the_mean_logit_of_the_models() -> None:
    given, asked = batch(), models(2)
    rows = rows_of(given, asked)
    only_b = replace(given, present=given.present & torch.tensor([False, True]))
    logits = np.mean([logits_of(model, only_b) for model in asked], axis=0)[:, 0]
    part = rows[(rows["input"] == "a") & (rows["change"] == "dropped")]
    expected = {f"c{j}": 1 / (1 + np.exp(-logit)) for j, logit in enumerate(logits)}
    np.testing.assert_allclose(
        part["probability_raw"], [expected[case] for case in part["case_id"]], rtol=1e-6
    )


def test_swapped_is_the_answer_with_the_value_of_a_case_of_another_patient() -> None:
    """Evidence adds up here, so an answer betrays whose value was used."""
    given, (model,) = batch(), models()
    rows = rows_of(given, [model])
    part = rows[(rows["input"] == "a") & (rows["change"] == "swapped")]
    a = (given.inputs["a"]["values"] @ torch.tensor([1.0, 0.5])).numpy()
    b = (given.inputs["b"]["values"] @ torch.tensor([0.7, 0.0])).numpy()
    used = []
    for case, p in zip(part["case_id"], part["probability_raw"], strict=True):
        own = int(case[1:])
        from_b = b[own] if given.present[own, 1] else 0.0
        evidence = np.log(p / (1 - p)) + 0.5 - from_b
        (whose,) = np.flatnonzero(np.abs(a - evidence) < 1e-5)
        assert whose // 2 != own // 2, "of another patient"
        used.append(f"c{whose}")
    assert sorted(used) == sorted(part["case_id"]), "every value is used once"


def test_an_input_that_says_nothing_can_fail() -> None:
    given, (model,) = batch(absent=0.0), models()
    set_head(model, "b", [[0.0, 0.0]])
    untouched = 1 / (1 + np.exp(-logits_of(model, given)[:30, 0]))
    for change in ("dropped", "swapped"):
        rows = rows_of(given, [model])
        part = rows[(rows["input"] == "b") & (rows["change"] == change)]
        np.testing.assert_allclose(part["probability_raw"], untouched, rtol=1e-6)


def test_the_same_seed_gives_the_same_rows_and_the_batch_is_left_alone() -> None:
    given = batch()
    before = given.present.clone(), given.inputs["a"]["values"].clone()
    first = rows_of(given, models())
    pd.testing.assert_frame_equal(first, rows_of(given, models()))
    assert torch.equal(given.present, before[0])
    assert torch.equal(given.inputs["a"]["values"], before[1])
    other = rows_of(given, models(), seed=1)
    assert (first["probability_raw"] != other["probability_raw"]).any()


def test_no_swap_where_one_patient_has_more_than_half_of_the_cases() -> None:
    cohort = small_cohort(N, patient_id=["p0"] * 25 + [f"p{i}" for i in range(1, 16)])
    rows = robustness_rows(cohort, models(), batch(absent=0.0), FOLD, 0)
    assert set(rows["change"]) == {"dropped"}


def test_an_input_that_no_test_case_has_gives_no_row() -> None:
    given = batch(absent=0.0)
    present = given.present.clone()
    present[:30, 0] = False
    assert set(rows_of(replace(given, present=present), models())["input"]) == {"b"}
