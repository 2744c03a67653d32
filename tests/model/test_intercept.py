"""The intercept that makes the mean risk the observed rate."""

import pytest
import torch

from clinmm.intercept import FURTHEST, intercept_shift


@pytest.mark.parametrize("task", ["binary", "multilabel"])
def test_the_mean_risk_becomes_the_rate_and_the_order_stays(task: str) -> None:
    torch.manual_seed(0)
    logits = torch.randn(500, 3) * 2
    target = (torch.rand(500, 3) < 0.2).float()
    known = torch.rand(500, 3) < 0.8
    shift = intercept_shift(logits, target, known, task)
    for k in range(3):
        risk = torch.sigmoid(logits[:, k] + shift[k])[known[:, k]]
        assert float(risk.mean()) == pytest.approx(float(target[known[:, k], k].mean()), abs=1e-4)


def test_exclusive_classes_get_their_shares() -> None:
    torch.manual_seed(0)
    logits = torch.randn(400, 3)
    target = torch.nn.functional.one_hot(torch.arange(400) % 4 % 3, 3).float()
    shift = intercept_shift(logits, target, torch.ones(400, 3, dtype=torch.bool), "multiclass")
    mean = torch.softmax(logits + shift, 1).mean(0)
    torch.testing.assert_close(mean, target.mean(0), atol=1e-4, rtol=0)


def test_a_class_with_one_outcome_is_left_and_no_shift_is_without_bounds() -> None:
    known = torch.ones(4, 1, dtype=torch.bool)
    assert float(intercept_shift(torch.zeros(4, 1), torch.zeros(4, 1), known, "binary")) == 0
    far = intercept_shift(torch.full((4, 1), 9.0), torch.tensor([[1.0], [0], [0], [0]]), known, "x")
    assert float(far) == pytest.approx(-FURTHEST)
