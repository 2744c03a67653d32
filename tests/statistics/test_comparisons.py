"""Paired differences, Holm's adjustment and verdicts."""

import numpy as np
import pytest

from clinmm.comparisons import Difference, difference, holm, verdict
from clinmm.intervals import Estimate


def estimate_of(replicates, metric="auroc", status="ok"):
    return Estimate(metric, np.asarray(replicates, dtype=float), 100, 50, 20, status)


def test_difference_is_paired_draw_by_draw():
    rng = np.random.default_rng(0)
    shared = rng.normal(0.8, 0.05, 1001)
    got = difference(estimate_of(shared + 0.01), estimate_of(shared))
    assert got.difference == pytest.approx(0.01)
    assert (got.low, got.high) == pytest.approx((0.01, 0.01))  # unpaired it would be 0.01 +- 0.14


def test_p_is_the_share_of_shifted_draws_at_least_as_far():
    drawn = np.linspace(-0.5, 0.5, 101) + 0.2  # mean .2
    got = difference(estimate_of(np.append(0.2, drawn)), estimate_of(np.zeros(102)))
    # |draw - .2| >= .2: 31 on each side
    assert got.p == pytest.approx((1 + 62) / 102)


def test_p_beyond_the_draws_comes_from_the_normal_tail():
    rng = np.random.default_rng(1)
    drawn = rng.normal(0.5, 0.1, 1000)
    got = difference(estimate_of(np.append(0.5, drawn)), estimate_of(np.zeros(1001)))
    assert 1e-8 < got.p < 1e-5  # five standard deviations: 5.7e-7, where counting ends at 1/1001


def test_p_of_equal_arms_is_one():
    same = estimate_of(np.linspace(0.7, 0.9, 101))
    assert difference(same, same).p == 1.0


def test_p_values_of_a_true_null_are_uniform_enough():
    rng = np.random.default_rng(3)
    small = 0
    for _ in range(400):
        x = rng.normal(size=60)
        draws = rng.integers(0, 60, (300, 60))
        means = np.append(x.mean(), x[draws].mean(axis=1))
        small += difference(estimate_of(means), estimate_of(np.zeros(301))).p < 0.05
    assert 0.02 <= small / 400 <= 0.09


def test_holm_equals_its_definition_and_ignores_what_was_not_tested():
    assert holm([0.01, 0.04, 0.03]).tolist() == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.6]).tolist() == [1.0, 1.0]
    got = holm([0.01, float("nan"), 0.02])
    assert got[[0, 2]].tolist() == pytest.approx([0.02, 0.02])
    assert np.isnan(got[1])


@pytest.mark.parametrize(
    ("metric", "gap", "low", "high", "p_holm", "said"),
    [
        ("auroc", 0.1, 0.05, 0.15, 0.01, "better"),
        ("auroc", -0.1, -0.15, -0.05, 0.01, "worse"),
        ("log_loss", -0.1, -0.15, -0.05, 0.01, "better"),
        ("fnr", 0.1, 0.05, 0.15, 0.01, "worse"),
        ("auroc", 0.1, 0.05, 0.15, 0.06, "not_shown"),
        ("auroc", 0.1, -0.01, 0.15, 0.04, "not_shown"),
        ("auroc", float("nan"), float("nan"), float("nan"), float("nan"), "cannot_tell"),
    ],
)
def test_verdict_follows_direction_interval_and_adjusted_p(metric, gap, low, high, p_holm, said):
    assert verdict(Difference(metric, gap, low, high, 0.01, 50), p_holm) == said


def test_suppressed_estimates_give_no_difference():
    nothing = estimate_of([float("nan")] * 11, status="suppressed")
    assert np.isnan(difference(nothing, estimate_of(np.ones(11))).difference)
