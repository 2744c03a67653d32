"""Metrics of calls and of parts of the ROC curve against independent numbers."""

import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import norm
from sklearn.metrics import roc_auc_score, roc_curve

from clinmm.errors import InputError
from clinmm.metrics import sensitivity_at_90_specificity as sensitivity_file
from clinmm.metrics import specificity_at_90_sensitivity as specificity_file
from clinmm.metrics.auroc import auroc
from clinmm.metrics.balanced_accuracy import balanced_accuracy
from clinmm.metrics.f1 import f1
from clinmm.metrics.kappa import kappa
from clinmm.metrics.lr_negative import lr_negative
from clinmm.metrics.lr_positive import lr_positive
from clinmm.metrics.mcc import mcc
from clinmm.metrics.npv import npv
from clinmm.metrics.npv_at_prevalence import npv_at_prevalence
from clinmm.metrics.partial_auroc import partial_auroc
from clinmm.metrics.ppv import ppv
from clinmm.metrics.ppv_at_prevalence import ppv_at_prevalence
from clinmm.metrics.sensitivity_at_90_specificity import sensitivity_at_90_specificity
from clinmm.metrics.specificity_at_90_sensitivity import specificity_at_90_sensitivity


def scored(n=200, seed=0, decimals=2):
    rng = np.random.default_rng(seed)
    y = (rng.random(n) < 0.3).astype(float)
    return y, np.round(expit(1.2 * y + rng.normal(size=n)), decimals)


@pytest.mark.parametrize("max_fpr", [0.05, 0.33, 1.0])
@pytest.mark.parametrize("decimals", [1, 8])
def test_partial_auroc_equals_scikit_learn_at_any_width(max_fpr, decimals):
    for seed in range(5):
        y, p = scored(seed=seed, decimals=decimals)
        wanted = roc_auc_score(y, p, max_fpr=max_fpr)
        assert partial_auroc(y, p, max_fpr=max_fpr) == pytest.approx(wanted, abs=1e-12)


def test_partial_auroc_over_everything_is_the_auroc_with_its_influence():
    from clinmm.metrics import auroc as whole
    from clinmm.metrics import partial_auroc as part

    y, p = scored(seed=1)
    assert partial_auroc(y, p, max_fpr=1) == pytest.approx(auroc(y, p))
    np.testing.assert_allclose(
        part.influence(y, p, max_fpr=1)[1], whole.influence(y, p)[1], atol=1e-12
    )


def test_partial_auroc_of_chance_and_of_perfect_ranking():
    y = np.array([0.0, 1.0] * 50)
    assert partial_auroc(y, np.full(100, 0.4)) == pytest.approx(0.5)
    assert partial_auroc(y, y) == 1


@pytest.mark.parametrize("max_fpr", [0, -0.1, 1.1, float("nan")])
def test_partial_auroc_refuses_a_width_that_is_none(max_fpr):
    with pytest.raises(InputError, match=r"max_fpr must lie in \(0, 1\], got"):
        partial_auroc([0, 1], [0.2, 0.4], max_fpr=max_fpr)


@pytest.mark.parametrize("level", [0.8, 0.9, 0.95])
@pytest.mark.parametrize("decimals", [1, 8])
def test_rate_at_a_rate_equals_a_search_along_scikit_learns_curve(level, decimals):
    for seed in range(10):
        y, p = scored(seed=seed, decimals=decimals)
        fpr, tpr, _ = roc_curve(y, p, drop_intermediate=False)
        sensitivity = tpr[fpr <= 1 - level + 1e-12].max()
        specificity = 1 - fpr[tpr >= level - 1e-12].min()
        assert sensitivity_at_90_specificity(y, p, level=level) == pytest.approx(sensitivity)
        assert specificity_at_90_sensitivity(y, p, level=level) == pytest.approx(specificity)


def test_sensitivity_is_0_where_the_highest_score_calls_too_many_negatives():
    assert sensitivity_at_90_specificity([0, 0, 1, 1], [0.9, 0.1, 0.9, 0.1]) == 0
    value, influence = sensitivity_file.influence(np.array([0.0, 0, 1, 1]), np.full(4, 0.5))
    assert value == 0
    assert (influence == 0).all()


@pytest.mark.parametrize("metric", [sensitivity_at_90_specificity, specificity_at_90_sensitivity])
@pytest.mark.parametrize("level", [0, 1, -1, float("nan")])
def test_a_level_that_leaves_nothing_to_choose_is_refused(metric, level):
    with pytest.raises(InputError, match="level must lie between 0 and 1, got"):
        metric([0, 1], [0.2, 0.4], level=level)


@pytest.mark.parametrize("module", [sensitivity_file, specificity_file])
@pytest.mark.parametrize(("n", "gap"), [(150, 1.2), (400, 0.6)])
def test_error_of_a_rate_at_a_rate_is_that_seen_over_many_samples(module, n, gap):
    rng = np.random.default_rng(0)
    values, errors = [], []
    for _ in range(400):
        y = (np.arange(n) % 3 == 0).astype(float)
        value, influence = module.influence(y, norm.cdf(gap * y + rng.normal(size=n)))
        values.append(value)
        errors.append((influence**2).sum())
    assert np.sqrt(np.mean(errors)) == pytest.approx(np.std(values), rel=0.2)


def test_two_by_two_metrics_by_hand():
    # 40 true, 10 false positives; 20 false, 130 true negatives
    y = np.repeat([1.0, 0, 1, 0], [40, 10, 20, 130])
    d = np.repeat([1.0, 1, 0, 0], [40, 10, 20, 130])
    assert lr_positive(y, d) == pytest.approx((40 / 60) / (10 / 140))
    assert lr_negative(y, d) == pytest.approx((20 / 60) / (130 / 140))
    assert f1(y, d) == pytest.approx(80 / 110)
    assert balanced_accuracy(y, d) == pytest.approx((40 / 60 + 130 / 140) / 2)
    observed, chance = 170 / 200, (50 * 60 + 150 * 140) / 200**2
    assert kappa(y, d) == pytest.approx((observed - chance) / (1 - chance))
    assert mcc(y, d) == pytest.approx(np.corrcoef(y, d)[0, 1])


def test_exchanging_the_classes_keeps_what_is_symmetric():
    rng = np.random.default_rng(1)
    y, d = rng.integers(0, 2, (2, 80)).astype(float)
    for metric in (mcc, kappa, balanced_accuracy):
        assert metric(1 - y, 1 - d) == pytest.approx(metric(y, d))
        assert -1 <= metric(y, d) <= 1
    assert mcc(y, 1 - d) == pytest.approx(-mcc(y, d))


def test_ratios_and_balanced_accuracy_do_not_move_with_the_prevalence():
    rng = np.random.default_rng(2)
    y, d = rng.integers(0, 2, (2, 60)).astype(float)
    times = np.where(y == 1, 1, 7)
    for metric in (lr_positive, lr_negative, balanced_accuracy):
        assert metric(np.repeat(y, times), np.repeat(d, times)) == pytest.approx(metric(y, d))


def test_predictive_values_at_the_prevalence_seen_are_the_observed_ones():
    rng = np.random.default_rng(3)
    y, d = rng.integers(0, 2, (2, 90)).astype(float)
    assert ppv_at_prevalence(y, d, prevalence=y.mean()) == pytest.approx(ppv(y, d))
    assert npv_at_prevalence(y, d, prevalence=y.mean()) == pytest.approx(npv(y, d))


def test_predictive_values_elsewhere_are_those_of_a_sample_of_that_prevalence():
    rng = np.random.default_rng(4)
    y, d = rng.integers(0, 2, (2, 90)).astype(float)
    times = np.where(y == 1, 1, 6)
    other, calls = np.repeat(y, times), np.repeat(d, times)
    assert ppv_at_prevalence(y, d, prevalence=other.mean()) == pytest.approx(ppv(other, calls))
    assert npv_at_prevalence(y, d, prevalence=other.mean()) == pytest.approx(npv(other, calls))


@pytest.mark.parametrize("metric", [ppv_at_prevalence, npv_at_prevalence])
@pytest.mark.parametrize("prevalence", [0, 1, 1.5, float("nan")])
def test_a_prevalence_that_is_none_is_refused(metric, prevalence):
    with pytest.raises(InputError, match="prevalence must lie between 0 and 1, got"):
        metric([0, 1, 0], [0, 1, 1], prevalence=prevalence)
