"""Mitigations that change training, each by an example that is solved by hand."""

from collections import Counter
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from grouped_cases import begin, cases, model_of
from torch.nn import functional

from clinmm.config import Component
from clinmm.errors import InputError
from clinmm.fairness.mitigation.fairness_penalty import between_groups
from clinmm.fairness.mitigation.gradient_reversal import reverse_gradient
from clinmm.model import Encoded
from clinmm.training.cells import cells
from clinmm.training.dealing import deal, quotas
from clinmm.training.hidden import hidden_at_random
from clinmm.training.mitigated import Mitigated, Said

# group 0: 6 cases, 2 of them ill; group 1: 2 cases, 1 ill; the last case is in no group
CODES = [0, 0, 0, 0, 0, 0, 1, 1, -1]
ILL = [1, 1, 0, 0, 0, 0, 1, 0, 1]
BATCH = cases(np.array(ILL)[:, None])


def weights(name: str, **settings: Any) -> list[float]:
    return [
        round(w, 4) for w in begin(name, CODES, BATCH, **settings).case_weights()[:, 0].tolist()
    ]


# --- reweighting -------------------------------------------------------------------------
def test_every_group_counts_the_same_within_each_outcome() -> None:
    """Of 3 ill, each group gets 1.5: .75 each for the 2 of group 0. Of 5 well, 2.5."""
    ill, well = 0.75, 2.5 / 4
    assert weights("group_reweighting") == [ill, ill, well, well, well, well, 1.5, 2.5, 1.0]


def test_reweighing_is_expected_over_observed() -> None:
    """Kamiran & Calders: n_g n_y / (n n_gy), for the ill of group 0: 6 x 3 / (8 x 2) = 1.125."""
    ill, well = 6 * 3 / (8 * 2), 6 * 5 / (8 * 4)
    expected = [ill, ill, well, well, well, well, 2 * 3 / (8 * 1), 2 * 5 / (8 * 1), 1.0]
    assert weights("class_reweighting") == [round(w, 4) for w in expected]


@pytest.mark.parametrize("name", ["group_reweighting", "class_reweighting"])
def test_reweighting_leaves_each_outcome_its_total_weight(name: str) -> None:
    """So neither `balanced`, nor the starting log-odds, nor the intercept is off."""
    rng = np.random.default_rng(0)
    target = (rng.random((300, 3)) < [0.1, 0.4, 0.6]).astype(float)
    target[rng.random((300, 3)) < 0.2] = np.nan
    codes = rng.choice([-1, 0, 1, 2], 300, p=[0.1, 0.6, 0.25, 0.05])
    batch = cases(target)
    model = model_of(start=(0.0,) * 3, task="multilabel")
    found = begin(name, codes, batch, model=model).case_weights().numpy()
    for k in range(3):
        for outcome in (0, 1):
            of = target[:, k] == outcome
            assert found[of, k].sum() == pytest.approx(of.sum(), rel=1e-5)
            assert (found[of & (codes < 0), k] == 1).all()
            own = [found[of & (codes == g), k].sum() for g in range(3)]
            if name == "group_reweighting":
                assert own == pytest.approx([own[0]] * 3, rel=1e-4)
    if name == "class_reweighting":
        for g in range(3):
            share = [
                found[(codes == g) & (target[:, 0] == y), 0].sum()
                / (target[codes >= 0, 0] == y).sum()
                for y in (0, 1)
            ]
            assert share[0] == pytest.approx(share[1], rel=1e-4), "the same prevalence"


def test_no_cell_rules_the_training() -> None:
    """One ill case of 100: its weight of 50 is cut to 10; the others give up nothing more."""
    codes, ill = [0] * 100 + [1], np.ones((101, 1))
    found = begin("group_reweighting", codes, cases(ill)).case_weights()[:, 0]
    assert found[-1] / found[0] == pytest.approx(10 / 0.505, rel=1e-5)
    assert found.sum().item() == pytest.approx(101, rel=1e-5)


def test_exclusive_classes_are_weighed_class_by_class() -> None:
    target = np.eye(3)[[0, 0, 0, 1, 1, 2]]
    model = model_of(start=(0.0,) * 3, task="multiclass")
    begun = begin("group_reweighting", [0, 0, 1, 0, 1, 1], cases(target), model=model)
    expected = [0.75, 0.75, 1.5, 1, 1, 1]
    torch.testing.assert_close(begun.case_weights(), torch.tensor(expected)[:, None])


def test_values_are_weighed_by_group_alone() -> None:
    model = model_of(start=(0.0, 1.0), task="continuous")
    batch = cases([[3.0], [5.0], [1.0], [2.0]])
    begun = begin("group_reweighting", [0, 0, 0, 1], batch, model=model)
    torch.testing.assert_close(begun.case_weights()[:, 0], torch.tensor([2 / 3] * 3 + [2.0]))
    begun = begin("class_reweighting", [0, 0, 0, 1], batch, model=model)
    torch.testing.assert_close(begun.case_weights(), torch.ones(4, 1))


def test_a_soft_label_belongs_to_its_outcomes_by_its_shares() -> None:
    batch = cases([[0.75], [0.25]])
    found = cells(batch, torch.tensor([0, 1]), 2, "binary").counts
    torch.testing.assert_close(found[:, 0], torch.tensor([[0.25, 0.75], [0.75, 0.25]]))


def test_validate_is_weighed_by_its_own_counts() -> None:
    other = cases(np.array([0, 0, 0, 0, 1, 1, 0, 0, 1])[:, None])  # the ill are of group 0 alone
    begun = begin("group_reweighting", CODES, BATCH, validate=other)
    expected = [0.75, 0.75, 0.75, 0.75, 1.0, 1.0, 1.5, 1.5, 1.0]
    assert begun.judging_weights()[:, 0].tolist() == pytest.approx(expected)


# --- balanced sampling -------------------------------------------------------------------
def test_cells_come_equally_often_and_no_case_too_often() -> None:
    rng = np.random.default_rng(0)
    codes = np.repeat([0, 0, 1, 1, -1], [50, 30, 14, 6, 20])
    ill = np.repeat([0, 1, 0, 1, 1], [50, 30, 14, 6, 20])
    begun = begin("balanced_sampling", codes, cases(ill[:, None]))
    order = begun.order(rng)
    assert len(order) == 120, "the budget of plain training"
    seen = Counter(zip(codes[order], ill[order], strict=True))
    assert seen == {(0, 0): 25, (0, 1): 25, (1, 0): 25, (1, 1): 25, (-1, 1): 20}
    assert max(Counter(order[codes[order] == 0]).values()) == 1
    assert set(Counter(order[ill[order] * (codes[order] == 1) > 0]).values()) == {4, 5}
    assert sorted(order[codes[order] < 0]) == sorted(np.flatnonzero(codes < 0))
    for batch in np.split(order, 3):
        of = Counter(zip(codes[batch], ill[batch], strict=True))
        cell_counts = [of[g, y] for g in (0, 1) for y in (0, 1)]
        assert max(cell_counts) - min(cell_counts) <= 2, "in every batch"


def test_a_cell_is_gone_through_whole_before_a_case_comes_again() -> None:
    cell = np.repeat([0, 1], [3, 9])
    order = deal(cell, np.array([6, 6]), np.random.default_rng(1))
    rare = order[cell[order] == 0]
    assert set(rare[:3]) == set(rare[3:]) == {0, 1, 2}


@pytest.mark.parametrize(("n", "at_most"), [([1, 5, 94], 10.0), ([3], 1.0), ([2, 2, 9], 1.0)])
def test_quotas_add_up_to_the_cases(n: list[int], at_most: float) -> None:
    found = quotas(np.array(n), at_most)
    assert found.sum() == sum(n)
    assert (found <= np.array(n) * at_most).all()


def test_sampling_and_its_weights_keep_each_outcomes_total() -> None:
    rng = np.random.default_rng(0)
    target = (rng.random((200, 2)) < [0.2, 0.5]).astype(float)
    codes = rng.choice([-1, 0, 1], 200, p=[0.1, 0.7, 0.2])
    model = model_of(start=(0.0, 0.0), task="multilabel")
    begun = begin("balanced_sampling", codes, cases(target), model=model)
    order = begun.order(rng)
    shown = begun.case_weights().numpy()[order]
    for k in range(2):
        for y in (0, 1):
            total = shown[target[order, k] == y, k].sum()
            # which cases of a cell come once more is chance, so other classes vary a little
            assert total == pytest.approx((target[:, k] == y).sum(), rel=0.1)


# --- group DRO ---------------------------------------------------------------------------
def test_weights_of_groups_follow_their_losses_by_hand() -> None:
    begun = begin("group_dro", CODES, BATCH, step=0.5, adjustment=2.0)
    rows = torch.tensor([0, 2, 6, 8])
    weight = torch.tensor([[1.0], [3.0], [2.0], [5.0]])
    losses = torch.tensor([[0.4], [0.8], [1.5], [9.0]])
    new = begun.reweighted(rows, weight, losses)
    loss = np.array([(0.4 + 3 * 0.8) / 4, 1.5]) + 2 / np.sqrt([6, 2])
    q = np.exp(0.5 * loss) / np.exp(0.5 * loss).sum()
    np.testing.assert_allclose(begun.log_q.exp().numpy(), q, rtol=1e-5)
    # the recorded weigh 6 together: q_0 and q_1 of it, shared out within the group as before
    expected = [6 * q[0] / 4, 6 * q[0] * 3 / 4, 6 * q[1], 5.0]
    np.testing.assert_allclose(new[:, 0].numpy(), expected, rtol=1e-5)


def test_a_group_that_a_batch_lacks_neither_gains_nor_loses() -> None:
    begun = begin("group_dro", [0, 1, 2, 0, 1, 2, 0, 1, 2], BATCH, step=0.5)
    losses = torch.tensor([[1.0], [3.0]])
    begun.reweighted(torch.tensor([0, 1]), torch.ones(2, 1), losses)
    q = np.exp(0.5 * np.array([1.0, 3.0, 2.0]))
    np.testing.assert_allclose(begun.log_q.exp().numpy(), q / q.sum(), rtol=1e-5)
    alone = begun.reweighted(torch.tensor([2, 5]), torch.ones(2, 1), torch.ones(2, 1))
    torch.testing.assert_close(alone, torch.ones(2, 1))


def test_groups_are_dealt_equally_often_to_robust_optimisation() -> None:
    codes = np.repeat([0, 1, -1], [70, 20, 10])
    begun = begin("group_dro", codes, cases(np.arange(100)[:, None] % 2))
    order = begun.order(np.random.default_rng(0))
    assert Counter(codes[order]) == {0: 45, 1: 45, -1: 10}


def test_its_state_can_be_put_back() -> None:
    begun, other = (begin("group_dro", CODES, BATCH) for _ in range(2))
    begun.reweighted(torch.arange(9), torch.ones(9, 1), torch.arange(9.0)[:, None])
    assert not torch.equal(begun.log_q, other.log_q)
    other.restore(begun.state())
    assert torch.equal(begun.log_q, other.log_q)


# --- gradient reversal -------------------------------------------------------------------
def said(vectors: Any, rows: Any, done: float) -> Said:
    """What a training step hands on; the penalty of the adversary looks at vectors alone."""
    none: Any = SimpleNamespace()
    return Said(rows, Encoded(vectors, None, none), none, none, none, done)


def test_the_encoder_gets_the_reversed_gradient_and_the_adversary_its_own() -> None:
    begun = begin("gradient_reversal", CODES, BATCH, strength=0.7, given_outcome=False)
    rows = torch.tensor([0, 6, 8, 3])
    vectors = [torch.randn(4, 2, requires_grad=True) for _ in range(2)]
    begun.extra_loss(said(vectors, rows, done=0.3)).backward()
    theirs = [p.grad.clone() for p in begun.adversary.parameters()]
    ours = [z.grad.clone() for z in vectors]
    for tensor in (*vectors, *begun.adversary.parameters()):
        tensor.grad = None
    balanced = torch.tensor([8 / 12, 8 / 4])  # 6 and 2 cases of 8 in two groups
    loss = functional.cross_entropy(
        begun.adversary(torch.cat(vectors, 1)),
        torch.tensor([0, 1, 0, 0]),
        balanced,
        reduction="none",
    )
    (loss * torch.tensor([1.0, 1.0, 0.0, 1.0])).mean().backward()
    strength = 0.7 * (2 / (1 + np.exp(-3.0)) - 1)
    for own, plain in zip(ours, vectors, strict=True):
        assert plain.grad.abs().sum() > 0
        torch.testing.assert_close(own, -strength * plain.grad)
        assert not own[2].any(), "a case of no group teaches nothing"
    for own, parameter in zip(theirs, begun.adversary.parameters(), strict=True):
        torch.testing.assert_close(own, parameter.grad)


def test_the_value_passes_reversal_bit_by_bit() -> None:
    value = torch.randn(50) * 1e3
    assert torch.equal(reverse_gradient(value, 0.3), value)


def test_cases_of_no_group_teach_the_adversary_nothing() -> None:
    begun = begin("gradient_reversal", CODES, BATCH)
    assert begun.extra_loss(said([torch.ones(1, 2)] * 2, torch.tensor([8]), 0.5)).item() == 0


def test_an_epoch_is_judged_by_what_the_adversary_reads() -> None:
    """With weights of 0 it says one in two, and reads nothing; then it is sure, and right in the 8
    recorded cases, each group weighing the same."""
    begun = begin("gradient_reversal", CODES, BATCH, strength=2.0, given_outcome=False)
    nothing: Any = None
    group = torch.tensor(CODES)
    vectors = [[(group[:5, None] * 8.0).repeat(1, 4)], [(group[5:, None] * 8.0).repeat(1, 4)]]
    with torch.no_grad():
        for parameter in begun.adversary.parameters():
            parameter.zero_()
        assert begun.judging_loss(nothing, vectors) == 0
        begun.adversary[0].weight[0, 0] = 5.0
        begun.adversary[2].weight[1, 0] = 1.0
        begun.adversary[2].bias[0] = 20.0
        assert begun.judging_loss(nothing, vectors) == pytest.approx(2 * np.log(2))


# --- fairness penalty --------------------------------------------------------------------
def penalty_of(begun: Any, rows: Any, logits: Any) -> Any:
    none: Any = SimpleNamespace()
    losses = functional.softplus(-logits)
    return begun.extra_loss(Said(rows, none, logits, losses, torch.ones_like(logits), 0.5))


def test_the_penalty_is_the_variance_of_mean_scores_among_the_ill() -> None:
    model = model_of(start=(-1.0,))
    begun = begin("fairness_penalty", CODES, BATCH, strength=2.0, model=model)
    rows = torch.tensor([0, 1, 2, 6, 7, 8])
    logits = torch.tensor([[0.5], [-0.3], [2.0], [-1.0], [0.7], [3.0]])
    p = 1 / (1 + np.exp(-(logits[:, 0].numpy() + 1)))
    expected = 2.0 * (((p[0] + p[1]) / 2 - p[3]) / 2) ** 2
    assert penalty_of(begun, rows, logits).item() == pytest.approx(expected, rel=1e-5)
    both = begin("fairness_penalty", CODES, BATCH, strength=2.0, model=model, equal="odds")
    expected = (expected + 2.0 * ((p[2] - p[4]) / 2) ** 2) / 2
    assert penalty_of(both, rows, logits).item() == pytest.approx(expected, rel=1e-5)
    loss = begin("fairness_penalty", CODES, BATCH, strength=2.0, model=model, equal="loss")
    of = np.log1p(np.exp(-logits[:, 0].numpy()))
    expected = 2.0 * ((of[:3].mean() - of[3:5].mean()) / 2) ** 2
    assert penalty_of(loss, rows, logits).item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("equal", ["opportunity", "odds", "loss"])
def test_equal_groups_are_left_alone_and_unequal_ones_drawn_together(equal: str) -> None:
    begun = begin("fairness_penalty", CODES, BATCH, equal=equal)
    rows = torch.tensor([0, 2, 6, 7])  # ill and well of group 0, ill and well of group 1
    same = torch.tensor([[0.4], [-0.2], [0.4], [-0.2]], requires_grad=True)
    penalty_of(begun, rows, same).backward()
    assert not same.grad.any()
    lower = torch.tensor([[0.4], [-0.2], [-0.6], [-0.2]], requires_grad=True)
    penalty_of(begun, rows, lower).backward()
    assert lower.grad[0] > 0 > lower.grad[2], "down for the group ahead, up for the one behind"


def test_an_epoch_is_judged_with_the_penalty_of_all_of_validate() -> None:
    begun = begin("fairness_penalty", CODES, BATCH)
    logits, rows = torch.randn(9, 1), torch.arange(9)
    expected = penalty_of(begun, rows, logits).item()
    found = begun.judging_loss(logits, [])
    assert found == pytest.approx(expected) != 0


def test_one_group_alone_has_no_penalty() -> None:
    value = torch.rand(4, 2)
    one = torch.tensor([[1.0, 0.0]] * 3 + [[0.0, 0.0]])
    assert between_groups(value, torch.ones(4, 2), one).item() == 0


# --- missingness -------------------------------------------------------------------------
def test_every_group_comes_to_lack_an_input_equally_often() -> None:
    rng = np.random.default_rng(0)
    codes = np.repeat([0, 1, -1], [400, 200, 50])
    present = np.ones((650, 3), dtype=bool)
    present[:, 1] = rng.random(650) < np.where(codes == 1, 0.6, 0.9)
    batch = cases(np.arange(650)[:, None] % 2, present, names="abc")
    begun = begin("missingness_dropout", codes, batch, model=model_of("abc"))
    rate = np.array([present[codes == g, 1].mean() for g in (0, 1)])
    torch.manual_seed(0)
    left = torch.stack([begun.left(torch.arange(650), batch.present) for _ in range(40)])
    seen = left.float().mean(0).numpy()
    assert (seen[:, [0, 2]] == 1).all(), "what all groups have alike is not touched"
    assert (seen[codes < 0, 1] == present[codes < 0, 1]).all()
    assert (seen[codes == 1, 1] == present[codes == 1, 1]).all()
    assert seen[codes == 0, 1].mean() == pytest.approx(rate[1], abs=0.01)
    chance = begun.chance[codes == 0, 1]
    torch.testing.assert_close(chance, torch.full((400,), float(1 - rate[1] / rate[0])))


def test_few_cases_set_no_example_and_nothing_is_lost_for_all() -> None:
    codes = np.repeat([0, 1], [100, 10])
    present = np.ones((110, 2), dtype=bool)
    present[100:, 0] = False
    batch = cases(np.arange(110)[:, None] % 2, present)
    few = begin("missingness_dropout", codes, batch)
    assert not few.chance.any()
    enough = begin("missingness_dropout", codes, batch, least_cases=10, at_most=0.3)
    torch.testing.assert_close(enough.chance[:100, 0], torch.full((100,), 0.3))
    torch.manual_seed(0)
    assert enough.left(torch.arange(110), batch.present).any(1).all()


def test_a_chance_for_each_case_hides_as_often_as_it_says() -> None:
    present = torch.ones(4000, 2, dtype=torch.bool)
    chance = torch.tensor([[0.5, 0.0], [0.0, 0.2]] * 2000)
    torch.manual_seed(0)
    left = hidden_at_random(present, chance).float().reshape(2000, 2, 2).mean(0)
    torch.testing.assert_close(left, 1 - chance[:2], atol=0.03, rtol=0)


# --- what is asked for -------------------------------------------------------------------
@pytest.mark.parametrize(
    ("component", "codes", "message"),
    [
        ({"name": "group_dro"}, [0, 0, -1], "1 groups are recorded"),
        ({"name": "group_dro"}, [0.0, 1.0], "whole numbers from 0"),
        ({"name": "group_dro"}, [0, 1, -2], "whole numbers from 0"),
        ({"name": "group_dro"}, [[0, 1]], r"shape \(1, 2\)"),
        ({"name": "group_drow"}, [0, 1], "Did you mean 'group_dro'"),
        ({"name": "group_dro", "eta": 1}, [0, 1], "unknown key 'eta'"),
        ({"name": "group_dro", "step": 0}, [0, 1], "mitigation .group_dro..step"),
        ({"name": "group_thresholds"}, [0, 1], "works on finished predictions"),
    ],
)
def test_what_cannot_be_is_refused(component: Any, codes: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Mitigated(Component(**component), np.array(codes))


def test_every_problem_is_told_at_once() -> None:
    with pytest.raises(InputError) as told:
        Mitigated(Component(name="group_thresholds"), np.array([0, 0]))
    assert len(told.value.problems) == 2


def test_scores_of_a_value_cannot_be_drawn_together() -> None:
    model = model_of(start=(0.0, 1.0), task="continuous")
    with pytest.raises(InputError, match="Use equal: loss"):
        begin("fairness_penalty", CODES, BATCH, model=model)
    begin("fairness_penalty", CODES, BATCH, model=model, equal="loss")


def test_trainings_of_other_groups_or_settings_have_other_names() -> None:
    def key(codes: Any, **settings: Any) -> str:
        return Mitigated(Component(name="group_dro", **settings), np.array(codes)).key

    assert key([0, 1, 1]) == key([1, 0, 0]) == key([0, 1, 1], step=0.1)
    assert len({key([0, 1, 1]), key([0, 1, 0]), key([0, 1, 1], step=0.2)}) == 3
