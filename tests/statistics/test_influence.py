"""Influences against numerical derivatives, published formulas, brute force and the bootstrap."""

import numpy as np
import pytest

from clinmm import registry
from clinmm.intervals import Draws, Sample, bootstrap, estimate, module_of
from clinmm.intervals.influence import of_sample

WITH_INFLUENCE = [
    name
    for name in registry.available("metrics")
    if {"influence", "replicates"} <= vars(module_of(name)).keys()
    and module_of(name).NEEDS in ("ranking", "probability", "decision", "outcome")
    and "_at_" not in name  # at a quantile of scores a weight has no slope: a density stands for it
]
OURS = ["auroc", "auprc", "brier", "log_loss", "prevalence"]
OURS += ["sensitivity", "specificity", "ppv", "npv", "fpr", "fnr"]


def cases(rng, n=60, decimals=6, decision=False):
    y = np.append([0.0, 1.0], rng.random(n - 2) < 0.4)
    p = np.round(np.clip(0.3 * y + 0.7 * rng.random(n), 0.001, 0.999), decimals)
    return y, (p > 0.5).astype(float) if decision else p


def sample_of(y, p, patient, repeat=None, fold=None, case=None):
    zeros = np.zeros(len(y), dtype=np.int64)
    return Sample(
        np.asarray(y, dtype=float),
        {"p": np.asarray(p, dtype=float)},
        np.asarray(patient),
        np.arange(len(y)) if case is None else case,
        zeros if repeat is None else repeat,
        zeros if fold is None else fold,
    )


def clustered(rng, n_patients=120, folds=1):
    """Up to four cases a patient, whose outcomes and scores share a patient effect."""
    patient = np.repeat(np.arange(n_patients), rng.integers(1, 5, n_patients))
    effect, shift = rng.normal(size=(2, n_patients))
    y = (0.8 * effect[patient] + rng.normal(size=patient.size) > 0.3).astype(float)
    score = y + 0.7 * shift[patient] + rng.normal(size=patient.size)
    fold = patient % folds
    order = np.argsort(fold, kind="stable")
    p = 1 / (1 + np.exp(-score))
    return sample_of(y[order], p[order], patient[order], fold=fold[order])


@pytest.mark.parametrize("name", WITH_INFLUENCE)
@pytest.mark.parametrize("decimals", [1, 6])
def test_influence_is_the_derivative_by_the_weight_of_each_case(name, decimals):
    module = module_of(name)
    y, p = cases(np.random.default_rng(0), decimals=decimals, decision=module.NEEDS == "decision")
    value, influence = module.influence(y, p)
    step = 1e-5
    up = np.ones((y.size, y.size)) + step * np.eye(y.size)
    down = np.ones((y.size, y.size)) - step * np.eye(y.size)
    slope = (module.replicates(y, p, up) - module.replicates(y, p, down)) / (2 * step)
    assert value == pytest.approx(module.replicates(y, p, np.ones((y.size, 1)))[0], abs=1e-9)
    np.testing.assert_allclose(influence, slope, atol=1e-6)


@pytest.mark.parametrize("name", ["auroc", "auprc"])
def test_influence_over_folds_is_the_derivative_of_the_pooled_value(name):
    rng = np.random.default_rng(1)
    module = module_of(name)
    y, p = cases(rng, n=80, decimals=1)
    fold = np.sort(rng.integers(0, 3, 80))
    sample = sample_of(y, p, np.arange(80), fold=fold)
    per_repeat, influence = of_sample(module, sample, "p", {}, {})

    def pooled(weights):
        top = bottom = 0.0
        for k in range(3):
            here = fold == k
            w = weights[here]
            positive = y[here] @ w
            weight = module.pooling_weight(positive, w.sum(axis=0) - positive)
            top = top + weight * module.replicates(y[here], p[here], w)
            bottom = bottom + weight
        return top / bottom

    step = 1e-5
    slope = (pooled(1 + step * np.eye(80)) - pooled(1 - step * np.eye(80))) / (2 * step)
    assert per_repeat[0] == pytest.approx(pooled(np.ones((80, 1)))[0])
    np.testing.assert_allclose(influence, slope, atol=1e-7)
    assert influence.sum() == pytest.approx(0, abs=1e-12)


def test_auroc_and_its_variance_by_counting_pairs_as_obuchowski_does():
    rng = np.random.default_rng(2)
    sample = clustered(rng, n_patients=40)
    y, p, patient = sample.y_true, np.round(sample.columns["p"], 1), sample.patient
    sample = sample_of(y, p, patient)
    positive, negative = p[y == 1], p[y == 0]
    wins = (positive[:, None] > negative) + 0.5 * (positive[:, None] == negative)
    value = wins.mean()
    # Obuchowski 1997: sums of the structural components of each patient, less their share
    x, z = wins.mean(axis=1), wins.mean(axis=0)
    s10 = s01 = s11 = 0.0
    for i in range(40):
        a = (x[patient[y == 1] == i] - value).sum()
        b = (z[patient[y == 0] == i] - value).sum()
        s10, s01, s11 = s10 + a * a, s01 + b * b, s11 + a * b
    m, n = positive.size, negative.size
    variance = s10 / m**2 + s01 / n**2 + 2 * s11 / (m * n)
    one = estimate(sample, [("auroc", "p")], draws_of(40))["auroc", "p"]
    assert one.value == pytest.approx(value)
    assert one.influence.values @ one.influence.values == pytest.approx(variance)
    behind = min(np.unique(patient[y == c]).size for c in (0, 1))
    assert one.se**2 == pytest.approx(variance * behind / (behind - 1))


def draws_of(n_patients, n_bootstrap=0, seed=0):
    return Draws.make([f"p{i:05d}" for i in range(n_patients)], n_bootstrap, seed)


@pytest.mark.parametrize("name", OURS)
@pytest.mark.parametrize("folds", [1, 3])
def test_standard_error_agrees_with_the_patient_bootstrap(name, folds):
    rng = np.random.default_rng(3)
    sample = clustered(rng, n_patients=250, folds=folds)
    if module_of(name).NEEDS == "decision":
        sample.columns["p"][:] = sample.columns["p"] > 0.6
    draws = draws_of(250, 1500)
    one = estimate(sample, [(name, "p")], draws)[name, "p"]
    drawn = bootstrap.replicates(module_of(name), name, sample, "p", draws)[0]
    assert one.value == pytest.approx(drawn[0])
    assert one.se == pytest.approx(drawn[1:].std(), rel=0.08)
    np.testing.assert_allclose(one.interval(), np.quantile(drawn[1:], [0.025, 0.975]), atol=0.012)


def test_mean_over_repeats_has_the_influence_of_the_mean():
    rng = np.random.default_rng(4)
    y, patient = (rng.random(60) < 0.5).astype(float), np.arange(60) // 2
    p = rng.random((2, 60))
    both = sample_of(
        np.tile(y, 2),
        p.ravel(),
        np.tile(patient, 2),
        repeat=np.repeat([0, 1], 60),
        case=np.tile(np.arange(60), 2),
    )
    key = ("brier", "p")
    together = estimate(both, [key], draws_of(30))[key]
    each = [estimate(sample_of(y, q, patient), [key], draws_of(30))[key] for q in p]
    mean = (each[0].influence.values + each[1].influence.values) / 2
    np.testing.assert_allclose(together.influence.values, mean)
    assert together.value == pytest.approx(np.mean([one.value for one in each]))


def test_order_of_cases_within_a_fold_changes_no_bit_of_a_ranking_metric():
    sample = clustered(np.random.default_rng(5), n_patients=30)
    p = np.round(sample.columns["p"], 1)
    shuffled = np.random.default_rng(6).permutation(p.size)
    a, b = (
        estimate(
            sample_of(sample.y_true[o], p[o], sample.patient[o]), [("auroc", "p")], draws_of(30)
        )["auroc", "p"]
        for o in (np.arange(p.size), shuffled)
    )
    assert a.value == b.value
    assert a.interval() == pytest.approx(b.interval(), abs=1e-14)
