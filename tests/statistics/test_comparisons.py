"""Paired and unpaired differences, Holm's adjustment, verdicts and margins."""

import numpy as np
import pytest
from scipy import stats

from clinmm.comparisons import (
    Difference,
    difference,
    holm,
    non_inferior,
    unpaired_difference,
    verdict,
)
from clinmm.errors import InputError
from clinmm.intervals import Draws, Estimate, Sample, estimate


def drawn(replicates, metric="ece", status="ok"):
    values = np.asarray(replicates, dtype=float)
    return Estimate(metric, float(values[0]), 100, 50, 20, status, replicates=values)


def two_columns(y, first, second, patient):
    """Estimates of one metric on two columns of the same cases."""
    n = len(y)
    zeros = np.zeros(n, dtype=np.int64)
    columns = {"a": np.asarray(first, float), "b": np.asarray(second, float)}
    sample = Sample(np.asarray(y, float), columns, np.asarray(patient), np.arange(n), zeros, zeros)
    draws = Draws.make([f"p{i:04d}" for i in range(max(patient) + 1)], 0, 0)

    def of(metric, keep=None):
        part = sample if keep is None else sample.take(keep)
        got = estimate(part, [(metric, "a"), (metric, "b")], draws)
        return got[metric, "a"], got[metric, "b"]

    return of


def test_difference_of_two_rates_is_obuchowskis_clustered_mcnemar_by_hand():
    rng = np.random.default_rng(0)
    patient = np.repeat(np.arange(30), 3)
    y = np.ones(90)
    a = (rng.random(90) < 0.8).astype(float)
    b = np.where(rng.random(90) < 0.3, 1 - a, a)
    got = difference(*two_columns(y, a, b, patient)("sensitivity"))
    # Obuchowski 1998: variance of the difference from the sums of each patient
    gap = (a - b).mean()
    residual = [(a - b)[patient == i].sum() - 3 * gap for i in range(30)]
    se = np.sqrt(30 / 29 * np.sum(np.square(residual))) / 90
    half = stats.t.ppf(0.975, 29) * se
    assert got.difference == pytest.approx(gap)
    assert got.se == pytest.approx(se)
    assert (got.low, got.high) == pytest.approx((gap - half, gap + half))
    assert got.p == pytest.approx(2 * stats.t.sf(abs(gap) / se, 29))


def test_with_one_case_a_patient_it_is_the_paired_t_test():
    rng = np.random.default_rng(1)
    y = (rng.random(50) < 0.5).astype(float)
    p, q = rng.random(50), rng.random(50)
    of = two_columns(y, p, q, np.arange(50))
    first, second = of("brier")
    got = difference(first, second)
    losses = (p - y) ** 2 - (q - y) ** 2
    df = min(y.sum(), 50 - y.sum()) - 1  # the rarer outcome, not all patients
    assert got.difference == pytest.approx(losses.mean())
    assert got.se**2 == pytest.approx(losses.var() / 50 * (df + 1) / df)
    assert got.p == pytest.approx(2 * stats.t.sf(abs(losses.mean()) / got.se, df))


def test_pairing_takes_away_what_both_arms_share():
    rng = np.random.default_rng(2)
    y = (rng.random(200) < 0.4).astype(float)
    score = y + rng.normal(size=200)
    p, q = (1 / (1 + np.exp(-(score + 0.1 * rng.normal(size=200)))) for _ in range(2))
    first, second = two_columns(y, p, q, np.arange(200))("auroc")
    paired = difference(first, second)
    apart = unpaired_difference("auroc", first.value, first.se, second.value, second.se)
    assert paired.se < apart.se / 4
    assert apart.se == pytest.approx(np.hypot(first.se, second.se))


def test_groups_without_a_common_patient_are_compared_unpaired():
    rng = np.random.default_rng(3)
    y = (rng.random(120) < 0.5).astype(float)
    of = two_columns(y, rng.random(120), rng.random(120), np.arange(120))
    inside = np.arange(120) < 50
    first, second = of("auroc", inside)[0], of("auroc", ~inside)[0]
    df = min(first.influence.df, second.influence.df)
    raw = first.influence.values @ first.influence.values
    raw += second.influence.values @ second.influence.values
    assert difference(first, second).se == pytest.approx(np.sqrt(raw * (df + 1) / df))


def test_a_rate_of_0_is_not_taken_for_certain():
    y, n = np.ones(60), 60
    few = np.arange(60) < 6
    call = np.where(few, 1.0, np.arange(60) % 3 > 0)
    of = two_columns(y, call, call, np.arange(n))
    rare, rest = (
        estimate_of_group(y[keep], call[keep], np.flatnonzero(keep)) for keep in (few, ~few)
    )
    assert rare.value == 0
    got = difference(rare, rest)
    assert got.se > rest.se * 1.2
    assert got.low < 0 < got.high
    assert difference(*of("fnr")).p == 1.0


def estimate_of_group(y, call, patient):
    zeros = np.zeros(y.size, dtype=np.int64)
    sample = Sample(y, {"call": call}, patient, np.arange(y.size), zeros, zeros)
    draws = Draws.make([f"p{i:04d}" for i in range(60)], 0, 0)
    key = ("fnr", "call")
    return estimate(sample, [key], draws, suppress=False)[key]


def test_equal_arms_have_no_difference():
    rng = np.random.default_rng(4)
    y, p = (rng.random(60) < 0.5).astype(float), rng.random(60)
    got = difference(*two_columns(y, p, p, np.arange(60))("auroc"))
    assert (got.difference, got.se, got.p) == (0.0, 0.0, 1.0)
    same = drawn(np.linspace(0.7, 0.9, 101))
    assert difference(same, same).p == 1.0


def test_p_values_of_a_true_null_are_uniform_enough():
    rng = np.random.default_rng(5)
    small = 0
    for _ in range(400):
        y = np.repeat(rng.integers(0, 2, 40), 2).astype(float)
        shared = np.repeat(rng.normal(size=40), 2) + y
        p, q = (1 / (1 + np.exp(-(shared + rng.normal(size=80)))) for _ in range(2))
        small += difference(*two_columns(y, p, q, np.arange(80) // 2)("auroc")).p < 0.05
    assert 0.02 <= small / 400 <= 0.08


def test_detectable_difference_is_found_in_80_of_100_samples():
    rng = np.random.default_rng(6)
    gaps = rng.normal(size=(2000, 200))
    shown, promised = 0, []
    for row in gaps:
        se = row.std(ddof=1) / np.sqrt(200)
        promised.append(Difference("brier", 0, 0, 0, 1, 200, se).detectable)
        one = unpaired_difference("brier", row.mean() + 2.8016 / np.sqrt(200), se, 0.0, 0.0)
        shown += one.p < 0.05
    assert np.mean(promised) == pytest.approx(2.8016 / np.sqrt(200), rel=0.01)
    assert shown / 2000 == pytest.approx(0.8, abs=0.03)


# --- differences of replicates


def test_replicates_are_paired_draw_by_draw():
    shared = np.random.default_rng(0).normal(0.8, 0.05, 1001)
    got = difference(drawn(shared + 0.01), drawn(shared))
    assert got.difference == pytest.approx(0.01)
    assert (got.low, got.high) == pytest.approx((0.01, 0.01))  # unpaired it would be 0.01 +- 0.14


def test_p_is_the_share_of_shifted_draws_at_least_as_far():
    values = np.linspace(-0.5, 0.5, 101) + 0.2  # mean .2
    got = difference(drawn(np.append(0.2, values)), drawn(np.zeros(102)))
    # |draw - .2| >= .2: 31 on each side
    assert got.p == pytest.approx((1 + 62) / 102)


def test_p_beyond_the_draws_comes_from_the_normal_tail():
    values = np.random.default_rng(1).normal(0.5, 0.1, 1000)
    got = difference(drawn(np.append(0.5, values)), drawn(np.zeros(1001)))
    assert 1e-8 < got.p < 1e-5  # five standard deviations: 5.7e-7, where counting ends at 1/1001
    assert got.se == pytest.approx(0.1, rel=0.1)


def test_suppressed_estimates_give_no_difference():
    nothing = Estimate("auroc", float("nan"), 100, 50, 20, "suppressed")
    other = two_columns([0, 1] * 30, np.linspace(0, 1, 60), np.linspace(0, 1, 60), np.arange(60))
    got = difference(nothing, other("auroc")[0])
    assert np.isnan([got.difference, got.low, got.p, got.se, got.detectable]).all()


# --- what may be said


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


@pytest.mark.parametrize(
    ("metric", "low", "high", "said"),
    [
        ("auroc", -0.04, 0.01, "yes"),
        ("auroc", -0.06, 0.01, "cannot_tell"),
        ("auroc", -0.20, -0.06, "no"),
        ("brier", -0.01, 0.04, "yes"),
        ("brier", -0.20, 0.06, "cannot_tell"),
        ("brier", 0.06, 0.20, "no"),
        ("prevalence", 0.0, 0.0, "cannot_tell"),
        ("auroc", float("nan"), float("nan"), "cannot_tell"),
    ],
)
def test_non_inferiority_looks_at_the_limit_on_the_bad_side(metric, low, high, said):
    assert non_inferior(Difference(metric, 0.0, low, high, 0.5, 50), 0.05) == said


@pytest.mark.parametrize("margin", [0.0, -0.1, float("nan")])
def test_a_margin_that_is_none_is_refused(margin):
    with pytest.raises(InputError, match="margin must be above 0"):
        non_inferior(Difference("auroc", 0.0, -0.1, 0.1, 0.5, 50), margin)
