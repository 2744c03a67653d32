"""Estimates with their intervals: rules, suppression, folds, draws, and known truth."""

import math

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import average_precision_score, roc_auc_score

from clinmm import intervals
from clinmm.errors import InputError
from clinmm.intervals import Draws, Sample, bootstrap, estimate, macro
from clinmm.intervals.limits import clopper_pearson, limits, wilson


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
    return Draws.make([f"p{i:05d}" for i in range(n_patients)], n_bootstrap, seed)


def random_sample(rng, n=120, per_patient=3, folds=1):
    patient = np.arange(n) // per_patient
    y = (rng.random(n) < 0.4).astype(float)
    p = np.round(np.clip(0.3 * y + 0.7 * rng.random(n), 0, 1), 2)
    fold = patient % folds
    order = np.argsort(fold, kind="stable")
    return sample_of(y[order], p[order], patient[order], fold=fold[order])


# --- draws


def test_draws_are_of_all_patients_and_repeat_with_the_seed():
    draws = draws_of(40, 50, seed=7)
    assert draws.counts.shape == (40, 51)
    assert (draws.counts[:, 0] == 1).all()
    assert (draws.counts.sum(axis=0) == 40).all()
    np.testing.assert_array_equal(draws.counts, draws_of(40, 50, seed=7).counts)
    assert (draws.counts != draws_of(40, 50, seed=8).counts).any()
    np.testing.assert_array_equal(draws.first(9).counts, draws.counts[:, :10])


def test_draws_do_not_depend_on_the_order_of_patients():
    a = Draws.make(["b", "a", "c", "a"], 20, 0)
    b = Draws.make(["c", "b", "a"], 20, 0)
    np.testing.assert_array_equal(a.counts, b.counts)
    assert a.patients.tolist() == ["a", "b", "c"]


def test_patients_are_not_drawn_where_every_metric_has_an_influence():
    draws = draws_of(40)
    wanted = [(metric, "raw") for metric in ("auroc", "auprc", "brier", "log_loss", "ece_debiased")]
    estimate(random_sample(np.random.default_rng(0)), wanted, draws)
    assert "counts" not in vars(draws)


@pytest.mark.parametrize("n_patients", [300, 5000])
def test_noise_has_the_covariance_of_sums_over_patients(n_patients):
    rng = np.random.default_rng(1)
    patient = rng.integers(0, n_patients, 3 * n_patients)
    influence = 0.2 + rng.normal(size=(patient.size, 2)) + rng.normal(size=(n_patients, 1))[patient]
    influence[:, 1] += influence[:, 0]
    sums = np.stack([np.bincount(patient, weights=part) for part in influence.T])
    got = np.cov(draws_of(n_patients, 4000).noise(patient, influence))
    np.testing.assert_allclose(got, sums @ sums.T, rtol=0.15)  # 1,024 buckets, 4,000 draws


def test_noise_of_two_metrics_or_samples_belongs_together():
    rng = np.random.default_rng(2)
    patient, influence = np.arange(3000), rng.normal(size=(3000, 1))
    draws = draws_of(3000, 50)
    whole = draws.noise(patient, influence)
    first, rest = patient < 1000, patient >= 1000
    parts = [draws.noise(patient[keep], influence[keep]) for keep in (first, rest)]
    np.testing.assert_allclose(whole, parts[0] + parts[1])
    np.testing.assert_array_equal(whole, draws_of(3000, 50).noise(patient, influence))


# --- rules for limits


def test_effective_number_of_independent_cases_is_their_number():
    # 40 patients of one case, 30 called: Wilson with t of 39 degrees of freedom by hand
    found = intervals.rate_interval([1] * 30 + [0] * 10, np.arange(40))
    n = 40 * 39 / 40  # p (1 - p) / (p (1 - p) / n x n / (n - 1))
    t = stats.t.ppf(0.975, 39)
    centre = (0.75 + t**2 / (2 * n)) / (1 + t**2 / n)
    half = t * math.sqrt(0.75 * 0.25 / n + t**2 / (4 * n**2)) / (1 + t**2 / n)
    assert found[:3] == pytest.approx((0.75, centre - half, centre + half))
    assert found.method == "Wilson, effective n"


def test_cases_that_repeat_a_patient_are_worth_one_case():
    single = intervals.rate_interval([1] * 30 + [0] * 10, np.arange(40))
    fivefold = intervals.rate_interval(
        np.repeat([1] * 30 + [0] * 10, 5), np.repeat(np.arange(40), 5)
    )
    assert fivefold[:3] == pytest.approx(single[:3])
    assert (fivefold.n_cases, fivefold.n_patients) == (200, 40)


def test_few_patients_get_korn_and_graubards_interval():
    found = intervals.rate_interval([1] * 8 + [0] * 4, np.arange(12))
    n = 11 * (stats.norm.ppf(0.975) / stats.t.ppf(0.975, 11)) ** 2
    hits = n * 8 / 12
    low = stats.beta.ppf(0.025, hits, n - hits + 1)
    high = stats.beta.ppf(0.975, hits + 1, n - hits)
    assert found[1:3] == pytest.approx((low, high))
    assert found.method == "Clopper-Pearson, effective n"


@pytest.mark.parametrize(("hits", "n"), [(0, 10), (3, 10), (10, 10), (17, 40)])
def test_clopper_pearson_and_wilson_of_whole_numbers_are_scipys(hits, n):
    of = stats.binomtest(hits, n)
    assert clopper_pearson(hits / n, n) == pytest.approx(tuple(of.proportion_ci(0.95, "exact")))
    z = stats.norm.ppf(0.975)
    assert wilson(hits / n, n, z) == pytest.approx(tuple(of.proportion_ci(0.95, "wilson")))


@pytest.mark.parametrize("rate", [0.0, 1.0])
def test_a_rate_at_its_end_counts_patients_and_not_cases(rate):
    found = intervals.rate_interval([rate] * 60, np.repeat(np.arange(20), 3))
    expected = clopper_pearson(rate, 20)
    assert (found.low, found.high) == pytest.approx(expected)
    assert found.method == "Clopper-Pearson, n patients"


def test_a_perfect_ranking_still_has_an_interval():
    y = np.repeat([0.0, 1.0], [30, 12])
    one = estimate(sample_of(y, 0.1 + 0.8 * y, np.arange(42)), [("auroc", "raw")], draws_of(42))
    found = one["auroc", "raw"]
    assert found.value == 1.0
    assert found.interval() == pytest.approx((0.025 ** (1 / 12), 1.0))  # 12 of 12
    assert found.se > 0.03


@pytest.mark.parametrize("value", [0.001, 0.5, 0.999])
@pytest.mark.parametrize("variance", [1e-9, 1e-4, 0.04])
@pytest.mark.parametrize("df", [4, 30])
def test_limits_between_0_and_1_stay_there_and_hold_the_value(value, variance, df):
    for share in (True, False):
        low, high, _ = limits("logit", value, variance, df, share=share)
        assert 0 <= low < value < high <= 1


def test_limits_on_other_scales_by_hand():
    t = stats.t.ppf(0.975, 9)
    assert limits("log", 2.0, 0.09, 9, share=False)[:2] == pytest.approx(
        (2 * math.exp(-t * 0.15), 2 * math.exp(t * 0.15))
    )
    assert limits("identity", -1.0, 0.09, 9, share=False)[:2] == pytest.approx(
        (-1 - 0.3 * t, -1 + 0.3 * t)
    )
    for nothing in (("log", 0.0), ("log", math.inf), ("identity", math.nan)):
        assert limits(*nothing, 0.1, 9, share=False)[2] == "none"


def test_mean_interval_is_that_of_the_textbook_and_clustered():
    rng = np.random.default_rng(0)
    x = rng.normal(size=25)
    found = intervals.mean_interval(x, np.arange(25))
    half = stats.t.ppf(0.975, 24) * x.std(ddof=1) / 5
    assert found[:3] == pytest.approx((x.mean(), x.mean() - half, x.mean() + half))
    copied = intervals.mean_interval(np.repeat(x, 4), np.repeat([f"p{i}" for i in range(25)], 4))
    assert copied[:3] == pytest.approx(found[:3])
    alone = intervals.mean_interval([1.0, 2.0], ["a", "a"])
    assert alone.value == 1.5
    assert math.isnan(alone.low)


@pytest.mark.parametrize(
    ("of", "values", "patients", "said"),
    [
        (intervals.mean_interval, [1, 2], [1], "one entry each per case"),
        (intervals.mean_interval, [], [], "empty"),
        (intervals.mean_interval, [1, math.nan], [1, 2], "1 of 2 are not"),
        (intervals.rate_interval, [0.5, 1], [1, 2], "hits must be 0 or 1; 1 of 2"),
    ],
)
def test_values_that_make_no_interval_are_refused(of, values, patients, said):
    with pytest.raises(InputError, match=said):
        of(values, patients)


# --- values


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
        assert again[key].interval() == pytest.approx(once[key].interval())


def test_copies_of_a_patients_cases_do_not_narrow_the_interval():
    rng = np.random.default_rng(8)
    y, p = (rng.random(60) < 0.5).astype(float), rng.random(60)
    single = sample_of(y, p, np.arange(60))
    copied = sample_of(np.repeat(y, 5), np.repeat(p, 5), np.repeat(np.arange(60), 5))
    for key in (("auroc", "raw"), ("ece", "raw"), ("log_loss", "raw")):
        one, five = (estimate(s, [key], draws_of(60))[key] for s in (single, copied))
        assert five.interval() == pytest.approx(one.interval())


def test_two_columns_of_one_metric_are_each_given_their_own_value():
    rng = np.random.default_rng(3)
    y, p, q = rng.integers(0, 2, 60).astype(float), rng.random(60), rng.random(60)
    ties = np.round(p, 1)  # not a change of order, but of what is tied
    sample = sample_of(y, p, np.arange(60), other=q, squared=p**2, ties=ties)
    keys = [("auroc", name) for name in ("raw", "other", "squared", "ties")]
    got = estimate(sample, keys, draws_of(60, 20))
    for key in keys:
        assert got[key].value == pytest.approx(roc_auc_score(y, sample.columns[key[1]]))
    assert got[keys[0]].interval() == got[keys[2]].interval()


# --- suppression


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
    assert np.isnan(got.interval()[0]) == (status != "ok")
    assert (got.n_cases, got.n_patients, got.n_positive) == (len(y), len(y), sum(y))


def test_suppression_counts_patients_and_not_cases():
    y = [1] * 30 + [0] * 30
    patient = [0] * 30 + list(range(1, 31))
    got = estimate(sample_of(y, np.linspace(0, 1, 60), patient), [("auroc", "raw")], draws_of(31))
    assert got["auroc", "raw"].reason == "1 positive patients, needs 5"


def test_suppression_takes_each_column_of_calls_for_itself():
    y, n = [0, 1] * 20, 40
    few, many = (np.arange(n) < k for k in (4, 20))
    sample = sample_of(y, np.zeros(n), np.arange(n), few=few.astype(float), many=many.astype(float))
    got = estimate(sample, [("ppv", "few"), ("ppv", "many")], draws_of(n))
    assert [got["ppv", column].status for column in ("few", "many")] == ["suppressed", "ok"]


def test_patients_of_a_fold_with_one_class_do_not_count_for_a_ranking_metric():
    y = [1] * 10 + [0] * 10 + [1] * 2
    fold = [0] * 10 + [1] * 12
    got = estimate(
        sample_of(y, np.linspace(0, 1, 22), np.arange(22), fold=fold),
        [("auroc", "raw"), ("brier_skill", "raw")],
        draws_of(22),
    )
    assert got["auroc", "raw"].reason == "2 positive patients, needs 5"
    assert got["brier_skill", "raw"].status == "ok"


def test_no_case_is_suppressed_even_where_nothing_else_is():
    nobody = random_sample(np.random.default_rng(0)).take(np.zeros(120, dtype=bool))
    got = estimate(nobody, [("auroc", "raw")], draws_of(40), suppress=False)["auroc", "raw"]
    assert (got.status, got.n_cases) == ("suppressed", 0)


def test_a_missing_threshold_withholds_the_rate():
    call = np.ones(30)
    call[3] = np.nan
    sample = sample_of([0, 1] * 15, np.linspace(0, 1, 30), np.arange(30), call=call)
    got = estimate(sample, [("ppv", "call")], draws_of(30))["ppv", "call"]
    assert got.status == "withheld"
    assert np.isnan(got.value)


def test_cases_out_of_fold_order_are_refused():
    with pytest.raises(InputError, match="in order of"):
        sample_of([0, 1], [0.1, 0.2], [0, 1], fold=[1, 0])
    with pytest.raises(InputError, match="in order of"):
        sample_of([0, 1], [0.1, 0.2], [0, 1], repeat=[1, 0], fold=[0, 1])


# --- means over classes


def test_macro_is_the_mean_paired_by_patient_and_suppressed_with_any_class():
    rng = np.random.default_rng(9)
    draws = draws_of(40)
    keys = [("auroc", "raw"), ("ece", "raw")]
    a, b = (estimate(random_sample(rng), keys, draws) for _ in range(2))
    for key in keys:
        mean = macro({"a": a[key], "b": b[key]})
        assert mean.value == pytest.approx((a[key].value + b[key].value) / 2)
        assert mean.interval()[0] < mean.value < mean.interval()[1]
    sums = (a[keys[0]].influence.values + b[keys[0]].influence.values) / 2
    np.testing.assert_allclose(
        macro({"a": a[keys[0]], "b": b[keys[0]]}).influence.values, sums, atol=1e-15
    )
    same = macro({"a": a[keys[0]], "again": a[keys[0]]})
    assert same.interval() == pytest.approx(a[keys[0]].interval(), rel=0.05)
    few = estimate(sample_of([1] * 3 + [0] * 37, np.linspace(0, 1, 40), np.arange(40)), keys, draws)
    lacking = macro({"a": a[keys[0]], "rare": few[keys[0]]})
    assert lacking.status == "suppressed"
    assert "rare" in lacking.reason
    assert np.isnan(lacking.value)
    assert lacking.method == "none"


def test_macro_of_classes_with_different_patients():
    rng = np.random.default_rng(10)
    key = ("brier", "raw")
    whole = random_sample(rng)
    half = whole.take(whole.patient < 20)
    a, b = (estimate(s, [key], draws_of(40))[key] for s in (whole, half))
    mean = macro({"a": a, "b": b})
    expected = a.influence.values / 2
    expected[:20] += b.influence.values / 2
    np.testing.assert_allclose(mean.influence.values, expected, atol=1e-15)


# --- drawn means and the bootstrap


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
    assert got.method == "drawn means (200), centred"


@pytest.mark.parametrize("metric", ["ece", "ece_debiased"])
def test_drawn_means_spread_as_resampled_patients_do(metric):
    rng = np.random.default_rng(1)
    n = 900
    p = 0.05 + 0.9 * rng.random(n)
    y = (rng.random(n) < p**1.8).astype(float)
    sample, draws = sample_of(y, p, np.arange(n) // 3), draws_of(300, 1000)
    drawn = estimate(sample, [(metric, "raw")], draws)[metric, "raw"].replicates
    resampled = bootstrap.replicates(intervals.module_of(metric), metric, sample, "raw", draws)[0]
    assert drawn[0] == pytest.approx(resampled[0])
    assert drawn[1:].std() == pytest.approx(resampled[1:].std(), rel=0.1)
    assert drawn[1:].mean() == pytest.approx(resampled[1:].mean(), rel=0.05)


def test_chance_is_shown_beside_the_calibration_error_with_its_range():
    rng = np.random.default_rng(2)
    p = rng.random(1000)
    seen = []
    for _ in range(200):
        y = (rng.random(1000) < p).astype(float)
        bins = np.digitize(p, np.quantile(p, np.arange(1, 10) / 10))
        seen.append(np.abs(np.bincount(bins, weights=y - p)).sum() / 1000)
    sample = sample_of(y, p, np.arange(1000))
    key = ("ece_if_calibrated", "raw")
    got = estimate(sample, [key], draws_of(1000, 1000))[key]
    assert got.value == pytest.approx(np.mean(seen), rel=0.05)
    np.testing.assert_allclose(got.interval(), np.quantile(seen, [0.025, 0.975]), rtol=0.15)


def test_bootstrap_replicates_equal_a_loop_over_resampled_patients():
    sample, draws = random_sample(np.random.default_rng(0)), draws_of(40, 30)
    got = bootstrap.replicates(intervals.module_of("auprc"), "auprc", sample, "raw", draws)[0]
    for r in range(31):
        rows = np.concatenate(
            [
                np.flatnonzero(sample.patient == i)
                for i in range(40)
                for _ in range(draws.counts[i, r])
            ]
        )
        expected = average_precision_score(sample.y_true[rows], sample.columns["raw"][rows])
        assert got[r] == pytest.approx(expected)


def test_a_metric_that_offers_nothing_is_bootstrapped_all_the_same(monkeypatch):
    module = intervals.module_of("auroc")
    sample, draws = random_sample(np.random.default_rng(1), folds=2), draws_of(40, 20)
    fast = bootstrap.replicates(module, "auroc", sample, "raw", draws)[0]
    monkeypatch.delattr(module, "influence")
    monkeypatch.delattr(module, "replicates")
    monkeypatch.setattr(module, "auroc", lambda y, p: roc_auc_score(y, p))
    slow = estimate(sample, [("auroc", "raw")], draws)["auroc", "raw"]
    np.testing.assert_allclose(slow.replicates, fast)
    assert slow.method == "patient bootstrap (20)"
    low, high = slow.interval()
    assert (low, high) == pytest.approx(tuple(np.quantile(fast[1:], [0.025, 0.975])))


def test_memory_chunks_do_not_change_the_numbers(monkeypatch):
    sample, draws = random_sample(np.random.default_rng(2), folds=3), draws_of(40, 100)
    module = intervals.module_of("auroc")
    whole = bootstrap.replicates(module, "auroc", sample, "raw", draws)
    monkeypatch.setattr(bootstrap, "CHUNK", 500)
    chunks = bootstrap.replicates(module, "auroc", sample, "raw", draws)
    np.testing.assert_allclose(chunks, whole, rtol=1e-12)


def test_what_a_metric_needs_beside_the_columns_is_handed_on():
    sample = random_sample(np.random.default_rng(3))
    key = ("net_benefit", "raw")
    got = estimate(sample, [key], draws_of(40), given={"threshold": 0.3, "prevalence": 0.1})[key]
    y, call = sample.y_true, sample.columns["raw"] >= 0.3
    expected = (y[call].sum() - (1 - y[call]).sum() * 0.3 / 0.7) / y.size
    assert got.value == pytest.approx(expected)


# --- truth


def test_interval_covers_the_truth_about_95_times_in_100():
    rng = np.random.default_rng(11)
    hits = 0
    for _ in range(400):
        # 60 patients with three cases each that share a patient effect; AUROC .5 by construction
        y = np.repeat(rng.integers(0, 2, 60), 3).astype(float)
        p = 1 / (1 + np.exp(-np.repeat(rng.normal(size=60), 3) - 0.3 * rng.normal(size=180)))
        sample = sample_of(y, p, np.repeat(np.arange(60), 3))
        low, high = estimate(sample, [("auroc", "raw")], draws_of(60))["auroc", "raw"].interval()
        hits += low <= 0.5 <= high
    assert 0.92 <= hits / 400 <= 0.985
