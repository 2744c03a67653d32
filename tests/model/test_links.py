"""Links: from evidence to logits, by hand, by an independent likelihood, and at the ends."""

import math

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize
from torch.nn import functional

from clinmm.links import ClassLink, CumulativeLink, ValueLink, make_link

SOME = torch.ones(1, 1, dtype=torch.bool)
SHARES = [0.2, 0.5, 0.3]


def logs(shares: list[float]) -> list[float]:
    return [math.log(share) for share in shares]


def probabilities(link: CumulativeLink, scores: list[float]) -> NDArray[np.float64]:
    evidence = torch.tensor(scores)[:, None]
    answers = link(evidence, torch.ones(len(scores), 1, dtype=torch.bool))
    found: NDArray[np.float64] = torch.softmax(answers, 1).detach().double().numpy()
    return found


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def test_without_evidence_the_answer_is_the_shares_of_the_training_cases() -> None:
    link = CumulativeLink(logs(SHARES))
    assert probabilities(link, [0.0])[0] == pytest.approx(SHARES, abs=1e-6)


def test_probabilities_by_hand() -> None:
    """Cuts at logit .2 and logit .7; P(class <= k) = sigmoid(cut - score)."""
    low, high = math.log(0.2 / 0.8), math.log(0.7 / 0.3)
    found = probabilities(CumulativeLink(logs(SHARES)), [1.5])[0]
    first, second = sigmoid(low - 1.5), sigmoid(high - 1.5)
    assert found == pytest.approx([first, second - first, 1 - second], abs=1e-6)


def test_answers_are_log_probabilities() -> None:
    answers = CumulativeLink(logs(SHARES))(torch.tensor([[-3.0], [0.4], [7.0]]), SOME)
    assert torch.exp(answers).sum(1).tolist() == pytest.approx([1.0] * 3, abs=1e-6)


def test_a_higher_score_moves_every_case_to_higher_classes() -> None:
    found = probabilities(CumulativeLink(logs([0.1, 0.4, 0.3, 0.2])), list(np.linspace(-6, 6, 25)))
    below = found.cumsum(axis=1)[:, :-1]
    assert (np.diff(below, axis=0) < 0).all()


def test_two_classes_are_the_logistic_model() -> None:
    found = probabilities(CumulativeLink(logs([0.75, 0.25])), [-2.0, 0.0, 3.0])
    expected = [sigmoid(score + math.log(1 / 3)) for score in (-2.0, 0.0, 3.0)]
    assert found[:, 1] == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("score", [-100.0, -30.0, 30.0, 100.0])
@pytest.mark.parametrize("shares", [SHARES, [0.25] * 4, [0.001, 0.998, 0.001], [0.999, 0.001]])
def test_far_scores_give_finite_answers_and_gradients(score: float, shares: list[float]) -> None:
    link = CumulativeLink(logs(shares))
    evidence = torch.full((1, 1), score, requires_grad=True)
    answers = link(evidence, SOME)
    assert torch.isfinite(answers).all()
    for k in range(len(shares)):
        link.zero_grad()
        evidence.grad = None
        functional.cross_entropy(link(evidence, SOME), torch.tensor([k])).backward()
        grads = [evidence.grad, *(p.grad for p in link.parameters())]
        assert all(grad is not None and torch.isfinite(grad).all() for grad in grads)
        # the loss still pulls a score that is far on the wrong side
        wrong = (score > 0 and k == 0) or (score < 0 and k == len(shares) - 1)
        assert not wrong or abs(float(evidence.grad)) > 0.5


def test_a_case_without_any_input_keeps_the_start_whatever_the_shift() -> None:
    link = CumulativeLink(logs(SHARES))
    link.shift.copy_(torch.tensor([0.5, -0.5, 0.1]))
    none = link(torch.zeros(1, 1), torch.zeros(1, 1, dtype=torch.bool))
    assert torch.softmax(none, 1)[0].tolist() == pytest.approx(SHARES, abs=1e-6)
    assert torch.softmax(link(torch.zeros(1, 1), SOME), 1)[0, 0] > SHARES[0]


def negative_log_likelihood(
    parameters: NDArray[np.float64], x: NDArray[np.float64], y: NDArray[np.int_]
) -> float:
    """Proportional odds, written down directly: slope, first cut, log distances of the cuts."""
    cuts = np.cumsum([parameters[1], *np.exp(parameters[2:])])
    ends = np.concatenate([[-np.inf], cuts, [np.inf]])
    below = 1 / (1 + np.exp(-(ends[None] - parameters[0] * x[:, None])))
    return -float(np.log(np.diff(below, axis=1)[np.arange(y.size), y]).sum())


def test_fit_agrees_with_the_proportional_odds_likelihood() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=300)
    y = np.digitize(1.2 * x + rng.logistic(size=300), [-1.0, 0.2, 1.5])
    reference = minimize(negative_log_likelihood, np.zeros(4), args=(x, y), method="BFGS").x
    link = CumulativeLink(logs([float((y == k).mean()) for k in range(4)])).double()
    slope = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS(
        [slope, *link.parameters()], max_iter=200, line_search_fn="strong_wolfe"
    )
    evidence, target = torch.tensor(x)[:, None], torch.tensor(y)

    def closure() -> torch.Tensor:
        optimiser.zero_grad()
        answers = link(slope * evidence, torch.ones(300, 1, dtype=torch.bool))
        loss = functional.cross_entropy(answers, target, reduction="sum")
        loss.backward()
        return loss

    optimiser.step(closure)  # type: ignore[no-untyped-call]
    assert float(closure().detach()) == pytest.approx(
        negative_log_likelihood(reference, x, y), rel=1e-6
    )
    cuts = torch.cat([link.lowest, functional.softplus(link.gaps)]).tolist()
    expected = [reference[1], *np.exp(reference[2:])]
    assert slope.item() == pytest.approx(reference[0], abs=1e-3)
    assert cuts == pytest.approx(expected, abs=1e-3)


def test_a_class_that_nobody_has_still_lies_between_its_neighbours() -> None:
    found = probabilities(CumulativeLink(logs([0.5, 1e-9, 0.5])), [0.0, 1.0])
    assert np.isfinite(found).all()
    assert (found > 0).all()


def test_value_link_is_the_mean_plus_evidence_in_deviations() -> None:
    link = ValueLink([9.0, 4.0])
    link.shift.fill_(0.5)
    assert link(torch.tensor([[2.0]]), SOME).tolist() == [[17.5]]
    assert link(torch.zeros(1, 1), torch.zeros(1, 1, dtype=torch.bool)).tolist() == [[9.0]]


def test_class_link_adds_evidence_to_the_start() -> None:
    link = ClassLink([0.5, -1.0])
    assert link(torch.tensor([[1.0, 2.0]]), SOME).tolist() == [[1.5, 1.0]]


@pytest.mark.parametrize(
    ("task", "ordered", "kind"),
    [
        ("continuous", False, ValueLink),
        ("multiclass", True, CumulativeLink),
        ("multiclass", False, ClassLink),
        ("multilabel", False, ClassLink),
        ("binary", False, ClassLink),
    ],
)
def test_the_target_decides_the_link(task: str, ordered: bool, kind: type) -> None:
    assert type(make_link(task, logs(SHARES), ordered=ordered)) is kind
