import math

import numpy as np
import pytest
import torch
from scipy.optimize import minimize

from clinmm.losses import start_of_training, masked_loss

NAN = float("nan")


def loss(logits, target, known=None, log_odds=(0.0,), task="binary", balanced=False):
    target = torch.tensor(target, dtype=torch.float32)
    known = torch.ones_like(target, dtype=torch.bool) if known is None else torch.tensor(known)
    shown = logits if isinstance(logits, torch.Tensor) else torch.tensor(logits)
    return masked_loss(shown, target, known, torch.tensor(log_odds), task=task, balanced=balanced)


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


def test_no_class_starts_at_infinity() -> None:
    for task in ("binary", "multilabel", "multiclass"):
        odds = start_of_training(np.array([[1.0, 0.0], [1.0, 0.0]]), task)
        assert np.isfinite(odds).all()
