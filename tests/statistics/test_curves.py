"""Curves against scikit-learn, and their areas against the metrics they belong to."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score, roc_curve

from clinmm import curves
from clinmm.intervals import Draws, Sample, estimate


def make_sample(n=300, folds=1, seed=0, per_patient=1):
    rng = np.random.default_rng(seed)
    y = (rng.random(n) < 0.4).astype(float)
    p = np.clip(0.25 * y + 0.75 * rng.random(n), 0, 1)
    patient = np.arange(n) // per_patient
    fold = np.sort(rng.integers(0, folds, n))
    zeros = np.zeros(n, dtype=np.int64)
    sample = Sample(y, {"calibrated": p}, patient, np.arange(n), zeros, fold)
    return sample, Draws.make([f"{i:04d}" for i in range(n)], 100, 0)


def xy(points):
    return pd.DataFrame(points)[["x", "y"]].to_numpy().T


def test_roc_of_one_model_lies_on_scikit_learns_curve():
    sample, draws = make_sample()
    x, y = xy(curves.roc(sample, "calibrated", draws))
    fpr, tpr, _ = roc_curve(sample.y_true, sample.columns["calibrated"], drop_intermediate=False)
    assert (x[0], y[0], x[-1], y[-1]) == (0, 0, 1, 1)
    for a, b in zip(x[1:], y[1:], strict=True):
        highest = tpr[fpr <= a + 1e-9].max()
        assert b == pytest.approx(highest, abs=1e-6)


@pytest.mark.parametrize(("kind", "metric"), [("roc", "auroc"), ("precision_recall", "auprc")])
def test_area_under_the_drawn_curve_is_the_metric_with_folds_too(kind, metric):
    for folds in (1, 4):
        sample, draws = make_sample(n=1200, folds=folds)
        key = (metric, "calibrated")
        value = estimate(sample, [key], draws)[key].value
        x, y = xy(getattr(curves, kind)(sample, "calibrated", draws))
        assert np.trapezoid(y, x) == pytest.approx(value, abs=0.01)


def test_roc_of_folds_never_ranks_scores_of_two_models_together():
    sample, draws = make_sample(folds=2)
    p = np.where(sample.fold == 0, 0.5, 0.0) + sample.columns["calibrated"] / 2
    shifted = Sample(
        sample.y_true, {"calibrated": p}, sample.patient, sample.case, sample.repeat, sample.fold
    )
    assert roc_auc_score(sample.y_true, p) != pytest.approx(
        roc_auc_score(sample.y_true, sample.columns["calibrated"]), abs=1e-3
    )
    np.testing.assert_allclose(
        xy(curves.roc(shifted, "calibrated", draws)), xy(curves.roc(sample, "calibrated", draws))
    )


def test_band_holds_the_curve_and_is_empty_without_draws():
    sample, draws = make_sample()
    table = pd.DataFrame(curves.roc(sample, "calibrated", draws))
    assert (table.low <= table.y + 1e-12).all()
    assert (table.high >= table.y - 1e-12).all()
    assert table.high.iloc[20] - table.low.iloc[20] > 0.02
    none = pd.DataFrame(
        curves.roc(sample, "calibrated", Draws(draws.patients, draws.counts[:, :1]))
    )
    assert none.low.iloc[1:].isna().all()


def test_no_curve_where_the_metric_is_suppressed():
    sample, draws = make_sample(n=9)
    assert curves.roc(sample, "calibrated", draws) == []
    assert curves.precision_recall(sample, "calibrated", draws) == []
    assert curves.reliability(sample, "calibrated") == []


def test_reliability_has_ten_bins_of_equal_mass_with_wilson_intervals():
    sample, _ = make_sample(n=500)
    points = pd.DataFrame(curves.reliability(sample, "calibrated"))
    assert points["n_cases"].tolist() == [50.0] * 10
    order = np.argsort(sample.columns["calibrated"])[:50]
    assert points.x[0] == pytest.approx(sample.columns["calibrated"][order].mean())
    assert points.y[0] == pytest.approx(sample.y_true[order].mean())
    assert (points.low <= points.y).all()
    assert (points.y <= points.high).all()


def test_reliability_counts_patients_and_not_cases_as_trials():
    sample, _ = make_sample(n=600, per_patient=3)
    edges = np.sort(sample.columns["calibrated"])[np.arange(1, 10) * 60]
    bin_of = np.searchsorted(edges, sample.columns["calibrated"], side="right")
    points = curves.reliability(sample, "calibrated")
    for b, point in enumerate(points):
        n = np.unique(sample.patient[bin_of == b]).size
        assert n < 60
        assert (point["low"], point["high"]) == pytest.approx(curves.wilson(point["y"], n))


def test_reliability_takes_fewer_bins_where_patients_are_few():
    few, _ = make_sample(n=45)
    assert len(curves.reliability(few, "calibrated")) == 4
    # as many cases, but of nine patients
    clustered, _ = make_sample(n=45, per_patient=5)
    assert curves.reliability(clustered, "calibrated") == []


@pytest.mark.parametrize(
    ("rate", "n", "low", "high"), [(0.5, 100, 0.4038, 0.5962), (0, 10, 0, 0.2775)]
)
def test_wilson_interval_of_the_literature(rate, n, low, high):
    assert curves.wilson(rate, n) == pytest.approx((low, high), abs=1e-4)
