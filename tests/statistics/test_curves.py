"""Curves against scikit-learn, and their areas against the metrics they belong to."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score, roc_curve

from clinmm import curves
from clinmm.intervals import Draws, Sample, estimate, rate_interval


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
    none = pd.DataFrame(curves.roc(sample, "calibrated", draws.first(0)))
    assert none.low.iloc[1:].isna().all()


def test_no_curve_where_the_metric_is_suppressed():
    sample, draws = make_sample(n=9)
    assert curves.roc(sample, "calibrated", draws) == []
    assert curves.precision_recall(sample, "calibrated", draws) == []
    assert curves.reliability(sample, "calibrated") == []


def test_many_scores_in_bins_give_the_curve_of_the_scores_themselves(monkeypatch):
    sample, draws = make_sample(n=3000)
    rare = np.flatnonzero((sample.y_true == 0) | (np.arange(3000) % 20 == 0))
    for cases in (np.arange(3000), rare):
        keep = np.isin(np.arange(3000), cases)
        one_positive = 1 / sample.y_true[keep].sum()  # the height of a step, drawn slanted
        for kind in (curves.roc, curves.precision_recall):
            binned = pd.DataFrame(kind(sample.take(keep), "calibrated", draws))
            monkeypatch.setattr(curves, "N_STEPS", 10_000)
            exact = pd.DataFrame(kind(sample.take(keep), "calibrated", draws))
            monkeypatch.undo()
            for column in ("y", "low", "high"):
                np.testing.assert_allclose(
                    binned[column], exact[column], atol=max(0.01, one_positive)
                )


def test_reliability_has_ten_bins_of_equal_mass():
    sample, _ = make_sample(n=500)
    points = pd.DataFrame(curves.reliability(sample, "calibrated"))
    assert points["n_cases"].tolist() == [50.0] * 10
    order = np.argsort(sample.columns["calibrated"])[:50]
    assert points.x[0] == pytest.approx(sample.columns["calibrated"][order].mean())
    assert points.y[0] == pytest.approx(sample.y_true[order].mean())
    assert (points.low <= points.y).all()
    assert (points.y <= points.high).all()


def test_reliability_bands_are_clustered_by_patient():
    sample, _ = make_sample(n=600, per_patient=3)
    edges = np.sort(sample.columns["calibrated"])[np.arange(1, 10) * 60]
    bin_of = np.searchsorted(edges, sample.columns["calibrated"], side="right")
    for b, point in enumerate(curves.reliability(sample, "calibrated")):
        inside = bin_of == b
        rate = rate_interval(sample.y_true[inside], sample.patient[inside])
        assert (point["y"], point["low"], point["high"]) == pytest.approx(rate[:3])
        assert rate.n_patients < 60


def test_reliability_takes_fewer_bins_where_patients_are_few():
    few, _ = make_sample(n=45)
    assert len(curves.reliability(few, "calibrated")) == 4
    # as many cases, but of nine patients
    clustered, _ = make_sample(n=45, per_patient=5)
    assert curves.reliability(clustered, "calibrated") == []


# --- decision curves


def test_net_benefit_of_four_patients_times_five_by_hand():
    y = np.array([1.0, 0, 1, 0] * 5)
    p = np.array([0.9, 0.6, 0.3, 0.1] * 5)
    i = np.arange(20)
    zeros = np.zeros(20, dtype=np.int64)
    sample = Sample(y, {"calibrated": p}, i, i, zeros, zeros)
    model = dict(zip(*xy(curves.decision(sample, "calibrated")), strict=True))
    everybody = dict(zip(*xy(curves.decision_treat_all(sample, "calibrated")), strict=True))
    assert list(model) == list(everybody)
    assert max(model) == 0.9  # above it nobody is called
    assert model[0.5] == pytest.approx(1 / 4 - 1 / 4 * 1)
    assert model[0.2] == pytest.approx(2 / 4 - 1 / 4 * 0.2 / 0.8)
    assert model[0.3] == pytest.approx(2 / 4 - 1 / 4 * 0.3 / 0.7)  # called at the threshold itself
    assert model[0.8] == pytest.approx(1 / 4)
    assert everybody[0.5] == pytest.approx(0)
    assert everybody[0.8] == pytest.approx(1 / 2 - 1 / 2 * 4)


def test_decision_band_agrees_with_a_patient_bootstrap():
    sample, draws = make_sample(n=600, per_patient=3)
    points = pd.DataFrame(curves.decision(sample, "calibrated")).set_index("x")
    counts = Draws.make(draws.patients[:200].tolist(), 2000, 1).counts[sample.patient]
    for threshold in (0.2, 0.5):
        call = sample.columns["calibrated"] >= threshold
        odds = threshold / (1 - threshold)
        value = call * np.where(sample.y_true == 1, 1, -odds)
        drawn = (value @ counts / counts.sum(axis=0))[1:]
        row = points.loc[threshold]
        assert row.y == pytest.approx(value.mean())
        assert (row.high - row.low) / 2 / 1.97 == pytest.approx(drawn.std(), rel=0.06)
        assert row.n_cases == call.sum()


def test_decision_curve_pools_repeats_and_says_nothing_of_too_few():
    sample, _ = make_sample(n=200)
    twice = Sample(
        *(np.tile(x, 2) if not isinstance(x, dict) else {k: np.tile(v, 2) for k, v in x.items()}
          for x in (sample.y_true, sample.columns, sample.patient, sample.case)),
        np.repeat([0, 1], 200),
        np.tile(sample.fold, 2),
    )  # fmt: skip
    once, again = (pd.DataFrame(curves.decision(s, "calibrated")) for s in (sample, twice))
    pd.testing.assert_frame_equal(once, again)
    assert (once.x <= np.sort(sample.columns["calibrated"])[-5]).all()
    few = np.flatnonzero(sample.y_true == 1)[:4]
    keep = (sample.y_true == 0) | np.isin(np.arange(200), few)
    assert curves.decision(sample.take(keep), "calibrated") == []
    assert curves.decision_treat_all(make_sample(n=9)[0], "calibrated") == []
