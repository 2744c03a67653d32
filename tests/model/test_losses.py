import math

import numpy as np
import pytest
import torch
from scipy.optimize import minimize

from clinmm.config import Loss
from clinmm.errors import InputError
from clinmm.losses import Criterion, check_loss, masked_loss, start_of_training

NAN = float("nan")


def loss(logits, target, known=None, log_odds=(0.0,), task="binary", balanced=False, **settings):
    target = torch.tensor(target, dtype=torch.float32)
    known = torch.ones_like(target, dtype=torch.bool) if known is None else torch.tensor(known)
    shown = logits if isinstance(logits, torch.Tensor) else torch.tensor(logits)
    return masked_loss(
        shown,
        target,
        known,
        torch.tensor(log_odds),
        task=task,
        balanced=balanced,
        loss=Loss(**settings),
    )


def test_binary_loss_by_hand() -> None:
    # -log sigmoid(log 3) = log(4/3); -log(1 - sigmoid(0)) = log 2
    found = loss([[math.log(3)], [0.0]], [[1], [0]])
    assert found.item() == pytest.approx((math.log(4 / 3) + math.log(2)) / 2)


def test_multiclass_loss_by_hand() -> None:
    # shares 1/4, 1/2, 1/4 of exp(logits) = (1, 2, 1); then 1/3 each
    found = loss(
        [[0.0, math.log(2), 0.0], [0.0, 0.0, 0.0]],
        [[0, 1, 0], [1, 0, 0]],
        log_odds=(0.0, 0.0, 0.0),
        task="multiclass",
    )
    assert found.item() == pytest.approx((math.log(2) + math.log(3)) / 2)


def test_multilabel_loss_is_the_mean_over_what_is_known() -> None:
    logits = [[math.log(3), 5.0], [0.0, 0.0]]
    known = [[True, False], [True, True]]
    found = loss(logits, [[1, 0], [0, 1]], known, (0.0, 0.0), "multilabel")
    assert found.item() == pytest.approx((math.log(4 / 3) + 2 * math.log(2)) / 3)


def test_balanced_binary_loss_by_hand() -> None:
    # Prevalence 1/5: positives weigh .5/.2, negatives .5/.8; logits are shown less log(1/4).
    prior = math.log(0.25)
    found = loss([[prior], [prior + math.log(3)]], [[1], [0]], log_odds=(prior,), balanced=True)
    expected = (2.5 * math.log(2) + 0.625 * math.log(4)) / (2.5 + 0.625)
    assert found.item() == pytest.approx(expected)


def test_balanced_multiclass_loss_by_hand() -> None:
    shares = (0.5, 0.25, 0.25)
    prior = tuple(math.log(s) for s in shares)
    logits = [list(prior), [prior[0], prior[1] + math.log(2), prior[2]]]
    found = loss(logits, [[1, 0, 0], [0, 1, 0]], log_odds=prior, task="multiclass", balanced=True)
    first, second = 1 / (3 * 0.5), 1 / (3 * 0.25)
    expected = (first * math.log(3) + second * math.log(2)) / (first + second)
    assert found.item() == pytest.approx(expected)


@pytest.mark.parametrize("balanced", [True, False])
@pytest.mark.parametrize("task", ["binary", "multilabel", "multiclass"])
def test_an_unknown_target_has_no_gradient_and_no_say(task: str, balanced: bool) -> None:
    k = 1 if task == "binary" else 3
    prior = (-1.0, -0.5, -0.9)[:k]
    logits = torch.randn(4, k, generator=torch.Generator().manual_seed(0))
    target = [[1.0, 0, 0][:k], [0.0, 1, 0][:k], [0.0, 0, 1][:k], [0.0, 0, 0][:k]]
    known = [[True] * k, [True] * k, [True] * k, [False] * k]
    if task == "multilabel":
        known[0][1] = False
    losses, gradients = [], []
    for unknown in (0.0, 50.0):
        moved = logits.clone()
        moved[~torch.tensor(known)] += unknown
        moved.requires_grad_()
        value = loss(moved, target, known, prior, task, balanced)
        value.backward()
        losses.append(value.item())
        gradients.append(moved.grad)
    assert losses[0] == pytest.approx(losses[1])
    assert not gradients[0][~torch.tensor(known)].any()
    assert gradients[0][torch.tensor(known)].all()


def test_nothing_known_is_a_loss_of_zero() -> None:
    for task, k in (("binary", 1), ("multiclass", 3)):
        logits = torch.randn(2, k, requires_grad=True)
        value = loss(logits, [[0.0] * k] * 2, [[False] * k] * 2, (0.0,) * k, task, balanced=True)
        value.backward()
        assert value.item() == 0
        assert torch.isfinite(logits.grad).all()


@pytest.mark.parametrize("balanced", [True, False])
def test_the_best_constant_logit_is_that_of_the_prevalence_balanced_or_not(balanced: bool) -> None:
    target = np.array([[1.0]] * 3 + [[0.0]] * 17)
    prior = [math.log(3 / 17)]

    def mean_loss(logit: np.ndarray) -> float:
        logits = torch.full((20, 1), float(logit[0]), dtype=torch.float64)
        return loss(logits, target, log_odds=prior, balanced=balanced).item()

    best = minimize(mean_loss, [0.0], method="Nelder-Mead").x[0]
    assert best == pytest.approx(math.log(3 / 17), abs=1e-3)


@pytest.mark.parametrize("balanced", [True, False])
def test_the_best_constant_softmax_is_that_of_the_shares_balanced_or_not(balanced: bool) -> None:
    target = np.repeat(np.eye(3), [12, 6, 2], axis=0)
    prior = np.log([0.6, 0.3, 0.1]).tolist()

    def mean_loss(logits: np.ndarray) -> float:
        shown = torch.tensor([[*logits, 0.0]], dtype=torch.float64).expand(20, 3)
        return loss(shown, target, None, prior, "multiclass", balanced).item()

    best = minimize(mean_loss, [0.0, 0.0], method="Nelder-Mead", options={"xatol": 1e-5}).x
    shares = np.exp([*best, 0.0]) / np.exp([*best, 0.0]).sum()
    np.testing.assert_allclose(shares, [0.6, 0.3, 0.1], atol=1e-3)


def test_log_odds_by_hand_with_half_a_case_added_to_each_outcome() -> None:
    target = np.array([[1.0, NAN], [0.0, NAN], [0.0, 1.0], [NAN, 1.0]])
    assert start_of_training(target, "multilabel") == pytest.approx(
        [math.log(1.5 / 2.5), math.log(2.5 / 0.5)]
    )
    classes = np.array([[1.0, 0, 0], [1, 0, 0], [0, 1, 0], [NAN, NAN, NAN]])
    assert start_of_training(classes, "multiclass") == pytest.approx(
        np.log(np.array([2.5, 1.5, 0.5]) / 4.5).tolist()
    )


@pytest.mark.parametrize(("n", "value"), [(3, 0.1), (97, 1 / 3), (1, 5.0)])
def test_values_that_are_all_alike_have_a_deviation_of_one(n: int, value: float) -> None:
    target = np.array([[value]] * n + [[np.nan]])
    assert start_of_training(target, "continuous") == [pytest.approx(value), 1.0]


def test_no_class_starts_at_infinity() -> None:
    for task in ("binary", "multilabel", "multiclass"):
        odds = start_of_training(np.array([[1.0, 0.0], [1.0, 0.0]]), task)
        assert np.isfinite(odds).all()


def test_focal_loss_by_hand() -> None:
    # p = 3/4 of a positive: (1/4)^2 log(4/3); p = 1/2 of a negative: (1/2)^2 log 2
    found = loss([[math.log(3)], [0.0]], [[1], [0]], name="focal", gamma=2.0)
    assert found.item() == pytest.approx((math.log(4 / 3) / 16 + math.log(2) / 4) / 2)


def test_focal_loss_of_exclusive_classes_by_hand() -> None:
    # p of the truth: 1/2 and 1/3
    logits = [[0.0, math.log(2), 0.0], [0.0, 0.0, 0.0]]
    truth = [[0, 1, 0], [1, 0, 0]]
    found = loss(logits, truth, None, (0.0,) * 3, "multiclass", name="focal", gamma=1.0)
    assert found.item() == pytest.approx((math.log(2) / 2 + 2 * math.log(3) / 3) / 2)


def test_asymmetric_loss_by_hand() -> None:
    # a positive as in cross-entropy; a negative of p = 3/4: m = .7, -.7^4 log(.3)
    settings = {"name": "asymmetric", "gamma_negative": 4.0, "margin": 0.05}
    found = loss([[math.log(3)], [math.log(3)]], [[1], [0]], **settings)
    assert found.item() == pytest.approx((math.log(4 / 3) - 0.7**4 * math.log(0.3)) / 2, rel=1e-5)


def test_a_negative_within_the_margin_teaches_nothing() -> None:
    logits = torch.tensor([[-4.0]], requires_grad=True)
    loss(logits, [[0]], name="asymmetric").backward()
    assert logits.grad.item() == 0


def test_label_smoothing_by_hand() -> None:
    # two outcomes: 1 becomes .9, 0 becomes .1; three classes: 1 becomes .8, 0 becomes .1
    found = loss([[math.log(3)]], [[1]], label_smoothing=0.2)
    assert found.item() == pytest.approx(0.9 * math.log(4 / 3) + 0.1 * math.log(4))
    classes = loss(
        [[0.0, math.log(2), 0.0]], [[0, 1, 0]], None, (0.0,) * 3, "multiclass", label_smoothing=0.3
    )
    assert classes.item() == pytest.approx(0.8 * math.log(2) + 2 * 0.1 * math.log(4))


@pytest.mark.parametrize("balanced", [True, False])
@pytest.mark.parametrize("task", ["binary", "multilabel", "multiclass"])
def test_without_focus_every_loss_is_cross_entropy(task: str, balanced: bool) -> None:
    k = 1 if task == "binary" else 3
    logits = 3 * torch.randn(6, k, generator=torch.Generator().manual_seed(1))
    target = np.eye(3)[[0, 1, 2, 2, 1, 0]][:, :k]
    prior = (-1.0, -0.5, -2.0)[:k]
    plain = loss(logits, target, None, prior, task, balanced).item()
    focal = loss(logits, target, None, prior, task, balanced, name="focal", gamma=0.0).item()
    assert focal == pytest.approx(plain, rel=1e-5)
    if task != "multiclass":
        settings = {"name": "asymmetric", "gamma_negative": 0.0, "margin": 0.0}
        other = loss(logits, target, None, prior, task, balanced, **settings).item()
        assert other == pytest.approx(plain, rel=1e-4)


@pytest.mark.parametrize("name", ["focal", "asymmetric"])
@pytest.mark.parametrize("extreme", [-90.0, 90.0])
@pytest.mark.parametrize("gamma", [0.5, 2.0])
def test_certain_answers_have_finite_slopes(name: str, extreme: float, gamma: float) -> None:
    for truth in (0.0, 1.0):
        logits = torch.tensor([[extreme]], requires_grad=True)
        value = loss(logits, [[truth]], name=name, gamma=gamma, gamma_negative=gamma, margin=0.0)
        value.backward()
        assert torch.isfinite(value)
        assert torch.isfinite(logits.grad).all()


@pytest.mark.parametrize("balanced", [True, False])
@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_a_soft_label_counts_as_that_many_readers(task: str, balanced: bool) -> None:
    """Three readers of four: the same loss as four cases with a hard label each."""
    k = 1 if task == "binary" else 3
    prior = (-1.2, -0.4, -1.5)[:k]
    logits = torch.randn(1, k, generator=torch.Generator().manual_seed(2))
    votes = np.array([[1.0], [1], [1], [0]]) if k == 1 else np.eye(3)[[0, 0, 0, 1]]
    apart = loss(logits.expand(4, k), votes, None, prior, task, balanced)
    together = loss(logits, votes.mean(0, keepdims=True), None, prior, task, balanced)
    assert together.item() == pytest.approx(apart.item(), rel=1e-6)


@pytest.mark.parametrize("balanced", [True, False])
def test_the_best_answer_to_a_soft_label_is_that_label(balanced: bool) -> None:
    logits = torch.zeros(1, 1, requires_grad=True)
    with torch.no_grad():
        logits += math.log(0.7 / 0.3)
    loss(logits, [[0.7]], log_odds=(-1.5,), balanced=balanced).backward()
    assert logits.grad.item() == pytest.approx(0, abs=1e-7)


@pytest.mark.parametrize("settings", [{"name": "focal"}, {"label_smoothing": 0.1}])
def test_balanced_focus_and_smoothing_keep_the_prevalence_seen(settings: dict) -> None:
    target = np.array([[1.0]] * 3 + [[0.0]] * 17)
    prior = [math.log(3 / 17)]

    def mean_loss(logit: np.ndarray) -> float:
        logits = torch.full((20, 1), float(logit[0]), dtype=torch.float64)
        return loss(logits, target, log_odds=prior, balanced=True, **settings).item()

    best = minimize(mean_loss, [0.0], method="Nelder-Mead").x[0]
    assert best == pytest.approx(math.log(3 / 17), abs=1e-3)


def test_ordered_classes_are_likelihood_alone() -> None:
    shares = torch.tensor([[0.2, 0.5, 0.3], [0.6, 0.3, 0.1]])
    truth = torch.tensor([[0.0, 1, 0], [1, 0, 0]])
    known = torch.ones(2, 3, dtype=torch.bool)
    start = torch.log(torch.tensor([0.7, 0.2, 0.1]))
    criterion = Criterion("multiclass", start, balanced=True, ordered=True)
    found = criterion(shares.log(), truth, known)
    assert found.item() == pytest.approx(-(math.log(0.5) + math.log(0.6)) / 2)


def test_a_continuous_target_costs_its_squared_error_in_deviations() -> None:
    criterion = Criterion("continuous", torch.tensor([4.0]), deviation=torch.tensor([2.0]))
    answers, target = torch.tensor([[3.0], [9.0], [0.0]]), torch.tensor([[5.0], [5.0], [77.0]])
    known = torch.tensor([[True], [True], [False]])
    assert criterion(answers, target, known).item() == pytest.approx((1 + 4) / 2)


def test_divergence_by_hand_and_without_a_slope_on_the_teacher() -> None:
    criterion = Criterion("binary", torch.zeros(1))
    answer = torch.zeros(1, 1, requires_grad=True)
    teacher = torch.full((1, 1), math.log(3), requires_grad=True)
    apart = criterion.apart(answer, teacher)
    assert apart.item() == pytest.approx(0.75 * math.log(1.5) + 0.25 * math.log(0.5))
    apart.sum().backward()
    assert answer.grad.item() == pytest.approx(0.5 - 0.75)
    assert teacher.grad is None


@pytest.mark.parametrize("task", ["binary", "multilabel", "multiclass", "continuous"])
def test_divergence_agrees_with_torch_and_is_zero_between_equals(task: str) -> None:
    k = 3 if task in ("multilabel", "multiclass") else 1
    one, other = torch.randn(2, 5, k, generator=torch.Generator().manual_seed(3))
    criterion = Criterion(task, torch.zeros(k), deviation=2.0)
    apart = criterion.apart(one, other)
    assert apart.shape == (5, 1)
    assert criterion.apart(one, one).abs().max() < 1e-6
    if task == "continuous":
        expected = ((one - other) / 2).square().sum(1)
    elif task == "multiclass":
        of = torch.distributions.Categorical
        expected = torch.distributions.kl_divergence(of(logits=other), of(logits=one))
    else:
        of = torch.distributions.Bernoulli
        expected = torch.distributions.kl_divergence(of(logits=other), of(logits=one)).sum(1)
    torch.testing.assert_close(apart[:, 0], expected)


@pytest.mark.parametrize(
    ("settings", "task", "ordered", "told"),
    [
        ({"name": "focal"}, "multiclass", True, "focal is not for ordered classes"),
        ({"name": "asymmetric"}, "continuous", False, "asymmetric is not for a continuous target"),
        ({"name": "asymmetric"}, "multiclass", False, "Use cross_entropy or focal"),
        ({"label_smoothing": 0.1}, "continuous", False, "label_smoothing is not for"),
    ],
)
def test_a_loss_that_means_nothing_for_the_target_is_refused(
    settings: dict, task: str, ordered: bool, told: str
) -> None:
    with pytest.raises(InputError, match=told):
        check_loss(Loss(**settings), task, ordered=ordered)
    with pytest.raises(InputError, match=told):
        Criterion(task, torch.zeros(3), Loss(**settings), ordered=ordered)
