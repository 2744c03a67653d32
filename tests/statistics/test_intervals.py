"""Estimates and patient-bootstrap intervals against slow loops and known truth."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from clinmm import intervals
from clinmm.errors import InputError
from clinmm.intervals import Draws, Sample, estimate, macro


def sample_of(y, p, patient, *, repeat=None, fold=None, case=None, **columns):
    n = len(y)
    return Sample(
        np.asarray(y, dtype=float),
        {"raw": np.asarray(p, dtype=float), **columns},
        np.asarray(patient, dtype=np.int64),
        np.arange(n) if case is None else np.asarray(case),
        np.zeros(n, dtype=np.int64) if repeat is None else np.asarray(repeat),
        np.zeros(n, dtype=np.int64) if fold is None else np.asarray(fold),
    )


def draws_of(n_patients, n_bootstrap=200, seed=0):
    return Draws.make([f"p{i:04d}" for i in range(n_patients)], n_bootstrap, seed)


def random_sample(rng, n=120, per_patient=3, folds=1):
    patient = np.arange(n) // per_patient
    y = (rng.random(n) < 0.4).astype(float)
    p = np.round(np.clip(0.3 * y + 0.7 * rng.random(n), 0, 1), 2)
    fold = patient % folds
    order = np.argsort(fold, kind="stable")
    return sample_of(y[order], p[order], patient[order], fold=fold[order])


def test_draws_are_of_all_patients_and_repeat_with_the_seed():
    draws = draws_of(40, 50, seed=7)
    assert draws.counts.shape == (40, 51)
    assert (draws.counts[:, 0] == 1).all()
    assert (draws.counts.sum(axis=0) == 40).all()
    np.testing.assert_array_equal(draws.counts, draws_of(40, 50, seed=7).counts)
    assert (draws.counts != draws_of(40, 50, seed=8).counts).any()


def test_draws_do_not_depend_on_the_order_of_patients():
    a = Draws.make(["b", "a", "c", "a"], 20, 0)
    b = Draws.make(["c", "b", "a"], 20, 0)
    np.testing.assert_array_equal(a.counts, b.counts)
    assert a.patients.tolist() == ["a", "b", "c"]


@pytest.mark.parametrize("metric", ["auroc", "auprc", "brier"])
def test_replicates_equal_a_loop_over_resampled_patients(metric):
    oracle = {
        "auroc": roc_auc_score,
        "auprc": average_precision_score,
        "brier": lambda y, p: float(np.mean((y - p) ** 2)),
    }[metric]
    sample = random_sample(np.random.default_rng(0))
    draws = draws_of(40, 30)
    got = estimate(sample, [(metric, "raw")], draws)[metric, "raw"]
    for r in range(31):
        rows = np.concatenate(
            [
                np.flatnonzero(sample.patient == i)
                for i in range(40)
                for _ in range(draws.counts[i, r])
            ]
        )
        assert got.replicates[r] == pytest.approx(
            oracle(sample.y_true[rows], sample.columns["raw"][rows])
        )
    low, high = got.interval()
    assert (low, high) == pytest.approx(tuple(np.quantile(got.replicates[1:], [0.025, 0.975])))


def test_a_metric_without_a_vectorised_form_is_bootstrapped_all_the_same(monkeypatch):
    sample, draws = random_sample(np.random.default_rng(1)), draws_of(40, 20)
    fast = estimate(sample, [("auroc", "raw")], draws)["auroc", "raw"]
    monkeypatch.delattr(intervals.module_of("auroc"), "replicates")
    slow = intervals.replicates_of
    module = intervals.module_of("auroc")
    monkeypatch.setattr(module, "auroc", lambda y, p: roc_auc_score(y, p))
    assert slow(module, "auroc").__name__ == "repeat_cases"
    again = estimate(sample, [("auroc", "raw")], draws)["auroc", "raw"]
    np.testing.assert_allclose(again.replicates, fast.replicates)


def test_memory_chunks_do_not_change_the_numbers(monkeypatch):
    sample, draws = random_sample(np.random.default_rng(2), folds=3), draws_of(40, 100)
    keys = [("auroc", "raw"), ("ece", "raw")]
    whole = estimate(sample, keys, draws)
    monkeypatch.setattr(intervals, "CHUNK", 500)
    for key, one in estimate(sample, keys, draws).items():
        np.testing.assert_allclose(one.replicates, whole[key].replicates, rtol=1e-12)


def test_ranking_compares_only_cases_of_one_fold():
    # two folds, each ranked perfectly, by models on different scales
    y = [0] * 10 + [1] * 10 + [0] * 10 + [1] * 10
    p = [0.1] * 10 + [0.2] * 10 + [0.8] * 10 + [0.9] * 10
    fold = [0] * 20 + [1] * 20
    sample = sample_of(y, p, np.arange(40), fold=fold)
    got = estimate(sample, [("auroc", "raw"), ("auprc", "raw"), ("brier", "raw")], draws_of(40))
    assert roc_auc_score(y, p) == 0.75
    assert got["auroc", "raw"].value == 1.0
    assert got["auprc", "raw"].value == 1.0
    assert got["brier", "raw"].value == pytest.approx(np.mean((np.array(y) - p) ** 2))


@pytest.mark.parametrize("metric", ["auroc", "auprc"])
def test_folds_are_weighted_by_pairs_or_positives_then_repeats_averaged(metric):
    rng = np.random.default_rng(4)
    n = 90
    parts, top, bottom, expected = [], 0.0, 0.0, []
    for repeat in range(2):
        y, p = (rng.random(n) < 0.4).astype(float), rng.random(n)
        fold = np.sort(rng.integers(0, 3, n))
        top = bottom = 0.0
        for k in range(3):
            i = fold == k
            n_pos, n_neg = y[i].sum(), (1 - y[i]).sum()
            weight, score = (
                (n_pos * n_neg, roc_auc_score)
                if metric == "auroc"
                else (n_pos, average_precision_score)
            )
            top += weight * score(y[i], p[i])
            bottom += weight
        expected.append(top / bottom)
        parts.append((y, p, np.full(n, repeat), fold))
    y, p, repeat, fold = (np.concatenate(column) for column in zip(*parts, strict=True))
    case = np.tile(np.arange(n), 2)
    sample = sample_of(y, p, case, repeat=repeat, fold=fold, case=case)
    got = estimate(sample, [(metric, "raw")], draws_of(n))[metric, "raw"]
    assert got.value == pytest.approx(np.mean(expected))
    assert got.per_repeat == pytest.approx({0: expected[0], 1: expected[1]})
    assert got.n_cases == n  # a case counts once, however many repeats


def test_more_repeats_of_the_same_cases_do_not_narrow_the_interval():
    sample = random_sample(np.random.default_rng(6))
    n = sample.y_true.size
    twice = sample_of(
        np.tile(sample.y_true, 2),
        np.tile(sample.columns["raw"], 2),
        np.tile(sample.patient, 2),
        repeat=np.repeat([0, 1], n),
        case=np.tile(sample.case, 2),
    )
    keys = [("auroc", "raw"), ("brier", "raw"), ("ece", "raw")]
    once, again = (estimate(s, keys, draws_of(40)) for s in (sample, twice))
    for key in keys:
        np.testing.assert_allclose(again[key].replicates, once[key].replicates)


def test_copies_of_a_patients_cases_do_not_narrow_the_interval():
    rng = np.random.default_rng(8)
    y, p = (rng.random(60) < 0.5).astype(float), rng.random(60)
    single = sample_of(y, p, np.arange(60))
    copied = sample_of(np.repeat(y, 5), np.repeat(p, 5), np.repeat(np.arange(60), 5))
    key = ("auroc", "raw")
    one, five = (estimate(s, [key], draws_of(60))[key] for s in (single, copied))
    assert five.interval() == pytest.approx(one.interval())


@pytest.mark.parametrize(
    ("metric", "y", "call", "status", "reason"),
    [
        ("brier", [0] * 9, [0] * 9, "suppressed", "9 patients, needs 10"),
        ("brier", [0] * 10, [0] * 10, "ok", None),
        ("auroc", [1] * 4 + [0] * 20, [0] * 24, "suppressed", "4 positive patients, needs 5"),
        ("auroc", [1] * 5 + [0] * 20, [0] * 25, "ok", None),
        ("specificity", [1] * 20 + [0] * 4, [0] * 24, "suppressed", "4 negative patients, needs 5"),
        ("sensitivity", [1] * 20 + [0] * 4, [0] * 24, "ok", None),
        (
            "ppv",
            [1] * 20,
            [1] * 4 + [0] * 16,
            "suppressed",
            "4 predicted positive patients, needs 5",
        ),
        (
            "npv",
            [1] * 20,
            [0] * 4 + [1] * 16,
            "suppressed",
            "4 predicted negative patients, needs 5",
        ),
    ],
)
def test_small_groups_are_suppressed_with_their_n(metric, y, call, status, reason):
    call = np.array(call, dtype=float)
    sample = sample_of(y, np.linspace(0, 1, len(y)), np.arange(len(y)), call=call)
    column = "call" if intervals.module_of(metric).NEEDS == "decision" else "raw"
    got = estimate(sample, [(metric, column)], draws_of(len(y)))[metric, column]
    assert (got.status, got.reason) == (status, reason)
    assert np.isnan(got.value) == (status != "ok")
    assert (got.n_cases, got.n_patients, got.n_positive) == (len(y), len(y), sum(y))


def test_suppression_counts_patients_and_not_cases():
    y = [1] * 30 + [0] * 30
    patient = [0] * 30 + list(range(1, 31))
    got = estimate(sample_of(y, np.linspace(0, 1, 60), patient), [("auroc", "raw")], draws_of(31))
    assert got["auroc", "raw"].reason == "1 positive patients, needs 5"


def test_patients_of_a_fold_with_one_class_do_not_count_for_a_ranking_metric():
    y = [1] * 10 + [0] * 10 + [1] * 2
    fold = [0] * 10 + [1] * 12
    got = estimate(
        sample_of(y, np.linspace(0, 1, 22), np.arange(22), fold=fold),
        [("auroc", "raw")],
        draws_of(22),
    )
    assert got["auroc", "raw"].reason == "2 positive patients, needs 5"


def test_a_missing_threshold_withholds_the_rate():
    call = np.ones(30)
    call[3] = np.nan
    sample = sample_of([0, 1] * 15, np.linspace(0, 1, 30), np.arange(30), call=call)
    got = estimate(sample, [("ppv", "call")], draws_of(30))["ppv", "call"]
    assert got.status == "withheld"
    assert np.isnan(got.value)


def test_macro_is_the_mean_with_shared_draws_and_suppressed_with_any_class():
    rng = np.random.default_rng(9)
    draws = draws_of(40)
    key = ("auroc", "raw")
    a, b = (estimate(random_sample(rng), [key], draws)[key] for _ in range(2))
    mean = macro({"a": a, "b": b})
    np.testing.assert_allclose(mean.replicates, (a.replicates + b.replicates) / 2)
    few = estimate(
        sample_of([1] * 3 + [0] * 37, np.linspace(0, 1, 40), np.arange(40)), [key], draws
    )
    lacking = macro({"a": a, "rare": few[key]})
    assert lacking.status == "suppressed"
    assert "rare" in lacking.reason
    assert np.isnan(lacking.value)


def test_two_columns_of_one_metric_are_each_given_their_own_value():
    rng = np.random.default_rng(3)
    y, p, q = rng.integers(0, 2, 60).astype(float), rng.random(60), rng.random(60)
    ties = np.round(p, 1)  # not a change of order, but of what is tied
    sample = sample_of(y, p, np.arange(60), other=q, squared=p**2, ties=ties)
    keys = [("auroc", name) for name in ("raw", "other", "squared", "ties")]
    got = estimate(sample, keys, draws_of(60, 20))
    for key in keys:
        assert got[key].value == pytest.approx(roc_auc_score(y, sample.columns[key[1]]))
    np.testing.assert_array_equal(got[keys[0]].replicates, got[keys[2]].replicates)


def test_interval_of_a_distance_is_centred_on_its_estimate():
    rng = np.random.default_rng(0)
    p = rng.random(300)
    sample = sample_of((rng.random(300) < p), p, np.arange(300))
    got = estimate(sample, [("ece", "raw")], draws_of(300))["ece", "raw"]
    assert got.replicates[1:].mean() > got.value  # why it is centred
    low, high = got.interval()
    assert low < got.value < high
    excess = got.replicates[1:].mean() - got.value
    moved = np.maximum(got.replicates[1:] - excess, 0)
    assert (low, high) == pytest.approx(tuple(np.quantile(moved, [0.025, 0.975])))
    assert got.method == "patient bootstrap (200), centred"


def test_cases_out_of_fold_order_are_refused():
    with pytest.raises(InputError, match="in order of"):
        sample_of([0, 1], [0.1, 0.2], [0, 1], fold=[1, 0])


def test_interval_covers_the_truth_about_95_times_in_100():
    rng = np.random.default_rng(11)
    hits = 0
    for trial in range(150):
        # 60 patients with three cases each that share a patient effect; AUROC .5 by construction
        y = np.repeat(rng.integers(0, 2, 60), 3).astype(float)
        p = 1 / (1 + np.exp(-np.repeat(rng.normal(size=60), 3) - 0.3 * rng.normal(size=180)))
        sample = sample_of(y, p, np.repeat(np.arange(60), 3))
        low, high = estimate(sample, [("auroc", "raw")], draws_of(60, 300, seed=trial))[
            "auroc", "raw"
        ].interval()
        hits += low <= 0.5 <= high
    assert 0.89 <= hits / 150 <= 0.99
