"""Handing cases back: the risk-coverage curve, the rule, when it is refused, and what it does."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom
from sklearn.linear_model import LinearRegression

from clinmm import schema
from clinmm.config import DeferralConfig
from clinmm.errors import InputError
from clinmm.intervals import rate_interval
from clinmm.uncertainty.deferral import apply, choose, handed_back
from clinmm.uncertainty.deferral_cases import judged
from clinmm.uncertainty.deferral_measures import measure
from clinmm.uncertainty.retained_risk import change, limit_of, smallest_share
from clinmm.uncertainty.risk_coverage import aurc, confidence_of_call, coverage_of, risk_coverage
from clinmm.uncertainty.risk_coverage_measures import measure as on_file

SHARE = DeferralConfig(share=0.2)


def table(p, y, *, split="calibrate", patient=None, name="died", pattern="image", fold=0, arm="a"):
    """Rows of a predictions table for (n,) probabilities and outcomes."""
    n = len(p)
    owner = np.arange(n) if patient is None else patient
    return pd.DataFrame(
        {
            "arm": arm,
            "repeat": 0,
            "fold": fold,
            "case_id": [f"c{i:05d}" for i in range(n)],
            "patient_id": [f"p{i:05d}" for i in owner],
            "split": split,
            "class_name": name,
            "target": np.asarray(y, dtype=float),
            "probability_raw": p,
            "probability": p,
            "pattern": pattern,
        }
    )


def at(threshold, *, arm="a", fold=0, name="died"):
    return pd.DataFrame(
        [(arm, 0, fold, name, "youden", threshold)], columns=schema.THRESHOLDS.names
    )


def calibrated(n=600, *, seed=0, spread=1.5, per_patient=1):
    """Probabilities that mean what they say: calls near .5 are wrong half the time."""
    rng = np.random.default_rng(seed)
    p = 1 / (1 + np.exp(-spread * rng.normal(size=n)))
    y = (rng.random(n) < p).astype(float)
    return table(p, y, patient=np.arange(n) // per_patient)


def without_knowledge(n=600, *, seed=0, risk=0.25):
    """Calls are wrong at the same rate however far the probability is from the threshold."""
    rng = np.random.default_rng(seed)
    p = 1 / (1 + np.exp(-1.5 * rng.normal(size=n)))
    wrong = rng.random(n) < risk
    return table(p, (p >= 0.5) != wrong)


# --- the risk-coverage curve


def brute_area(wrong, confidence):
    """Mean over k of the risk among the k most confident."""
    w = wrong[np.argsort(-confidence)]
    return np.mean([w[:k].mean() for k in range(1, w.size + 1)])


def sample(n=400, *, seed=0, per_patient=2, folds=1, decimals=9):
    rng = np.random.default_rng(seed)
    confidence = np.round(rng.normal(size=n), decimals)
    wrong = (rng.random(n) < 1 / (1 + np.exp(1 + confidence))).astype(float)
    patient = np.arange(n) // per_patient
    return wrong, confidence, patient, np.zeros(n, dtype=int), patient % folds


def test_curve_of_ten_cases_on_paper_and_area_by_brute_force():
    wrong, confidence = np.array([0, 0, 1, 0, 1.0]), np.array([9.0, 7, 8, 6, 5])
    none = np.zeros(5, dtype=int)
    area, excess = aurc(wrong, confidence, np.arange(5), none, none)
    assert area.value == pytest.approx((0 + 1 / 2 + 1 / 3 + 1 / 4 + 2 / 5) / 5)
    assert excess.value == pytest.approx(area.value - (1 / 4 + 2 / 5) / 5)  # wrong ones come last
    assert np.isnan(area.low)
    assert area.lacking == "5 patients, needs 10"
    for seed in range(5):
        wrong, confidence, *others = sample(seed=seed)
        assert aurc(wrong, confidence, *others)[0].value == pytest.approx(
            brute_area(wrong, confidence)
        )


def test_perfect_order_has_no_excess_and_every_wrong_call_the_whole_area():
    wrong, zeros = np.repeat([0.0, 1], 20), np.zeros(40, dtype=int)
    area, excess = aurc(wrong, -np.arange(40.0), np.arange(40), zeros, zeros)
    assert area.low < area.value < area.high
    assert (excess.value, excess.lacking) == (pytest.approx(0, abs=1e-12), None)
    area, _ = aurc(np.ones(40), np.arange(40.0), np.arange(40), zeros, zeros)
    assert (area.value, area.low, area.high) == pytest.approx((1, 1, 1))


def test_area_with_ties_is_the_mean_over_orders_of_the_tied():
    wrong, confidence, *others = sample(60, decimals=0)
    rng = np.random.default_rng(0)
    orders = [brute_area(wrong, confidence + 1e-6 * rng.random(60)) for _ in range(1500)]
    assert aurc(wrong, confidence, *others)[0].value == pytest.approx(np.mean(orders), abs=2e-3)


@pytest.mark.parametrize("decimals", [9, 0])
def test_interval_of_the_area_agrees_with_a_patient_bootstrap(decimals):
    wrong, confidence, patient, repeat, fold = sample(folds=3, decimals=decimals)
    found = aurc(wrong, confidence, patient, repeat, fold)
    rng = np.random.default_rng(1)
    rows = [np.flatnonzero(patient == i) for i in range(200)]
    drawn = []
    for _ in range(400):
        i = np.concatenate([rows[j] for j in rng.integers(0, 200, 200)])
        drawn.append([a.value for a in aurc(wrong[i], confidence[i], i, repeat[i], fold[i])])
    for area, spread in zip(found, np.std(drawn, axis=0), strict=True):
        assert np.log(area.high / area.low) / 2 / 1.98 * area.value == pytest.approx(
            spread, rel=0.12
        )


def test_curve_keeps_the_most_confident_of_each_model_whatever_its_scale():
    wrong, confidence, patient, repeat, fold = sample(folds=2)
    points = pd.DataFrame(risk_coverage(wrong, confidence, patient, repeat, fold))
    assert len(points) >= 21
    assert points.x.is_monotonic_increasing
    assert points.iloc[-1][["x", "y"]].tolist() == [1.0, pytest.approx(wrong.mean())]
    half = points[np.isclose(points.x, 0.5)].iloc[0]
    kept = np.concatenate(
        [np.flatnonzero(fold == f)[np.argsort(-confidence[fold == f])[:100]] for f in (0, 1)]
    )
    expected = rate_interval(wrong[kept], patient[kept])
    assert half[["y", "low", "high"]].tolist() == pytest.approx(expected[:3])
    other_scale = np.where(fold == 0, 1000 + confidence, confidence)
    assert risk_coverage(wrong, other_scale, patient, repeat, fold) == points.to_dict("records")


def test_curve_of_a_group_is_taken_at_the_limits_of_everybody():
    wrong, confidence, patient, repeat, fold = sample()
    group = confidence > 0.3  # the confident ones: nobody of them is handed back first
    points = risk_coverage(wrong, confidence, patient, repeat, fold, keep=group)
    everybody = risk_coverage(wrong, confidence, patient, repeat, fold)
    assert {p["x"] for p in points} <= {p["x"] for p in everybody}
    assert points[-1]["y"] == pytest.approx(wrong[group].mean())
    first_full = next(p for p in points if p["x"] >= group.mean())
    assert first_full["n_cases"] == group.sum()
    assert risk_coverage(wrong[:9], confidence[:9], np.arange(9), repeat[:9], fold[:9]) == []


def test_tied_cases_are_kept_or_handed_back_together():
    confidence = np.array([1.0, 1, 1, 2, 2, 0])
    zeros = np.zeros(6, dtype=int)
    shares = coverage_of(confidence, zeros, zeros)
    assert shares == pytest.approx(np.array([5, 5, 5, 2, 2, 6]) / 6)
    assert limit_of(confidence, 0.5) == 1.0  # three below would split the ties: one is below


def test_curves_and_areas_are_on_file_for_everybody_or_every_group():
    rows = calibrated(400, per_patient=2).assign(split="test")
    groups = pd.DataFrame({"sex": np.where(np.arange(400) % 50, "F", "M")}, rows["case_id"])
    metrics, curves = on_file(rows, at(0.5))
    by_sex, drawn_by_sex = on_file(rows, at(0.5), groups=groups)
    for table in (metrics, by_sex):
        schema.METRICS.validate(table)
    for table in (curves, drawn_by_sex):
        schema.CURVES.validate(table)
    cases = judged(rows, at(0.5), "youden")
    none = np.zeros(400, dtype=int)
    wrong, confidence = (cases[name].to_numpy() for name in ("wrong", "confidence"))
    overall = metrics[metrics["group_by"].eq("all") & metrics["pattern"].eq("any")]
    areas = aurc(wrong, confidence, np.arange(400) // 2, none, none)
    assert overall["value"].tolist() == [area.value for area in areas]
    assert overall["high"].tolist() == [area.high for area in areas]
    assert (overall["n_cases"].tolist(), overall["n_patients"].tolist()) == ([400] * 2, [200] * 2)
    assert by_sex.groupby("group")["status"].unique().map(list).to_dict() == {
        "F": ["ok"],
        "M": ["suppressed"],
    }
    whole = curves[curves["group"].eq("all")]
    assert whole[["x", "y", "n_cases"]].iloc[-1].tolist() == [1, wrong.mean(), 400]
    assert (set(curves["group"]), set(drawn_by_sex["group"])) == ({"all"}, {"F"})
    exclusive, drawn = on_file(three_classes()[0], schema.THRESHOLDS.empty(), exclusive=True)
    assert set(exclusive["class_name"]) | set(drawn["class_name"]) == {"all"}
    assert all(table.empty for table in on_file(rows, schema.THRESHOLDS.empty()))


# --- the paired difference


def test_difference_is_the_slope_of_a_regression_scaled():
    """retained - risk = (risk kept - risk handed back) x share handed back."""
    wrong, confidence, patient, *_ = sample(per_patient=1)
    kept = confidence >= limit_of(confidence, 0.25)
    of = change(wrong, kept, patient, min_wrong=10)
    slope = LinearRegression().fit(kept[:, None], wrong).coef_[0]
    assert of.difference == pytest.approx(slope * 0.25)
    assert (of.share, of.risk, of.retained) == (0.25, wrong.mean(), wrong[kept].mean())


def test_standard_error_of_the_difference_agrees_with_a_patient_bootstrap():
    wrong, confidence, patient, *_ = sample(600, per_patient=3)
    kept = confidence >= limit_of(confidence, 0.2)
    of = change(wrong, kept, patient, min_wrong=10)
    rng = np.random.default_rng(0)
    counts = np.stack([np.bincount(rng.integers(0, 200, 200), minlength=200) for _ in range(2000)])
    weights = counts[:, patient]
    drawn = (weights @ (wrong * kept)) / (weights @ kept) - weights @ wrong / weights.sum(axis=1)
    assert of.se == pytest.approx(drawn.std(), rel=0.06)
    doubled = [np.repeat(x, 2) for x in (wrong, kept, patient)]  # copies of cases tell nothing new
    assert change(*doubled, min_wrong=10).se == pytest.approx(of.se)


@pytest.mark.parametrize(
    ("n_wrong", "n_kept", "said"),
    [
        (9, 80, "9 patients with a wrong call, needs 10"),
        (30, 9, "9 patients with a kept case, needs 10"),
        (30, 96, "4 patients with a case to hand back, needs 5"),
    ],
)
def test_difference_says_what_there_is_too_little_of(n_wrong, n_kept, said):
    wrong, kept = np.arange(100) < n_wrong, np.arange(100) >= 100 - n_kept
    of = change(wrong.astype(float), kept, np.arange(100), min_wrong=10)
    assert of.lacking == said
    assert np.isnan(of.difference)


# --- the rule


def test_useful_confidence_is_kept_and_hands_back_the_share_asked():
    rows = calibrated()
    rules = choose(rows, at(0.5), SHARE)
    schema.DEFERRAL.validate(rules)
    (rule,) = rules.to_dict("records")
    assert (rule["kept"], rule["operating_point"], rule["rule"]) == ("yes", "youden", "share")
    assert rule["share"] == pytest.approx(0.2)
    assert rule["high"] < 0
    assert rule["retained_risk"] < rule["risk"]
    back = apply(rows, rules, at(0.5))
    assert back.mean() == pytest.approx(0.2)
    distance = np.abs(np.log(rows.probability / (1 - rows.probability)))
    assert distance[back].max() < distance[~back].min()
    assert "instead of" in rule["reason"]


def test_useless_confidence_stays_off_nearly_always():
    assert choose(without_knowledge(), at(0.5), SHARE)["kept"].item() == "no"
    rng = np.random.default_rng(0)
    kept = np.arange(200) >= 40
    shown = sum(
        change((rng.random(200) < 0.2).astype(float), kept, np.arange(200), min_wrong=10).high < 0
        for _ in range(1000)
    )
    assert shown <= 40  # 25 of 1,000 would be expected, fewer come: 2.5 % and three standard errors


def test_confidence_that_is_the_wrong_way_round_is_off():
    rows = calibrated()
    far = np.abs(rows["probability"] - 0.5) > 0.3
    call = rows["probability"] >= 0.5
    (rule,) = choose(rows.assign(target=(call ^ far) * 1.0), at(0.5), SHARE).to_dict("records")
    assert rule["low"] > 0
    assert rule["p_holm"] < 0.05
    assert rule["kept"] == "no"


def test_help_for_all_that_harms_one_group_is_refused():
    """In the small group B the most confident calls are the wrong ones."""
    rows = calibrated(1500, seed=3)
    in_b = np.arange(1500) % 6 == 0
    far = np.abs(rows["probability"] - 0.5) > 0.3
    call = (rows["probability"] >= 0.5).astype(float)
    rows.loc[in_b, "target"] = np.where(far, 1 - call, call)[in_b]
    groups = pd.DataFrame({"sex": np.where(in_b, "B", "A")}, index=rows["case_id"])
    without = choose(rows, at(0.5), SHARE).iloc[0]
    (rule,) = choose(rows, at(0.5), SHARE, groups=groups).to_dict("records")
    assert without["kept"] == "yes"
    assert rule["kept"] == "no"
    assert rule["high"] < 0  # it does help over all
    assert "sex B" in rule["reason"]
    assert "sex A" not in rule["reason"]
    assert np.isnan(rule["limit"])
    assert not apply(rows, pd.DataFrame([rule]), at(0.5)).any()
    as_pattern = rows.assign(pattern=np.where(in_b, "note", "image"))
    assert "pattern note" in choose(as_pattern, at(0.5), SHARE)["reason"].item()


def test_holm_runs_over_classes_and_groups():
    """A difference that passes alone does not pass among many groups."""
    for seed in range(200):
        rows = calibrated(150, seed=seed, spread=0.8)
        alone = choose(rows, at(0.5), SHARE).iloc[0]
        if 0.01 < alone["p"] < 0.05 and alone["high"] < 0:
            break
    assert alone["kept"] == "yes"
    assert alone["p_holm"] == alone["p"]
    groups = pd.DataFrame(
        {f"attribute{k}": np.where(np.arange(150) % (k + 2), "x", "y") for k in range(4)},
        index=rows["case_id"],
    )
    among = choose(rows, at(0.5), SHARE, groups=groups).iloc[0]
    assert among["p"] == alone["p"]
    assert among["p_holm"] > alone["p_holm"]
    assert among["kept"] == "no"
    assert "Holm" in among["reason"]
    second = rows.assign(class_name="other")
    both = choose(pd.concat([rows, second]), pd.concat([at(0.5), at(0.5, name="other")]), SHARE)
    assert both["p_holm"].tolist() == pytest.approx([2 * alone["p"]] * 2)


def test_too_few_wrong_calls_or_no_threshold_is_off():
    few = choose(calibrated(30), at(0.5), SHARE).iloc[0]
    assert few["kept"] == "no"
    assert "too little to tell" in few["reason"]
    none = choose(calibrated(), at(np.nan), SHARE).iloc[0]
    assert none["kept"] == "no"
    assert "no threshold" in none["reason"]
    with pytest.raises(InputError, match="no operating point"):
        choose(calibrated(), schema.THRESHOLDS.empty(), SHARE)


def test_each_fold_has_its_own_limit_and_decision():
    first, second = calibrated(seed=1), without_knowledge(seed=2).assign(fold=1)
    rules = choose(pd.concat([first, second]), pd.concat([at(0.5), at(0.5, fold=1)]), SHARE)
    assert rules["kept"].tolist() == ["yes", "no"]
    alone = choose(first, at(0.5), SHARE)
    pd.testing.assert_frame_equal(rules.iloc[:1], alone)
    rows = pd.concat([first, second], ignore_index=True)
    back = apply(rows, rules, pd.concat([at(0.5), at(0.5, fold=1)]))
    assert back[rows.fold == 0].mean() == pytest.approx(0.2)
    assert not back[rows.fold == 1].any()


def test_rows_without_a_target_are_handed_back_too_and_change_no_rule():
    rows = calibrated()
    more = rows.copy()
    more.loc[:99, "target"] = np.nan
    rules = choose(rows[100:], at(0.5), SHARE)
    pd.testing.assert_frame_equal(choose(more, at(0.5), SHARE), rules)
    assert apply(more, rules, at(0.5))[:100].any()
    shuffled = rows.sample(frac=1, random_state=0)
    expected = apply(rows, rules, at(0.5))
    assert apply(shuffled, rules, at(0.5)).sort_index().equals(expected)
    assert not apply(rows, schema.DEFERRAL.empty(), at(0.5)).any()


# --- a risk target


def test_p_of_one_case_a_patient_is_the_exact_binomial_one():
    from clinmm.uncertainty.retained_risk import _p_at_least

    for n, k in ((50, 0), (50, 3), (200, 12)):
        wrong = (np.arange(n) < k).astype(float)
        assert _p_at_least(wrong, np.arange(n), 0.1) == pytest.approx(binom.cdf(k, n, 0.1))
        clustered = _p_at_least(np.repeat(wrong, 4), np.repeat(np.arange(n), 4), 0.1)
        assert clustered == pytest.approx(binom.cdf(k, n, 0.1))


def test_risk_target_is_met_by_as_little_as_is_shown_to_do():
    rows = calibrated(2000, seed=5)
    (rule,) = choose(rows, at(0.5), DeferralConfig(risk=0.2)).to_dict("records")
    assert rule["kept"] == "yes"
    assert (rule["rule"], rule["asked"]) == ("risk", 0.2)
    assert rule["retained_risk"] < 0.2 < rule["risk"]
    impossible = choose(rows, at(0.5), DeferralConfig(risk=0.001)).iloc[0]
    assert impossible["kept"] == "no"
    assert "no share" in impossible["reason"]
    easy = choose(rows, at(0.5), DeferralConfig(risk=0.6)).iloc[0]
    assert easy["kept"] == "no"
    assert "without handing anything back" in easy["reason"]


def test_risk_target_that_is_missed_in_truth_is_rarely_promised():
    """The true risk at every share is the target: any promise would be false."""
    rng = np.random.default_rng(0)
    false = 0
    for _ in range(200):
        wrong, confidence = (rng.random(200) < 0.15).astype(float), rng.normal(size=200)
        false += smallest_share(wrong, confidence, np.arange(200), 0.15) is not None
    assert false <= 16  # 5 % of 200, and three standard errors


# --- exclusive classes


def three_classes(n=900, seed=0):
    rng = np.random.default_rng(seed)
    p = rng.dirichlet([0.7, 0.7, 0.7], n)
    true = (p.cumsum(axis=1) > rng.random(n)[:, None]).argmax(axis=1)
    parts = [table(p[:, c], true == c, name=name) for c, name in enumerate("abc")]
    return pd.concat(parts, ignore_index=True), p, true


def test_exclusive_classes_have_one_rule_on_the_highest_probability():
    rows, p, true = three_classes()
    cases = judged(rows, schema.THRESHOLDS.empty(), "highest").sort_values("case_id")
    assert cases["wrong"].to_numpy() == pytest.approx((p.argmax(axis=1) != true).astype(float))
    assert cases["confidence"].to_numpy() == pytest.approx(p.max(axis=1))
    rules = choose(rows, schema.THRESHOLDS.empty(), SHARE, exclusive=True)
    (rule,) = rules.to_dict("records")
    assert (rule["class_name"], rule["operating_point"], rule["kept"]) == ("all", "highest", "yes")
    back = apply(rows, rules, schema.THRESHOLDS.empty())
    by_class = back.to_numpy().reshape(3, -1)
    assert (by_class == by_class[0]).all()
    np.testing.assert_array_equal(by_class[0], p.max(axis=1) < rule["limit"])


# --- what it does on test cases


def test_measures_are_the_counts_of_the_test_cases():
    calibration = calibrated(per_patient=2)
    test = calibrated(500, seed=9, per_patient=2).assign(split="test")
    rules = choose(calibration, at(0.5), SHARE)
    metrics, comparisons = measure(test, rules, at(0.5))
    schema.METRICS.validate(metrics)
    schema.COMPARISONS.validate(comparisons)
    cases = judged(test, at(0.5), "youden")
    kept = ~handed_back(cases, rules)
    call = test["probability"] >= 0.5
    wrong, missed = call != test["target"], ~call & (test["target"] == 1)
    overall = metrics[metrics["group_by"].eq("all") & metrics["pattern"].eq("any")]
    value = overall.set_index("metric")["value"]
    assert value["deferral_share"] == pytest.approx((~kept).mean())
    assert value["retained_risk"] == pytest.approx(wrong[kept].mean())
    assert value["risk_without_deferral"] == pytest.approx(wrong.mean())
    assert value["handed_back_per_1000"] == pytest.approx(1000 * (~kept).sum() / 250)
    assert value["misses_per_1000"] == pytest.approx(1000 * (missed & kept).sum() / 250)
    assert value["misses_per_1000_without_deferral"] == pytest.approx(1000 * missed.sum() / 250)
    assert (overall["low"] <= overall["value"]).all()
    assert (overall["value"] <= overall["high"]).all()
    of_all = comparisons[comparisons["family"].eq("deferral")]
    assert of_all[["rival", "metric", "verdict"]].to_numpy().tolist() == [
        ["no_deferral", "retained_risk", "better"]
    ]
    assert of_all["difference"].item() == pytest.approx(wrong[kept].mean() - wrong.mean())
    assert set(comparisons.loc[comparisons["family"].isna(), "verdict"]) == {"exploratory"}


def test_measures_of_a_group_are_those_of_its_cases_alone():
    calibration = calibrated(per_patient=2)
    test = calibrated(500, seed=9, per_patient=2).assign(split="test")
    rules = choose(calibration, at(0.5), SHARE)
    sex = np.where(np.arange(500) // 2 % 4, "F", "M")
    groups = pd.DataFrame({"sex": sex}, test["case_id"])
    metrics, comparisons = measure(test, rules, at(0.5), groups=groups)
    assert set(zip(metrics["group_by"], metrics["group"], strict=True)) == {
        ("sex", "F"),
        ("sex", "M"),
    }
    numbers = ["metric", "value", "low", "high", "n_cases", "n_patients"]
    for group in "FM":
        alone, against = measure(test[sex == group], rules, at(0.5))
        alone = alone[alone["pattern"].eq("any")]
        assert metrics.loc[metrics["group"].eq(group), numbers].to_numpy().tolist() == (
            alone[numbers].to_numpy().tolist()
        )
        of_group = comparisons[comparisons["group"].eq(group)]
        assert of_group["difference"].item() == pytest.approx(against["difference"].iloc[0])
    assert set(comparisons["verdict"]) == {"exploratory"}
    assert comparisons["family"].isna().all()


def test_repeats_do_not_multiply_the_workload():
    calibration, test = calibrated(), calibrated(400, seed=9).assign(split="test")
    rules = choose(calibration, at(0.5), SHARE)
    once = measure(test, rules, at(0.5))[0].set_index(["metric", "pattern"])
    twice = measure(
        pd.concat([test, test.assign(repeat=1)]),
        pd.concat([rules, rules.assign(repeat=1)]),
        pd.concat([at(0.5), at(0.5).assign(repeat=1)]),
    )[0].set_index(["metric", "pattern"])
    for column in ("value", "low", "high", "n_cases", "n_patients"):
        pd.testing.assert_series_equal(once[column], twice[column])


def test_a_rule_that_is_off_is_not_measured():
    rules = choose(without_knowledge(), at(0.5), SHARE)
    metrics, comparisons = measure(calibrated().assign(split="test"), rules, at(0.5))
    assert comparisons.empty
    assert metrics[["metric", "status"]].to_numpy().tolist() == [["retained_risk", "withheld"]]
    assert metrics["value"].isna().all()
    assert "not shown" in metrics["reason"].item()
    sex = pd.DataFrame({"sex": "F"}, calibrated()["case_id"])
    by_sex = measure(calibrated().assign(split="test"), rules, at(0.5), groups=sex)
    assert all(table.empty for table in by_sex)
    few = calibrated(9).assign(split="test")
    small, _ = measure(few, choose(calibrated(), at(0.5), SHARE), at(0.5))
    assert set(small["status"]) == {"suppressed"}


def test_confidence_of_a_call_is_the_distance_in_logits():
    found = confidence_of_call(np.array([0.9, 0.5, 0.1, 0.0]), 0.5)
    assert found[:3] == pytest.approx([np.log(9), 0, np.log(9)])
    assert np.isfinite(found).all()
    assert np.isnan(confidence_of_call(np.array([0.9]), np.nan)).all()
