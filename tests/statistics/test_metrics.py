"""Every metric: scikit-learn's number, its own refusals, and the vectorised form."""

import numpy as np
import pytest
from sklearn import metrics as reference

from clinmm import registry
from clinmm.errors import InputError
from clinmm.metrics.ece import ece
from clinmm.metrics.ece_debiased import ece_debiased

METRICS = registry.available("metrics")
CLASSES = {"positive", "negative", "predicted_positive", "predicted_negative"}


def plain(name):
    return getattr(registry.load("metrics", name), name)


def scores_for(name, y, rng):
    if registry.load("metrics", name).NEEDS == "decision":
        return rng.integers(0, 2, y.size).astype(float)
    return np.clip(0.3 * y + 0.7 * rng.random(y.size), 0, 1)


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
}


@pytest.mark.parametrize("name", METRICS)
def test_metric_file_says_what_evaluation_needs(name):
    module = registry.load("metrics", name)
    assert module.NEEDS in {"ranking", "probability", "decision", "outcome"}
    assert set(module.CONDITIONS_ON) <= CLASSES
    assert module.HIGHER_IS_BETTER in {True, False, None}
    assert module.NEEDS != "ranking" or callable(module.pooling_weight)
    assert ">>>" in plain(name).__doc__


@pytest.mark.parametrize("name", sorted(SKLEARN))
@pytest.mark.parametrize("decimals", [1, 6])
def test_metric_equals_scikit_learn_with_and_without_ties(name, decimals):
    for seed in range(20):
        rng = np.random.default_rng(seed)
        y = np.append([0.0, 1.0], rng.integers(0, 2, 60))
        p = np.round(scores_for(name, y, rng), decimals)
        p[:2] = [0.0, 1.0]
        assert plain(name)(y, p) == pytest.approx(SKLEARN[name](y, p), abs=1e-6)


@pytest.mark.parametrize("name", METRICS)
def test_weighted_form_equals_metric_of_repeated_cases(name):
    rng = np.random.default_rng(3)
    y = rng.integers(0, 2, 50).astype(float)
    p = np.round(scores_for(name, y, rng), 1)
    weights = rng.integers(0, 4, (50, 7)).astype(float)
    got = registry.load("metrics", name).replicates(y, p, weights)
    if name == "ece_debiased":  # its bins are those of the sample, not of the draw
        bins_kept = registry.load("metrics", name).replicates(y, p, np.ones((50, 1)))
        assert bins_kept[0] == pytest.approx(plain(name)(y, p))
        return
    for r in range(7):
        times = weights[:, r].astype(int)
        assert got[r] == pytest.approx(plain(name)(np.repeat(y, times), np.repeat(p, times)))


@pytest.mark.parametrize("name", METRICS)
def test_order_of_cases_does_not_matter(name):
    rng = np.random.default_rng(5)
    y = rng.integers(0, 2, 80).astype(float)
    p = np.round(scores_for(name, y, rng), 1)
    shuffled = rng.permutation(80)
    assert plain(name)(y[shuffled], p[shuffled]) == pytest.approx(plain(name)(y, p), abs=1e-12)


@pytest.mark.parametrize("name", METRICS)
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
    ],
)
def test_metric_without_the_cases_it_conditions_on_is_refused(name, y, p):
    with pytest.raises(InputError, match=f"{name} is undefined without"):
        plain(name)(y, p)


def test_rank_metrics_do_not_move_under_a_monotone_change():
    rng = np.random.default_rng(1)
    y, p = rng.integers(0, 2, 100).astype(float), rng.random(100)
    for name in ("auroc", "auprc"):
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
