"""Calibration metrics, the Brier score's parts and net benefit against independent numbers."""

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.linear_model import LogisticRegression

from clinmm.errors import InputError
from clinmm.metrics import calibration_intercept as intercept_file
from clinmm.metrics import calibration_slope as slope_file
from clinmm.metrics.brier import brier
from clinmm.metrics.brier_reliability import brier_reliability
from clinmm.metrics.brier_resolution import brier_resolution
from clinmm.metrics.brier_skill import brier_skill
from clinmm.metrics.brier_uncertainty import brier_uncertainty
from clinmm.metrics.calibration_curve import fit_curve
from clinmm.metrics.calibration_intercept import calibration_intercept
from clinmm.metrics.calibration_slope import calibration_slope
from clinmm.metrics.e50 import e50
from clinmm.metrics.e90 import e90
from clinmm.metrics.ici import ici
from clinmm.metrics.ici import parts as ici_parts
from clinmm.metrics.logistic import expit, fit_logistic, logit
from clinmm.metrics.murphy import filled_bins
from clinmm.metrics.net_benefit import net_benefit, treat_all
from clinmm.metrics.observed_expected import observed_expected


def drawn(n=400, seed=0, spread=1.0, shift=-0.7):
    """Outcomes that follow the probabilities."""
    rng = np.random.default_rng(seed)
    p = expit(spread * rng.normal(size=n) + shift)
    return (rng.random(n) < p).astype(float), p


@pytest.mark.parametrize("seed", range(5))
def test_slope_equals_scikit_learns_unpenalised_regression(seed):
    y, p = drawn(seed=seed)
    other = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(logit(p)[:, None], y)
    assert calibration_slope(y, p) == pytest.approx(other.coef_[0, 0], abs=1e-4)


def test_intercept_makes_the_mean_probability_the_observed_rate():
    y, p = drawn(seed=1)
    wrong = expit(logit(p) + 0.8)
    assert expit(logit(wrong) + calibration_intercept(y, wrong)).mean() == pytest.approx(y.mean())


@pytest.mark.parametrize("factor", [0.3, 2.0, -1.0])
def test_slope_of_log_odds_times_k_is_the_slope_over_k(factor):
    y, p = drawn(seed=2)
    stretched = expit(factor * logit(p))
    assert calibration_slope(y, stretched) == pytest.approx(calibration_slope(y, p) / factor)


def test_intercept_of_shifted_log_odds_is_shifted_back_and_the_slope_stays():
    y, p = drawn(seed=3)
    moved = expit(logit(p) + 1.5)
    assert calibration_intercept(y, moved) == pytest.approx(calibration_intercept(y, p) - 1.5)
    assert calibration_slope(y, moved) == pytest.approx(calibration_slope(y, p))


def test_all_calibration_metrics_are_ideal_on_the_curve_itself():
    y, p = drawn(n=600, seed=4)
    p = fit_curve(y, p).at(p)  # now the regression has nothing left to correct
    assert calibration_intercept(y, p) == pytest.approx(0, abs=1e-6)
    assert calibration_slope(y, p) == pytest.approx(1, abs=0.02)
    assert observed_expected(y, p) == pytest.approx(1)
    assert ici(y, p) < 0.02


@pytest.mark.parametrize(
    ("y", "p"),
    [
        ([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9]),  # separated
        ([0, 0, 1, 1], [0.9, 0.8, 0.2, 0.1]),  # the wrong way round
        ([0, 0, 1, 1], [0.1, 0.5, 0.5, 0.9]),  # but for one shared probability
        ([0, 1, 0, 1], [0.4, 0.4, 0.4, 0.4]),  # nothing to slope over
    ],
)
def test_a_slope_that_is_not_finite_is_refused_and_its_influence_is_nan(y, p):
    with pytest.raises(InputError, match=r"calibration_slope is undefined: .* more cases"):
        calibration_slope(y, p)
    value, influence = slope_file.influence(np.array(y, float), np.array(p))
    assert np.isnan(value)
    assert np.isnan(influence).all()


@pytest.mark.parametrize("metric", [ici, e50, e90])
def test_a_curve_that_is_not_finite_is_refused(metric):
    with pytest.raises(InputError, match=f"{metric.__name__} is undefined: .* more cases"):
        metric([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9])
    values, _, of = ici_parts(np.array([0.0, 0, 1, 1]), np.array([0.1, 0.2, 0.8, 0.9]))
    assert np.isnan(values).all()
    assert np.isnan(of(np.ones((1, 3)))).all()


def test_certain_probabilities_are_clipped_and_give_finite_numbers():
    y = np.array([0.0, 0, 0, 1, 1, 0, 1, 1])
    p = np.array([0.0, 0.2, 0.4, 0.3, 1.0, 1.0, 0.0, 0.9])
    for value, influence in (intercept_file.influence(y, p), slope_file.influence(y, p)):
        assert np.isfinite(value)
        assert np.isfinite(influence).all()


def test_columns_that_depend_on_each_other_have_no_fit():
    x = np.random.default_rng(0).normal(size=50)
    y = (x > 0).astype(float)
    y[:10] = 1 - y[:10]
    assert fit_logistic(np.column_stack([np.ones(50), x]), y) is not None
    assert fit_logistic(np.column_stack([np.ones(50), np.zeros(50)]), y) is None


def test_influence_on_the_coefficients_is_what_leaving_a_case_out_does():
    y, p = drawn(n=3000, seed=5)
    curve = fit_curve(y, p)
    assert curve.knots.size == 4
    design = curve.design(p)
    for i in (0, 17, 1234):
        without = fit_logistic(np.delete(design, i, axis=0), np.delete(y, i))
        change = curve.fit.coefficients - without.coefficients
        np.testing.assert_allclose(change, curve.fit.influence[i], rtol=0.1, atol=2e-4)


def test_spline_is_straight_beyond_the_outer_knots_and_bends_between():
    y, p = drawn(n=600, seed=6)
    curve = fit_curve(y, p)
    low, high = curve.knots[[0, -1]]
    for grid in (np.linspace(low - 3, low, 7), np.linspace(high, high + 3, 7)):
        design = curve.design(expit(grid))
        np.testing.assert_allclose(np.diff(design, 2, axis=0), 0, atol=1e-9)
    inside = curve.design(expit(np.linspace(low, high, 7)))
    assert np.abs(np.diff(inside[:, 2:], 2, axis=0)).max() > 1e-3


@pytest.mark.parametrize(("n", "knots"), [(2000, 4), (75, 3), (30, 0)])
def test_fewer_events_get_fewer_knots(n, knots):
    p = np.random.default_rng(7).random(n)
    y = (np.arange(n) % 3 == 0).astype(float)  # 666, 25 and 10 events
    assert fit_curve(y, p).knots.size == knots


def test_one_probability_for_everybody_gives_a_flat_curve():
    assert ici([0, 0, 0, 1], [0.4] * 4) == pytest.approx(0.15)
    assert e90([0, 0, 0, 1], [0.4] * 4) == pytest.approx(0.15)


def test_ici_e50_and_e90_find_a_known_distance():
    rng = np.random.default_rng(8)
    p = expit(rng.normal(size=40_000))
    truth = expit(0.5 * logit(p) - 0.6)
    y = (rng.random(p.size) < truth).astype(float)
    gaps = np.abs(p - truth)
    assert ici(y, p) == pytest.approx(gaps.mean(), abs=0.01)
    assert e50(y, p) == pytest.approx(np.median(gaps), abs=0.01)
    assert e90(y, p) == pytest.approx(np.quantile(gaps, 0.9), abs=0.015)


def test_band_of_the_curve_covers_the_truth_pointwise_with_clustered_cases():
    grid, covered = expit(np.linspace(-1.5, 1.5, 5)), 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        patients = np.repeat(np.arange(150), 3)
        shared = rng.normal(size=150)[patients]  # cases of a patient go together, so do outcomes
        p = expit(shared)
        y = (norm.cdf(rng.normal(size=150))[patients] < p).astype(float)
        low, high = fit_curve(y, p).band(grid, patients)
        covered += ((low <= grid) & (grid <= high)).sum()
    assert 0.9 < covered / 500 < 0.99


def test_brier_score_is_the_sum_of_its_parts_where_bins_hold_one_probability():
    rng = np.random.default_rng(9)
    p = rng.choice([0.1, 0.3, 0.6, 0.8], 200)
    y = (rng.random(200) < p).astype(float)
    together = brier_reliability(y, p) - brier_resolution(y, p) + brier_uncertainty(y, p)
    assert together == pytest.approx(brier(y, p), abs=1e-12)


def test_what_is_left_of_the_brier_score_lies_within_the_bins():
    y, p = drawn(seed=10)
    together = brier_reliability(y, p) - brier_resolution(y, p) + brier_uncertainty(y, p)
    bins = filled_bins(p)
    assert np.bincount(bins).tolist() == [40] * 10
    within = [
        ((p[bins == b] - p[bins == b].mean()) ** 2).sum()
        - 2 * ((p[bins == b] - p[bins == b].mean()) * (y[bins == b] - y[bins == b].mean())).sum()
        for b in range(10)
    ]
    assert together + sum(within) / y.size == pytest.approx(brier(y, p), abs=1e-12)


def test_brier_skill_is_0_for_the_prevalence_and_1_for_the_truth():
    y, _ = drawn(seed=11)
    assert brier_skill(y, np.full(y.size, y.mean())) == pytest.approx(0, abs=1e-12)
    assert brier_skill(y, y) == 1
    assert brier_skill(y, 1 - y) < 0


def test_net_benefit_of_everybody_and_nobody():
    y, p = drawn(seed=12)
    q = y.mean()
    assert treat_all(y, threshold=0.2) == pytest.approx(q - (1 - q) * 0.25)
    assert treat_all(y, threshold=q) == pytest.approx(0)
    assert net_benefit(y, p * 0.1, threshold=0.2) == 0
    assert net_benefit(y, y, threshold=0.2) == pytest.approx(q)


@pytest.mark.parametrize("threshold", [0.1, 0.25, 0.7])
def test_net_benefit_by_counting_with_scores_on_the_threshold_called(threshold):
    y, p = drawn(seed=13)
    p = np.round(p * 20) / 20
    true_calls = sum(1 for a, b in zip(y, p, strict=True) if b >= threshold and a == 1)
    false_calls = sum(1 for a, b in zip(y, p, strict=True) if b >= threshold and a == 0)
    wanted = (true_calls - false_calls * threshold / (1 - threshold)) / y.size
    assert net_benefit(y, p, threshold=threshold) == pytest.approx(wanted)


@pytest.mark.parametrize("threshold", [0, 1, -0.2, float("nan")])
def test_net_benefit_refuses_a_threshold_without_odds(threshold):
    with pytest.raises(InputError, match="threshold must lie between 0 and 1, got"):
        net_benefit([0, 1], [0.2, 0.4], threshold=threshold)
