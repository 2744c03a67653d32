"""Every metric: scikit-learn's number, its own refusals, and the vectorised form."""

from functools import partial

import numpy as np
import pytest
from sklearn import metrics as reference

from clinmm import registry
from clinmm.errors import InputError
from clinmm.intervals import module_of
from clinmm.metrics.ece import ece
from clinmm.metrics.ece_debiased import ece_debiased

METRICS = registry.available("metrics")
OF_VALUES = [name for name in METRICS if module_of(name).NEEDS in ("value", "order")]
BINARY = [n for n in METRICS if module_of(n).NEEDS != "classes" and n not in OF_VALUES]
CLASSES = {"positive", "negative", "predicted_positive", "predicted_negative"}
STATED = {"threshold": {"threshold": 0.45}, "prevalence": {"prevalence": 0.1}}
BINS_OF_THE_SAMPLE = {"ece_debiased", "brier_reliability", "brier_resolution"}
"""Weightings leave the bins as they are, repeated cases would move them."""


def plain(name):
    return bound(name, name)


def bound(name, function):
    """A function of the metric's file, with what the metric wants stated."""
    module = module_of(name)
    return partial(getattr(module, function), **STATED.get(module.NEEDS, {}))


def has(name, function):
    return hasattr(module_of(name), function)


def scores_for(name, y, rng):
    if module_of(name).NEEDS in ("decision", "prevalence"):
        return rng.integers(0, 2, y.size).astype(float)
    return np.clip(0.3 * y + 0.7 * rng.random(y.size), 0, 1)


def cases_for(name, rng, n, decimals=1):
    """Outcomes and what the metric scores: probabilities, calls, probabilities of 4 classes, or
    values."""
    if name in OF_VALUES:
        y = rng.normal(100, 4, n)
        return np.round(y, decimals), np.round(y + rng.normal(1, 2, n), decimals)
    if module_of(name).NEEDS == "classes":
        return rng.integers(0, 4, n).astype(float), rng.dirichlet(np.ones(4), n)
    y = rng.integers(0, 2, n).astype(float)
    return y, np.round(scores_for(name, y, rng), decimals)


SKLEARN = {
    "auroc": reference.roc_auc_score,
    "auprc": reference.average_precision_score,
    "brier": reference.brier_score_loss,
    "log_loss": reference.log_loss,
    "sensitivity": reference.recall_score,
    "specificity": lambda y, d: reference.recall_score(y, d, pos_label=0),
    "fnr": lambda y, d: 1 - reference.recall_score(y, d),
    "fpr": lambda y, d: 1 - reference.recall_score(y, d, pos_label=0),
    "ppv": reference.precision_score,
    "npv": lambda y, d: reference.precision_score(y, d, pos_label=0),
    "f1": reference.f1_score,
    "mcc": reference.matthews_corrcoef,
    "balanced_accuracy": reference.balanced_accuracy_score,
    "kappa": reference.cohen_kappa_score,
    "lr_positive": lambda y, d: reference.class_likelihood_ratios(y, d)[0],
    "lr_negative": lambda y, d: reference.class_likelihood_ratios(y, d)[1],
    "partial_auroc": lambda y, p: reference.roc_auc_score(y, p, max_fpr=0.1),
}


@pytest.mark.parametrize("name", METRICS)
def test_metric_file_says_what_evaluation_needs(name):
    module = module_of(name)
    known = {"ranking", "probability", "decision", "outcome", "threshold", "prevalence", "classes"}
    assert module.NEEDS in known | {"value", "order"}
    assert module.SCALE in {"logit", "log", "identity"}
    assert {"influence", "parts", "replicates"} & vars(module).keys()
    assert set(module.CONDITIONS_ON) <= CLASSES
    assert module.HIGHER_IS_BETTER in {True, False, None}
    assert module.NEEDS != "ranking" or callable(module.pooling_weight)
    assert ">>>" in getattr(module, name).__doc__


@pytest.mark.parametrize("name", sorted(SKLEARN))
@pytest.mark.parametrize("decimals", [1, 6])
def test_metric_equals_scikit_learn_with_and_without_ties(name, decimals):
    for seed in range(20):
        rng = np.random.default_rng(seed)
        y = np.append([0.0, 1.0], rng.integers(0, 2, 60))
        p = np.round(scores_for(name, y, rng), decimals)
        p[:2] = [0.0, 1.0]
        assert plain(name)(y, p) == pytest.approx(SKLEARN[name](y, p), abs=1e-6)


@pytest.mark.parametrize("name", [name for name in METRICS if has(name, "replicates")])
def test_weighted_form_equals_metric_of_repeated_cases(name):
    rng = np.random.default_rng(3)
    y, p = cases_for(name, rng, 50)
    weights = rng.integers(0, 4, (50, 7)).astype(float)
    whole = bound(name, "replicates")(y, p, np.ones((50, 1)))
    assert whole[0] == pytest.approx(plain(name)(y, p))
    if name in BINS_OF_THE_SAMPLE:
        return
    got = bound(name, "replicates")(y, p, weights)
    for r in range(7):
        times = weights[:, r].astype(int)
        assert got[r] == pytest.approx(
            plain(name)(np.repeat(y, times), np.repeat(p, times, axis=0))
        )


@pytest.mark.parametrize(
    "name",
    # at a quantile of the scores a weight has no slope, a density stands for it
    [n for n in METRICS if has(n, "influence") and has(n, "replicates") and "at_90" not in n],
)
def test_influence_is_the_derivative_by_the_weight_of_each_case(name):
    y, p = cases_for(name, np.random.default_rng(4), 57, decimals=6)
    value, influence = bound(name, "influence")(y, p)
    step = 1e-5 * np.eye(57)
    above, below = (bound(name, "replicates")(y, p, 1 + sign * step) for sign in (1, -1))
    assert value == pytest.approx(plain(name)(y, p))
    np.testing.assert_allclose(influence, (above - below) / 2e-5, atol=1e-6)


@pytest.mark.parametrize("name", [n for n in METRICS if has(n, "influence")])
def test_weighing_every_case_twice_changes_nothing(name):
    y, p = cases_for(name, np.random.default_rng(6), 60)
    assert bound(name, "influence")(y, p)[1].sum() == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("name", [n for n in METRICS if has(n, "parts")])
def test_parts_give_the_metric_and_one_row_a_case(name):
    y, p = cases_for(name, np.random.default_rng(7), 300, decimals=2)
    values, influence, of = bound(name, "parts")(y, p)
    assert influence.shape == (300, values.size)
    np.testing.assert_allclose(influence.sum(axis=0), 0, atol=1e-9)
    columns = np.stack([values, values + 0.01], axis=1)
    together = of(columns)
    assert together.shape == (2,)
    assert together[0] == pytest.approx(plain(name)(y, p))
    assert together[1] == pytest.approx(of(columns[:, 1:])[0])


@pytest.mark.parametrize("name", METRICS)
def test_order_of_cases_does_not_matter(name):
    rng = np.random.default_rng(5)
    y, p = cases_for(name, rng, 80)
    shuffled = rng.permutation(80)
    assert plain(name)(y[shuffled], p[shuffled]) == pytest.approx(plain(name)(y, p), abs=1e-9)


@pytest.mark.parametrize("name", BINARY)
@pytest.mark.parametrize(
    ("y", "p", "said"),
    [
        ([0, 1, 1], [0, 1], "y_true has 3 values"),
        ([0, np.nan], [0, 1], "y_true holds 1 NaN"),
        ([0, 1], [np.nan, 1], "holds 1 NaN"),
        ([0, 2], [0, 1], "y_true must be 0 or 1; 1 of 2 values"),
        ([], [], "y_true is empty"),
        ([[0, 1]], [[0, 1]], "one-dimensional"),
        ([0, 1], [-2.1, 1], r"first is -2\.1"),
    ],
)
def test_metric_refuses(name, y, p, said):
    with pytest.raises(InputError, match=said):
        plain(name)(y, p)


def test_all_problems_are_told_at_once():
    with pytest.raises(InputError) as caught:
        plain("brier")([0, 3, np.nan], [0.5, 1.7])
    assert len(caught.value.problems) == 4


@pytest.mark.parametrize(
    ("name", "y", "p"),
    [
        ("auroc", [1, 1], [0.2, 0.4]),
        ("auroc", [0, 0], [0.2, 0.4]),
        ("auprc", [0, 0], [0.2, 0.4]),
        ("sensitivity", [0, 0], [0, 1]),
        ("specificity", [1, 1], [0, 1]),
        ("fpr", [1, 1], [0, 1]),
        ("fnr", [0, 0], [0, 1]),
        ("ppv", [0, 1], [0, 0]),
        ("npv", [0, 1], [1, 1]),
        ("partial_auroc", [1, 1], [0.2, 0.4]),
        ("partial_auroc", [0, 0], [0.2, 0.4]),
        ("sensitivity_at_90_specificity", [1, 1], [0.2, 0.4]),
        ("sensitivity_at_90_specificity", [0, 0], [0.2, 0.4]),
        ("specificity_at_90_sensitivity", [1, 1], [0.2, 0.4]),
        ("specificity_at_90_sensitivity", [0, 0], [0.2, 0.4]),
        ("lr_positive", [0, 0], [0, 1]),
        ("lr_positive", [1, 1], [0, 1]),
        ("lr_positive", [0, 1], [0, 1]),
        ("lr_negative", [0, 0], [0, 1]),
        ("lr_negative", [1, 1], [0, 1]),
        ("lr_negative", [0, 1], [1, 1]),
        ("f1", [0, 0], [0, 1]),
        ("mcc", [0, 0], [0, 1]),
        ("mcc", [1, 1], [0, 1]),
        ("mcc", [0, 1], [0, 0]),
        ("mcc", [0, 1], [1, 1]),
        ("balanced_accuracy", [0, 0], [0, 1]),
        ("balanced_accuracy", [1, 1], [0, 1]),
        ("kappa", [0, 0], [0, 1]),
        ("kappa", [1, 1], [0, 1]),
        ("ppv_at_prevalence", [0, 0], [0, 1]),
        ("ppv_at_prevalence", [1, 1], [0, 1]),
        ("ppv_at_prevalence", [0, 1], [0, 0]),
        ("npv_at_prevalence", [0, 0], [0, 1]),
        ("npv_at_prevalence", [1, 1], [0, 1]),
        ("npv_at_prevalence", [0, 1], [1, 1]),
        ("brier_skill", [0, 0], [0.2, 0.4]),
        ("brier_skill", [1, 1], [0.2, 0.4]),
        ("brier_resolution", [0, 0], [0.2, 0.4]),
        ("brier_resolution", [1, 1], [0.2, 0.4]),
        ("calibration_intercept", [0, 0], [0.2, 0.4]),
        ("calibration_intercept", [1, 1], [0.2, 0.4]),
        ("calibration_slope", [0, 0], [0.2, 0.4]),
        ("calibration_slope", [1, 1], [0.2, 0.4]),
        ("observed_expected", [0, 0], [0.2, 0.4]),
        ("observed_expected", [0, 1], [0.0, 0.0]),
        ("ici", [0, 0], [0.2, 0.4]),
        ("ici", [1, 1], [0.2, 0.4]),
        ("e50", [0, 0], [0.2, 0.4]),
        ("e90", [1, 1], [0.2, 0.4]),
    ],
)
def test_metric_without_the_cases_it_conditions_on_is_refused(name, y, p):
    with pytest.raises(InputError, match=f"{name} is undefined without"):
        plain(name)(y, p)
    y, p = np.array(y, dtype=float), np.array(p, dtype=float)
    if has(name, "influence") and name not in ("f1", "kappa", "observed_expected"):  # 0 there
        value, influence = bound(name, "influence")(y, p)
        assert np.isnan(value)
        assert np.isnan(influence).all()


def test_rank_metrics_do_not_move_under_a_monotone_change():
    rng = np.random.default_rng(1)
    y, p = rng.integers(0, 2, 100).astype(float), rng.random(100)
    for name in [n for n in METRICS if module_of(n).NEEDS == "ranking"]:
        assert plain(name)(y, p**3) == pytest.approx(plain(name)(y, p), abs=1e-12)


def test_auroc_of_swapped_outcomes_is_the_complement():
    rng = np.random.default_rng(2)
    y, p = (rng.random(90) < 0.2).astype(float), np.round(rng.random(90), 1)
    assert plain("auroc")(1 - y, p) == pytest.approx(1 - plain("auroc")(y, p), abs=1e-12)


def test_ece_puts_a_bin_edge_into_the_bin_above():
    def loop(y, p, n_bins=10):
        total = 0.0
        for b in range(n_bins):
            low, high = b / n_bins, (b + 1) / n_bins
            inside = (p >= low) & ((p < high) | (b == n_bins - 1))
            if inside.any():
                total += abs(y[inside].mean() - p[inside].mean()) * inside.sum()
        return total / y.size

    rng = np.random.default_rng(0)
    for p in (rng.random(400), rng.integers(0, 11, 400) / 10):
        y = (rng.random(400) < p).astype(float)
        assert ece(y, p) == pytest.approx(loop(y, p), abs=1e-12)


@pytest.mark.parametrize("edge", [k / 10 for k in range(1, 10)])
def test_a_probability_on_an_edge_is_not_with_the_one_just_below_it(edge):
    # alone in their bins the gaps add up, together they would cancel
    below = edge - 0.05
    assert ece([1, 0], [edge, below]) == pytest.approx((1 - edge + below) / 2)


def test_debiasing_takes_away_a_good_third_of_what_chance_adds():
    rng = np.random.default_rng(0)
    plain_ece, corrected = [], []
    for _ in range(100):
        p = rng.random(200)
        y = (rng.random(200) < p).astype(float)
        plain_ece.append(ece(y, p))
        corrected.append(ece_debiased(y, p))
    assert np.mean(plain_ece) > 0.05  # perfectly calibrated by construction
    assert np.mean(corrected) < np.mean(plain_ece) * 2 / 3
